"""Photos resized and written: whole or not at all, with all that was read."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, JpegImagePlugin

from photostyle.errors import OutputError, SettingsError
from photostyle.photo.photo import SHORTEST_SIDE, Photo, check_writable
from photostyle.photo.resizing import resize
from tests.handmade import AVIF, COLUMNS, P3_ICC, PNG, ROWS, camera_exif, noise, opened, read, saved, smooth

# For other programs.


def test_size_is_that_of_pil() -> None:
    photo = Photo.read(smooth())
    assert photo.size == Image.fromarray(smooth()).size == (COLUMNS, ROWS)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_photo_as_pil_and_as_an_array(channels: int) -> None:
    levels = noise(ROWS, COLUMNS, channels)
    photo = Photo.read(levels)
    image = photo.to_pil()
    assert (image.mode, image.size) == ("RGB" if channels == 3 else "RGBA", photo.size)
    for found in (np.asarray(image), np.asarray(photo), np.array(photo)):
        assert found.dtype == np.uint8
        assert np.array_equal(found, levels)
    assert np.array_equal(Photo.read(np.asarray(photo)).pixels, photo.pixels)


def test_a_wide_gamut_is_brought_to_srgb_and_16_bits_to_8(tmp_path: Path) -> None:
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "PNG", icc_profile=P3_ICC))
    for found in (np.asarray(photo), np.asarray(photo.to_pil())):
        assert np.array_equal(found, np.rint(photo.in_srgb() * 255))
        assert not np.array_equal(found, smooth())
    assert "icc_profile" not in photo.to_pil().info
    deep = noise(ROWS, COLUMNS, 3, dtype=np.uint16)
    assert np.array_equal(np.asarray(Photo.read(deep)), np.rint(deep / 257))


def test_the_array_is_a_new_one_of_the_dtype_that_was_asked_for() -> None:
    photo = Photo.read(smooth())
    assert np.asarray(photo, np.float32).dtype == np.float32
    assert np.array_equal(np.asarray(photo, np.float32), smooth())
    np.asarray(photo)[:] = 0
    assert np.array_equal(np.asarray(photo), smooth())
    with pytest.raises(ValueError, match="always a new array"):
        photo.__array__(copy=False)


# Writing.


@pytest.mark.parametrize("ending", ["png", "PNG", "tif", "tiff"])
def test_lossless_formats_give_back_every_level(tmp_path: Path, ending: str) -> None:
    rgba = noise(ROWS, COLUMNS, 4)
    Photo.read(rgba).save(tmp_path / f"out.{ending}")
    photo = Photo.read(tmp_path / f"out.{ending}")
    assert photo.alpha is not None
    assert np.array_equal(np.rint(np.dstack([photo.pixels, photo.alpha]) * 255), rgba)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", AVIF])
def test_lossy_formats_come_close(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format.lower()}"
    Photo.read(np.dstack([smooth(), smooth()[:, :, 0]])).save(path)
    photo = Photo.read(path)
    assert photo.format == format
    assert np.abs(photo.pixels - smooth() / 255).mean() < 0.01
    assert (photo.alpha is None) == (format == "JPEG")
    if photo.alpha is not None:
        np.testing.assert_allclose(photo.alpha, smooth()[:, :, 0] / 255, atol=0.02)


def test_colours_under_transparency_are_kept(tmp_path: Path) -> None:
    rgba = np.dstack([smooth(), np.zeros((ROWS, COLUMNS), np.uint8)])
    Photo.read(rgba).save(tmp_path / "out.webp")
    assert np.abs(Photo.read(tmp_path / "out.webp").pixels - smooth() / 255).mean() < 0.01


def test_levels_of_8_bits_stay_and_values_between_are_dithered(tmp_path: Path) -> None:
    levels = np.tile(np.arange(256, dtype=np.float32), (400, 1))
    for shift in (0.0, 0.25, 0.5):
        pixels = np.clip((levels + shift) / 255, 0, 1).astype(np.float32)
        Photo.read(pixels).save(tmp_path / "out.png", overwrite=True)
        found = np.asarray(opened(tmp_path / "out.png"))[:, :, 0].astype(np.float64)
        assert set(np.unique(found - levels)) <= ({0.0, 1.0} if shift else {0.0})
        np.testing.assert_allclose((found - levels)[:, :-1].mean(0), shift, atol=0.27 if shift == 0.25 else 0.12)


def test_jpeg_keeps_the_chroma_of_every_pixel(tmp_path: Path) -> None:
    Photo.read(smooth()).save(tmp_path / "out.jpg")
    with opened(tmp_path / "out.jpg") as image:
        assert JpegImagePlugin.get_sampling(image) == 0
        quality_95 = Image.open(io.BytesIO(saved(Image.fromarray(smooth()), "JPEG", quality=95)))
        assert image.quantization == quality_95.quantization  # type: ignore[attr-defined]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", AVIF])
def test_the_same_photo_gives_the_same_bytes(tmp_path: Path, format: str) -> None:
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "JPEG", exif=camera_exif()))
    again = read(tmp_path, saved(Image.fromarray(smooth()), "JPEG", exif=camera_exif()))
    assert photo.encode(format) == again.encode(format)


@pytest.mark.parametrize("failure", [OSError("no more"), ValueError("no more"), KeyboardInterrupt()])
def test_an_encoder_that_fails_midway_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def encode(_: object, buffer: io.BytesIO, *__: object, **___: object) -> None:
        buffer.write(b"half")
        raise failure

    monkeypatch.setattr(Image.Image, "save", encode)
    expected = KeyboardInterrupt if isinstance(failure, KeyboardInterrupt) else OutputError
    with pytest.raises(expected):
        Photo.read(smooth()).save(tmp_path / "out.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_an_interrupt_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def fail(_: int) -> None:
        raise failure

    (tmp_path / "out.png").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    expected = KeyboardInterrupt if isinstance(failure, KeyboardInterrupt) else OutputError
    with pytest.raises(expected):
        Photo.read(smooth()).save(tmp_path / "out.png", overwrite=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out.png", b"old")]


def test_the_orientation_that_is_written_is_1(tmp_path: Path) -> None:
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "JPEG", exif=camera_exif()))
    photo.save(tmp_path / "out.jpg")
    assert opened(tmp_path / "out.jpg").getexif()[ExifTags.Base.Orientation] == 1


def test_exif_too_long_for_jpeg_is_left_out_of_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "long " * 20_000
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "PNG", exif=exif))
    photo.save(tmp_path / "out.jpg")
    assert not opened(tmp_path / "out.jpg").getexif()


def test_standard_input_and_output(monkeypatch: pytest.MonkeyPatch) -> None:
    data, written = saved(Image.fromarray(smooth()), "WEBP", lossless=True), io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=written))
    photo = Photo.read("-")
    assert (photo.path, photo.format, photo.sha256) == (None, "WEBP", hashlib.sha256(data).hexdigest())
    photo.save("-", format="TIFF")
    assert Image.open(io.BytesIO(written.getvalue())).format == "TIFF"
    for source, format in ((photo, "WEBP"), (Photo.read(smooth()), "PNG")):
        written.seek(0)
        source.save("-")
        assert Image.open(io.BytesIO(written.getvalue())).format == format


def test_a_closed_standard_output_is_an_output_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: bytes) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=SimpleNamespace(write=closed)))
    with pytest.raises(OutputError, match=r"standard output: .*Broken pipe"):
        Photo.read(smooth()).save("-")


def test_outputs_that_are_refused(tmp_path: Path) -> None:
    photo = read(tmp_path, PNG, "photo.png")
    (tmp_path / "taken.png").write_bytes(b"old")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "photo.png")
    checks: list[Callable[[Path, bool], object]] = [
        lambda path, overwrite: photo.save(path, overwrite=overwrite),
        lambda path, overwrite: check_writable(path, overwrite, [tmp_path / "photo.png"]),
    ]
    for check in checks:
        for name in ("out.gif", "out", "out.xyz"):
            with pytest.raises(SettingsError, match=r"ends in \.jpg"):
                check(tmp_path / name, True)
        for name, overwrite, found in (
            ("absent/out.png", True, "found none"),
            ("taken.png/out.png", True, "a file in its place"),
            ("folder.png", True, "found a folder"),
            ("taken.png", False, "this file exists already"),
            ("photo.png", True, "this is one of the inputs"),
            ("link.png", True, "this is one of the inputs"),
        ):
            with pytest.raises(OutputError, match=found) as caught:
                check(tmp_path / name, overwrite)
            assert caught.value.exit_code == 6
    assert (tmp_path / "taken.png").read_bytes() == b"old"
    assert (tmp_path / "photo.png").read_bytes() == PNG
    check_writable(tmp_path / "taken.png", overwrite=True)
    check_writable("-", overwrite=False)
    photo.save(tmp_path / "taken.png", overwrite=True)
    assert Photo.read(tmp_path / "taken.png").height == ROWS


def test_settings_and_sizes_that_are_refused(tmp_path: Path) -> None:
    photo = Photo.read(smooth())
    with pytest.raises(SettingsError, match="'GIF'"):
        photo.save("-", format="GIF")
    for quality in (0, 101):
        with pytest.raises(SettingsError, match="quality from 1 to 100"):
            photo.save(tmp_path / "out.jpg", quality=quality)
    wide = Photo(np.zeros((SHORTEST_SIDE, 16_384, 3), np.float32))
    with pytest.raises(OutputError, match="16,383 px in WEBP"):
        wide.save(tmp_path / "out.webp")
    assert list(tmp_path.iterdir()) == []


# Pixels.


def test_with_pixels_keeps_everything_else(tmp_path: Path) -> None:
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "JPEG", exif=camera_exif()))
    changed = photo.with_pixels(1 - photo.pixels)
    assert np.array_equal(changed.pixels, 1 - photo.pixels)
    for name in ("alpha", "profile", "metadata", "depth", "jpeg", "path", "format", "sha256", "warnings"):
        assert getattr(changed, name) is getattr(photo, name)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e-3, 1 + 1e-3])
def test_with_pixels_refuses_values_that_cannot_be_written(value: float) -> None:
    photo = Photo.read(smooth())
    pixels = photo.pixels.copy()
    pixels[3, 4, 1] = value
    with pytest.raises(ValueError, match=r"expected pixels in \[0, 1\]"):
        photo.with_pixels(pixels)


def test_shapes_and_dtypes_are_enforced() -> None:
    photo = Photo.read(smooth())
    with pytest.raises(ValueError, match="shape"):
        photo.with_pixels(photo.pixels[:-1])
    with pytest.raises(ValueError, match="float64"):
        photo.with_pixels(photo.pixels.astype(np.float64))
    with pytest.raises(ValueError, match="contiguous"):
        Photo(photo.pixels[:, ::-1])
    with pytest.raises(ValueError, match="alpha"):
        Photo(photo.pixels, alpha=photo.pixels[:-1, :, 0])


@pytest.mark.parametrize(
    ("shape", "longest", "expected"),
    [
        ((60, 90), 45, (30 + 2, 48)),  # held at SHORTEST_SIDE
        ((100, 150), 75, (50, 75)),
        ((150, 100), 75, (75, 50)),
        ((60, 90), 90, (60, 90)),
        ((60, 90), 1000, (60, 90)),
        ((40, 400), 100, (32, 320)),
        ((100, 100), 1, (32, 32)),
        ((20, 90), 45, (20, 90)),
    ],
)
def test_fitted(shape: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    photo = Photo(np.ascontiguousarray(noise(*shape, 3) / np.float32(255)))
    fitted = photo.fitted(longest)
    assert fitted.shape == (*expected, 3)
    assert not np.shares_memory(fitted, photo.pixels)
    if expected == shape:
        assert np.array_equal(fitted, photo.pixels)


def keys_weights(size: int, target: int) -> NDArray[np.float64]:
    """`(target, size)`: Keys 1981, equation 15, widened by the scale where it shrinks, each row adding up to 1."""
    scale = max(size / target, 1)
    centre = (np.arange(target)[:, None] + 0.5) * size / target
    s = np.abs(np.arange(size) + 0.5 - centre) / scale
    near, far = 1.5 * s**3 - 2.5 * s**2 + 1, -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2
    weights = np.where(s < 1, near, np.where(s < 2, far, 0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("target", [(9, 13), (20, 13), (50, 90), (40, 48), (10, 1)])
@pytest.mark.parametrize("channels", [1, 3, 9])
def test_resize_is_keys_cubic(target: tuple[int, int], channels: int) -> None:
    pixels = np.random.default_rng(0).random((ROWS, COLUMNS, channels), np.float32)
    rows, columns = keys_weights(ROWS, target[0]), keys_weights(COLUMNS, target[1])
    expected = np.clip(np.einsum("ri,cj,ijk->rck", rows, columns, pixels), 0, 1)
    resized = resize(pixels, *target)
    assert resized.dtype == np.float32
    assert resized.flags.c_contiguous
    np.testing.assert_allclose(resized, expected, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_photo_is_shrunk_by_means_first(channels: int) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.random((12, 16, channels), np.float32).repeat(40, 0).repeat(40, 1)
    pixels = np.clip(pixels + rng.normal(0, 0.05, pixels.shape), 0, 1).astype(np.float32)
    rows, columns = keys_weights(480, 47), keys_weights(640, 61)
    expected = np.clip(np.einsum("ri,cj,ijk->rck", rows, columns, pixels), 0, 1)
    resized = resize(pixels, 47, 61)
    assert resized.dtype == np.float32 and resized.flags.c_contiguous
    np.testing.assert_allclose(resized, expected, atol=0.02)
    assert np.abs(resized - expected).mean() < 2e-3


def test_resize_averages_what_it_shrinks_and_stays_in_range() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)[:, :, None]
    inside = resize(board, 16, 16)[2:-2, 2:-2]
    np.testing.assert_allclose(inside, 0.5, atol=0.01)
    step = np.repeat((np.arange(64) > 31).astype(np.float32)[None, :, None], 64, axis=0)
    resized = resize(step, 100, 100)
    assert (resized.min(), resized.max()) == (0, 1)


def test_resize_refuses_what_it_cannot_resize() -> None:
    pixels = np.zeros((4, 4, 1), np.float32)
    with pytest.raises(ValueError, match="float64"):
        resize(pixels.astype(np.float64), 2, 2)
    with pytest.raises(ValueError, match=r"\(4, 4\)"):
        resize(pixels[:, :, 0], 2, 2)
    with pytest.raises(ValueError, match="at least 1 px"):
        resize(pixels, 0, 2)
    with pytest.raises(ValueError, match="at least 1 px"):
        Photo.read(smooth()).fitted(0)
