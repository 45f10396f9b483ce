"""Photos in a worker: read, shown small and in parts, and kept for the next job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from photostyle.errors import InputError
from photostyle.photo.file_size import pixel_count
from photostyle.photo.photo import Photo
from photostyle.studio.photo_file import PhotoFile
from photostyle.studio.recent import Recent
from photostyle.studio.sizes import MOST_PART, PROXY_PIXELS, THUMB, VIEW
from photostyle.styles.look_file import is_look, read_look

Pixels = NDArray[np.float32]
PartOfPhoto = tuple[int, int, int, int]
"""Top, left, rows and columns, in pixels."""

QUALITY = 90
"""Of the JPEGs that are shown."""
KEPT_PIXELS = 60e6
"""Photos that are kept decoded: at most so many pixels together, 12 bytes each."""


class Photos:
    """Reads photos and keeps the last ones."""

    def __init__(self) -> None:
        self._photos: Recent[Photo] = Recent(KEPT_PIXELS, lambda photo: photo.pixels.size / 3)

    def read(self, file: PhotoFile) -> Photo:
        """The photo of a file; of a saved look, its first style photo.

        Raises:
            InputError: it cannot be read.
        """
        return self._photos.get(file.id, lambda: _read(file.path))

    def look_at(self, file: PhotoFile, most_pixels: int) -> dict[str, Any]:
        """Reads a new photo, and writes the copies that are shown.

        Returns:
            Width and height in pixels, the format, and warnings.

        Raises:
            InputError: it is no photo, or it has more than `most_pixels` pixels.
        """
        known = None if is_look(file.path) else pixel_count(str(file.path))
        if known is not None and known > most_pixels:
            raise _too_large(known, most_pixels, file.path.name)
        photo = self.read(file)
        if photo.width * photo.height > most_pixels:
            raise _too_large(photo.width * photo.height, most_pixels, file.path.name)
        view = photo.fitted(VIEW)
        _write(file.folder / "view.jpg", jpeg(view))
        _write(file.folder / "thumb.jpg", jpeg(Photo(view).fitted(THUMB)))
        return {
            "width": photo.width,
            "height": photo.height,
            "format": photo.format,
            "sha256": photo.sha256,
            "warnings": list(photo.warnings),
            "is_look": is_look(file.path),
        }

    def view(self, file: PhotoFile, longest: int) -> bytes:
        """A JPEG of the photo, at most `longest` pixels on a side."""
        return jpeg(self.read(file).fitted(longest))

    def part(self, file: PhotoFile, part: PartOfPhoto) -> bytes:
        """A JPEG of a part at the photo's own size."""
        photo = self.read(file)
        place = part_of(photo, part)
        pixels = np.ascontiguousarray(photo.pixels[place])
        return jpeg(pixels if photo.profile.is_srgb else np.clip(photo.profile.to_srgb(pixels), 0, 1))

    def proxy(self, file: PhotoFile, longest: int) -> Pixels:
        """The photo at the size of its proxy, `(h, w, 3) float32`, sRGB-encoded, [0, 1].

        Args:
            longest: at most so many pixels on a side, and `PROXY_PIXELS` in all.
        """
        photo = self.read(file)
        sides = photo.height, photo.width
        return photo.fitted(min(longest, round((PROXY_PIXELS * max(sides) / min(sides)) ** 0.5)))


def part_of(photo: Photo, part: PartOfPhoto) -> tuple[slice, slice]:
    """The index of a part in the photo's pixels, cut to the photo.

    Raises:
        InputError: the part is empty or too large.
    """
    top, left, rows, columns = part
    bottom, right = min(top + rows, photo.height), min(left + columns, photo.width)
    if min(top, left) < 0 or bottom <= top or right <= left or (bottom - top) * (right - left) > MOST_PART:
        found = f"{columns} x {rows} at column {left}, row {top}"
        raise InputError(f"a part inside {photo.width} x {photo.height} px, up to {MOST_PART:,} pixels", found)
    return slice(top, bottom), slice(left, right)


def jpeg(pixels: NDArray[Any]) -> bytes:
    """A JPEG of `(H, W, 3)`: uint8, or float32 in [0, 1]. sRGB-encoded."""
    if pixels.dtype != np.uint8:
        pixels = np.rint(255 * pixels).astype(np.uint8)
    encoded: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=QUALITY, colorsubsampling="444")
    return encoded


def _read(path: Path) -> Photo:
    if not is_look(path):
        return Photo.read(path)
    first = read_look(path).photos[0]
    return Photo(np.ascontiguousarray(first.pixels[-1]), first.coverage, path=path, format="look")


def _too_large(found: int, most: int, name: str) -> InputError:
    expected = f"at most {most / 1e6:.0f} megapixels"
    return InputError(
        expected, f"{found / 1e6:.0f} megapixels", name, "Make it smaller first, or use `photostyle run`."
    )


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    os.replace(part, path)
