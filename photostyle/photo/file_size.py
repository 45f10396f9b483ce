"""How many pixels a photo's file holds, from its header, before anything is decoded."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from photostyle.errors import InputError
from photostyle.photo import heif_reader, raw_reader, tiff_reader
from photostyle.photo.decode import decoding
from photostyle.photo.kinds import TIFF_BEGINNINGS, kind_beside_pillow, opened_by_pillow


def pixel_count(path: str | Path) -> int | None:
    """The number of pixels that `Photo.read` would give: of the photo, not of a preview that stands before it.

    Returns:
        None where the file is missing, damaged or no photo, or the package that reads its kind is not installed.
    """
    try:
        with open(path, "rb") as stream, decoding(str(path), []):
            height, width = _sides(stream, path)
    except (InputError, OSError):
        return None
    return height * width


def _sides(stream: IO[bytes], path: str | Path) -> tuple[int, int]:
    """Rows and columns, as stored or upright."""
    head = stream.read(64)
    kind = kind_beside_pillow(head)
    if not kind and head.startswith(TIFF_BEGINNINGS):
        with tiff_reader.opened(stream) as file:
            page = tiff_reader.photo_page(file).page
            if page is not None:
                return page.imagelength, page.imagewidth
            kind = "raw"
    if kind == "raw":
        return raw_reader.raw_size(path)
    if kind == "HEIC":
        return heif_reader.heic_size(stream, str(path))
    image = opened_by_pillow(stream, head, str(path))
    return image.height, image.width
