"""`photostyle look`: writes the change of colours as a 3D LUT, for use in other programs."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.cli.common import INTERRUPTED, Commands, add_output_options
from photostyle.cli.options import add_photos, add_settings, files_of, run_transfer, settings_of
from photostyle.cli.output import print_outcome

if TYPE_CHECKING:
    from photostyle.photo.photo import Photo
    from photostyle.pipeline.result import Result

POINTS = (17, 33, 65)


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "look",
        help="write a look as a 3D LUT for other programs",
        description="Finds the look in the same way as `run` and writes it as one 3D LUT, a .cube file or a HaldCLUT, "
        "that photo and video editors can load. A LUT changes each colour in the same way everywhere in the photo, so "
        "its result differs from that of `run`. The command says by how much. With --per-region it also writes a LUT "
        "and a mask for each region.",
    )
    add_photos(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="LUT",
        required=True,
        help="the LUT to write: NAME.cube, or NAME.png for a HaldCLUT (level 8, 16 bits)",
    )
    parser.add_argument(
        "--points", type=int, choices=POINTS, default=33, help="points along each side of a .cube file (default: 33)"
    )
    parser.add_argument(
        "--per-region", metavar="FOLDER", help="also write NAME.cube and NAME.mask.png for each region into this folder"
    )
    add_settings(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Writes the LUT, and with --per-region a LUT for each region; returns the exit code.

    Raises:
        PhotostyleError: the command, a setting, an input, the weights or the output is wrong.
    """
    from photostyle.export.lut_files import LIMIT, check_lut_target, whole_lut, write_lut
    from photostyle.photo.photo import Photo

    began = time.perf_counter()
    settings, files = settings_of(arguments), files_of(arguments)
    inputs = files.read(arguments.config)
    check_lut_target(arguments.output, arguments.per_region, arguments.overwrite, inputs)
    content = Photo.read(files.content)
    style, result = run_transfer(content, files, settings, quiet=arguments.quiet)
    name = content.path.stem if content.path else "a photo"
    title = f"{name} with the look of {', '.join(Path(part.name).stem for part in style.parts)}"
    lut, error = whole_lut(content, result, arguments.points)
    write_lut(arguments.output, lut, error, title, overwrite=arguments.overwrite)
    found: dict[str, Any] = {
        "output": str(Path(arguments.output).absolute()), "points": arguments.points,
        "error": {"mean": error.mean, "p95": error.p95},
    }  # fmt: skip
    messages = [f"{arguments.output}: difference from the result of `photostyle run`: {error}"]
    warnings = [*result.warnings, *lut.warnings]
    if arguments.per_region:
        regions, message, more = _write_regions(arguments, content, result, title)
        found |= regions
        messages.append(message)
        warnings += more
    if arguments.quiet:
        messages = []
    else:
        messages += [LIMIT, f"wrote {arguments.output} in {time.perf_counter() - began:.1f} s"]
    print_outcome(warnings, messages, {**found, "warnings": warnings, "limit": LIMIT} if arguments.json else None)
    return INTERRUPTED if result.interrupted else 0


def _write_regions(
    arguments: argparse.Namespace, content: Photo, result: Result, title: str
) -> tuple[dict[str, Any], str, list[str]]:
    """Writes the LUT and the mask of each region; returns entries for the JSON object, a message and warnings."""
    from photostyle.export.lut_files import region_luts, write_region_luts

    looks, error = region_luts(content, result, arguments.points)
    names = write_region_luts(arguments.per_region, looks, error, title, overwrite=arguments.overwrite)
    folder = Path(arguments.per_region).absolute()
    regions = [
        {"name": region, "lut": str(folder / f"{name}.cube"), "mask": str(folder / f"{name}.mask.png")}
        for region, name in names.items()
    ]
    figures = {"regions": regions, "regions_error": {"mean": error.mean, "p95": error.p95}}
    message = f"{arguments.per_region}: {', '.join(names.values())}; all regions together: {error}"
    return figures, message, [f"{look.name}: {warning}" for look in looks for warning in look.lut.warnings]
