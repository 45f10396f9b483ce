"""What a file stores, its samples and what is embedded beside them, and the reader of what Pillow keeps whole."""

from __future__ import annotations

import io
import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, JpegImagePlugin

from photostyle.errors import InputError
from photostyle.photo.metadata import iptc_of_resources

SHORTEST_SIDE = 32
"""Pixels a side must have: at relu5_1 the encoder's grid is 16 times coarser, and needs two rows and two columns."""

MOST_PIXELS = 250_000_000
"""Pixels a photo may have: the largest cameras stay below; as float32 it takes 3 GB."""

_GREY16 = {"I;16", "I;16B", "I;16L", "I;16N"}
_GREY8 = {"1", "L", "LA", "La"}
_COLOUR8 = {"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
_BITS_PER_SAMPLE, _PHOTOMETRIC, _XMP, _IPTC = 258, 262, 700, 33723
_WHITE_IS_ZERO = 0


class JpegTables(NamedTuple):
    """How a JPEG was compressed.

    Args:
        quantisation: its tables, luma's first, 64 numbers each.
        subsampling: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.
    """

    quantisation: tuple[tuple[int, ...], ...]
    subsampling: int


class StoredImage(NamedTuple):
    """A file as it is stored: its orientation is not applied yet, its profile not looked into.

    Args:
        samples: `(H, W)` or `(H, W, C)`, uint8 or uint16: grey, grey and alpha, RGB, or RGB and alpha.
        white: the sample of full intensity.
        depth: bits a channel.
        grey: whether the file holds no colour, whatever `samples` are.
        premultiplied: whether the colours are stored times alpha.
        exif, icc, xmp, iptc: as embedded.
        turned: whether the reader has applied the orientation.
    """

    samples: NDArray[Any]
    white: int
    depth: int
    grey: bool
    exif: Image.Exif
    icc: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    premultiplied: bool = False
    turned: bool = False
    jpeg: JpegTables | None = None


def shown_size(height: int, width: int) -> str:
    """A size as messages have it."""
    return f"{width:,} x {height:,} px (width x height)"


def check_size(height: int, width: int, where: str) -> None:
    """Raises InputError for a photo with too many pixels or too short a side, or with sides that are no numbers."""
    if not (isinstance(height, int) and isinstance(width, int)):
        raise InputError("a whole photo", "a damaged one (its size is no number)", where, "Copy or export it again.")
    if height * width > MOST_PIXELS:
        raise InputError(f"at most {MOST_PIXELS:,} pixels", shown_size(height, width), where, "Make it smaller first.")
    if min(height, width) < SHORTEST_SIDE:
        raise InputError(f"sides of at least {SHORTEST_SIDE} px", shown_size(height, width), where)


def note_pages(pages: int, notes: list[str]) -> None:
    """That of several pages or frames the first alone is read."""
    if pages > 1:
        notes.append(f"only the first of {pages} pages or frames is read")


def read_with_pillow(image: Image.Image, where: str, notes: list[str]) -> StoredImage:
    """An opened image, of 8 bits a channel or 16-bit grey.

    Raises:
        InputError: it has another mode.
    """
    check_size(image.height, image.width, where)
    if image.mode not in _GREY8 | _COLOUR8 | _GREY16:
        advice = "Export it with 8 or 16 bits a channel."
        raise InputError("grey, RGB or CMYK of 8 or 16 bits", f"mode {image.mode}", where, advice)
    if image.mode not in _GREY16 and any(";16" in str(tile) for tile in getattr(image, "tile", ())):
        notes.append("16 bits a channel were read as 8: give the file instead of the opened image")
    image.load()
    icc, jpeg = image.info.get("icc_profile"), None
    exif = image.getexif()
    if image.info.get("exif") and not exif:
        notes.append("its EXIF cannot be read and is left out")
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        jpeg = _jpeg_tables(image)
    stored = StoredImage(
        np.empty(0), 255, 8, image.mode in _GREY8, exif, icc, xmp_of(image, exif), iptc_of(image, exif), jpeg=jpeg
    )
    if image.mode in _GREY16:
        tags = getattr(image, "tag_v2", {})
        bits = tags.get(_BITS_PER_SAMPLE, (16,))[0]  # 12-bit TIFF has this mode, too
        white, samples = 2**bits - 1, _with_transparency(image)
        if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            samples = white - samples
        return stored._replace(samples=samples, white=white, depth=bits, grey=True)
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode == "CMYK":
        image = _cmyk_in_srgb(image, icc, notes)
        stored = stored._replace(icc=None)
    else:
        image = image.convert("L" if stored.grey else "RGB")
    return stored._replace(samples=np.asarray(image))


def _with_transparency(image: Image.Image) -> NDArray[np.uint16]:
    """16-bit grey, with alpha where one grey stands for transparency."""
    grey, clear = np.asarray(image), image.info.get("transparency")
    return grey if clear is None else np.stack([grey, np.where(grey == clear, 0, 65_535).astype(grey.dtype)], 2)


def _jpeg_tables(image: JpegImagePlugin.JpegImageFile) -> JpegTables | None:
    """None for what is neither grey nor YCbCr, whose tables serve nothing else."""
    if image.layers not in (1, 3):
        return None
    sampling = JpegImagePlugin.get_sampling(image)
    return JpegTables(tuple(tuple(table) for table in image.quantization.values()), max(sampling, 0))


def _cmyk_in_srgb(image: Image.Image, icc: bytes | None, notes: list[str]) -> Image.Image:
    """Relative colorimetric with black point compensation, as photo editors convert unless told otherwise."""
    try:
        if not icc:
            notes.append("CMYK without a colour profile, so its colours are a guess")
            return image.convert("RGB")
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.buildTransform(profile, srgb, "CMYK", "RGB", intent, flags).apply(image)
        notes.append(f"CMYK is converted to sRGB from {ImageCms.getProfileDescription(profile).strip()!r}")
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        notes.append(f"the embedded colour profile cannot be used, so its colours are a guess: {error}")
        return image.convert("RGB")
    return converted


def xmp_of(image: Image.Image, exif: Image.Exif) -> bytes | None:
    """The packet of an opened image."""
    xmp = image.info.get("xmp") or tag_bytes(exif, _XMP)
    return xmp.encode() if isinstance(xmp, str) else xmp


def iptc_of(image: Image.Image, exif: Image.Exif) -> bytes | None:
    """The records of IIM of an opened image: of a JPEG's resources, a PNG's text or a TIFF's tag."""
    if "photoshop" in image.info:
        return iptc_of_resources(image.info["photoshop"])
    lines = str(image.info.get("Raw profile type iptc", "")).split()  # a name, a length, and hexadecimal digits
    if lines:
        try:
            return iptc_of_resources(_resources(bytes.fromhex("".join(lines[2:]))))
        except (ValueError, struct.error):
            return None
    return tag_bytes(exif, _IPTC)


def _resources(data: bytes) -> dict[int, bytes]:
    """Photoshop's image resources by number."""
    found, place = {}, 0
    while data[place : place + 4] == b"8BIM":
        number, name = struct.unpack_from(">HB", data, place + 4)
        place += 6 + (name + 2) // 2 * 2
        (size,) = struct.unpack_from(">I", data, place)
        found[number] = data[place + 4 : place + 4 + size]
        place += 4 + size + size % 2
    return found


def tag_bytes(exif: Image.Exif, tag: int) -> bytes | None:
    """A tag's bytes, for programs store them as bytes or as numbers of 32 bits."""
    value = exif.get(tag)
    if isinstance(value, (int, tuple)):
        numbers = value if isinstance(value, tuple) else (value,)
        size = "I" if tag == _IPTC else "B"
        value = struct.pack(f"{exif.endian or '<'}{len(numbers)}{size}", *numbers)
    return value if isinstance(value, bytes) else None
