"""The options that commands share: which photos, which settings, and the transfer that they ask for."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    "keep_luminance": "look.keep_luminance",
    "seed": "seed",
    "device": "device",
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


def add_photos(parser: argparse.ArgumentParser) -> None:
    """`--content` and `--style`."""
    parser.add_argument("--content", metavar="PHOTO", help="the photo to change; - is standard input")
    parser.add_argument("--style", metavar="PHOTO", action="append", help="the photo whose look it takes")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Presets, settings and masks."""
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
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="NAME=X",
        help="strength of one region by its name, such as sky=0.5; may be given more than once",
    )
    parser.add_argument(
        "--keep-luminance", action="store_const", const=True, help="keep the photo's lightness, change its colour alone"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="everything random draws from it (default: 0)")
    parser.add_argument("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps (default: auto)")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The preset or the file, changed by `--set`, then by the options that have a name of their own.

    Raises:
        SettingsError: an unknown preset or setting, a value out of its range.
    """
    from photostyle.settings import load_preset, load_settings, parse_changes

    base = load_settings(arguments.config) if arguments.config else load_preset(arguments.preset)
    given = {setting: getattr(arguments, option) for option, setting in SHORTHANDS.items()}
    named = {setting: value for setting, value in given.items() if value is not None}
    regions = {f"look.regions.{name}": value for name, value in parse_changes(arguments.region, "--region").items()}
    return base.with_changes(parse_changes(arguments.set)).with_changes(named | regions)


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


def transferred(content: Photo, style: Photo, files: Files, settings: Settings, *, quiet: bool) -> Result:
    from photostyle.cli.progress import ProgressBar
    from photostyle.pipeline import Session

    with ProgressBar() as bar:
        session = Session(settings=settings, progress=None if quiet else bar)
        measured = session.style(style, files.style_mask)
        return session.transfer(content, measured, content_mask=files.content_mask)
