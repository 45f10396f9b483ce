"""Photos: read from any source, resized, and written. The only module that knows file formats."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import struct
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, features

from photostyle.errors import InputError, OutputError, SettingsError
from photostyle.files import atomic_write, check_target

SHORTEST_SIDE = 32
"""Pixels a side must have: at relu5_1 the encoder's grid is 16 times coarser, and needs two rows and two columns."""

MOST_PIXELS = 250_000_000
"""Pixels a photo may have: the largest cameras stay below; as float32 it takes 3 GB."""

_READABLE = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
_ENDINGS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}
_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}
_JPEG_MOST_EXIF = 65_533  # bytes: one JPEG segment

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


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, upright and in sRGB, with what its file says about it.

    A profile other than sRGB is converted from and dropped on reading; that keeping it is a later issue.

    Args:
        pixels: `(H, W, 3) float32, sRGB-encoded, [0, 1]`, C-contiguous. Colours under transparency are kept.
        alpha: `(H, W) float32, linear coverage, [0, 1]`; None where the photo is opaque by its format.
        icc: the file's own sRGB profile; None where it has none.
        exif: EXIF with orientation 1 and without thumbnail, as Pillow's `exif=` takes it; None where there is none.
        path: the file it was read from, absolute; None where there is none.
        format: "JPEG", "PNG", "WEBP", "TIFF" or "AVIF"; None where it comes from an array.
        sha256: of the file's bytes, hexadecimal; None where there was no file.
        warnings: what a user should know about how it was read.

    Raises:
        ValueError: the arrays are not as said above (the ranges are not looked at).
    """

    pixels: NDArray[np.float32] = field(repr=False)
    alpha: NDArray[np.float32] | None = field(default=None, repr=False)
    icc: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    path: Path | None = None
    format: str | None = None
    sha256: str | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pixels, alpha = self.pixels, self.alpha
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.float32 or not pixels.flags.c_contiguous:
            raise ValueError(f"expected C-contiguous (H, W, 3) float32 pixels, found {pixels.shape} {pixels.dtype}")
        if alpha is not None and (alpha.shape != pixels.shape[:2] or alpha.dtype != np.float32):
            raise ValueError(f"expected {pixels.shape[:2]} float32 alpha, found {alpha.shape} {alpha.dtype}")

    @property
    def height(self) -> int:
        """Rows, in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns, in pixels."""
        return int(self.pixels.shape[1])

    @classmethod
    def read(cls, source: str | Path | Image.Image | NDArray[Any] | Photo) -> Photo:
        """Read a photo; of an animation or of several pages the first, with a warning.

        Args:
            source: a JPEG, PNG, WebP, TIFF or AVIF file, or "-" for standard input; a PIL image (its current frame);
                an array, sRGB-encoded, `(H, W)`, `(H, W, 1)`, `(H, W, 3)` or `(H, W, 4)`, uint8, uint16 or floating
                in [0, 1], which is copied; a `Photo`, which is returned as it is.

        Returns:
            The photo. 16 bits a channel are kept in grey and read as 8 in colour, with a warning.

        Raises:
            InputError: the source is missing, unreadable, damaged, not a photo, of a kind that is not read, has a
                side below `SHORTEST_SIDE` or more than `MOST_PIXELS` pixels (known before they are decoded).
        """
        if isinstance(source, Photo):
            return source
        if isinstance(source, np.ndarray):
            return _from_array(source)
        if isinstance(source, Image.Image):
            filename = getattr(source, "filename", "")
            path = Path(os.fsdecode(filename)).absolute() if filename else None
            photo = _from_image(source, str(path or "the PIL image"), [])
            format = "JPEG" if source.format == "MPO" else source.format
            return dataclasses.replace(photo, path=path, format=format if format in _READABLE else None)
        if isinstance(source, (str, Path)):
            return _from_file(source)
        raise InputError("a path, a PIL image, an array or a Photo", f"a {type(source).__name__}")

    def fitted(self, longest: int) -> NDArray[np.float32]:
        """The pixels at a size to work at: never enlarged, no side below `SHORTEST_SIDE` (or its own, if shorter).

        Args:
            longest: pixels the longest side should have at most; an extreme panorama is shrunk less.

        Returns:
            `(h, w, 3) float32, sRGB-encoded, [0, 1]`, a new array.

        Raises:
            ValueError: `longest` is below 1.
        """
        if longest < 1:
            raise ValueError(f"expected a longest side of at least 1 px, found {longest}")
        sides = (self.height, self.width)
        scale = min(1.0, max(longest / max(sides), SHORTEST_SIDE / min(sides)))
        return resize(self.pixels, round(self.height * scale), round(self.width * scale))

    def with_pixels(self, pixels: NDArray[np.float32]) -> Photo:
        """The same photo with other colours.

        Args:
            pixels: `(H, W, 3) float32, sRGB-encoded, [0, 1]`, of this photo's own size.

        Returns:
            A copy that holds `pixels` and everything else of this photo.

        Raises:
            ValueError: another shape or dtype, a value that is not finite or lies outside [0, 1].
        """
        if pixels.shape != self.pixels.shape:
            raise ValueError(f"expected pixels of shape {self.pixels.shape}, found {pixels.shape}")
        if not (pixels.min() >= 0 and pixels.max() <= 1):
            raise ValueError(f"expected pixels in [0, 1], found {pixels.min():g} to {pixels.max():g}")
        return dataclasses.replace(self, pixels=np.ascontiguousarray(pixels))

    def encode(self, format: str, quality: int = 95) -> bytes:
        """The bytes of a file of 8 bits a channel; the same photo gives the same bytes.

        Args:
            format: "JPEG" (4:4:4; no alpha, nor EXIF above 64 KiB), "PNG", "WEBP", "TIFF" (uncompressed, since Pillow
                compresses through libtiff and loses the camera's part of EXIF) or "AVIF".
            quality: 1 to 100, of JPEG, WebP and AVIF.

        Raises:
            SettingsError: an unknown format or quality.
            OutputError: the format cannot hold this photo.
        """
        if format not in _writable():
            raise SettingsError("one of the formats " + ", ".join(_writable()), repr(format))
        if not 1 <= quality <= 100:
            raise SettingsError("a quality from 1 to 100", str(quality))
        if max(self.height, self.width) > _LONGEST_SIDE.get(format, MOST_PIXELS):
            limit = f"sides of at most {_LONGEST_SIDE[format]:,} px in {format}"
            raise OutputError(limit, _size(self.height, self.width), advice="Choose PNG or TIFF.")
        options: dict[str, Any] = {}
        if format in ("JPEG", "WEBP", "AVIF"):
            options["quality"] = quality
        if format in ("JPEG", "AVIF"):
            options["subsampling"] = "4:4:4"
        if format == "WEBP":
            options["exact"] = True  # colours under transparency, too
        if self.icc is not None:
            options["icc_profile"] = self.icc
        if self.exif is not None and not (format == "JPEG" and len(self.exif) > _JPEG_MOST_EXIF):
            options["exif"] = self.exif
        image = Image.fromarray(_bytes(self.pixels))
        if self.alpha is not None and format != "JPEG":
            image.putalpha(Image.fromarray(_bytes(self.alpha)))
        buffer = io.BytesIO()
        try:
            image.save(buffer, format, **options)
        except (OSError, ValueError, RuntimeError) as error:
            raise OutputError(f"a photo that {format} can hold", str(error)) from error
        return buffer.getvalue()

    def save(self, path: str | Path, *, overwrite: bool = False, quality: int = 95, format: str | None = None) -> None:
        """Write the photo, whole or not at all.

        Args:
            path: the file; its ending chooses the format. "-" is standard output, in the photo's own format or PNG.
            overwrite: replace an existing file. The file this photo was read from is refused all the same.
            quality: 1 to 100, of JPEG, WebP and AVIF.
            format: see `encode`; chooses the format in place of the ending.

        Raises:
            SettingsError: an unknown ending, format or quality.
            OutputError: the file cannot be written; see `check_writable`. Nothing is left behind.
        """
        if str(path) == "-":
            data = self.encode(format or (self.format if self.format in _writable() else None) or "PNG", quality)
            try:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            except OSError as error:
                raise OutputError("output that can be written", str(error), "standard output") from error
            return
        format = format or format_of(path)
        check_target(path, overwrite, [] if self.path is None else [self.path])
        data = self.encode(format, quality)
        with atomic_write(path) as file:
            file.write(data)


def resize(pixels: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize by Keys' cubic (a = -1/2), widened to cover the source pixels where a side shrinks.

    Pillow does it a channel at a time in float32: single-threaded and thus the same everywhere, and without the
    import of torch, whose antialiased `interpolate` is the same filter. Lanczos is a little sharper and rings more.

    Args:
        pixels: `(H, W, C) float32, [0, 1]`, photo or masks.
        height: rows of the result, in pixels.
        width: columns of the result, in pixels.

    Returns:
        `(height, width, C) float32`, clipped to [0, 1], C-contiguous, a new array.

    Raises:
        ValueError: `pixels` is not `(H, W, C) float32`, or a side is below 1.
    """
    if pixels.ndim != 3 or pixels.dtype != np.float32:
        raise ValueError(f"expected (H, W, C) float32, found {pixels.shape} {pixels.dtype}")
    if min(height, width) < 1:
        raise ValueError(f"expected sides of at least 1 px, found {_size(height, width)}")
    resized = np.empty((height, width, pixels.shape[2]), np.float32)
    for channel in range(pixels.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(pixels[:, :, channel]))
        resized[:, :, channel] = np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC))
    return np.clip(resized, 0, 1, out=resized)


def format_of(path: str | Path) -> str:
    """The format that the ending of `path` stands for, in upper or lower case.

    Raises:
        SettingsError: the ending stands for none that can be written here.
    """
    format = _ENDINGS.get(Path(path).suffix.lower())
    if format not in _writable():
        endings = ", ".join(ending for ending, known in _ENDINGS.items() if known in _writable())
        raise SettingsError(f"a file name that ends in {endings}", repr(Path(path).suffix), str(path))
    return format


def check_writable(path: str | Path, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse, before any work is done, a name that `Photo.save` would refuse after it.

    Args:
        path: the file that will be written; "-" always passes.
        overwrite: whether an existing file may be replaced.
        inputs: files that must never be written to; `Photo.save` knows only its own.

    Raises:
        SettingsError: an unknown ending.
        OutputError: see `photostyle.files.check_target`.
    """
    if str(path) != "-":
        format_of(path)
        check_target(path, overwrite, inputs)


def _writable() -> tuple[str, ...]:
    return tuple(name for name in _READABLE if name != "AVIF" or features.check("avif"))


def _bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[0, 1] -> 0..255, rounded."""
    scaled = np.multiply(values, 255, dtype=np.float32)
    return np.rint(scaled, out=scaled).astype(np.uint8)


def _size(height: int, width: int) -> str:
    return f"{width:,} x {height:,} px (width x height)"


def _check_size(height: int, width: int, where: str) -> None:
    if height * width > MOST_PIXELS:
        raise InputError(f"at most {MOST_PIXELS:,} pixels", _size(height, width), where, "Make it smaller first.")
    if min(height, width) < SHORTEST_SIDE:
        raise InputError(f"sides of at least {SHORTEST_SIDE} px", _size(height, width), where)


def _from_array(values: NDArray[Any]) -> Photo:
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
    return Photo(_rgb(values[:, :, :3]), alpha)


def _rgb(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(H, W, 1 or 3)` -> C-contiguous `(H, W, 3)`."""
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3)))


def _from_file(source: str | Path) -> Photo:
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


def _from_stream(stream: IO[bytes], where: str, path: Path | None) -> Photo:
    head = stream.read(16)
    Image.init()
    names = [name for name in _READABLE if name in Image.OPEN and (Image.OPEN[name][1] or bool)(head) is True]
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
    photo = _from_image(image, where, notes)
    stream.seek(0)
    sha256 = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    return dataclasses.replace(photo, path=path, format=names[0], sha256=sha256)


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


def _from_image(image: Image.Image, where: str, notes: list[str]) -> Photo:
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
    return Photo(pixels, alpha, icc, exif, warnings=tuple(notes))


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
