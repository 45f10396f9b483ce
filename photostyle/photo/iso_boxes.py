"""Boxes of AVIF and HEIC: what the first picture says about its colours, and which other pictures are there.

ISO/IEC 14496-12 for boxes, 23008-12 (HEIF) for items and their properties, AV1-ISOBMFF for AV1's configuration.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from photostyle.photo.embedded import CREDENTIALS, DEPTH, GAIN_MAP, SECOND_PICTURE

_MOST_DEPTH = 8
_FULL = {b"meta", b"iref"}
_CONTAINERS = {b"meta", b"iprp", b"ipco"}
_CREDENTIALS_ID = b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81"


class Pictures(NamedTuple):
    """What the boxes say.

    Args:
        cicp: code points of primaries and transfer function of the first picture; None if there are none.
        depth: bits a channel by AV1's configuration; 8 if there is none.
        left_out: names of what a result does not have.
    """

    cicp: tuple[int, int] | None
    depth: int
    left_out: tuple[str, ...]


def pictures(data: bytes) -> Pictures:
    """Reads the boxes of a file. Damaged ones end the list."""
    properties, uses, primary = list[tuple[bytes, bytes]](), dict[int, list[int]](), 0
    kinds, left_out = set[bytes](), dict[str, None]()
    for path, body in _boxes(data):
        name = path[-1]
        if name == b"pitm" and len(body) >= 6:
            primary = int.from_bytes(body[4:] if body[0] else body[4:6], "big")
        elif name == b"ipma":
            uses |= _associations(body)
        elif name == b"infe" and len(body) >= 12:
            kinds.add(body[8:12] if body[0] == 2 else body[10:14])
        elif len(path) >= 2 and path[-2] == b"ipco":
            properties.append((name, body))
            if name == b"auxC":
                left_out |= dict.fromkeys(_auxiliary(body))
        elif name == b"uuid" and body.startswith(_CREDENTIALS_ID):
            left_out[CREDENTIALS] = None
    if b"tmap" in kinds:  # a picture that a gain map makes of another
        left_out[GAIN_MAP] = None
    own = [properties[place - 1] for place in uses.get(primary, ()) if 0 < place <= len(properties)] or properties
    cicp, depth = None, 8
    for name, body in own:
        if name == b"colr" and body.startswith(b"nclx") and len(body) >= 8:
            cicp = cicp or struct.unpack_from(">2H", body, 4)
        elif name == b"av1C" and len(body) >= 3:
            depth = 12 if body[2] & 0x20 else 10 if body[2] & 0x40 else 8
    return Pictures(cicp, depth, tuple(left_out))


def _auxiliary(body: bytes) -> list[str]:
    """What an auxiliary picture is, by its URN; empty for transparency, which is kept."""
    name = body[4:].partition(b"\0")[0].decode("latin-1")
    if "alpha" in name or name.endswith(":auxid:1"):
        return []
    if "hdrgainmap" in name:
        return [GAIN_MAP]
    if "depth" in name or "disparity" in name or name.endswith(":auxid:2"):
        return [DEPTH]
    return [f"{SECOND_PICTURE} ({name.rpartition(':')[2]})"]


def _associations(body: bytes) -> dict[int, list[int]]:
    """Numbers of the properties of each item, from 1 on."""
    found = dict[int, list[int]]()
    try:
        wide, long_ids = body[3] & 1, body[0] > 0
        (count,) = struct.unpack_from(">I", body, 4)
        place = 8
        for _ in range(min(count, len(body))):
            (item,) = struct.unpack_from(">I" if long_ids else ">H", body, place)
            place += 4 if long_ids else 2
            number = body[place]
            place += 1
            step = 2 if wide else 1
            found[item] = [
                int.from_bytes(body[at : at + step], "big") & (0x7FFF if wide else 0x7F)
                for at in range(place, place + step * number, step)
            ]
            place += step * number
    except (struct.error, IndexError):
        pass
    return found


def _boxes(data: bytes, start: int = 0, end: int | None = None, path: tuple[bytes, ...] = ()) -> Iterator[
    tuple[tuple[bytes, ...], bytes]
]:  # fmt: skip
    """Path of names, and data, of each box that is looked into."""
    place, end = start, len(data) if end is None else end
    while place + 8 <= end and len(path) < _MOST_DEPTH:
        size, name = struct.unpack_from(">I4s", data, place)
        head = 8
        if size == 1 and place + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, place + 8)
            head = 16
        elif size == 0:
            size = end - place
        if size < head or place + size > end:
            return
        body = place + head
        here = (*path, name)
        if name in _CONTAINERS:
            yield from _boxes(data, body + (4 if name in _FULL else 0), place + size, here)
        elif name == b"iinf":
            skip = 6 if data[body : body + 1] == b"\0" else 8
            yield from _boxes(data, body + skip, place + size, here)
        elif name not in (b"mdat", b"idat", b"free", b"moov"):
            yield here, data[body : place + size]
        place += size
