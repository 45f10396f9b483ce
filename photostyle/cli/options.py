"""The options that commands share: photos and settings. Also the transfer with these options."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.cli.styles import STREAM, StyleFile, add_style_options, measure_styles, settings_of_looks, styles_of
from photostyle.errors import SettingsError
from photostyle.files import endings

if TYPE_CHECKING:
    from photostyle.photo.photo import Photo
    from photostyle.pipeline.result import Result
    from photostyle.settings import Settings
    from photostyle.styles.style import Style

SHORTHANDS = {
    "segmenter": "regions.segmenter",
    "encoder": "encoder.name",
    "size": "solver.size",
    "strength": "strength",
    "keep_luminance": "look.keep_luminance",
    "seed": "seed",
    "device": "device",
    "format": "output.format",
    "quality": "output.quality",
    "depth": "output.depth",
    "profile": "output.profile",
    "metadata": "output.metadata",
}
"""Each option that stands for a setting, with the name of that setting. Not every command has all of them."""


@dataclass(frozen=True)
class RunFiles:
    """The files that a run reads and writes.

    "-" is standard input or standard output. If `output` is None, the result goes into the folder of the content photo.
    """

    content: str
    styles: tuple[StyleFile, ...]
    content_mask: str | None
    output: str | None

    def inputs(self) -> dict[str, str]:
        """What the run reads, by role, standard input included. The role of a second style is `style_2`."""
        roles = {"content": self.content, "content_mask": self.content_mask}
        for style, ending in zip(self.styles, endings(len(self.styles)), strict=True):
            roles |= {f"style{ending}": style.path, f"style_mask{ending}": style.mask}
        return {role: path for role, path in roles.items() if path is not None}

    def read(self, config: str | None) -> list[str]:
        """All files that the run reads, and that must therefore never be overwritten.

        They are the inputs, the file of region names that may lie beside each mask, and the file of settings.

        Args:
            config: the file of settings; None if there is none.
        """
        from photostyle.regions.mask_files import NAMES_FILE

        masks = [Path(path) for role, path in self.inputs().items() if "_mask" in role]
        paths = [*self.inputs().values(), *(str(mask.with_name(NAMES_FILE)) for mask in masks), config]
        return [path for path in paths if path is not None and path != STREAM]


def add_photos(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the content photo, its mask, and the styles."""
    parser.add_argument("--content", metavar="PHOTO", help="the photo that gets the new look; - means standard input")
    parser.add_argument(
        "--content-mask",
        metavar="MASK",
        help="a mask of the content's regions, such as `photostyle segment` writes. Use it together with --style-mask "
        "(default: regions are found automatically)",
    )
    add_style_options(parser)


def add_preset(parser: argparse.ArgumentParser, run_json: str) -> None:
    """Adds the options for the preset, and for settings by their names.

    Args:
        run_json: a sentence of the help of `--config`: what it does with the run.json of a report.
    """
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--preset",
        metavar="NAME",
        help="a named set of settings; `photostyle presets` lists all (default: the preset called default, or the "
        "settings of the saved look if the style is one)",
    )
    source.add_argument(
        "--config",
        metavar="FILE",
        help=f"a file with your own settings, in TOML, as `photostyle presets NAME` prints them. {run_json}",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one setting, such as grid.edges=4. May be given more than once",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the preset and the settings."""
    add_preset(parser, "The run.json of a report works too: without --content and --style, it repeats that run")
    parser.add_argument(
        "--segmenter",
        metavar="NAME",
        help="how regions are found: compact, clusters, none, or OWNER/MODEL from the Hugging Face hub (default: from "
        "the preset)",
    )
    parser.add_argument(
        "--encoder",
        metavar="NAME",
        help="the network that measures the look: compact or vgg19 (default: from the preset)",
    )
    parser.add_argument(
        "--size",
        type=int,
        metavar="PX",
        help="the look is found on a smaller copy of the photo; this is its longest side in pixels. The result always "
        "has the size of the content photo (default: from the preset)",
    )
    parser.add_argument(
        "--strength",
        type=float,
        metavar="X",
        help="how strong the look is: 0 leaves the photo unchanged, 1 is the full look (default: 1)",
    )
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="NAME=X",
        help="the strength in one region, such as sky=0.5. May be given more than once",
    )
    parser.add_argument(
        "--keep-luminance",
        action="store_const",
        const=True,
        help="keep the photo's lightness and change only its colour",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="the start number for random choices (default: 0)")
    parser.add_argument(
        "--device", metavar="NAME", help="where to compute: auto, cpu, cuda, cuda:N or mps (default: auto)"
    )


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that the options ask for.

    They start from `--config`, `--preset` or the saved look. `--set` changes them. After that, the options that stand
    for a setting, such as `--strength`, change them.

    Raises:
        SettingsError: an unknown preset or setting, or a value out of its range.
        InputError: a saved look that cannot be used.
    """
    from photostyle.presets import load_preset, load_settings, parse_changes

    if arguments.config:
        base = load_settings(arguments.config)
    elif arguments.preset:
        base = load_preset(arguments.preset)
    else:
        base = settings_of_looks(arguments.style or []) or load_preset("default")
    given = {setting: getattr(arguments, option, None) for option, setting in SHORTHANDS.items()}
    named = {setting: value for setting, value in given.items() if value is not None}
    regions = {f"look.regions.{name}": value for name, value in parse_changes(arguments.region, "--region").items()}
    return base.with_changes(parse_changes(arguments.set)).with_changes(named | regions)


def files_of(arguments: argparse.Namespace) -> RunFiles:
    """The files that the options name, or the files of the earlier run that `--config` repeats.

    Raises:
        SettingsError: there is no content or no style, only some of the photos have a mask, or the weights are wrong.
    """
    named = {name: getattr(arguments, name) for name in ("content", "content_mask", "output")}
    given, weights, masks = arguments.style or [], arguments.style_weights, arguments.style_mask or []
    own = arguments.content or given or weights or masks
    if not own and arguments.config and arguments.config.endswith(".json"):
        recorded, styles = _read_files_of_run(Path(arguments.config))
        named = {name: value if value is not None else recorded.get(name) for name, value in named.items()}
    else:
        styles = styles_of(given, weights, masks, named["content_mask"])
    if named["content"] is None or not styles:
        missing = "--content" if named["content"] is None else "--style"
        raise SettingsError.stating(f"{missing} PHOTO is missing", advice="The option --help lists all options.")
    if named["content"] == STREAM and STREAM in [style.path for style in styles]:
        raise SettingsError.stating("only one photo can come from standard input (-)")
    if named["content"] == STREAM and named["output"] is None and not arguments.json:
        named["output"] = STREAM
    return RunFiles(styles=styles, **named)


def _read_files_of_run(path: Path) -> tuple[dict[str, str], tuple[StyleFile, ...]]:
    """Reads the files of an earlier run from its run.json: the paths of inputs and output by role, and the styles.

    The settings in the same file have been read before. A run.json of version 0.1.0 has one style and does not list it.

    Raises:
        SettingsError: the file is not the run.json of a report.
    """
    run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    try:
        entries = {**run.get("inputs", {}), "output": run.get("output")}
        paths = {role: str(entry["path"]) for role, entry in entries.items() if entry}
        listed = run.get("styles", [{"weight": 1.0, "region": None}] if "style" in paths else [])
        styles = tuple(
            StyleFile(paths[f"style{e}"], float(style["weight"]), style["region"], paths.get(f"style_mask{e}"))
            for style, e in zip(listed, endings(len(listed)), strict=True)
        )
        return paths, styles
    except (TypeError, LookupError, ValueError) as error:
        raise SettingsError(
            "the run.json of a report", f"a file whose list of inputs cannot be used ({error})", str(path)
        ) from error


def run_transfer(content: Photo, files: RunFiles, settings: Settings, *, quiet: bool) -> tuple[Style, Result]:
    """Runs a command's transfer. Shows its progress on standard error, unless `quiet`."""
    from photostyle.cli.progress import ProgressBar
    from photostyle.pipeline.session import Session

    with ProgressBar() as bar:
        session = Session(settings=settings, progress=None if quiet else bar)
        style = measure_styles(session, files.styles)
        return style, session.transfer(content, style, content_mask=files.content_mask)
