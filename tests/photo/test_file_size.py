"""Sizes from headers: those of the photo that is read, whatever its kind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from photostyle.photo.file_size import pixel_count
from photostyle.photo.photo import Photo
from tests.handmade import AVIF, COLUMNS, ROWS, dng, exif_of, noise, png, saved, smooth
from tests.photo.test_readers import deep_smooth, heif_of, tiff_of

FILES: dict[str, Callable[[], bytes]] = {
    "PNG of 16 bits": lambda: Photo.read(deep_smooth()).encode("PNG"),
    "TIFF of 16 bits": lambda: tiff_of(deep_smooth()),
    "AVIF of 10 bits": lambda: bytes(imagecodecs.avif_encode(deep_smooth() >> 6, bitspersample=10)),
    "HEIC": lambda: heif_of(smooth(), "RGB", exif=exif_of(6).tobytes()),
    "raw": lambda: dng(ROWS, COLUMNS),
    "raw with a preview": lambda: dng(ROWS, COLUMNS, orientation=6, preview=True),
}


@pytest.mark.parametrize("kind", FILES)
def test_of_every_kind_that_is_not_pillows(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "photo"
    path.write_bytes(FILES[kind]())
    assert pixel_count(path) == Photo.read(path).pixels[:, :, 0].size == ROWS * COLUMNS


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", AVIF])
def test_of_every_kind_that_is_pillows(tmp_path: Path, format: str) -> None:
    path = tmp_path / "photo"
    path.write_bytes(saved(Image.fromarray(smooth()), format, exif=exif_of(6)))
    assert pixel_count(str(path)) == ROWS * COLUMNS


def test_large_photos_are_counted_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(png(15_000, 16_000, 1, 0, b""))
    assert pixel_count(path) == 240_000_000


def test_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo"
    assert pixel_count(path) is None
    assert pixel_count(tmp_path) is None
    for data in (b"", b"no photo", saved(Image.fromarray(noise(40, 48, 3)), "PNG")[:20], dng(64, 96)[:100]):
        path.write_bytes(data)
        assert pixel_count(path) is None
    path.write_bytes(dng(64, 96))
    assert pixel_count(path) == 64 * 96
    monkeypatch.setitem(sys.modules, "rawpy", None)
    assert pixel_count(path) is None


def test_a_fault_of_ours_is_not_an_unknown_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photostyle.photo.file_size.opened_by_pillow", lambda stream: np.zeros(3))
    path = tmp_path / "photo.png"
    path.write_bytes(saved(Image.fromarray(smooth()), "PNG"))
    with pytest.raises(TypeError):
        pixel_count(path)
