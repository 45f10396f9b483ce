"""How commands write results: the options for the file, its name and format, and what is printed at the end."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.cli.common import put
from photostyle.cli.styles import STREAM
from photostyle.errors import SettingsError

if TYPE_CHECKING:
    from photostyle.photo.photo import Photo
    from photostyle.settings import Settings


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for format, quality, depth, profile and metadata."""
    parser.add_argument(
        "--format", metavar="NAME", help="jpeg, png, tiff, webp or avif (default: from the ending of the result's name)"
    )
    parser.add_argument(
        "--quality",
        type=int,
        metavar="Q",
        help="from 1 to 100, for JPEG, WebP and AVIF (default: the quality of the content photo, else 95)",
    )
    parser.add_argument(
        "--depth",
        type=int,
        metavar="BITS",
        help="bits per channel: 8, or 16 for PNG and TIFF (default: as in the content photo, if the format allows it)",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="colour profile of the result: own (that of the content photo) or srgb (default: own)",
    )
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--strip-gps",
        dest="metadata",
        action="store_const",
        const="no gps",
        help="remove from the metadata where the photo was taken: GPS data, and names of places",
    )
    kept.add_argument(
        "--no-metadata", dest="metadata", action="store_const", const="none",
        help="remove EXIF, XMP, IPTC, texts and comments; the colour profile stays",
    )  # fmt: skip


def written_format(content: Photo, output: str | None, settings: Settings) -> str:
    """The format of the result.

    The first of these that is given decides: the setting, the ending of the output's name, the format of the content.
    Some formats can be read but not written: HEIC becomes JPEG, and raw becomes TIFF.

    Raises:
        SettingsError: no format has this ending, or the format does not have the depth that is asked for.
        OutputError: the content is too large for the format.
    """
    from photostyle.photo.encode import FORMATS, check_size_fits, depth_of
    from photostyle.photo.photo import ENDINGS, format_of

    format: str = settings.output.format
    if format == "auto" and output not in (None, STREAM):
        format = format_of(str(output))
    if format == "auto" and output is None and content.path is not None:
        format = ENDINGS.get(content.path.suffix.lower(), "auto")
    if format == "auto":
        format = {"HEIC": "JPEG", "raw": "TIFF"}.get(str(content.format), str(content.format))
        format = format if format in FORMATS else "PNG"
    depth_of(format, settings.output.depth, content.depth)
    check_size_fits(content.height, content.width, format)
    return format


def beside(content: Photo, format: str) -> Path:
    """The default path of the result: `city.out.jpg` beside `city.jpg`, `city.out.tif` beside `city.dng`.

    Raises:
        SettingsError: the content came from standard input, so it has no folder.
    """
    from photostyle.photo.photo import ENDINGS

    if content.path is None:
        raise SettingsError.stating("a photo from standard input needs --output")
    suffix = content.path.suffix
    ending = suffix if ENDINGS.get(suffix.lower()) == format else next(e for e, f in ENDINGS.items() if f == format)
    return content.path.with_name(f"{content.path.stem}.out{ending}")


def print_outcome(warnings: Iterable[str], messages: Iterable[str], printed: Mapping[str, Any] | None) -> None:
    """Prints how a command ended.

    Args:
        warnings: for standard error, one line each.
        messages: for standard error, after the warnings.
        printed: the JSON object for standard output; None if there is none.
    """
    for line in (*(f"warning: {' '.join(warning.split())}" for warning in warnings), *messages):
        print(f"photostyle: {line}", file=sys.stderr)
    if printed is not None:
        put(json.dumps(printed, indent=2))
