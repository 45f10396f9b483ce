"""Whole files of every format, and damaged ones made of them: of their structure, or of single bytes."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from PIL import Image

from photostyle.photo.photo import Photo
from tests.field import made
from tests.handmade import ADOBE_ICC, P3_ICC, XMP, camera_exif, dng

Random = np.random.Generator


def seeds() -> list[tuple[str, bytes]]:
    """Whole files: format and bytes."""
    image, deep = Image.fromarray(made.scene()), made.scene().astype(np.uint16) * 257
    exif, kept = camera_exif(), {"exif": camera_exif(), "xmp": XMP, "icc_profile": P3_ICC}
    photo = Photo(np.ascontiguousarray(made.scene() / np.float32(255)))
    full = Photo.read(made.saved(image, "JPEG", **kept))
    more = made.rdf('xmlns:dc="http://purl.org/dc/elements/1.1/"', "<dc:subject>" + "long " * 100 + "</dc:subject>")
    name = made.md5(more, usedforsecurity=False).hexdigest().upper()
    first = made.rdf(f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{name}"')
    heif = io.BytesIO()
    pillow_heif.from_pillow(image).save(heif, quality=80, exif=exif, xmp=XMP)
    found = [
        ("JPEG", made.saved(image, "JPEG", **kept)),
        ("JPEG", made.saved(image, "JPEG", progressive=True, comment=b"a comment", dpi=(300, 300))),
        ("JPEG", made.saved(image.convert("CMYK"), "JPEG")),
        ("JPEG", made.jpeg(made.xmp_segment(first), *made.extended_segments(more), after=made.jpeg())),
        ("JPEG", full.encode("JPEG")),
        ("JPEG", bytes(imagecodecs.jpeg8_encode(deep >> 4, level=90, bitspersample=12))),
        ("JPEG", made.saved(image, "MPO", save_all=True, append_images=[image])),
        ("PNG", full.encode("PNG")),
        ("PNG", made.png((b"cICP", bytes((12, 13, 0, 1))), (b"gAMA", b"\0\0\xb1\x8f"), (b"tEXt", b"Author\0Me"),
                         made.raw_profile("exif", exif), made.raw_profile("iptc", b"8BIM" + bytes(8)))),
        ("PNG", made.saved(image.convert("P"), "PNG", transparency=3)),
        ("PNG", made.saved(image.convert("RGBA"), "PNG")),
        ("PNG", bytes(imagecodecs.png_encode(deep))),
        ("WEBP", made.saved(image, "WEBP", **kept)),
        ("WEBP", made.saved(image.convert("RGBA"), "WEBP", lossless=True)),
        ("AVIF", made.saved(image, "AVIF", **kept)),
        ("AVIF", bytes(imagecodecs.avif_encode(deep >> 6, level=80, bitspersample=10, primaries=12, transfer=13))),
        ("HEIC", heif.getvalue()),
        ("raw", dng(48, 64, preview=True)),
        ("TIFF", full.encode("TIFF")),
        ("TIFF", photo.encode("TIFF", depth=16)),
    ]  # fmt: skip
    for options in (
        {"compression": "lzw", "predictor": True}, {"tile": (16, 16), "compression": "zlib"}, {"bigtiff": True},
        {"byteorder": ">", "bigtiff": True, "compression": "zstd"}, {"compression": "jpeg"},
        {"extratags": [(34675, 7, len(ADOBE_ICC), ADOBE_ICC, True), (700, 1, len(XMP), XMP, True)]},
    ):  # fmt: skip
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, made.scene(), photometric="rgb", metadata=None, **options)
        found.append(("TIFF", buffer.getvalue()))
    return found


def mutated(format: str, data: bytes, rng: Random) -> bytes:
    """The file with one to four changes: of its structure, or of single bytes."""
    for _ in range(int(rng.integers(1, 5))):
        change = PARTS[format] if rng.random() < 0.7 else changed_bytes
        data = change(data, rng)
        if len(data) < 4:
            break
    return data


def changed_bytes(data: bytes, rng: Random) -> bytes:
    """Bytes flipped, set to extremes, cut out, repeated or filled with zeros; near the beginning more often."""
    found = bytearray(data)
    most = len(found) if rng.random() < 0.5 else min(len(found), 600)
    at = int(rng.integers(0, most))
    size = int(rng.integers(1, 9 if rng.random() < 0.8 else 400))
    kind = rng.integers(0, 6)
    if kind == 0:
        found[at] ^= 1 << int(rng.integers(0, 8))
    elif kind == 1:
        found[at : at + 4] = EXTREMES[int(rng.integers(0, len(EXTREMES)))]
    elif kind == 2:
        del found[at : at + size]
    elif kind == 3:
        found[at:at] = found[at : at + size]
    elif kind == 4:
        found[at : at + size] = bytes(len(found[at : at + size]))
    else:
        del found[at:]
    return bytes(found)


EXTREMES = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\1",
    b"\1\0\0\0",
    b"\x80\0\0\0",
)


def changed_body(body: bytes, rng: Random) -> bytes:
    return changed_bytes(body, rng) if body else bytes(int(rng.integers(0, 9)))


def rearranged(parts: list[bytes], rng: Random, change: Callable[[bytes], bytes]) -> list[bytes]:
    """A part removed, repeated, moved or changed."""
    if not parts:
        return parts
    at, to = (int(rng.integers(0, len(parts))) for _ in range(2))
    kind = rng.integers(0, 6)
    if kind == 0:
        return parts[:at] + parts[at + 1 :]
    if kind == 1:
        return [*parts[:to], parts[at], *parts[to:]]
    if kind == 2:
        parts[at], parts[to] = parts[to], parts[at]
        return parts
    parts[at] = change(parts[at])
    return parts


def changed_jpeg(data: bytes, rng: Random) -> bytes:
    """Segments before the scan."""
    parts, place = [], 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        size = 2 + struct.unpack_from(">H", data, place + 2)[0]
        parts.append(data[place : place + size])
        place += size

    def change(part: bytes) -> bytes:
        body = changed_body(part[4:], rng)[:65_533]
        stated = int(rng.integers(0, 65_536)) if rng.random() < 0.1 else len(body) + 2
        return part[:2] + struct.pack(">H", stated) + body

    return data[:2] + b"".join(rearranged(parts, rng, change)) + data[place:]


def changed_png(data: bytes, rng: Random) -> bytes:
    """Chunks, with checksums that fit."""
    parts, place = [], 8
    while place + 12 <= len(data):
        size = 12 + struct.unpack_from(">I", data, place)[0]
        parts.append(data[place : place + size])
        place += size

    def change(part: bytes) -> bytes:
        body = part[8:-4]
        if part[4:8] in (b"IDAT", b"iCCP", b"zTXt") and rng.random() < 0.5:  # what is compressed, changed inside
            head = b"" if part[4:8] == b"IDAT" else body.partition(b"\0")[0] + b"\0\0"
            try:
                body = head + zlib.compress(changed_body(zlib.decompress(body[len(head) :]), rng))
            except zlib.error:
                body = changed_body(body, rng)
        else:
            body = changed_body(body, rng)
        return made.chunk(part[4:8], body)

    return data[:8] + b"".join(rearranged(parts, rng, change))


def changed_riff(data: bytes, rng: Random) -> bytes:
    """Chunks of a WebP."""
    parts, place = [], 12
    while place + 8 <= len(data):
        size = struct.unpack_from("<I", data, place + 4)[0]
        parts.append(data[place : place + 8 + size + size % 2])
        place += 8 + size + size % 2

    def change(part: bytes) -> bytes:
        body = changed_body(part[8:], rng)
        return part[:4] + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

    whole = b"".join(rearranged(parts, rng, change))
    return data[:4] + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole


def changed_boxes(data: bytes, rng: Random) -> bytes:
    """A byte or a number inside the boxes before the pictures."""
    end = data.find(b"mdat")
    head = changed_bytes(data[: end if end > 0 else len(data)], rng)
    return head + data[end if end > 0 else len(data) :]


def changed_tiff(data: bytes, rng: Random) -> bytes:
    """A field of an entry of a directory: tag, type, count or value."""
    order = ">" if data[:2] == b"MM" else "<"
    big = len(data) > 16 and struct.unpack_from(f"{order}H", data, 2)[0] == 43
    try:
        (start,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)
        (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, start)
        entry = start + (8 if big else 2) + int(rng.integers(0, max(min(count, 200), 1))) * (20 if big else 12)
        field = int(rng.integers(0, 4))
        at, size = [(0, 2), (2, 2), (4, 8 if big else 4), (12 if big else 8, 8 if big else 4)][field]
    except struct.error:
        return changed_bytes(data, rng)
    found = bytearray(data)
    value = (
        bytes(rng.integers(0, 256, size, np.uint8))
        if rng.random() < 0.5
        else bytes(size - 1) + bytes((int(rng.integers(0, 256)),))
    )
    if order == "<" and rng.random() < 0.8:
        value = value[::-1]
    found[entry + at : entry + at + size] = value
    return bytes(found)


PARTS: dict[str, Callable[[bytes, Random], bytes]] = {
    "JPEG": changed_jpeg, "PNG": changed_png, "WEBP": changed_riff, "AVIF": changed_boxes, "HEIC": changed_boxes,
    "TIFF": changed_tiff, "raw": changed_tiff,
}  # fmt: skip


def made_input(number: int, whole: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Format and bytes of an input."""
    rng = np.random.default_rng(number)
    format, data = whole[int(rng.integers(0, len(whole)))]
    return format, mutated(format, data, rng)
