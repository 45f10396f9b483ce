"""A photo as the bytes of a file: quantised, compressed, with its profile and its metadata."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from photostyle.errors import OutputError, SettingsError
from photostyle.photo.icc import Profile
from photostyle.photo.metadata import Metadata, resources_of_iptc
from photostyle.photo.pillow_reader import MOST_PIXELS, JpegTables, shown_size

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
"""What is written, by Pillow's names."""
DEEP = ("PNG", "TIFF")
"""Formats that are written with 16 bits a channel."""
QUALITY = 95
"""Of JPEG, WebP and AVIF, unless told otherwise: where differences from the original can hardly be seen."""

Pixels = NDArray[np.float32]
Levels = NDArray[np.unsignedinteger[Any]]

_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}
_DITHER = 0.5  # levels of 8 bits, from end to end; at 1 a mean is off by nothing, here by a quarter of a level at most
_ROWS = 256  # quantised at once
_SEGMENT = 65_533  # bytes that a segment of a JPEG holds
_ADOBE_XMP, _PHOTOSHOP = b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"  # what its segments begin with
_STRIP = 1 << 20  # bytes of a TIFF's strip before compression
_DEFLATE, _PREDICTED, _UNASSOCIATED = 8, 2, 2


def depth_of(format: str, depth: int | Literal["auto"], own: int) -> int:
    """Bits a channel to write.

    Args:
        depth: 8, 16, or "auto": more than 8 where the photo and the format have more.
        own: the photo's.

    Raises:
        SettingsError: an unknown format or depth, or one that the format cannot hold.
    """
    if format not in FORMATS:
        raise SettingsError("one of the formats " + ", ".join(FORMATS), repr(format))
    if depth == "auto":
        return 16 if own > 8 and format in DEEP else 8
    if depth not in (8, 16):
        raise SettingsError("8 or 16 bits a channel", repr(depth))
    if depth == 16 and format not in DEEP:
        raise SettingsError(f"a format that holds 16 bits a channel ({' or '.join(DEEP)})", format)
    return depth


def check_size_fits(height: int, width: int, format: str) -> None:
    """Refuses a photo that is too large for a format; it can be asked before the work.

    Args:
        height: rows, in pixels.
        width: columns, in pixels.
        format: one of `FORMATS`.

    Raises:
        OutputError: a side is too long.
    """
    if max(height, width) > _LONGEST_SIDE.get(format, MOST_PIXELS):
        limit = f"sides of at most {_LONGEST_SIDE[format]:,} px in {format}"
        raise OutputError(limit, shown_size(height, width), advice="Choose PNG or TIFF.")


def losses(alpha: Pixels | None, metadata: Metadata, format: str) -> tuple[str, ...]:
    """What a file of `format`, one of `FORMATS`, cannot hold of a photo: a line each."""
    held = _for_jpeg(metadata) if format == "JPEG" else metadata
    lost = []
    if format == "JPEG" and alpha is not None and alpha.min() < 1:
        lost.append("its transparency is lost: JPEG has none. PNG, WebP, TIFF and AVIF keep it")
    if metadata.iptc and (format in ("WEBP", "AVIF") or not held.iptc):
        lost.append(f"its IPTC is lost: {format} has no {'room' if format == 'JPEG' else 'place'} for it")
    if held.exif != metadata.exif:
        part = "EXIF's maker's note" if held.exif else "EXIF"
        lost.append(f"its {part} is lost: JPEG has room for 64 KiB of EXIF. PNG and TIFF have more")
    if metadata.xmp and not held.xmp:
        lost.append("its XMP is lost: JPEG has room for 64 KiB. PNG and TIFF have more")
    return tuple(lost)


def encoded(
    pixels: Pixels,
    alpha: Pixels | None,
    profile: Profile,
    metadata: Metadata,
    tables: JpegTables | None,
    *,
    format: str,
    quality: int | Literal["auto"],
    depth: int,
    srgb: bool,
) -> bytes:
    """The file's bytes; the same photo gives the same bytes.

    Args:
        pixels: `(H, W, 3) float32`, encoded as `profile` says, [0, 1].
        alpha: `(H, W) float32`, [0, 1]; left out of JPEG.
        tables: of the JPEG that the photo was, kept where `quality` is "auto".
        format: one of `FORMATS`.
        quality: of JPEG, WebP and AVIF, 1 to 100, or "auto".
        depth: 8 or 16, as `depth_of` has it.
        srgb: convert to sRGB, clipped to its gamut, and leave the profile out.

    Raises:
        SettingsError: a quality out of its range.
        OutputError: the format cannot hold this photo.
    """
    if quality != "auto" and not 1 <= quality <= 100:
        raise SettingsError("a quality from 1 to 100", str(quality))
    check_size_fits(pixels.shape[0], pixels.shape[1], format)
    converted = srgb and not profile.is_srgb
    planes = [_levels(pixels, depth, profile.to_srgb if converted else None)]
    if alpha is not None and format != "JPEG":
        planes.append(_levels(alpha, depth)[:, :, None])
    levels = planes[0] if len(planes) == 1 else np.concatenate(planes, 2)
    icc, metadata = (None, metadata.in_srgb()) if srgb else (profile.icc, metadata)
    try:
        if format == "PNG":
            return _png(levels, icc, metadata)
        if format == "TIFF":
            return _tiff(levels, icc, metadata)
        return _by_pillow(levels, icc, metadata, format, quality, tables)
    except (OSError, ValueError, RuntimeError) as error:
        raise OutputError(f"a photo that {format} can hold", str(error)) from error


def _levels(values: Pixels, depth: int, convert: Callable[[Pixels], Pixels] | None = None) -> Levels:
    """[0, 1] -> 0..255, dithered: a value halfway between two levels becomes either; or 0..65535, rounded.

    So a sky of slow gradients has no bands. Levels of 8 bits stay what they are, so that an unchanged photo does, too.
    The noise is uniform and white, the same for every photo (Roberts, "Picture Coding Using Pseudo-Random Noise",
    IRE Transactions on Information Theory 8, 1962).

    Args:
        convert: applied to the values first, some rows at a time.
    """
    rng = np.random.default_rng(0)
    result = np.empty(values.shape, np.uint8 if depth == 8 else np.uint16)
    most = np.iinfo(result.dtype).max
    for first in range(0, len(values), _ROWS):
        rows = slice(first, first + _ROWS)
        scaled = np.multiply(convert(values[rows]) if convert else values[rows], most, dtype=np.float32)
        if depth == 8:
            scaled += (rng.random(scaled.shape, np.float32) - np.float32(0.5)) * np.float32(_DITHER)
        np.clip(scaled, 0, most, out=scaled)
        result[rows] = np.rint(scaled, out=scaled)
    return result


def _by_pillow(
    levels: Levels, icc: bytes | None, metadata: Metadata, format: str, quality: int | Literal["auto"],
    tables: JpegTables | None,
) -> bytes:  # fmt: skip
    """JPEG (4:4:4 unless it keeps its tables; no block of metadata above 64 KiB), WebP or AVIF."""
    options: dict[str, Any] = {"quality": QUALITY if quality == "auto" else quality}
    held = {"icc_profile": icc, "exif": metadata.exif, "xmp": metadata.xmp}
    if format == "JPEG":
        options["subsampling"] = "4:4:4"
        if quality == "auto" and tables is not None:
            options = {"qtables": [list(table) for table in tables.quantisation], "subsampling": tables.subsampling}
        metadata = _for_jpeg(metadata)
        held |= {"exif": metadata.exif, "xmp": metadata.xmp}
        options["extra"] = _iptc_segment(metadata.iptc)
    elif format == "AVIF":
        options["subsampling"] = "4:4:4"
    else:
        options["exact"] = True  # colours under transparency, too
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format, **options, **{name: data for name, data in held.items() if data})
    return buffer.getvalue()


def _for_jpeg(metadata: Metadata) -> Metadata:
    """What a JPEG can hold of it, a block of each kind in one segment."""
    if metadata.exif and len(metadata.exif) > _SEGMENT:
        metadata = metadata.without_maker_note()
    resources = resources_of_iptc(metadata.iptc) if metadata.iptc else b""
    return Metadata(
        exif=metadata.exif if len(metadata.exif or b"") <= _SEGMENT else None,
        xmp=metadata.xmp if len(metadata.xmp or b"") <= _SEGMENT - len(_ADOBE_XMP) else None,
        iptc=metadata.iptc if len(resources) <= _SEGMENT - len(_PHOTOSHOP) else None,
    )


def _iptc_segment(iptc: bytes | None) -> bytes:
    """The segment APP13 of a JPEG; empty without IPTC."""
    data = _PHOTOSHOP + resources_of_iptc(iptc) if iptc else b""
    return b"\xff\xed" + struct.pack(">H", len(data) + 2) + data if data else b""


def _png(levels: Levels, icc: bytes | None, metadata: Metadata) -> bytes:
    import imagecodecs

    data = imagecodecs.png_encode(levels, level=6)
    chunks = []
    if icc is not None:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if metadata.exif is not None:
        chunks.append((b"eXIf", metadata.exif.removeprefix(b"Exif\0\0")))
    if metadata.xmp is not None:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    if metadata.iptc is not None:
        resources = resources_of_iptc(metadata.iptc)
        text = f"\niptc\n{len(resources):8}\n{resources.hex()}\n"
        chunks.append((b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text.encode())))
    body = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    start = 33  # after the signature and IHDR
    return b"".join([data[:start], *body, data[start:]])


def _tiff(levels: Levels, icc: bytes | None, metadata: Metadata) -> bytes:
    """Deflated after horizontal prediction (TIFF 6.0, section 14, and Adobe's Technical Note 2 on Photoshop).

    Pillow compresses through libtiff, which loses the camera's part of EXIF; here it writes the tags alone.
    """
    height, width, channels = levels.shape
    tags = Image.Exif()
    tags.endian = "<"
    if metadata.exif is not None:
        tags.load(metadata.exif)
    order: Literal["<", ">"] = ">" if tags.endian == ">" else "<"
    rows = max(1, _STRIP // (width * channels * levels.itemsize))
    strips = list(_strips(levels, rows, order))
    # Pillow counts the strips' places from the end of the tags, and writes them from the file's beginning.
    starts = np.cumsum([0, *(len(strip) for strip in strips)]).tolist()
    tags.update({
        int(ExifTags.Base.ImageWidth): width, int(ExifTags.Base.ImageLength): height,
        int(ExifTags.Base.BitsPerSample): (8 * levels.itemsize,) * channels,
        int(ExifTags.Base.Compression): _DEFLATE, int(ExifTags.Base.PhotometricInterpretation): 2,
        int(ExifTags.Base.StripOffsets): tuple(starts[:-1]), int(ExifTags.Base.SamplesPerPixel): channels,
        int(ExifTags.Base.RowsPerStrip): rows, int(ExifTags.Base.StripByteCounts): tuple(map(len, strips)),
        int(ExifTags.Base.PlanarConfiguration): 1, int(ExifTags.Base.Predictor): _PREDICTED,
        **({338: _UNASSOCIATED} if channels == 4 else {}),
        **({700: metadata.xmp} if metadata.xmp else {}),
        **({33723: metadata.iptc} if metadata.iptc else {}),
        **({34675: icc} if icc else {}),
    })  # fmt: skip
    return b"".join([tags.tobytes().removeprefix(b"Exif\0\0"), *strips])


def _strips(levels: Levels, rows: int, order: Literal["<", ">"]) -> Iterable[bytes]:
    for first in range(0, len(levels), rows):
        part = levels[first : first + rows]
        differences = part.copy()
        differences[:, 1:] -= part[:, :-1]
        yield zlib.compress(differences.astype(levels.dtype.newbyteorder(order), copy=False).tobytes(), 6)
