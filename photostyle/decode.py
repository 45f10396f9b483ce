"""A photo's pixels, and what its file says about them, from files, PIL images and arrays: upright and in sRGB."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from photostyle.errors import InputError

SHORTEST_SIDE = 32
"""Pixels a side must have: at relu5_1 the encoder's grid is 16 times coarser, and needs two rows and two columns."""

MOST_PIXELS = 250_000_000
"""Pixels a photo may have: the largest cameras stay below; as float32 it takes 3 GB."""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
"""What is read, by Pillow's names; what is written is among them."""

_GREY16 = {"I;16", "I;16B", "I;16L", "I;16N"}
_COLOUR8 = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}

# EXIF orientation -> what brings the stored rows and columns to those of the scene.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDES_SWAPPED = {5, 6, 7, 8}

# Tags that lay out a TIFF's own pixels, or that repeat what is kept elsewhere: wrong in any other file.
_LAYOUT_TAGS = {*range(254, 267), 273, *range(277, 280), 284, 317, *range(320, 326), 330, 338, 339, 347}
_LAYOUT_TAGS |= {*range(512, 533), 700, 33723, 34377, 34675}

_SUBFILE_TYPE, _BITS_PER_SAMPLE, _PHOTOMETRIC, _DNG_VERSION = 254, 258, 262, 50706
_WHITE_IS_ZERO = 0

# Python's warning filters belong to the whole process: one thread at a time may catch Pillow's warnings.
_WARNINGS_LOCK = threading.Lock()


class Decoded(NamedTuple):
    """The fields of `photostyle.photo.Photo`, which documents them, in its order."""

    pixels: NDArray[np.float32]
    alpha: NDArray[np.float32] | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    path: Path | None = None
    format: str | None = None
    sha256: str | None = None
    warnings: tuple[str, ...] = ()


def decode(source: str | Path | Image.Image | NDArray[Any]) -> Decoded:
    """What `Photo.read` makes a photo of; see there for the sources.

    Raises:
        InputError: as `Photo.read`.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        filename = getattr(source, "filename", "")
        path = Path(os.fsdecode(filename)).absolute() if filename else None
        decoded = _from_image(source, str(path or "the PIL image"), [])
        format = "JPEG" if source.format == "MPO" else source.format
        return decoded._replace(path=path, format=format if format in FORMATS else None)
    if isinstance(source, (str, Path)):
        return _from_file(source)
    raise InputError("a path, a PIL image, an array or a Photo", f"a {type(source).__name__}")


def shown_size(height: int, width: int) -> str:
    """A size as messages have it."""
    return f"{width:,} x {height:,} px (width x height)"


def _check_size(height: int, width: int, where: str) -> None:
    if height * width > MOST_PIXELS:
        raise InputError(f"at most {MOST_PIXELS:,} pixels", shown_size(height, width), where, "Make it smaller first.")
    if min(height, width) < SHORTEST_SIDE:
        raise InputError(f"sides of at least {SHORTEST_SIDE} px", shown_size(height, width), where)


def _from_array(values: NDArray[Any]) -> Decoded:
    where = "the array"
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3, 4)):
        raise InputError("shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)", str(values.shape), where)
    _check_size(values.shape[0], values.shape[1], where)
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        values = np.divide(values, np.iinfo(values.dtype).max, dtype=np.float32)
    elif values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
        if not (values.min() >= 0 and values.max() <= 1):
            advice = "Divide by the largest value the encoding can hold, or clip."
            raise InputError("values in [0, 1]", f"{values.min():g} to {values.max():g}", where, advice)
    else:
        raise InputError("uint8, uint16 or floating values", str(values.dtype), where)
    values = np.atleast_3d(values)
    alpha = np.ascontiguousarray(values[:, :, 3]) if values.shape[2] == 4 else None
    return Decoded(_rgb(values[:, :, :3]), alpha)


def _rgb(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(H, W, 1 or 3)` -> C-contiguous `(H, W, 3)`."""
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3)))


def _from_file(source: str | Path) -> Decoded:
    if str(source) == "-":
        return _from_stream(io.BytesIO(sys.stdin.buffer.read()), "standard input", None)
    where = str(source)
    if os.path.isdir(source):
        raise InputError("a photo", "a folder", where)
    try:
        with open(source, "rb") as file:
            stream = file if file.seekable() else io.BytesIO(file.read())
            return _from_stream(stream, where, Path(source).absolute())
    except FileNotFoundError as error:
        raise InputError("a photo", "no such file", where, "Check the name and the folder.") from error
    except PermissionError as error:
        raise InputError("a photo", "a file that may not be read", where, "Check its permissions.") from error
    except (OSError, ValueError) as error:
        raise InputError("a photo", f"a file that cannot be read ({error})", where) from error


def _from_stream(stream: IO[bytes], where: str, path: Path | None) -> Decoded:
    head = stream.read(16)
    Image.init()
    names = [name for name in FORMATS if name in Image.OPEN and (Image.OPEN[name][1] or bool)(head) is True]
    notes: list[str] = []
    with _pillow(where, notes):
        stream.seek(0)
        # Image.open would warn of, and refuse, sizes below MOST_PIXELS.
        image = Image.OPEN[names[0]][0](stream, "") if names else None
        tags = getattr(image, "tag_v2", {})
        if image is None or head[8:10] == b"CR" or tags.get(_SUBFILE_TYPE) == 1 or _DNG_VERSION in tags:
            found = "a raw file" if image else f"a file that begins with {head!r}" if head else "an empty file"
            advice = "Develop raw files, and export other kinds, as JPEG, PNG or TIFF first."
            raise InputError("a JPEG, PNG, WebP, TIFF or AVIF photo", found, where, advice)
        pages = getattr(image, "n_frames", 1)
        if pages > 1 and image.format != "MPO":  # a camera's JPEG with previews
            notes.append(f"only the first of {pages} pages or frames is read")
    decoded = _from_image(image, where, notes)
    stream.seek(0)
    sha256 = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    return decoded._replace(path=path, format=names[0], sha256=sha256)


@contextmanager
def _pillow(where: str, notes: list[str]) -> Iterator[None]:
    """Turn what Pillow warns of into `notes`, and what it raises into InputError: on damaged bytes, nearly anything."""
    with _WARNINGS_LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except InputError:
            raise
        except (MemoryError, Image.DecompressionBombError) as error:
            raise InputError("a photo that fits in memory", f"a larger one ({error})", where) from error
        except Exception as error:
            raise InputError("a whole photo", f"a damaged one ({error})", where, "Copy or export it again.") from error
    notes.extend(dict.fromkeys(str(warning.message) for warning in caught))


def _from_image(image: Image.Image, where: str, notes: list[str]) -> Decoded:
    _check_size(image.height, image.width, where)
    if image.mode not in _COLOUR8 | _GREY16:
        advice = "Export it with 8 bits a channel, or as 16-bit grey."
        raise InputError("grey, RGB or CMYK of 8 bits, or 16-bit grey", f"mode {image.mode}", where, advice)
    with _pillow(where, notes):
        tags = dict(getattr(image, "tag_v2", {}))
        if image.mode in _COLOUR8 and any(";16" in str(tile) for tile in getattr(image, "tile", ())):
            notes.append("16 bits a channel are read as 8")
        image.load()
        exif, orientation = _exif(image, notes)
        if orientation in _UPRIGHT:
            image = image.transpose(_UPRIGHT[orientation])
        if image.mode in _GREY16:
            pixels, alpha, icc = *_grey16(image, tags, notes), None
        else:
            pixels, alpha, icc = _colour8(image, notes)
    return Decoded(pixels, alpha, icc, exif, warnings=tuple(notes))


def _grey16(
    image: Image.Image, tags: dict[int, Any], notes: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    stored = np.asarray(image)
    white = 2 ** tags.get(_BITS_PER_SAMPLE, (16,))[0] - 1  # 12-bit TIFF has this mode, too
    grey = np.divide(stored, white, dtype=np.float32)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        grey = 1 - grey
    if image.info.get("icc_profile"):
        notes.append("the profile of 16-bit grey is not used: taken as sRGB")
    clear = image.info.get("transparency")
    return _rgb(grey[:, :, None]), None if clear is None else (stored != clear).astype(np.float32)


def _colour8(
    image: Image.Image, notes: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, bytes | None]:
    icc, grey, alpha = image.info.get("icc_profile"), image.mode in {"1", "L", "LA", "La"}, None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.divide(np.asarray(image.getchannel("A")), 255, dtype=np.float32)
    image, icc = _to_srgb(image, icc, grey, notes)
    return np.divide(np.asarray(image), 255, dtype=np.float32), alpha, icc


def _to_srgb(image: Image.Image, icc: bytes | None, grey: bool, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """To mode RGB, in sRGB, with the profile to keep. A profile counts as sRGB when it moves no colour by over 2/255.

    Relative colorimetric with black point compensation, as photo editors convert unless told otherwise.
    """
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            space = profile.profile.xcolor_space.strip()
            mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[space]
            if (mode == "L" and not grey) or (mode == "CMYK") != (image.mode == "CMYK"):
                raise ValueError(f"a profile of {space} on {image.mode} pixels")
            intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
            srgb = ImageCms.createProfile("sRGB")
            transform = ImageCms.buildTransform(profile, srgb, mode, "RGB", intent, flags)
            if mode == "RGB" and _moves_at_most(transform, 2):
                return image.convert("RGB"), icc
            notes.append(f"converted to sRGB from {ImageCms.getProfileDescription(profile).strip()!r}")
            return transform.apply(image.convert("RGB").convert(mode) if mode == "L" else image.convert(mode)), None
        except (ImageCms.PyCMSError, OSError, LookupError, ValueError) as error:
            notes.append(f"the embedded colour profile cannot be used, taken as sRGB: {error}")
    elif image.mode == "CMYK":
        notes.append("CMYK without a profile: its colours are a guess")
    return image.convert("RGB"), None


def _moves_at_most(transform: ImageCms.ImageCmsTransform, levels: int) -> bool:
    """Whether an RGB transform moves no colour of a 16 x 16 x 16 lattice by more than `levels` of 255."""
    lattice = np.ascontiguousarray(np.indices((16, 16, 16), np.uint8).reshape(3, 64, 64).transpose(1, 2, 0) * 17)
    moved = np.asarray(transform.apply(Image.fromarray(lattice)))
    return bool(np.abs(moved.astype(int) - lattice).max() <= levels)


def _exif(image: Image.Image, notes: list[str]) -> tuple[bytes | None, int]:
    """EXIF that is true of the upright photo in sRGB, and the orientation it had."""
    orientation = 1
    try:
        found = image.getexif()
        orientation = found.get(ExifTags.Base.Orientation, 1)
        kept = Image.Exif()
        kept.endian = found.endian
        for tag in set(found) - _LAYOUT_TAGS:
            kept[tag] = found[tag]
        for ifd in {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo} & set(found):
            kept[ifd] = dict(found.get_ifd(ifd))
        if not kept:
            if image.info.get("exif"):
                notes.append("its EXIF holds nothing that can be read")
            return None, orientation
        kept[ExifTags.Base.Orientation] = 1
        height, width = image.size if orientation in _SIDES_SWAPPED else image.size[::-1]
        details = kept.get(ExifTags.IFD.Exif, {})
        for tag, value in {
            int(ExifTags.Base.ExifImageHeight): height,
            int(ExifTags.Base.ExifImageWidth): width,
            int(ExifTags.Base.ColorSpace): 1,
            int(ExifTags.IFD.Interop): dict(found.get_ifd(ExifTags.IFD.Interop)),
        }.items():
            if tag in details:
                details[tag] = value
        return kept.tobytes(), orientation
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        notes.append(f"its EXIF is damaged and is left out: {error}")
        return None, orientation
