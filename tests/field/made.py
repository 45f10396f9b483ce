"""Files as programs and devices of the field write them, made small by hand: nothing here is anyone's file."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from hashlib import md5

import numpy as np
from numpy.typing import NDArray
from PIL import Image

XMP_NAME, MORE_XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def scene(height: int = 48, width: int = 64, seed: int = 1) -> NDArray[np.uint8]:
    """`(height, width, 3)`: a sky and a ground with noise."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    sky = np.stack([0.35 + 0.4 * row, 0.55 + 0.3 * row, 0.9 - 0.2 * row], -1)
    ground = np.stack([0.25 + 0.2 * column, 0.45 - 0.2 * column, 0.15 + 0.1 * column], -1)
    ground += rng.normal(0, 0.05, (height, width, 1))
    made: NDArray[np.uint8] = np.rint(255 * np.clip(np.where((row < 0.5)[..., None], sky, ground), 0, 1)).astype("u1")
    return made


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def jpeg(*segments: bytes, after: bytes = b"", **options: object) -> bytes:
    """A JPEG with segments behind that of JFIF, and bytes after its end."""
    data = saved(Image.fromarray(scene()), "JPEG", **({"quality": 90} | options))
    place = 4 + struct.unpack(">H", data[4:6])[0]
    return data[:place] + b"".join(segments) + data[place:] + after


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def exif_segment(block: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + block)


def xmp_segment(packet: bytes) -> bytes:
    return segment(0xE1, XMP_NAME + packet)


def extended_segments(packet: bytes, step: int = 60_000) -> list[bytes]:
    name = md5(packet, usedforsecurity=False).hexdigest().upper().encode()
    return [
        segment(0xE1, MORE_XMP_NAME + name + struct.pack(">II", len(packet), at) + packet[at : at + step])
        for at in range(0, len(packet), step)
    ]


def rdf(attributes: str = "", inside: str = "") -> bytes:
    """An XMP packet of one description."""
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" {attributes}>'
        f"{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def png(*chunks: tuple[bytes, bytes], image: Image.Image | None = None) -> bytes:
    """A PNG with chunks behind its header."""
    data = saved(image or Image.fromarray(scene()), "PNG")
    return data[:33] + b"".join(chunk(*each) for each in chunks) + data[33:]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def raw_profile(kind: str, data: bytes) -> tuple[bytes, bytes]:
    """A text that carries metadata as hexadecimal digits, as ImageMagick writes it."""
    text = (
        f"\n{kind}\n{len(data):8}\n" + "\n".join(data.hex()[at : at + 72] for at in range(0, 2 * len(data), 72)) + "\n"
    )
    return b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + zlib.compress(text.encode())


Tag = tuple[int, int, bytes]
"""Number, type, and values as bytes."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 129: 1}


def exif_block(
    image: Sequence[Tag], details: Sequence[Tag] = (), gps: Sequence[Tag] = (), interop: Sequence[Tag] = (), *,
    order: str = "<", note_at: int | None = None,
) -> bytes:  # fmt: skip
    """A block of EXIF in which every value has a place of its own.

    Args:
        note_at: offset of the maker's note, tag 37500; None to put it where it falls.
    """
    tables = [list(image), list(details), list(gps), list(interop)]
    starts, place = [], 8
    for number, table in enumerate(tables):
        links = bool(details) + bool(gps) if number == 0 else bool(interop) if number == 1 else 0
        starts.append(place)
        place += 2 + 12 * (len(table) + links) + 4 if table or number == 0 else 0
    if details:
        tables[0].append((34665, 4, struct.pack(order + "I", starts[1])))
    if gps:
        tables[0].append((34853, 4, struct.pack(order + "I", starts[2])))
    if interop:
        tables[1].append((40965, 4, struct.pack(order + "I", starts[3])))
    block = {0: (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)}
    for start, table in zip(starts, tables, strict=True):
        body = struct.pack(order + "H", len(table))
        for tag, kind, data in sorted(table):
            value = data.ljust(4, b"\0")
            if len(data) > 4:
                at = note_at if tag == 37500 and note_at is not None else place
                block[at] = data
                value = struct.pack(order + "I", at)
                place = max(place, at + len(data)) + len(data) % 2
            body += struct.pack(order + "HHI", tag, kind, len(data) // _SIZES[kind]) + value
        if table:
            block[start] = body + bytes(4)
    whole = bytearray(max(at + len(data) for at, data in block.items()))
    for at, data in block.items():
        whole[at : at + len(data)] = data
    return bytes(whole)


def short(value: int, order: str = "<") -> bytes:
    return struct.pack(order + "H", value)
