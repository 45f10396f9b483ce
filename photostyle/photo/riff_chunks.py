"""Chunks of a WebP: what stands beside the picture (RFC 9649)."""

from __future__ import annotations

import struct

from photostyle.photo.embedded import ColourTags, Embedded

_CODING = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}


def embedded(data: bytes) -> tuple[Embedded, bool]:
    """What a WebP holds beside its picture, and whether its picture is lossless."""
    held, left_out, kinds = dict[bytes, bytes](), dict[str, None](), set[bytes]()
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
        body = data[place + 8 : place + 8 + size]
        if len(body) < size:
            break
        kinds.add(name)
        if name in (b"ICCP", b"EXIF", b"XMP "):
            held.setdefault(name, body)
        elif name not in _CODING:
            left_out[f"a chunk {name.decode('latin-1').strip()}"] = None
        if name == b"ANMF" and len(body) > 24:  # the first frame's own chunk
            kinds.add(body[16:20])
        place += 8 + size + size % 2
    colours = ColourTags(held.get(b"ICCP"))
    found = Embedded(held.get(b"EXIF"), held.get(b"XMP "), None, colours, left_out=tuple(left_out))
    return found, b"VP8L" in kinds and b"VP8 " not in kinds
