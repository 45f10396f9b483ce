"""Photos and their files made by hand, for the tests of reading and writing."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, features

from photostyle.photo.photo import Photo

ROWS, COLUMNS = 40, 48
Primaries = tuple[tuple[float, float, float], ...]
AVIF = pytest.param("AVIF", marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF"))


def noise(*shape: int, seed: int = 0, dtype: Any = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def smooth() -> NDArray[np.uint8]:
    """`(ROWS, COLUMNS, 3)`: a colour ramp, which lossy formats keep within a few levels."""
    row, column = np.mgrid[0 : 1 : ROWS * 1j, 0 : 1 : COLUMNS * 1j]
    ramp: NDArray[np.uint8] = np.rint(255 * np.stack([row, column, 1 - row], axis=2)).astype(np.uint8)
    return ramp


def png(height: int, width: int, depth: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG made by hand; `rows` are the bytes of all rows, each without its filter byte."""
    stride = len(rows) // height
    data = zlib.compress(b"".join(b"\0" + rows[i * stride : (i + 1) * stride] for i in range(height)))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", data), (b"IEND", b"")]
    body = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def tiff(height: int, width: int, bits: int, photometric: int, data: bytes, *extra: tuple[int, int]) -> bytes:
    """An uncompressed little-endian grey TIFF made by hand; every tag is one LONG."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: 1, 278: height, 279: len(data)}
    tags |= dict(extra)
    tags[273] = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + data


def icc(space: bytes, gamma: float, primaries: Primaries = (), *, curve: bytes = b"", lut: bytes = b"") -> bytes:
    """A version 2 ICC profile made by hand: a curve for grey, a matrix and curves for RGB, or a table of colours.

    `curve`, the data of a curve's tag, stands in for `gamma`.
    """

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))

    curve = curve or b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Test\0" + bytes(79), b"wtpt": xyz(0.9642, 1, 0.8249)}
    if lut:
        tags |= {b"A2B0": lut}
    elif space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {name + b"TRC": curve for name in (b"r", b"g", b"b")}
    tags |= {name + b"XYZ": xyz(*values) for name, values in zip((b"r", b"g", b"b"), primaries, strict=False)}
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(value))
        body += value
    length = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", length, b"lcms", 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))
SRGB_CURVE = b"para\0\0\0\0" + struct.pack(
    ">HH5i", 3, 0, *(round(value * 65536) for value in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
ADOBE_ICC = icc(b"RGB ", 563 / 256, ADOBE)
P3_ICC = icc(b"RGB ", 0, P3, curve=SRGB_CURVE)
PROPHOTO_ICC = icc(b"RGB ", 1.8, PROPHOTO)
SRGB_ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def table_curve(values: NDArray[np.float64]) -> bytes:
    """The data of a curve's tag that holds a table, of values in [0, 1]."""
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *np.rint(values * 65535).astype(int))


def swapping_icc() -> bytes:
    """A profile of linear light whose table of colours takes red for blue and has no primaries."""
    corners = [sum(np.array(SRGB[2 - i]) * bit for i, bit in enumerate(bits)) for bits in np.ndindex(2, 2, 2)]
    colours = np.rint(np.array([np.zeros(3) + corner for corner in corners]) * 32768).astype(int).ravel()
    lut = b"mft2\0\0\0\0" + struct.pack(">4B9i", 3, 3, 2, 0, *(65536 * (i % 4 == 0) for i in range(9)))
    ramps = [0, 65535] * 3
    return icc(b"RGB ", 1.0, lut=lut + struct.pack(">HH6H24H6H", 2, 2, *ramps, *colours, *ramps))


def srgb_encoded(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def read(tmp_path: Path, data: bytes, name: str = "photo") -> Photo:
    (tmp_path / name).write_bytes(data)
    return Photo.read(tmp_path / name)


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif.endian = "<"  # a maker's note may count on it
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def camera_exif(colour_space: int = 1) -> bytes:
    """EXIF of a photo held on its side, with a thumbnail in IFD1.

    Args:
        colour_space: 1 is sRGB, 65535 another one.
    """
    exif = exif_of(6)
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.IFD.Exif] = {
        int(ExifTags.Base.ISOSpeedRatings): 400,
        int(ExifTags.Base.ExifImageWidth): ROWS,
        int(ExifTags.Base.ExifImageHeight): COLUMNS,
        int(ExifTags.Base.ColorSpace): colour_space,
        int(ExifTags.Base.MakerNote): b"a maker's note",
    }
    exif[ExifTags.IFD.GPSInfo] = {int(ExifTags.GPS.GPSLatitudeRef): "N"}
    data = exif.tobytes()[6:]
    link = 8 + 2 + 12 * struct.unpack("<H", data[8:10])[0]
    thumbnail = struct.pack("<HHHIIHHIII", 2, 513, 4, 1, len(data) + 30, 514, 4, 1, 9, 0) + b"THUMBNAIL"
    return b"Exif\0\0" + data[:link] + struct.pack("<I", len(data)) + data[link + 4 :] + thumbnail


JPEG, PNG = (
    saved(Image.fromarray(noise(ROWS, COLUMNS, 3)), "JPEG"),
    saved(Image.fromarray(noise(ROWS, COLUMNS, 3)), "PNG"),
)

IPTC = b"\x1c\x02\x05\x00\x07A title\x1c\x02\x50\x00\x0aOne person\0\0\0\0"[:28]
"""Two records of IIM, a title and an author; as long as a multiple of four bytes."""
XMP = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/" xmp:Rating="4" exif:GPSLatitude="48,8.5N" tiff:Orientation="6">
<dc:creator><rdf:Seq><rdf:li>Someone</rdf:li></rdf:Seq></dc:creator>
<exif:GPSLongitude>11,34.5E</exif:GPSLongitude>
<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource"><xmpGImg:image>QUJD</xmpGImg:image></rdf:li></rdf:Alt>
</xmp:Thumbnails>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
"""A packet with an author, a rating, a place, an orientation and a thumbnail."""


def dng(
    height: int,
    width: int,
    orientation: int = 1,
    *,
    mosaic: NDArray[np.uint16] | None = None,
    baseline_exposure: tuple[int, int] = (0, 1),
    preview: bool = False,
) -> bytes:
    """A raw file of a sensor with a Bayer mosaic, as small as LibRaw takes it: a ramp of grey, dark at the top.

    `mosaic` stands in for the ramp. With `preview`, the file's first page is a small picture, as in those of most
    cameras.
    """
    if mosaic is None:
        mosaic = np.linspace(500, 60_000, height * width).reshape(height, width).astype(np.uint16)
    matrix = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)
    ratios = [part for value in matrix for part in (round(value * 10_000), 10_000)]
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True), (50707, "B", 4, (1, 1, 0, 0), True), (50708, "s", 0, "Camera", True),
        (271, "s", 0, "Maker", True), (272, "s", 0, "Camera", True), (274, "H", 1, orientation, True),
        (33421, "H", 2, (2, 2), True), (33422, "B", 4, (0, 1, 1, 2), True), (50714, "H", 1, 0, True),
        (50717, "I", 1, 65535, True), (50721, "2i", 9, ratios, True), (50728, "2I", 3, (1, 1) * 3, True),
        (50730, "2i", 1, baseline_exposure, True), (50778, "H", 1, 21, True),
    ]  # fmt: skip
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        options: dict[str, Any] = {"metadata": None, "software": None}
        if preview:
            small = np.zeros((24, 32, 3), np.uint8)
            file.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=tags, **options)
            tags = [tag for tag in tags if tag[0] in (33421, 33422, 50714, 50717)]
        file.write(mosaic, photometric=32803, extratags=tags, subfiletype=0, **options)
    return buffer.getvalue()
