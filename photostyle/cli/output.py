"""How results are written: the options for their files, and what those are called unless told."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from photostyle.cli.styles import STREAM
from photostyle.errors import SettingsError

if TYPE_CHECKING:
    from photostyle.photo.photo import Photo
    from photostyle.settings import Settings


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Format, quality, depth, profile and metadata."""
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


def written_format(content: Photo, output: str | None, settings: Settings) -> str:
    """The format of the result: as told, as the output's name ends, or the content's own.

    Of what is not written, HEIC becomes JPEG and raw TIFF.

    Raises:
        SettingsError: an ending that stands for no format, or one that lacks the depth asked for.
    """
    from photostyle.photo.encode import FORMATS, depth_of
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
    return format


def beside(content: Photo, format: str) -> Path:
    """Where the result goes unless told: `city.out.jpg` beside `city.jpg`, `city.out.tif` beside `city.dng`.

    Raises:
        SettingsError: the content came from standard input.
    """
    from photostyle.photo.photo import ENDINGS

    if content.path is None:
        raise SettingsError.stating("a photo from standard input needs --output")
    suffix = content.path.suffix
    ending = suffix if ENDINGS.get(suffix.lower()) == format else next(e for e, f in ENDINGS.items() if f == format)
    return content.path.with_name(f"{content.path.stem}.out{ending}")
