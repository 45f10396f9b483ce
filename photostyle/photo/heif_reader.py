"""Readers of AVIF and HEIC, which keep a picture and its metadata in the same boxes."""

from __future__ import annotations

from typing import IO

import numpy as np
from PIL import Image

from photostyle.photo.embedded import ColourTags, Embedded
from photostyle.photo.extras import module_of
from photostyle.photo.iso_boxes import pictures
from photostyle.photo.pillow_reader import embedded_in, read_with_pillow
from photostyle.photo.stored import StoredImage, check_size, note_pages


def read_avif(stream: IO[bytes], image: Image.Image, where: str, notes: list[str]) -> StoredImage:
    """An AVIF that `image` has opened; of 10 or 12 bits by imagecodecs, since Pillow would read 8."""
    import imagecodecs

    stream.seek(0)
    data = stream.read()
    boxes = pictures(data)
    found = embedded_in(image)
    beside = found._replace(colours=found.colours._replace(cicp=boxes.cicp), left_out=boxes.left_out)
    if boxes.depth == 8:
        return read_with_pillow(image, where, notes, beside)
    check_size(image.height, image.width, where)
    samples = imagecodecs.avif_decode(data, index=0)
    return StoredImage(samples, 2**boxes.depth - 1, boxes.depth, samples.ndim == 2, beside)


def read_heic(stream: IO[bytes], where: str, notes: list[str]) -> StoredImage:
    """A HEIC, its first image. libheif turns it upright.

    Raises:
        InputError: the extra that reads it is missing.
    """
    pillow_heif = module_of("HEIC", where)
    stream.seek(0)
    data = stream.read()
    stream.seek(0)
    file = pillow_heif.open_heif(stream, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    check_size(file.size[1], file.size[0], where)
    note_pages(len(file), notes)
    depth, boxes = int(file.info.get("bit_depth", 8)), pictures(data)
    samples = np.asarray(file)
    beside = Embedded(
        file.info.get("exif") or None, file.info.get("xmp") or None, None,
        ColourTags(file.info.get("icc_profile") or None, boxes.cicp), left_out=boxes.left_out,
    )  # fmt: skip
    return StoredImage(
        samples, 2**depth - 1, depth, samples.ndim == 2, beside, premultiplied=file.mode.startswith("RGBa"), turned=True
    )


def heic_size(stream: IO[bytes], where: str) -> tuple[int, int]:
    """Rows and columns of a HEIC's first image.

    Raises:
        InputError: the extra that reads it is missing.
    """
    pillow_heif = module_of("HEIC", where)
    stream.seek(0)
    columns, rows = pillow_heif.open_heif(stream).size
    return rows, columns
