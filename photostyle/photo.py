"""Photos: read from any source (by `photostyle.decode`), resized, and written."""

from __future__ import annotations

import dataclasses
import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from photostyle.decode import FORMATS, MOST_PIXELS, SHORTEST_SIDE, decode, shown_size
from photostyle.errors import OutputError, SettingsError
from photostyle.files import atomic_write, check_target

__all__ = ["LUMA", "MOST_PIXELS", "SHORTEST_SIDE", "Photo", "check_writable", "format_of", "resize"]

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in the luma Y' of ITU-R BT.601."""

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
_DITHER = 0.5  # levels, from end to end; at 1 a mean is off by nothing, here by a quarter of a level at most
_DITHERED_ROWS = 256
_JPEG_MOST_EXIF = 65_533  # bytes: one JPEG segment


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
        return cls(*decode(source))

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
        """The bytes of a file of 8 bits a channel, dithered; the same photo gives the same bytes.

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
            raise OutputError(limit, shown_size(self.height, self.width), advice="Choose PNG or TIFF.")
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
        raise ValueError(f"expected sides of at least 1 px, found {shown_size(height, width)}")
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
    return tuple(name for name in FORMATS if name != "AVIF" or features.check("avif"))


def _bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[0, 1] -> 0..255, dithered: a value halfway between two levels becomes either.

    So a sky of slow gradients has no bands. Levels of 8 bits stay what they are, so that an unchanged photo does, too.
    The noise is uniform and white, the same for every photo (Roberts, "Picture Coding Using Pseudo-Random Noise",
    IRE Transactions on Information Theory 8, 1962).
    """
    rng = np.random.default_rng(0)
    result = np.empty(values.shape, np.uint8)
    for first in range(0, len(values), _DITHERED_ROWS):
        rows = slice(first, first + _DITHERED_ROWS)
        scaled = np.multiply(values[rows], 255, dtype=np.float32)
        scaled += (rng.random(scaled.shape, np.float32) - np.float32(0.5)) * np.float32(_DITHER)
        np.clip(scaled, 0, 255, out=scaled)
        result[rows] = np.rint(scaled, out=scaled)
    return result
