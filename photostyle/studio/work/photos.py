"""Photos in a worker: read, shown small and in parts, and kept for the next job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from photostyle.batch.inputs import find_photos
from photostyle.errors import InputError
from photostyle.photo.file_size import pixel_count
from photostyle.photo.photo import Photo
from photostyle.studio.photo_file import PhotoFile
from photostyle.studio.sizes import MOST_PART, PROXY_PIXELS, THUMB, VIEW
from photostyle.studio.work.recent import Recent
from photostyle.styles.look_file import is_look, read_look

Pixels = NDArray[np.float32]
PartOfPhoto = tuple[int, int, int, int]
"""Top, left, rows and columns, in pixels."""

PROXY = "proxy.npy"
QUALITY = 90
"""Of the JPEGs that are shown."""
KEPT_PROXIES = 24
"""Proxies in files, 6 MB each."""


class Photos:
    """Reads photos and keeps the last ones.

    Args:
        kept_pixels: at most so many pixels of decoded photos are kept, 12 bytes each; 0 for none.
    """

    def __init__(self, kept_pixels: float) -> None:
        self._keeps = kept_pixels > 0
        self._photos: Recent[Photo] = Recent(kept_pixels, lambda photo: photo.pixels.size / 3)
        self._proxies: Recent[Path] = Recent(KEPT_PROXIES, dropped=lambda path: path.unlink(missing_ok=True))

    def read(self, file: PhotoFile) -> Photo:
        """The photo of a file; of a saved look, its first style photo.

        Raises:
            InputError: it cannot be read.
        """
        return self._photos.get(file.id, lambda: _read(file.path)) if self._keeps else _read(file.path)

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
        if not is_look(file.path):
            self.write_proxy(file, Photo(view))
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

    def write_proxy(self, file: PhotoFile, photo: Photo) -> None:
        """Writes the proxy of a photo, for the worker that shows results. The oldest ones are removed.

        Args:
            file: the photo.
            photo: the same at any size that is not below that of the proxy.
        """

        def write() -> Path:
            path = file.folder / PROXY
            if not path.exists():
                part = path.with_suffix(".part.npy")
                sides = photo.height, photo.width
                pixels = photo.fitted(round((PROXY_PIXELS * max(sides) / min(sides)) ** 0.5))
                np.save(part, np.rint(65535 * pixels).astype(np.uint16))
                os.replace(part, path)
            return path

        self._proxies.get(file.id, write)

    def proxy(self, file: PhotoFile, longest: int) -> Pixels:
        """The photo at the size of its proxy, `(h, w, 3) float32`, sRGB-encoded, [0, 1].

        Args:
            longest: at most so many pixels on a side. The proxy has `PROXY_PIXELS` in all.
        """
        path = file.folder / PROXY
        if not path.exists():
            self.write_proxy(file, self.read(file))
        pixels = np.load(path).astype(np.float32) / np.float32(65535)
        return Photo(pixels).fitted(longest) if longest < max(pixels.shape) else pixels


def find_photos_in(places: Sequence[Path], results: Path) -> list[Path]:
    """The photos of files and folders: all photos in a folder and below it.

    No link is followed out of a folder: one that somebody else has filled shows only what is in it.

    Args:
        places: files and folders.
        results: the folder for results, which is left out.

    Raises:
        InputError: a folder cannot be read.
    """
    found: list[Path] = []
    for place in places:
        if not place.is_dir():
            found.append(place)
            continue
        top = os.path.realpath(place)
        inside = [Path(path) for path, _ in find_photos([str(place)], str(results)).photos]
        found += [path for path in inside if os.path.commonpath((top, os.path.realpath(path))) == top]
    return list(dict.fromkeys(found))


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
