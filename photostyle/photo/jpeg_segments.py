"""Segments of a JPEG: what stands beside the picture, read and written.

ITU-T T.81, annex B, for markers; JFIF 1.02; EXIF 3.0; XMP Specification Part 3; ICC.1:2022, annex B; CIPA DC-007 for
multi-picture files; Android's "Ultra HDR Image Format" and ISO 21496-1 for gain maps.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from photostyle.photo import xmp as xmp_packets
from photostyle.photo.embedded import (
    CREDENTIALS,
    GAIN_MAP,
    MOTION,
    PATHS,
    SECOND_PICTURE,
    ColourTags,
    Embedded,
    Resolution,
)
from photostyle.photo.exif import HEADER
from photostyle.photo.iptc import CLIPPING_PATHS, RESOURCE, resource_of, resources

MOST = 65_533
"""Bytes that a segment holds."""

XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
"""What begins XMP in a JPEG."""
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP, _ICC, _MPF = b"Photoshop 3.0\0", b"ICC_PROFILE\0", b"MPF\0"
_ISO_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1"
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP13, _COMMENT = 0xE0, 0xE1, 0xE2, 0xED, 0xFE
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PARTS = {
    b"FLIR": "thermal data (FLIR)",
    b"QVCI": "the maker's data (QVCI)",
    b"JP": CREDENTIALS,
    b"[ae": "the maker's data",
}
"""What other segments hold, by what they begin with."""
_SILENT = (b"JFIF\0", b"JFXX\0", b"Adobe", b"Ducky", _ICC, _MPF, b"EPPIM\0", b"PIC\0", b"SPIFF\0", b"AVI1", b"Meta\0")
"""Segments that only serve the coding of the picture, or that are read elsewhere."""
_PER_INCH = {1: 1.0, 2: 2.54}
_PREVIEWS = {0x030000, 0x010001, 0x010002}
_TIDY = 64
"""Bytes behind a picture that are not worth a word."""


class JpegStructure(NamedTuple):
    """Where a JPEG's parts are.

    Args:
        segments: marker and data of each segment before the first scan.
        bits: bits a channel, of the frame header; 0 if there is none.
        end: offset after the end marker; None if there is none.
    """

    segments: tuple[tuple[int, bytes], ...]
    bits: int
    end: int | None


def structure(data: bytes) -> JpegStructure:
    """Reads the markers of a JPEG. Damage ends the list."""
    segments, place, bits = list[tuple[int, bytes]](), 2, 0
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker in (0x01, *range(0xD0, 0xD9)):
            place += 2
            continue
        if marker == _END_OF_IMAGE:
            return JpegStructure(tuple(segments), bits, place + 2)
        (size,) = struct.unpack_from(">H", data, place + 2)
        body = data[place + 4 : place + 2 + size]
        if marker in _FRAMES and body:
            bits = body[0]
        place += 2 + size
        if marker == _START_OF_SCAN:
            return JpegStructure(tuple(segments), bits, _end(data, place))
        segments.append((marker, body))
    return JpegStructure(tuple(segments), bits, None)


def _end(data: bytes, place: int) -> int | None:
    """Offset after the end marker that follows the scans."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            return None
        marker = data[place + 1]
        if marker == _END_OF_IMAGE:
            return place + 2
        if marker in (0x00, 0x01, 0xFF, *range(0xD0, 0xD8)):
            place += 1 if marker == 0xFF else 2
        else:  # a segment between scans
            if place + 4 > len(data):
                return None
            place += 2 + struct.unpack_from(">H", data, place + 2)[0]


def embedded(data: bytes, found: JpegStructure) -> Embedded:
    """What a JPEG holds beside its picture.

    Args:
        data: all bytes of the file.
        found: see `structure`.
    """
    exif, packet, resolution = b"", b"", None
    profile, extended, irb = dict[int, bytes](), dict[tuple[str, int], bytes](), b""
    comments, left_out = list[bytes](), dict[str, None]()
    for marker, body in found.segments:
        if marker == _COMMENT:
            comments.append(body)
        elif marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 12:
            unit, across, down = struct.unpack_from(">BHH", body, 7)
            if unit in _PER_INCH and across and down:
                resolution = Resolution(across * _PER_INCH[unit], down * _PER_INCH[unit])
        elif marker == _APP1 and body.startswith(HEADER):
            exif += body[len(HEADER) :] if exif else body
        elif marker == _APP1 and body.startswith(XMP_SEGMENT):
            packet = packet or body.removeprefix(XMP_SEGMENT)
        elif marker == _APP1 and body.startswith(_MORE_XMP) and len(body) >= len(_MORE_XMP) + 40:
            start = len(_MORE_XMP)
            part = body[start : start + 32].decode("latin-1"), int.from_bytes(body[start + 36 : start + 40], "big")
            extended[part] = body[start + 40 :]
        elif marker == _APP2 and body.startswith(_ICC) and len(body) > 14:
            profile[body[12]] = body[14:]
        elif marker == _APP2 and body.startswith(_ISO_GAIN_MAP):
            left_out[GAIN_MAP] = None
        elif marker == _APP13 and body.startswith(_PHOTOSHOP):
            irb += body.removeprefix(_PHOTOSHOP)
        elif marker in range(_APP0, 0xF0) and not body.startswith(_SILENT):
            left_out[_named(marker, body)] = None
    whole, damaged = _with_extended(packet, extended)
    held = resources(irb)
    if any(number in held for number in CLIPPING_PATHS):
        left_out[PATHS] = None
    left_out |= dict.fromkeys(_after(data[found.end :] if found.end else b"", found))
    return Embedded(
        exif or None, whole or None, held.get(RESOURCE), ColourTags(_joined_profile(profile)), resolution,
        b"\n".join(comments) or None, (), tuple(left_out), damaged,
    )  # fmt: skip


def _named(marker: int, body: bytes) -> str:
    known = next((name for start, name in _PARTS.items() if body.startswith(start)), None)
    name = body[:12].partition(b"\0")[0].decode("latin-1")
    return known or (f"a segment of the kind {name}" if name.isalnum() else f"a segment APP{marker - _APP0}")


def _joined_profile(parts: dict[int, bytes]) -> bytes | None:
    return b"".join(parts[place] for place in sorted(parts)) or None


def _with_extended(packet: bytes, parts: dict[tuple[str, int], bytes]) -> tuple[bytes, tuple[str, ...]]:
    """The packet with its extended part; what is missing is told, and the pointer to it goes later."""
    name = xmp_packets.extended_guid(packet) if packet else ""
    if not name:
        return packet, ()
    whole = b"".join(data for (owner, _), data in sorted(parts.items()) if owner == name)
    try:
        if xmp_packets.guid(whole) != name.upper():
            raise ValueError("it is not the one that the packet names")
        return xmp_packets.joined(packet, whole), ()
    except ValueError as error:
        return packet, (f"the extended part of its XMP ({error if whole else 'it is missing'})",)


def _after(rest: bytes, found: JpegStructure) -> list[str]:
    """What follows the picture in the file."""
    left_out = []
    head = rest[: 1 << 20]
    if b"hdrgm:" in head or _ISO_GAIN_MAP in head or b"HDRGainMap" in head:
        left_out.append(GAIN_MAP)
    elif rest.lstrip(b"\0")[:3] == b"\xff\xd8\xff":
        previews = any(m == _APP2 and body.startswith(_MPF) for m, body in found.segments)
        if not previews or _has_large_picture(found):
            left_out.append(SECOND_PICTURE)
    if b"SEFT" in rest[-64:]:
        left_out.append("data of the phone's maker behind the picture")
    if b"ftypmp4" in rest or b"ftypisom" in rest or b"ftypqt" in rest or b"MotionPhoto_Data" in rest:
        left_out.append(MOTION)
    if not left_out and rest[:3] != b"\xff\xd8\xff" and len(rest.strip(b"\0\xff \r\n")) > _TIDY:
        left_out.append("data behind the picture")
    return left_out


def _has_large_picture(found: JpegStructure) -> bool:
    """Whether an index of pictures (MPF) has one that is no preview: a panorama's, or a stereo pair's.

    The type is in the lower 24 bits of an entry's first number (CIPA DC-007, table 4): `_PREVIEWS` are the primary
    picture itself and its thumbnails for a screen and for a television.
    """
    for marker, body in found.segments:
        if marker != _APP2 or not body.startswith(_MPF):
            continue
        order = ">" if body[4:6] == b"MM" else "<"
        try:
            count, start = 0, 0
            (entries,) = struct.unpack_from(f"{order}I", body, 8)
            (number,) = struct.unpack_from(f"{order}H", body, 4 + entries)
            for each in range(number):
                tag, _, size, value = struct.unpack_from(f"{order}HHII", body, 6 + entries + 12 * each)
                if tag == 0xB002:
                    count, start = size // 16, 4 + value
            kinds = [struct.unpack_from(f"{order}I", body, start + 16 * each)[0] & 0xFFFFFF for each in range(count)]
        except struct.error:
            return False
        return any(kind not in _PREVIEWS for kind in kinds[1:])
    return False


def written(
    *, exif: bytes | None, xmp: bytes | None, iptc: bytes | None, comment: bytes | None
) -> tuple[bytes, tuple[str, ...]]:
    """Segments with metadata, as they stand after JFIF's.

    XMP that is too long for a segment is split. Of EXIF and IPTC that are too long nothing is written.

    Returns:
        The segments, and which of "EXIF", "XMP", "IPTC" and "comment" are not among them.
    """
    parts, lost = list[bytes](), list[str]()
    if exif:
        block = HEADER + exif.removeprefix(HEADER)
        if len(block) <= MOST:
            parts.append(_segment(_APP1, block))
        else:
            lost.append("EXIF")
    if xmp:
        segments = _xmp_segments(xmp)
        parts += segments
        if not segments:
            lost.append("XMP")
    if iptc:
        block = _PHOTOSHOP + resource_of(iptc)
        if len(block) <= MOST:
            parts.append(_segment(_APP13, block))
        else:
            lost.append("IPTC")
    if comment:
        if len(comment) <= MOST:
            parts.append(_segment(_COMMENT, comment))
        else:
            lost.append("comment")
    return b"".join(parts), tuple(lost)


def _xmp_segments(packet: bytes) -> list[bytes]:
    room = MOST - len(XMP_SEGMENT)
    if len(packet) <= room:
        return [_segment(_APP1, XMP_SEGMENT + packet)]
    divided = xmp_packets.split(packet, room)
    if divided is None:
        return []
    first, more = divided
    name, step = xmp_packets.guid(more).encode(), MOST - len(_MORE_XMP) - 40
    return [_segment(_APP1, XMP_SEGMENT + first)] + [
        _segment(_APP1, _MORE_XMP + name + struct.pack(">II", len(more), start) + more[start : start + step])
        for start in range(0, len(more), step)
    ]


def _segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data
