"""`photostyle look`: writes a transfer as a 3D LUT, for use in other programs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.cli.common import INTERRUPTED, Commands, add_output_options, put
from photostyle.cli.options import add_photos, add_settings, files_of, run_transfer, settings_of

if TYPE_CHECKING:
    from photostyle.photo.photo import Photo
    from photostyle.pipeline.result import Result

POINTS = (17, 33, 65)


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "look",
        help="write a look as a 3D LUT",
        description="Finds the look as `run` does and writes it as one 3D LUT (.cube or HaldCLUT). It also says how "
        "far the LUT is from the real result, because one LUT cannot hold regions and places. With --per-region it "
        "also writes a LUT and a mask for each region.",
    )
    add_photos(parser)
    parser.add_argument(
        "-o", "--output", metavar="LOOK", required=True, help="LOOK.cube, or LOOK.png for a HaldCLUT of level 8, 16 bit"
    )
    parser.add_argument(
        "--points", type=int, choices=POINTS, default=33, help="points along each side of a .cube file (default: 33)"
    )
    parser.add_argument("--per-region", metavar="FOLDER", help="folder for NAME.cube and NAME.mask.png of every region")
    add_settings(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Writes one look; returns the exit code.

    Raises:
        PhotostyleError: what the command, a setting, an input, the weights or the output lack.
    """
    from photostyle.export.lut_files import check_lut_target, whole_lut, write_lut
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
    write_lut(arguments.output, lut, error, title)
    found: dict[str, Any] = {
        "output": str(Path(arguments.output).absolute()), "points": arguments.points,
        "error": {"mean": error.mean, "p95": error.p95},
    }  # fmt: skip
    messages = [f"{arguments.output}: {error} from the real result"]
    warnings = [*result.warnings, *lut.warnings]
    if arguments.per_region:
        apart, line, poor = _regions(arguments, content, result, title)
        found |= apart
        messages.append(line)
        warnings += poor
    _tell(arguments, {**found, "warnings": warnings}, messages, time.perf_counter() - began)
    return INTERRUPTED if result.interrupted else 0


def _regions(
    arguments: argparse.Namespace, content: Photo, result: Result, title: str
) -> tuple[dict[str, Any], str, list[str]]:
    """What is told as JSON, in a line, and as warnings."""
    from photostyle.export.lut_files import region_luts, write_region_luts

    looks, error = region_luts(content, result, arguments.points)
    names = write_region_luts(arguments.per_region, looks, error, title)
    folder = Path(arguments.per_region).absolute()
    regions = [
        {"name": region, "lut": str(folder / f"{name}.cube"), "mask": str(folder / f"{name}.mask.png")}
        for region, name in names.items()
    ]
    figures = {"regions": regions, "regions_error": {"mean": error.mean, "p95": error.p95}}
    line = f"{arguments.per_region}: {', '.join(names.values())}; together {error}"
    return figures, line, [f"{look.name}: {warning}" for look in looks for warning in look.lut.warnings]


def _tell(arguments: argparse.Namespace, found: dict[str, Any], messages: list[str], seconds: float) -> None:
    from photostyle.export.lut_files import LIMIT

    lines = [f"warning: {' '.join(warning.split())}" for warning in found["warnings"]]
    if not arguments.quiet:
        lines += [*messages, LIMIT, f"wrote {arguments.output} in {seconds:.1f} s"]
    for line in lines:
        print(f"photostyle: {line}", file=sys.stderr)
    if arguments.json:
        put(json.dumps({**found, "limit": LIMIT}, indent=2))
