"""IPTC: records of the Information Interchange Model (IIM 4.2), and the Photoshop resources that hold them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

RESOURCE = 0x0404
"""Number of the Photoshop image resource that holds the records."""
CLIPPING_PATHS = range(2000, 2999)

_PLACES = frozenset({(2, 26), (2, 27), (2, 90), (2, 92), (2, 95), (2, 100), (2, 101)})
"""Content location, city, sublocation, province, and country: record and dataset."""


def resources(data: bytes) -> dict[int, bytes]:
    """Photoshop's image resources by number. What is cut short is left out."""
    found, place = dict[int, bytes](), 0
    while data[place : place + 4] in (b"8BIM", b"AgHg", b"DCSR", b"PHUT", b"MeSa") and place + 12 <= len(data):
        number, name = struct.unpack_from(">HB", data, place + 4)
        place += 6 + (name + 2) // 2 * 2
        if place + 4 > len(data):
            break
        (size,) = struct.unpack_from(">I", data, place)
        if place + 4 + size > len(data):
            break
        found.setdefault(number, data[place + 4 : place + 4 + size])
        place += 4 + size + size % 2
    return found


def resource_of(iptc: bytes) -> bytes:
    """Photoshop image resources that hold the records, and nothing else."""
    return b"8BIM" + struct.pack(">HHI", RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def without_places(iptc: bytes) -> bytes:
    """The records without those that name the place of the photo. Other records keep their bytes."""
    return b"".join(data for key, data in _datasets(iptc) if key not in _PLACES)


def _datasets(iptc: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Record and dataset number, and all bytes, of each dataset. What follows the last whole one comes as (0, 0)."""
    place = 0
    while place + 5 <= len(iptc) and iptc[place] == 0x1C:
        record, number, size = struct.unpack_from(">BBH", iptc, place + 1)
        start = place + 5
        if size & 0x8000:  # an extended dataset: the size of the size
            width = size & 0x7FFF
            size = int.from_bytes(iptc[start : start + width], "big")
            start += width
        if start + size > len(iptc):
            break
        yield (record, number), iptc[place : start + size]
        place = start + size
    if place < len(iptc):
        yield (0, 0), iptc[place:]
