"""`photostyle run`: gives one photo the look of another."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.cli.common import INTERRUPTED, Commands, add_output_options, put
from photostyle.errors import SettingsError

if TYPE_CHECKING:
    from photostyle.outcome import Result
    from photostyle.photo import Photo
    from photostyle.settings import Settings

STREAM = "-"
SHORTHANDS = {
    "segmenter": "regions.segmenter",
    "encoder": "encoder.name",
    "size": "solver.size",
    "strength": "strength",
    "seed": "seed",
    "device": "device",
    "format": "output.format",
    "quality": "output.quality",
    "depth": "output.depth",
    "profile": "output.profile",
    "metadata": "output.metadata",
}
"""An option and the setting it stands for."""


@dataclass(frozen=True)
class Files:
    """What a run reads and writes; `output` is None where it goes beside the content, "-" is a standard stream."""

    content: str
    style: str
    content_mask: str | None
    style_mask: str | None
    output: str | None

    def inputs(self) -> dict[str, str]:
        """What is read, by its role, standard input included."""
        roles = asdict(self) | {"output": None}
        return {role: path for role, path in roles.items() if path is not None}

    def read(self) -> list[str]:
        """The inputs, and the names that may lie beside a mask."""
        from photostyle.masks import NAMES_FILE

        masks = [Path(mask) for mask in (self.content_mask, self.style_mask) if mask is not None]
        return [*self.inputs().values(), *(str(mask.with_name(NAMES_FILE)) for mask in masks)]


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "run",
        help="give a photo the look of another",
        description="Gives the content photo the look of the style photo. Interrupted while it solves (Ctrl-C), it "
        "writes the best photo so far and exits with 130.",
    )
    parser.add_argument("--content", metavar="PHOTO", help="the photo to change; - is standard input")
    parser.add_argument("--style", metavar="PHOTO", action="append", help="the photo whose look it takes")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUTPUT",
        help="the result; its ending chooses the format, - is standard output in the content's format "
        "(default: CONTENT.out.ENDING beside the content, or standard output where that is standard input)",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--preset", default="default", metavar="NAME", help="`photostyle presets` lists them")
    source.add_argument(
        "--config",
        metavar="FILE",
        help="settings of one's own, TOML as `photostyle presets NAME` prints it; or the run.json of a report, which "
        "without --content and --style repeats that run",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting by its dotted name, such as objective.photorealism=1e4; the last one wins",
    )
    parser.add_argument("--content-mask", metavar="PNG", help="the content's regions; both masks or neither")
    parser.add_argument("--style-mask", metavar="PNG", help="the style's regions (default: found automatically)")
    parser.add_argument(
        "--segmenter", metavar="NAME", help="compact, clusters, none, or OWNER/MODEL of the hub (default: the preset's)"
    )
    parser.add_argument("--encoder", metavar="NAME", help="compact or vgg19 (default: the preset's)")
    parser.add_argument(
        "--size",
        type=int,
        metavar="PX",
        help="longest side at which the look is solved; the output has the content's own size (default: the preset's)",
    )
    parser.add_argument("--strength", type=float, metavar="X", help="0 leaves the content, 1 is the full look")
    parser.add_argument("--seed", type=int, metavar="N", help="everything random draws from it (default: 0)")
    parser.add_argument("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps (default: auto)")
    parser.add_argument("--format", metavar="NAME", help="jpeg, png, tiff, webp or avif (default: as OUTPUT ends)")
    parser.add_argument(
        "--quality", type=int, metavar="Q", help="1 to 100, of JPEG, WebP and AVIF (default: the content's, or 95)"
    )
    parser.add_argument(
        "--depth", type=int, metavar="BITS", help="8, or 16 in PNG and TIFF (default: the content's where it fits)"
    )
    parser.add_argument("--profile", metavar="NAME", help="own, the content's colour profile, or srgb (default: own)")
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--strip-gps", dest="metadata", action="store_const", const="no gps", help="leave out where it was taken"
    )
    kept.add_argument(
        "--no-metadata", dest="metadata", action="store_const", const="none",
        help="leave out EXIF, XMP and IPTC; the colour profile stays",
    )  # fmt: skip
    parser.add_argument("--report", metavar="FOLDER", help="also write what the run did, to read and to look at")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output, or report")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Runs one transfer; returns the exit code.

    Raises:
        PhotostyleError: what the command, a setting, an input, the weights or the output lack.
    """
    from photostyle.photo import Photo, check_writable

    began = time.perf_counter()
    settings, files = settings_of(arguments), files_of(arguments)
    inputs = [path for path in (*files.read(), arguments.config) if path not in (None, STREAM)]
    if arguments.json and files.output == STREAM:
        raise SettingsError("a file as output with --json", "standard output, which carries the JSON", "--output")
    if files.output is not None:
        check_writable(files.output, arguments.overwrite, inputs, settings.output.format)
    content, style = Photo.read(files.content), Photo.read(files.style)
    format = written_format(content, files.output, settings)
    output = files.output or str(beside(content, format))
    check_writable(output, arguments.overwrite, inputs, format)
    if arguments.report:
        from photostyle.report import check_folder

        check_folder(arguments.report, arguments.overwrite, [*inputs, output])
    result = _transfer(content, style, files, settings, quiet=arguments.quiet)
    if format == "JPEG" and _has_clear_pixels(content):
        lost = f"the content's transparency is left out of {output}: JPEG has none, PNG, WebP, TIFF and AVIF do"
        result = replace(result, warnings=(*result.warnings, lost))
    result.photo.save(output, overwrite=arguments.overwrite, **settings.output.model_dump() | {"format": format})
    if arguments.report:
        from photostyle.report import write_report

        written = None if output == STREAM else Path(output)
        command = ["photostyle", *arguments.words]
        write_report(arguments.report, result, content, style, inputs=files.inputs(), output=written, command=command)
    _tell(result, output, time.perf_counter() - began, arguments)
    return INTERRUPTED if result.interrupted else 0


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The preset or the file, changed by `--set`, then by the options that have a name of their own.

    Raises:
        SettingsError: an unknown preset or setting, a value out of its range.
    """
    from photostyle.settings import load_preset, load_settings, parse_changes

    base = load_settings(arguments.config) if arguments.config else load_preset(arguments.preset)
    given = {setting: getattr(arguments, option) for option, setting in SHORTHANDS.items()}
    named = {setting: value for setting, value in given.items() if value is not None}
    return base.with_changes(parse_changes(arguments.set)).with_changes(named)


def files_of(arguments: argparse.Namespace) -> Files:
    """The files of the options, or those of the run that `--config` repeats.

    Raises:
        SettingsError: no content or style, several styles, one mask without the other.
    """
    named = {name: getattr(arguments, name) for name in ("content", "content_mask", "style_mask", "output")}
    styles: list[str] = arguments.style or []
    if arguments.content is None and not styles and arguments.config and arguments.config.endswith(".json"):
        recorded = _recorded(Path(arguments.config))
        styles = [recorded["style"]] if "style" in recorded else []
        named = {name: value if value is not None else recorded.get(name) for name, value in named.items()}
    if named["content"] is None or not styles:
        missing = "--content" if named["content"] is None else "--style"
        raise SettingsError("--content PHOTO and --style PHOTO", f"no {missing}", "run", "photostyle run --help")
    if named["content"] == styles[0] == STREAM:
        raise SettingsError("standard input for one of the photos", "- for both", "run")
    if len(styles) > 1:
        raise SettingsError("one --style", f"{len(styles)}", "--style", "Several styles come in a later version.")
    if (named["content_mask"] is None) != (named["style_mask"] is None):
        given = "--content-mask" if named["style_mask"] is None else "--style-mask"
        raise SettingsError("both --content-mask and --style-mask, or neither", f"only {given}")
    if named["content"] == STREAM and named["output"] is None and not arguments.json:
        named["output"] = STREAM
    return Files(style=styles[0], **named)


def _recorded(path: Path) -> dict[str, str]:
    """Input and output paths of an earlier run by their roles, from the run.json that has been read as settings.

    Raises:
        SettingsError: they are not as a report has them.
    """
    run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    try:
        entries = {**run.get("inputs", {}), "output": run.get("output")}
        return {role: str(entry["path"]) for role, entry in entries.items() if entry}
    except (TypeError, LookupError) as error:
        raise SettingsError("the run.json of a report", f"inputs that cannot be used ({error})", str(path)) from error


def written_format(content: Photo, output: str | None, settings: Settings) -> str:
    """The format of the result: as told, as the output's name ends, or the content's own.

    Of what is not written, HEIC becomes JPEG and raw TIFF.

    Raises:
        SettingsError: an ending that stands for no format, or one that lacks the depth asked for.
    """
    from photostyle.encode import FORMATS, depth_of
    from photostyle.photo import ENDINGS, format_of

    format: str = settings.output.format
    if format == "auto" and output not in (None, STREAM):
        format = format_of(str(output))
    if format == "auto" and output is None and content.path is not None:
        format = ENDINGS.get(content.path.suffix.lower(), "auto")
    if format == "auto":
        format = {"HEIC": "JPEG", "raw": "TIFF"}.get(str(content.format), str(content.format))
        format = format if format in FORMATS else "PNG"
    depth_of(format, settings.output.depth, content.depth)
    return format


def beside(content: Photo, format: str) -> Path:
    """Where the result goes unless told: `city.out.jpg` beside `city.jpg`, `city.out.tif` beside `city.dng`.

    Raises:
        SettingsError: the content came from standard input.
    """
    from photostyle.photo import ENDINGS

    if content.path is None:
        raise SettingsError("--output for a photo from standard input", "none", "--output")
    suffix = content.path.suffix
    ending = suffix if ENDINGS.get(suffix.lower()) == format else next(e for e, f in ENDINGS.items() if f == format)
    return content.path.with_name(f"{content.path.stem}.out{ending}")


def _has_clear_pixels(photo: Photo) -> bool:
    return photo.alpha is not None and bool(photo.alpha.min() < 1)


def _transfer(content: Photo, style: Photo, files: Files, settings: Settings, *, quiet: bool) -> Result:
    from photostyle.cli.progress import ProgressBar
    from photostyle.pipeline import Session

    with ProgressBar() as bar:
        session = Session(settings=settings, progress=None if quiet else bar)
        measured = session.style(style, files.style_mask)
        return session.transfer(content, measured, content_mask=files.content_mask)


def _tell(result: Result, output: str, seconds: float, arguments: argparse.Namespace) -> None:
    """Warnings and messages to standard error, the JSON object to standard output."""
    messages = [f"warning: {' '.join(warning.split())}" for warning in result.warnings]
    if arguments.verbose:
        messages += [
            f"{stage.name}: {stage.iterations} iterations, {stage.evaluations} evaluations, {stage.seconds:.1f} s, "
            f"loss {stage.loss:.4g}; {stage.status}. {stage.advice}"
            for stage in result.stages
        ]
        messages.append(", ".join(f"{part} {spent:.1f} s" for part, spent in result.seconds.items()))
    name = "standard output" if output == STREAM else output
    if result.interrupted:
        messages.append(f"interrupted: {name} has the best photo so far")
    elif not arguments.quiet:
        messages.append(f"wrote {name} in {seconds:.1f} s")
    for message in messages:
        print(f"photostyle: {message}", file=sys.stderr)
    if arguments.json:
        from photostyle.report import sha256, summary

        written = {
            "output": str(Path(output).absolute()),
            "sha256": sha256(output),
            "width": result.photo.width,
            "height": result.photo.height,
        }
        put(json.dumps({**written, **summary(result)}, indent=2))
