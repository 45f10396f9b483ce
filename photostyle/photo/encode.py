"""A photo as the bytes of a file: quantised, compressed, with its profile and its metadata."""

from __future__ import annotations

import io
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photostyle.errors import OutputError, SettingsError
from photostyle.photo import jpeg_segments, png_chunks
from photostyle.photo.exif import BYTE, ICC, IPTC, LONG, SHORT, UNDEFINED, XMP, Exif, read_exif
from photostyle.photo.icc import Profile
from photostyle.photo.metadata import Metadata, set_resolution
from photostyle.photo.stored import MOST_PIXELS, JpegTables, shown_size
from segmentation.threads import threads

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
"""Formats that are read and written, by Pillow's names. HEIC and raw are only read."""
DEEP = ("PNG", "TIFF")
"""Formats that are written with 16 bits a channel."""
QUALITY = 95
"""Default quality of JPEG, WebP and AVIF: differences from the original can hardly be seen."""

Pixels = NDArray[np.float32]
Levels = NDArray[np.unsignedinteger[Any]]

_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 32_768}
_DITHER = 0.5  # levels of 8 bits, from end to end; at 1 a mean is off by nothing, here by a quarter of a level at most
_ROWS = 64  # quantised at once; an even number
_STRIP = 1 << 20  # bytes of a TIFF's strip before compression
_COMMENT = "Comment"  # the keyword of a PNG's text that is a JPEG's comment
_BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _SAMPLES, _STRIP_ROWS, _STRIP_BYTES = 258, 259, 262, 273, 277, 278, 279
_WIDTH, _LENGTH, _PLANAR, _PREDICTOR, _EXTRA = 256, 257, 284, 317, 338
_RGB, _DEFLATE, _PREDICTED, _UNASSOCIATED = 2, 8, 2, 2


def depth_of(format: str, depth: int | Literal["auto"], own: int) -> int:
    """The number of bits per channel to write.

    Args:
        format: one of `FORMATS`.
        depth: 8, 16 or "auto", which is 16 if the photo has more than 8 and the format holds 16.
        own: the depth of the photo.

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
    """What a file of `format`, one of `FORMATS`, cannot hold of a photo: one text for each part."""
    held = _held(metadata, format)
    no_room = _segments(held)[1] if format == "JPEG" else ()
    lost = []
    if format == "JPEG" and alpha is not None and alpha.min() < 1:
        lost.append("its transparency is lost: JPEG has none. PNG, WebP, TIFF and AVIF keep it")
    if metadata.iptc and (not held.iptc or "IPTC" in no_room):
        lost.append(f"its IPTC is lost: {format} has no {'room' if format == 'JPEG' else 'place'} for it")
    if format == "JPEG" and (held.exif != metadata.exif or "EXIF" in no_room):
        part = "EXIF" if "EXIF" in no_room else "EXIF's maker's note"
        lost.append(f"its {part} is lost: JPEG has room for 64 KiB of EXIF. PNG and TIFF have more")
    if "XMP" in no_room:
        lost.append("its XMP is lost: it cannot be divided into the parts that a JPEG has room for")
    texts = [keyword for keyword, _ in metadata.texts if keyword not in [kept for kept, _ in held.texts]]
    if held.comment:
        texts = [keyword for keyword in texts if keyword != _COMMENT]
    if texts:
        lost.append(f"its texts are lost ({', '.join(dict.fromkeys(texts))}): {format} has no place for them")
    in_texts = any(keyword == _COMMENT for keyword, _ in held.texts)
    if metadata.comment and ("comment" in no_room or not (held.comment or in_texts)):
        lost.append(f"its comment is lost: {format} has no {'room' if no_room else 'place'} for it")
    return tuple(lost)


def encoded(
    pixels: Pixels,
    alpha: Pixels | None,
    profile: Profile,
    metadata: Metadata,
    tables: JpegTables | None,
    *,
    lossless: bool,
    format: str,
    quality: int | Literal["auto"],
    depth: int,
    srgb: bool,
) -> bytes:
    """The bytes of a file. The same photo gives the same bytes.

    Args:
        pixels: `(H, W, 3) float32`, encoded as `profile` says, [0, 1].
        alpha: `(H, W) float32`, [0, 1]. JPEG does not hold it.
        profile: what the numbers of the pixels mean.
        metadata: what is kept of it depends on the format, see `losses`.
        tables: how the content was compressed if it was a JPEG. They are used if `quality` is "auto".
        lossless: whether WebP is lossless if `quality` is "auto".
        format: one of `FORMATS`.
        quality: of JPEG, WebP and AVIF, 1 to 100, or "auto".
        depth: 8 or 16, see `depth_of`.
        srgb: whether to convert to sRGB, clipped to its gamut, and to leave the profile out.

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
    metadata = _held(metadata, format)
    try:
        if format == "PNG":
            return _png(levels, icc, metadata)
        if format == "TIFF":
            return _tiff(levels, icc, metadata)
        if format == "JPEG":
            return _jpeg(levels, icc, metadata, quality, tables)
        return _by_pillow(levels, icc, metadata, format, quality, lossless=lossless and quality == "auto")
    except (OSError, ValueError, RuntimeError) as error:
        raise OutputError(f"a photo that {format} can hold", str(error)) from error


def _levels(values: Pixels, depth: int, convert: Callable[[Pixels], Pixels] | None = None) -> Levels:
    """Values in [0, 1] as levels: 0 to 255, dithered, or 0 to 65535, rounded.

    A value halfway between two levels of 8 bits becomes one or the other, so that slow gradients have no bands. Values
    that are levels of 8 bits stay, so that an unchanged photo does, too. The noise is uniform and white, the same for
    every photo (Roberts, "Picture Coding Using Pseudo-Random Noise", IRE Transactions on Information Theory 8, 1962).

    Args:
        values: any shape, rows first.
        depth: 8 or 16.
        convert: applied to the values first, some rows at a time.
    """
    result = np.empty(values.shape, np.uint8 if depth == 8 else np.uint16)
    most = np.iinfo(result.dtype).max

    def work(first: int) -> None:
        rows = slice(first, first + _ROWS)
        scaled = np.multiply(convert(values[rows]) if convert else values[rows], most, dtype=np.float32)
        if depth == 8:
            noise = np.random.PCG64(0).advance(values[:first].size // 2)  # two numbers of 32 bits a step; _ROWS is even
            scaled += (np.random.Generator(noise).random(scaled.shape, np.float32) - np.float32(0.5)) * np.float32(
                _DITHER
            )
        np.clip(scaled, 0, most, out=scaled)
        result[rows] = np.rint(scaled, out=scaled)

    with ThreadPoolExecutor(threads()) as pool:
        deque(pool.map(work, range(0, len(values), _ROWS)), 0)
    return result


def _held(metadata: Metadata, format: str) -> Metadata:
    """What a file of `format` has a place for, in the form in which it has it. A JPEG may lack room for some of it."""
    texts, comment = metadata.texts, metadata.comment
    if format == "PNG":
        if comment and not any(keyword == _COMMENT for keyword, _ in texts):
            texts = (*texts, (_COMMENT, _decoded_text(comment)))
        return Metadata(metadata.exif, metadata.xmp, metadata.iptc, metadata.resolution, None, texts)
    if format == "TIFF":
        return Metadata(metadata.exif, metadata.xmp, metadata.iptc, metadata.resolution)
    if format in ("WEBP", "AVIF"):
        held = metadata.with_resolution_in_exif()
        return Metadata((held.without_orientation() if format == "AVIF" else held).exif, metadata.xmp)
    comment = comment or next((text.encode() for keyword, text in texts if keyword == _COMMENT), None)
    if metadata.exif and len(metadata.exif) > jpeg_segments.MOST:
        metadata = metadata.without_maker_note()
    return Metadata(metadata.exif, metadata.xmp, metadata.iptc, metadata.resolution, comment)


def _decoded_text(comment: bytes) -> str:
    """A JPEG's comment, whose encoding is not stated."""
    text = comment.rstrip(b"\0")
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _jpeg(
    levels: Levels, icc: bytes | None, metadata: Metadata, quality: int | Literal["auto"], tables: JpegTables | None
) -> bytes:
    """A JPEG without chroma subsampling, unless the content's tables and subsampling are kept."""
    options: dict[str, Any] = {"quality": QUALITY if quality == "auto" else quality, "subsampling": "4:4:4"}
    if quality == "auto" and tables is not None:
        options = {"qtables": [list(table) for table in tables.quantisation], "subsampling": tables.subsampling}
    if metadata.resolution is not None:
        options["dpi"] = tuple(min(round(each), 65_535) for each in metadata.resolution)
    segments, _ = _segments(metadata)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "JPEG", extra=segments, **options, **_given(icc_profile=icc))
    return buffer.getvalue()


def _segments(metadata: Metadata) -> tuple[bytes, tuple[str, ...]]:
    """See `jpeg_segments.written`."""
    return jpeg_segments.written(exif=metadata.exif, xmp=metadata.xmp, iptc=metadata.iptc, comment=metadata.comment)


def _by_pillow(
    levels: Levels, icc: bytes | None, metadata: Metadata, format: str, quality: int | Literal["auto"], *,
    lossless: bool,
) -> bytes:  # fmt: skip
    """A WebP or AVIF."""
    options: dict[str, Any] = {"quality": QUALITY if quality == "auto" else quality}
    if format == "AVIF":
        options["subsampling"] = "4:4:4"
    else:
        options |= {"exact": True, "lossless": lossless}  # exact: colours under transparency stay, too
        if lossless:
            options["quality"] = 80  # here the effort, not the quality
    held = _given(icc_profile=icc, exif=metadata.exif, xmp=metadata.xmp)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format, **options, **held)
    return buffer.getvalue()


def _given(**options: bytes | None) -> Mapping[str, Any]:
    return {name: value for name, value in options.items() if value}


def _png(levels: Levels, icc: bytes | None, metadata: Metadata) -> bytes:
    import imagecodecs

    return png_chunks.written(
        bytes(imagecodecs.png_encode(levels, level=6)), icc=icc, exif=metadata.exif, xmp=metadata.xmp,
        iptc=metadata.iptc,
        resolution=metadata.resolution, texts=metadata.texts,
    )  # fmt: skip


def _tiff(levels: Levels, icc: bytes | None, metadata: Metadata) -> bytes:
    """A TIFF, deflated after horizontal prediction (TIFF 6.0, section 14, and Adobe's Technical Note 2 on Photoshop).

    Its tags are written here, since libraries would encode those of EXIF again.
    """
    height, width, channels = levels.shape
    tags = read_exif(metadata.exif)[0] if metadata.exif else Exif()
    rows = max(1, _STRIP // (width * channels * levels.itemsize))
    strips = list(_strips(levels, rows, tags.order))
    shorts = {
        _BITS: (8 * levels.itemsize,) * channels, _COMPRESSION: (_DEFLATE,), _PHOTOMETRIC: (_RGB,),
        _SAMPLES: (channels,), _PLANAR: (1,), _PREDICTOR: (_PREDICTED,),
        **({_EXTRA: (_UNASSOCIATED,)} if channels == 4 else {}),
    }  # fmt: skip
    starts = np.cumsum([0, *(len(strip) for strip in strips)])
    longs = {
        _WIDTH: (width,), _LENGTH: (height,), _STRIP_ROWS: (rows,), _STRIP_BYTES: tuple(map(len, strips)),
        _STRIPS: tuple(starts[:-1].tolist()),
    }  # fmt: skip
    for kind, numbers in ((SHORT, shorts), (LONG, longs)):
        for tag, values in numbers.items():
            tags.set_numbers("image", tag, kind, *values)
    for tag, kind, data in (
        (XMP, BYTE, metadata.xmp),
        (IPTC, UNDEFINED, metadata.iptc),
        (ICC, UNDEFINED, icc),
    ):
        if data:
            tags.set_bytes("image", tag, kind, data)
    if metadata.resolution is not None:
        set_resolution(tags, metadata.resolution)
    first = len(tags.to_bytes())  # the strips follow the tags
    tags.set_numbers("image", _STRIPS, LONG, *(first + starts[:-1]).tolist())
    return b"".join([tags.to_bytes(), *strips])


def _strips(levels: Levels, rows: int, order: Literal["<", ">"]) -> Iterable[bytes]:
    for first in range(0, len(levels), rows):
        part = levels[first : first + rows]
        differences = part.copy()
        differences[:, 1:] -= part[:, :-1]
        yield zlib.compress(differences.astype(levels.dtype.newbyteorder(order), copy=False).tobytes(), 6)
