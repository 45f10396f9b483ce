"""The options that commands share: which photos, which settings, and the transfer that they ask for."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.cli.styles import STREAM, StyleFile, add_style_options, measured_styles, settings_of_looks, styles_of
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
"""An option and the setting it stands for; not every command has all."""


@dataclass(frozen=True)
class RunFiles:
    """What a run reads and writes; `output` is None where it goes beside the content, "-" is a standard stream."""

    content: str
    styles: tuple[StyleFile, ...]
    content_mask: str | None
    output: str | None

    def inputs(self) -> dict[str, str]:
        """What is read, by its role, standard input included; a second style is `style_2`."""
        roles = {"content": self.content, "content_mask": self.content_mask}
        for style, ending in zip(self.styles, endings(len(self.styles)), strict=True):
            roles |= {f"style{ending}": style.path, f"style_mask{ending}": style.mask}
        return {role: path for role, path in roles.items() if path is not None}

    def read(self, config: str | None) -> list[str]:
        """The files that are read and must never be written to: inputs, the names that may lie beside a mask, and
        `config`, that of the settings; None where there is none."""
        from photostyle.regions.mask_files import NAMES_FILE

        masks = [Path(path) for role, path in self.inputs().items() if "_mask" in role]
        paths = [*self.inputs().values(), *(str(mask.with_name(NAMES_FILE)) for mask in masks), config]
        return [path for path in paths if path is not None and path != STREAM]


def add_photos(parser: argparse.ArgumentParser) -> None:
    """`--content`, its mask, and the styles."""
    parser.add_argument("--content", metavar="PHOTO", help="the photo to change; - is standard input")
    parser.add_argument(
        "--content-mask", metavar="MASK", help="regions of the content; give masks for both photos or for neither"
    )
    add_style_options(parser)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Presets and settings."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--preset",
        metavar="NAME",
        help="a preset; `photostyle presets` lists them (default: default; if the style is a saved look, its settings)",
    )
    source.add_argument(
        "--config",
        metavar="FILE",
        help="your own settings: TOML as `photostyle presets NAME` prints it; or the run.json of a report, which "
        "repeats that run if --content and --style are left out",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one setting by its dotted name, such as grid.edges=4; may be given more than once",
    )
    parser.add_argument(
        "--segmenter", metavar="NAME", help="compact, clusters, none, or OWNER/MODEL of the hub (default: the preset's)"
    )
    parser.add_argument("--encoder", metavar="NAME", help="compact or vgg19 (default: the preset's)")
    parser.add_argument(
        "--size",
        type=int,
        metavar="PX",
        help="longest side, in pixels, at which the look is found; the result keeps the photo's own size (default: the "
        "preset's)",
    )
    parser.add_argument(
        "--strength", type=float, metavar="X", help="how much of the look: 0 is none, 1 is all (default: 1)"
    )
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="NAME=X",
        help="strength in one region, such as sky=0.5; may be given more than once",
    )
    parser.add_argument(
        "--keep-luminance",
        action="store_const",
        const=True,
        help="keep the photo's lightness and change only its colour",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="number that all random choices start from (default: 0)")
    parser.add_argument("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps (default: auto)")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The preset, the file or those of the saved look, changed by `--set`, then by options of their own name.

    Raises:
        SettingsError: an unknown preset or setting, a value out of its range.
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
    """The files of the options, or those of the run that `--config` repeats.

    Raises:
        SettingsError: no content or style, masks for some of the photos alone, weights that are none.
    """
    named = {name: getattr(arguments, name) for name in ("content", "content_mask", "output")}
    given, weights, masks = arguments.style or [], arguments.style_weights, arguments.style_mask or []
    own = arguments.content or given or weights or masks
    if not own and arguments.config and arguments.config.endswith(".json"):
        recorded, styles = _recorded(Path(arguments.config))
        named = {name: value if value is not None else recorded.get(name) for name, value in named.items()}
    else:
        styles = styles_of(given, weights, masks, named["content_mask"])
    if named["content"] is None or not styles:
        missing = "--content" if named["content"] is None else "--style"
        raise SettingsError.stating(f"{missing} PHOTO is missing", advice="photostyle run --help lists the options.")
    if named["content"] == STREAM and STREAM in [style.path for style in styles]:
        raise SettingsError.stating("only one photo can come from standard input (-)")
    if named["content"] == STREAM and named["output"] is None and not arguments.json:
        named["output"] = STREAM
    return RunFiles(styles=styles, **named)


def _recorded(path: Path) -> tuple[dict[str, str], tuple[StyleFile, ...]]:
    """Input and output paths of an earlier run by their roles, and its styles, from the run.json that has been read as
    settings. One of version 0.1.0 has one style and does not list it.

    Raises:
        SettingsError: they are not as a report has them.
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
        raise SettingsError("the run.json of a report", f"inputs that cannot be used ({error})", str(path)) from error


def run_transfer(content: Photo, files: RunFiles, settings: Settings, *, quiet: bool) -> tuple[Style, Result]:
    """The transfer of a command, its progress on standard error."""
    from photostyle.cli.progress import ProgressBar
    from photostyle.pipeline.session import Session

    with ProgressBar() as bar:
        session = Session(settings=settings, progress=None if quiet else bar)
        style = measured_styles(session, files.styles)
        return style, session.transfer(content, style, content_mask=files.content_mask)
