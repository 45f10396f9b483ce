"""Kinds of photos, as the first bytes of a file show them, whatever its name ends in."""

from __future__ import annotations

from typing import IO

from PIL import Image

from photostyle.errors import InputError
from photostyle.photo.encode import FORMATS

TIFF_BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_RAW_BEGINNINGS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")


def kind_beside_pillow(head: bytes) -> str:
    """The kind that a file's first 64 bytes show: "HEIC", "raw" or "". A raw file that is a TIFF does not show it."""
    if head[4:8] == b"ftyp" and (head[8:12] in _HEIC_BRANDS or _HEIC_BRANDS & _compatible(head)):
        return "HEIC"
    if head[4:12] == b"ftypcrx " or head[8:10] == b"CR" or head.startswith(_RAW_BEGINNINGS):
        return "raw"
    return ""


def format_by_beginning(head: bytes) -> str:
    """ "HEIC", "raw" or one of `FORMATS`, as a file's first 64 bytes say; empty where they are not those of a photo.

    A raw file that is a TIFF counts as TIFF, unless it says more.
    """
    by_chance = head[8:10] == b"CR" and not head.startswith(TIFF_BEGINNINGS)  # two letters could be in any text
    kind = "" if by_chance else kind_beside_pillow(head)
    return kind or next(iter(_formats_of_pillow(head)), "")


def _formats_of_pillow(head: bytes) -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN and (Image.OPEN[name][1] or bool)(head) is True]


def opened_by_pillow(stream: IO[bytes], head: bytes, where: str) -> Image.Image:
    """An image of `FORMATS` whose samples are not decoded yet.

    `Image.open` would warn of, and refuse, sizes below `photostyle.photo.stored.MOST_PIXELS`.

    Raises:
        InputError: the file is of none of the formats.
    """
    names = _formats_of_pillow(head)
    if not names:
        found = f"a file that begins with {head[:16]!r}" if head else "an empty file"
        expected = "a JPEG, PNG, WebP, TIFF, AVIF, HEIC or raw photo"
        raise InputError(expected, found, where, "Export other kinds as JPEG, PNG or TIFF first.")
    stream.seek(0)
    return Image.OPEN[names[0]][0](stream, "")


def _compatible(head: bytes) -> set[bytes]:
    """The compatible brands of an ISO base media file of a general kind (HEIF of any codec)."""
    if head[8:12] not in (b"mif1", b"msf1"):
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[place : place + 4] for place in range(16, end, 4)}
