"""Photos: read from any source (by `photostyle.photo.decode`), resized, and written."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image

from photostyle.errors import OutputError, SettingsError
from photostyle.files import atomic_write, check_target
from photostyle.photo.coverage import fill_unseen
from photostyle.photo.decode import decode
from photostyle.photo.encode import FORMATS, depth_of, encoded, losses
from photostyle.photo.icc import SRGB, Profile
from photostyle.photo.metadata import NO_METADATA, Metadata
from photostyle.photo.resizing import resize, resize_seen
from photostyle.photo.stored import MOST_PIXELS, SHORTEST_SIDE, JpegTables

__all__ = [
    "MOST_PIXELS",
    "SHORTEST_SIDE",
    "Photo",
    "PhotoSource",
    "check_writable",
    "format_of",
    "resize_seen",
]


METADATA = ("all", "no gps", "none")
"""Choices of what is kept of the metadata."""

ENDINGS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}
"""Endings of file names, in lower case, and the format of each. The first ending of a format is the usual one."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, upright and in its own colours, with what its file says about it.

    `numpy.asarray(photo)` is the photo as other programs take it: `(H, W, 3) uint8`, sRGB-encoded, or `(H, W, 4)` where
    it has alpha, the same as `numpy.asarray(photo.to_pil())`. `pixels` are its own values, with all their bits.

    Args:
        pixels: `(H, W, 3) float32, encoded as the profile says, [0, 1]`, C-contiguous. Colours under transparency are
            kept.
        alpha: `(H, W) float32, linear coverage, [0, 1]`; None if the file has no alpha.
        profile: the colour space of the pixels: sRGB unless the file says otherwise.
        metadata: EXIF, XMP, IPTC and more, corrected for the upright photo.
        depth: bits per channel of the file or array; 8 if neither says it.
        jpeg: how the file was compressed; None if it was no JPEG.
        path: the absolute path of the file it was read from; None if there is none.
        format: "JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIC" or "raw"; None if it comes from an array.
        sha256: of the file's bytes, hexadecimal; None if there was no file.
        warnings: what a user should know about how it was read.
        lossless: whether the file was a lossless WebP, which stays lossless.
        orientation: EXIF's orientation of the stored pixels, 1 to 8. These `pixels` are upright, whatever it is.

    Raises:
        ValueError: the arrays are not as said above (the ranges are not looked at).
    """

    pixels: NDArray[np.float32] = field(repr=False)
    alpha: NDArray[np.float32] | None = field(default=None, repr=False)
    profile: Profile = SRGB
    metadata: Metadata = NO_METADATA
    depth: int = 8
    jpeg: JpegTables | None = field(default=None, repr=False)
    path: Path | None = None
    format: str | None = None
    sha256: str | None = None
    warnings: tuple[str, ...] = ()
    lossless: bool = False
    orientation: int = 1

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

    @property
    def size(self) -> tuple[int, int]:
        """`(width, height)` in pixels, as `PIL.Image.Image.size`; the shape of arrays is `(height, width)`."""
        return self.width, self.height

    @classmethod
    def read(cls, source: PhotoSource) -> Photo:
        """Reads a photo. Of an animation, or of several pages, it is the first, with a warning.

        Args:
            source: the path of a JPEG, PNG, WebP, TIFF or AVIF file, with the extras `heic` and `raw` a HEIC or raw
                one, or "-" for standard input; the bytes of such a file, as bytes, bytearray or memoryview; a file
                object opened for bytes, which is read from where it stands to its end and need not be seekable; a PIL
                image (its current frame); an array, sRGB-encoded, `(H, W)`, `(H, W, 1)`, `(H, W, 3)` or `(H, W, 4)`,
                uint8, uint16 or floating in [0, 1], which is copied; a `Photo`, which is returned as it is.

        Returns:
            The photo, with all bits of its file; Pillow's images of colour have 8.

        Raises:
            InputError: the source is missing, unreadable, damaged, not a photo, of a kind that is not read, has a
                side below `SHORTEST_SIDE` or more than `MOST_PIXELS` pixels (known before they are decoded).
        """
        if isinstance(source, Photo):
            return source
        return cls(*decode(source))

    def fitted(self, longest: int) -> NDArray[np.float32]:
        """The pixels at a working size. They are never enlarged, and no side is shrunk below `SHORTEST_SIDE`.

        Every pixel counts by its coverage. Colours under full transparency do not count; where nothing can be seen, the
        result continues the visible colours.

        Args:
            longest: most pixels of the longest side. An extreme panorama is shrunk less.

        Returns:
            `(h, w, 3) float32, sRGB-encoded, [0, 1]`, a new array.

        Raises:
            ValueError: `longest` is below 1.
        """
        resized = resize_seen(self.pixels, self.coverage, *self._fitted_size(longest))
        return resized if self.profile.is_srgb else np.clip(self.profile.to_srgb(resized), 0, 1)

    def fitted_coverage(self, longest: int) -> NDArray[np.float32] | None:
        """How much of every pixel of `fitted` can be seen.

        Returns:
            `(h, w) float32`, linear, [0, 1], a new array; None if the whole photo can be seen.

        Raises:
            ValueError: `longest` is below 1.
        """
        size, coverage = self._fitted_size(longest), self.coverage
        return None if coverage is None else resize(coverage[..., None], *size)[..., 0]

    def _fitted_size(self, longest: int) -> tuple[int, int]:
        """Rows and columns of `fitted`."""
        if longest < 1:
            raise ValueError(f"expected a longest side of at least 1 px, found {longest}")
        sides = (self.height, self.width)
        scale = min(1.0, max(longest / max(sides), SHORTEST_SIDE / min(sides)))
        return round(self.height * scale), round(self.width * scale)

    @property
    def coverage(self) -> NDArray[np.float32] | None:
        """`alpha`; None if the whole photo can be seen, because it has no alpha or because that is 1 everywhere."""
        return None if self.alpha is None or self.alpha.min() == 1 else self.alpha

    def filled(self) -> Photo:
        """The same photo, in which colours under full transparency continue the visible ones, see `fill_unseen`."""
        coverage = self.coverage
        return self if coverage is None else dataclasses.replace(self, pixels=fill_unseen(self.pixels, coverage))

    def in_srgb(self) -> NDArray[np.float32]:
        """The pixels in sRGB, at the photo's own size.

        Returns:
            `(H, W, 3) float32, sRGB-encoded, [0, 1]`: the photo's own array where it is sRGB, clipped where it is not.
        """
        return self.pixels if self.profile.is_srgb else np.clip(self.profile.to_srgb(self.pixels), 0, 1)

    def to_pil(self) -> Image.Image:
        """The photo as other programs take it: 8 bits a channel, in sRGB, without metadata.

        Colours that sRGB lacks are clipped and values are rounded, not dithered. `save` and `encode` keep the photo's
        own profile, its depth and its metadata.

        Returns:
            An image of mode "RGB", or "RGBA" where the photo has alpha.
        """
        return Image.fromarray(self._levels())

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """The array that `numpy.asarray(photo)` gives, so that scikit-image takes a photo as an image.

        `pixels` are the photo's own values, with all their bits.

        Args:
            dtype: what the levels 0 to 255 are converted to; they are not scaled.
            copy: the array is always a new one.

        Returns:
            `(H, W, 3) uint8, sRGB-encoded, [0, 255]`; `(H, W, 4)`, with linear coverage, where the photo has alpha.

        Raises:
            ValueError: `copy` is False.
        """
        if copy is False:
            raise ValueError("expected copy=None or copy=True: the levels of a photo are always a new array")
        levels = self._levels()
        return levels if dtype is None else levels.astype(dtype, copy=False)

    def _levels(self) -> NDArray[np.uint8]:
        """`(H, W, 3 or 4) uint8`, sRGB-encoded, a new array."""
        levels = np.empty((self.height, self.width, 3 if self.alpha is None else 4), np.uint8)
        levels[:, :, :3] = np.rint(self.in_srgb() * 255)
        if self.alpha is not None:
            levels[:, :, 3] = np.rint(self.alpha * 255)
        return levels

    def with_pixels(self, pixels: NDArray[np.float32]) -> Photo:
        """The same photo with other colours.

        Args:
            pixels: `(H, W, 3) float32, encoded as this photo's profile says, [0, 1]`, of this photo's own size.

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

    def with_event(self, software: str, parameters: str) -> Photo:
        """The same photo, with an entry in its XMP history: that `software` edited it, and how."""
        return dataclasses.replace(self, metadata=self.metadata.with_event(software, parameters))

    def encode(
        self,
        format: str,
        quality: int | Literal["auto"] = "auto",
        depth: Literal["auto", 8, 16] = "auto",
        profile: Literal["own", "srgb"] = "own",
        metadata: Literal["all", "no gps", "none"] = "all",
    ) -> bytes:
        """The bytes of a file; the same photo gives the same bytes.

        Args:
            format: "JPEG", "PNG", "WEBP", "TIFF" or "AVIF". `losses` says what a format cannot hold.
            quality: 1 to 100, of JPEG, WebP and AVIF; "auto" is that of the JPEG that was read, else 95 and 4:4:4.
            depth: bits a channel; 8 are dithered. "auto" is 16 for PNG and TIFF where the photo has more than 8.
            profile: "own" keeps the photo's; "srgb" converts, clips what sRGB cannot hold, and writes none.
            metadata: what is kept of it. "none" drops all of it; the profile stays.

        Raises:
            SettingsError: an unknown format, quality, depth, profile or metadata, or a depth that the format lacks.
            OutputError: the format cannot hold this photo.
        """
        for name, value, known in (("profile", profile, ("own", "srgb")), ("metadata", metadata, METADATA)):
            if value not in known:
                raise SettingsError(f"a {name} of " + ", ".join(known), repr(value))
        return encoded(
            self.pixels, self.alpha, self.profile, self._kept(metadata), self.jpeg, format=format, quality=quality,
            lossless=self.lossless, depth=depth_of(format, depth, self.depth), srgb=profile == "srgb",
        )  # fmt: skip

    def losses(self, format: str, metadata: Literal["all", "no gps", "none"] = "all") -> tuple[str, ...]:
        """What a file of `format` cannot hold of what `encode` should keep: one text for each part."""
        return losses(self.alpha, self._kept(metadata), format)

    def _kept(self, metadata: Literal["all", "no gps", "none"]) -> Metadata:
        return {"all": self.metadata, "none": NO_METADATA}.get(metadata) or self.metadata.without_gps()

    def save(self, path: str | Path, *, overwrite: bool = False, format: str | None = None, **options: Any) -> None:
        """Writes the photo, whole or not at all.

        Args:
            path: the file; its ending chooses the format. "-" is standard output, in the photo's own format or PNG.
            overwrite: whether to replace an existing file. The file that this photo was read from is never replaced.
            format: see `encode`; chooses the format in place of the ending.
            options: `quality`, `depth`, `profile` and `metadata`, see `encode`.

        Raises:
            SettingsError: an unknown ending or option.
            OutputError: the file cannot be written; see `check_writable`. Nothing is left behind.
        """
        if str(path) == "-":
            data = self.encode(format or (self.format if self.format in FORMATS else None) or "PNG", **options)
            try:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            except OSError as error:
                raise OutputError("output that can be written", str(error), "standard output") from error
            return
        format = format or format_of(path)
        check_target(path, overwrite, [] if self.path is None else [self.path])
        data = self.encode(format, **options)
        with atomic_write(path, overwrite=overwrite) as file:
            file.write(data)


PhotoSource = str | Path | bytes | bytearray | memoryview | IO[bytes] | Image.Image | NDArray[Any] | Photo
"""What `Photo.read` reads, and every function that takes a photo."""


def format_of(path: str | Path) -> str:
    """The format of a file name, by its ending in upper or lower case.

    Raises:
        SettingsError: the ending stands for none that can be written here.
    """
    format = ENDINGS.get(Path(path).suffix.lower())
    if format is None:
        endings = ", ".join(ENDINGS)
        raise SettingsError(f"a file name that ends in {endings}", repr(Path(path).suffix), str(path))
    return format


def check_writable(
    path: str | Path,
    overwrite: bool,
    inputs: Iterable[str | Path] = (),
    format: str = "auto",
    *,
    new_folder: bool = False,
) -> None:
    """Refuses, before any work, a name that `Photo.save` would refuse after it.

    Args:
        path: the file that will be written; "-" always passes.
        overwrite: whether an existing file may be replaced.
        inputs: files that must never be written to; `Photo.save` knows only its own.
        format: "auto" if the ending chooses it.
        new_folder: whether the file's folder will be made if it is missing.

    Raises:
        SettingsError: an unknown ending.
        OutputError: see `photostyle.files.check_target`.
    """
    if str(path) != "-":
        if format == "auto":
            format_of(path)
        check_target(path, overwrite, inputs, new_folder=new_folder)
