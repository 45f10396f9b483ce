"""Reader of JPEG: of 8 bits a channel by Pillow, of 12 bits by imagecodecs. Damage is told from untidiness."""

from __future__ import annotations

import io
import re
from typing import IO

import numpy as np
from PIL import Image

from photostyle.errors import InputError
from photostyle.photo.embedded import Embedded
from photostyle.photo.jpeg_segments import embedded, structure
from photostyle.photo.pillow_reader import read_with_pillow
from photostyle.photo.stored import AGAIN, DAMAGED, StoredImage, check_size

_END = b"\xff\xd9"
_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker")
_DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG")
"""What the decoder's messages of damaged data begin with."""
_SWALLOWED = 9
"""Bytes of padding that the decoder may have taken for data before it saw that the picture was whole."""


def read_jpeg(stream: IO[bytes], where: str, notes: list[str]) -> StoredImage:
    """A JPEG, of several pictures the first.

    Raises:
        InputError: its data are damaged, or end before the picture does.
    """
    stream.seek(0)
    data = stream.read()
    found = structure(data)
    beside = embedded(data, found)
    if found.bits == 12:
        return _of_12_bits(data, beside, where)
    if found.end is None:
        data += _END
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        check_size(image.height, image.width, where)
        _refuse_damage(data, found.end or len(data), where)
        if found.end is None:
            notes.append("the file's end is missing, but its picture is whole")
        return read_with_pillow(image, where, notes, beside)


def _of_12_bits(data: bytes, beside: Embedded, where: str) -> StoredImage:
    import imagecodecs

    samples = imagecodecs.jpeg8_decode(data)
    check_size(samples.shape[0], samples.shape[1], where)
    return StoredImage(samples, 4095, 12, samples.ndim == 2, beside)


def _refuse_damage(data: bytes, end: int, where: str) -> None:
    """Raises InputError if the decoder warns that data are damaged or missing: it would fill the rest with grey.

    Bytes between the picture and the end marker are harmless where they are padding.

    Args:
        data: all bytes, with an end marker.
        end: offset after the end marker.
        where: the file, for the error.
    """
    import simplejpeg

    try:
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, strict=True)
    except ValueError as error:
        message = str(error)
        if not message.startswith(_DAMAGE):
            return  # colours that this decoder does not convert; Pillow decides
        stray = _EXTRANEOUS.search(message)
        picture = np.frombuffer(data[: end - len(_END)], np.uint8)
        padding = len(picture) - 1 - np.flatnonzero((picture != 0) & (picture != 0xFF))[-1] if len(picture) else 0
        if stray is None or not padding - _SWALLOWED <= int(stray[1]) <= padding + 2:
            raise InputError(DAMAGED, f"a damaged one ({message})", where, AGAIN) from error
