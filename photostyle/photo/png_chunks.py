"""Chunks of a PNG: what stands beside the picture, read and written.

PNG Specification, third edition (W3C, 2025). "Raw profile type" texts, which carry EXIF, XMP, IPTC and ICC profiles as
hexadecimal digits, are a habit of ImageMagick that other programs follow.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

from photostyle.photo.embedded import CREDENTIALS, ColourTags, Embedded, Resolution
from photostyle.photo.exif import HEADER
from photostyle.photo.iptc import RESOURCE, resource_of, resources
from photostyle.photo.jpeg_segments import XMP_SEGMENT

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FIRST = 33  # bytes of the signature and of IHDR
_XMP = "XML:com.adobe.xmp"
_RAW = "Raw profile type "
_MOST_TEXT = 1 << 24
"""Bytes of a text that is kept, once decompressed."""
_PER_METRE = 0.0254
_CODING = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sBIT", b"bKGD", b"hIST", b"tIME", b"iDOT", b"acTL", b"fcTL", b"fdAT",
    b"sPLT", b"vpAg", b"orNT", b"mDCV", b"cLLI", b"oFFs",
}  # fmt: skip
"""Chunks that only serve the coding or the display of the picture as it was."""
_NAMES = {b"caBX": CREDENTIALS, b"sTER": "the mark of a stereo pair"}


def embedded(data: bytes) -> Embedded:
    """What a PNG holds beside its picture."""
    icc = cicp = gamma = chromaticities = resolution = exif = xmp = iptc = None
    srgb, texts, left_out, damaged = False, list[tuple[str, str]](), dict[str, None](), list[str]()
    for name, body in chunks(data):
        try:
            if name == b"iCCP":
                icc = _inflated(body.partition(b"\0")[2][1:])
            elif name == b"cICP":
                cicp = (body[0], body[1])
            elif name == b"sRGB":
                srgb = True
            elif name == b"gAMA":
                gamma = struct.unpack(">I", body)[0] / 100_000
            elif name == b"cHRM":
                chromaticities = tuple(value / 100_000 for value in struct.unpack(">8I", body))
            elif name == b"pHYs":
                across, down, unit = struct.unpack(">IIB", body)
                if unit == 1 and across and down:
                    resolution = Resolution(_inches(across), _inches(down))
            elif name == b"eXIf":
                exif = exif or body
            elif name in (b"tEXt", b"zTXt", b"iTXt"):
                texts.append(_text(name, body))
            elif name not in _CODING:
                left_out[_NAMES.get(name, f"a chunk {name.decode('latin-1')}")] = None
        except (struct.error, zlib.error, ValueError, IndexError):
            damaged.append(f"its chunk {name.decode('latin-1')}")
    kept = list[tuple[str, str]]()
    for keyword, text in texts:
        if keyword == _XMP:
            xmp = xmp or text.encode()
        elif keyword.startswith(_RAW):
            try:
                kind, raw = keyword.removeprefix(_RAW).lower(), _from_hex(text)
            except ValueError:
                damaged.append(f"its text {keyword!r}")
                continue
            if kind in ("exif", "app1") and not raw.startswith(XMP_SEGMENT):
                exif = exif or raw
            elif kind in ("xmp", "app1"):
                xmp = xmp or raw.removeprefix(XMP_SEGMENT)
            elif kind in ("iptc", "8bim"):
                iptc = iptc or (resources(raw).get(RESOURCE) if raw.startswith(b"8BIM") else raw)
            elif kind in ("icc", "icm"):
                icc = icc or raw
            else:
                left_out[f"a profile of the kind {kind}"] = None
        else:
            kept.append((keyword, text))
    return Embedded(
        exif, xmp, iptc, ColourTags(icc, cicp, gamma, chromaticities, srgb, cicp_first=True), resolution, None,
        tuple(kept), tuple(left_out), tuple(damaged),
    )  # fmt: skip


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and data of each chunk, up to the first that is cut short."""
    place = len(_SIGNATURE)
    while place + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, place)
        if place + 12 + size > len(data):
            return
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        place += 12 + size


def _text(name: bytes, body: bytes) -> tuple[str, str]:
    keyword, _, rest = body.partition(b"\0")
    key = keyword.decode("latin-1")
    if name == b"tEXt":
        return key, rest.decode("latin-1")
    if name == b"zTXt":
        return key, _inflated(rest[1:]).decode("latin-1")
    compressed, text = rest[0], rest[2:].split(b"\0", 2)[2]
    return key, (_inflated(text) if compressed else text).decode("utf-8", "replace")


def _inflated(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    found = stream.decompress(data, _MOST_TEXT)
    if stream.unconsumed_tail:
        raise ValueError("it is too long")
    return found


def _from_hex(text: str) -> bytes:
    """The bytes of a raw profile: a name, a length, and hexadecimal digits."""
    lines = text.split()
    return bytes.fromhex("".join(lines[2:]))


def _inches(per_metre: int) -> float:
    """Pixels per inch; whole numbers that were rounded to pixels per metre are whole again."""
    found = per_metre * _PER_METRE
    return float(round(found)) if abs(found - round(found)) < _PER_METRE / 2 else found


def written(
    picture: bytes,
    *,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    iptc: bytes | None,
    resolution: Resolution | None,
    texts: Iterable[tuple[str, str]],
) -> bytes:
    """A PNG with metadata.

    Args:
        picture: a PNG that holds a picture and nothing else.
    """
    found = []
    if icc is not None:
        found.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if resolution is not None:
        found.append((b"pHYs", struct.pack(">IIB", *(round(each / _PER_METRE) for each in resolution), 1)))
    if exif is not None:
        found.append((b"eXIf", exif.removeprefix(HEADER)))
    if xmp is not None:
        found.append((b"iTXt", _XMP.encode() + b"\0\0\0\0\0" + xmp))
    if iptc is not None:
        held = resource_of(iptc)
        text = f"\niptc\n{len(held):8}\n{held.hex()}\n"
        found.append((b"zTXt", f"{_RAW}iptc".encode() + b"\0\0" + zlib.compress(text.encode())))
    found += [_text_chunk(keyword, text) for keyword, text in texts]
    body = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in found
    ]
    return b"".join([picture[:_FIRST], *body, picture[_FIRST:]])


def _text_chunk(keyword: str, text: str) -> tuple[bytes, bytes]:
    key = keyword.encode("latin-1", "replace")
    try:
        return b"tEXt", key + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", key + b"\0\0\0\0\0" + text.encode("utf-8", "replace")
