"""Reader of images that Pillow keeps whole: 8 bits a channel, and grey of 16 bits."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, JpegImagePlugin

from photostyle.errors import InputError
from photostyle.photo.embedded import ColourTags, Embedded
from photostyle.photo.iptc import RESOURCE
from photostyle.photo.stored import JpegTables, StoredImage, check_size

_GREY16 = {"I;16", "I;16B", "I;16L", "I;16N"}
_GREY8 = {"1", "L", "LA", "La"}
_COLOUR8 = {"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0
_CMYK_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_CMYK_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


def read_with_pillow(image: Image.Image, where: str, notes: list[str], embedded: Embedded | None = None) -> StoredImage:
    """An opened image.

    Args:
        image: of 8 bits a channel, or of 16-bit grey.
        where: the file, for errors.
        notes: takes what a user should know.
        embedded: what the file holds beside the picture; None to take what Pillow has read of it.

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
    embedded = embedded_in(image) if embedded is None else embedded
    jpeg = _jpeg_tables(image) if isinstance(image, JpegImagePlugin.JpegImageFile) else None
    stored = StoredImage(np.empty(0), 255, 8, image.mode in _GREY8, embedded, jpeg=jpeg)
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
        image = cmyk_in_srgb(image, embedded.colours.icc, notes)
        stored = stored._replace(embedded=embedded._replace(colours=ColourTags()))
    else:
        image = image.convert("L" if stored.grey else "RGB")
    return stored._replace(samples=np.asarray(image))


def embedded_in(image: Image.Image) -> Embedded:
    """What Pillow has read beside the picture of an opened image."""
    info = image.info
    exif = info.get("exif") or image.getexif().tobytes()
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    photoshop = info.get("photoshop")
    iptc = photoshop.get(RESOURCE) if isinstance(photoshop, dict) else None
    damaged = ("its EXIF",) if info.get("exif") and not image.getexif() else ()
    return Embedded(
        exif if isinstance(exif, bytes) and len(exif) > 20 else None,
        xmp.encode() if isinstance(xmp, str) else xmp,
        iptc if isinstance(iptc, bytes) else None,
        ColourTags(info.get("icc_profile") or None),
        damaged=damaged,
    )


def _with_transparency(image: Image.Image) -> NDArray[np.uint16]:
    """16-bit grey, with alpha where one grey stands for transparency."""
    grey, clear = np.asarray(image), image.info.get("transparency")
    return grey if clear is None else np.stack([grey, np.where(grey == clear, 0, 65_535).astype(grey.dtype)], 2)


def _jpeg_tables(image: JpegImagePlugin.JpegImageFile) -> JpegTables | None:
    """None for what is neither grey nor YCbCr, whose tables serve nothing else."""
    if image.layers not in (1, 3):
        return None
    tables: dict[int, Any] = image.quantization
    numbers = [component[3] for component in image.layer]
    if not numbers or not set(numbers) <= set(tables):
        return None
    used = [tuple(tables[number]) for number in numbers]
    while len(used) > 1 and used[-1] == used[-2]:  # chroma's two channels share a table, and may share luma's
        used.pop()
    return JpegTables(tuple(used), max(JpegImagePlugin.get_sampling(image), 0))


def cmyk_in_srgb(image: Image.Image, icc: bytes | None, notes: list[str]) -> Image.Image:
    """Relative colorimetric with black point compensation, as photo editors convert unless told otherwise."""
    try:
        if not icc:
            notes.append("CMYK without a colour profile, so its colours are a guess")
            return image.convert("RGB")
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        srgb = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(profile, srgb, "CMYK", "RGB", _CMYK_INTENT, _CMYK_FLAGS)
        converted = transform.apply(image)
        notes.append(f"CMYK is converted to sRGB from {ImageCms.getProfileDescription(profile).strip()!r}")
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        notes.append(f"the embedded colour profile cannot be used, so its colours are a guess: {error}")
        return image.convert("RGB")
    return converted
