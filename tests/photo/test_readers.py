"""Files of more than 8 bits, HEIC and camera raw: every bit kept, and a clear word about what is not read."""

from __future__ import annotations

import io
import logging
import math
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image

from photostyle.errors import InputError
from photostyle.photo.extras import EXTRAS
from photostyle.photo.photo import Photo
from photostyle.photo.raw_reader import tone_curve
from photostyle.photo.tiff_reader import opened as read_tiff
from tests.handmade import COLUMNS, P3_ICC, ROWS, XMP, camera_exif, dng, exif_of, noise, png, read, smooth, srgb_encoded


def tiff_of(samples: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    options = {"photometric": "rgb" if samples.ndim == 3 else "minisblack", "metadata": None} | options
    tifffile.imwrite(buffer, samples, **options)
    return buffer.getvalue()


def heif_of(samples: NDArray[Any], mode: str, **options: Any) -> bytes:
    image = pillow_heif.from_bytes(mode, (samples.shape[1], samples.shape[0]), samples.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, quality=-1, chroma=444, matrix_coefficients=0, **options)
    return buffer.getvalue()


def deep_smooth() -> NDArray[np.uint16]:
    """`smooth` with what lies between its levels."""
    row, column = np.mgrid[0 : 1 : ROWS * 1j, 0 : 1 : COLUMNS * 1j]
    ramp: NDArray[np.uint16] = np.rint(65535 * np.stack([row, column, 1 - row], axis=2)).astype(np.uint16)
    return ramp


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4), (4, 2), (0, 1)])
def test_png_of_16_bits(tmp_path: Path, colour: int, channels: int) -> None:
    values = noise(ROWS, COLUMNS, channels, dtype=np.uint16)
    photo = read(tmp_path, png(ROWS, COLUMNS, 16, colour, values.astype(">u2").tobytes()))
    expected = values[:, :, : 3 if channels > 2 else 1]
    assert np.array_equal(np.rint(photo.pixels * 65535), np.broadcast_to(expected, (ROWS, COLUMNS, 3)))
    assert (photo.depth, photo.format, photo.warnings) == (16, "PNG", ())
    assert (photo.alpha is None) == (channels % 2 == 1)
    if photo.alpha is not None:
        assert np.array_equal(np.rint(photo.alpha * 65535), values[:, :, -1])


def test_one_transparent_colour_of_16_bits(tmp_path: Path) -> None:
    values = noise(ROWS, COLUMNS, 3, dtype=np.uint16)
    clear = struct.pack(">3H", *(int(value) for value in values[0, 0]))
    photo = read(tmp_path, png(ROWS, COLUMNS, 16, 2, values.astype(">u2").tobytes(), (b"tRNS", clear)))
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha == 0, (values == values[0, 0]).all(2))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"compression": "lzw", "predictor": True},
        {"compression": "deflate", "tile": (16, 16)},
        {"planarconfig": "separate"},
        {"rowsperstrip": 7},
    ],
    ids=str,
)
def test_tiff_of_16_bits(tmp_path: Path, options: dict[str, Any]) -> None:
    values = noise(ROWS, COLUMNS, 3, dtype=np.uint16)
    stored = np.ascontiguousarray(values.transpose(2, 0, 1)) if "planarconfig" in options else values
    photo = read(tmp_path, tiff_of(stored, iccprofile=P3_ICC, **options))
    assert np.array_equal(np.rint(photo.pixels * 65535), values)
    assert (photo.depth, photo.format, photo.alpha, photo.warnings) == (16, "TIFF", None, ())
    assert photo.profile.icc == P3_ICC


def test_alpha_of_16_bits_by_its_kind(tmp_path: Path) -> None:
    values = noise(ROWS, COLUMNS, 4, dtype=np.uint16)
    values[:4, :4, 3] = 0
    straight = read(tmp_path, tiff_of(values, extrasamples=["unassalpha"]))
    assert straight.alpha is not None and np.array_equal(np.rint(straight.alpha * 65535), values[:, :, 3])
    assert np.array_equal(np.rint(straight.pixels * 65535), values[:, :, :3])
    multiplied = values.copy()
    multiplied[:, :, :3] = np.rint(values[:, :, :3] * (values[:, :, 3:] / 65535)).astype(np.uint16)
    photo = read(tmp_path, tiff_of(multiplied, extrasamples=["assocalpha"]))
    solid = values[:, :, 3] > 20_000
    np.testing.assert_allclose(photo.pixels[solid], straight.pixels[solid], atol=1e-4)
    assert photo.pixels.max() <= 1
    assert read(tmp_path, tiff_of(values, extrasamples=["unspecified"])).alpha is None


def test_of_several_deep_pages_the_first_is_read_with_a_warning(tmp_path: Path) -> None:
    first = noise(ROWS, COLUMNS, 3, dtype=np.uint16)
    with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
        for page in (first, 65535 - first):
            file.write(page, photometric="rgb", metadata=None)
    photo = Photo.read(tmp_path / "pages.tif")
    assert np.array_equal(np.rint(photo.pixels * 65535), first)
    assert photo.warnings == ("only the first of 2 pages or frames is read",)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (tiff_of(np.zeros((ROWS, COLUMNS, 3), np.float32)), "found floating-point ones of 32 bits"),
        (tiff_of(np.zeros((ROWS, COLUMNS, 3), np.float16)), "found floating-point ones of 16 bits"),
        (tiff_of(np.zeros((ROWS, COLUMNS, 3), np.uint32)), "found unsigned ones of 32 bits"),
        (tiff_of(np.zeros((ROWS, COLUMNS, 3), np.int16)), "found signed ones of 16 bits"),
        (tiff_of(np.zeros((ROWS, COLUMNS, 5), np.uint8), extrasamples=[0, 0]), "1 to 4 channels, found 5"),
        (tiff_of(np.zeros((ROWS, COLUMNS, 5), np.uint16), extrasamples=[0, 0]), "1 to 4 channels, found 5"),
        (tiff_of(np.zeros((ROWS, COLUMNS, 4), np.uint16), photometric="separated"), "found 16 bits of SEPARATED"),
        (tiff_of(np.zeros((16, COLUMNS, 3), np.uint16)), "at least 32 px, found 48 x 16"),
    ],
)
def test_tiffs_that_are_not_read(tmp_path: Path, data: bytes, found: str) -> None:
    with pytest.raises(InputError, match=found) as caught:
        read(tmp_path, data, "photo.tif")
    assert caught.value.exit_code == 3 and caught.value.where == str(tmp_path / "photo.tif")


def test_tiffs_whose_tags_are_damaged(tmp_path: Path) -> None:
    data = bytearray(tiff_of(np.zeros((ROWS, COLUMNS), np.uint16)))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    entries = {
        struct.unpack_from("<H", data, place)[0]: place for place in range(first + 2, first + 2 + 12 * count, 12)
    }
    strange, two_widths = bytearray(data), bytearray(data)
    struct.pack_into("<H", strange, entries[262] + 8, 77)
    struct.pack_into("<HII", two_widths, entries[256] + 2, 3, 2, COLUMNS)
    with pytest.raises(InputError, match="found 16 bits of colours of the kind 77"):
        read(tmp_path, bytes(strange))
    with pytest.raises(InputError, match="its size is no number"):
        read(tmp_path, bytes(two_widths))


def test_tifffile_is_quiet_in_the_threads_that_read_alone(caplog: pytest.LogCaptureFixture) -> None:
    logger, data = logging.getLogger("tifffile"), tiff_of(np.zeros((ROWS, COLUMNS), np.uint16))
    logger.warning("before")
    with ThreadPoolExecutor(1) as other, read_tiff(io.BytesIO(data)):
        with read_tiff(io.BytesIO(data)):
            logger.warning("inside")
        logger.warning("still inside")
        other.submit(logger.warning, "of another thread").result()
    logger.warning("after")
    assert caplog.messages == ["before", "of another thread", "after"]


@pytest.mark.parametrize("depth", [10, 12])
@pytest.mark.parametrize("channels", [3, 4])
def test_avif_of_10_and_12_bits(tmp_path: Path, depth: int, channels: int) -> None:
    values = np.concatenate([deep_smooth(), deep_smooth()[:, :, :1]], 2)[:, :, :channels] >> (16 - depth)
    data = imagecodecs.avif_encode(values, level=100, bitspersample=depth)
    photo = read(tmp_path, data)
    assert (photo.depth, photo.format) == (depth, "AVIF")
    np.testing.assert_allclose(photo.pixels, values[:, :, :3] / (2**depth - 1), atol=0.51 / (2**depth - 1))
    assert len(np.unique(photo.pixels)) <= 2**depth
    assert (photo.alpha is None) == (channels == 3)


@pytest.mark.parametrize(("dtype", "mode"), [(np.uint8, "RGB"), (np.uint16, "RGB;16")])
def test_heic_is_upright_and_keeps_its_profile_and_metadata(tmp_path: Path, dtype: Any, mode: str) -> None:
    values = smooth() if dtype == np.uint8 else deep_smooth()
    photo = read(tmp_path, heif_of(values, mode, exif=camera_exif(), xmp=XMP, icc_profile=P3_ICC))
    expected = np.rot90(values, -1) / np.iinfo(dtype).max
    np.testing.assert_allclose(photo.pixels, expected, atol=0.02)
    assert (photo.format, photo.depth, photo.warnings) == ("HEIC", 8 if dtype == np.uint8 else 10, ())
    assert photo.profile.icc == P3_ICC
    assert photo.metadata.xmp is not None and b"Someone" in photo.metadata.xmp
    exif = Image.Exif()
    exif.load(photo.metadata.exif or b"")
    assert (exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make]) == (1, "Maker")


def test_heic_with_alpha_and_without_anything_else(tmp_path: Path) -> None:
    values = np.dstack([smooth(), smooth()[:, :, 0]])
    photo = read(tmp_path, heif_of(values, "RGBA"))
    assert photo.alpha is not None and photo.metadata.exif is None
    np.testing.assert_allclose(photo.alpha, values[:, :, 3] / 255, atol=0.02)


def test_raw_is_developed_upright_with_16_bits(tmp_path: Path) -> None:
    photo = read(tmp_path, dng(64, 96, orientation=6), "photo.dng")
    assert (photo.height, photo.width) == (96, 64)
    assert (photo.format, photo.depth, photo.profile.is_srgb) == ("raw", 16, True)
    assert photo.pixels[:, :10].mean() > photo.pixels[:, -10:].mean() + 0.1  # its first row, the dark one, is right
    exif = Image.Exif()
    exif.load(photo.metadata.exif or b"")
    assert exif[ExifTags.Base.Model] == "Camera" and exif[ExifTags.Base.Orientation] == 1
    assert not {33421, 33422, 50706, 50721} & set(exif)
    photo.save(tmp_path / "out.tif")
    assert Photo.read(tmp_path / "out.tif").depth == 16


@pytest.mark.parametrize("above", [6_000, 50_000, 65_535])
def test_what_else_a_raw_photo_shows_does_not_change_its_brightness(tmp_path: Path, above: int) -> None:
    """Grey of 9 % of the sensor's range, below something dark, bright, or beyond white."""
    mosaic = np.full((96, 128), 6_000, np.uint16)
    mosaic[:48] = above
    photo = read(tmp_path, dng(96, 128, mosaic=mosaic), "photo.dng")
    wanted = srgb_encoded(np.array(math.sqrt(2) * 6_000 / 65_535))
    np.testing.assert_allclose(photo.pixels[60:, 20:-20], wanted, atol=1e-3)


def test_a_dng_says_how_much_brighter_its_maker_would_show_it(tmp_path: Path) -> None:
    mosaic = np.full((64, 96), 3_000, np.uint16)
    for stops, numbers in ((0, (0, 0)), (1.5, (3, 2)), (-1, (-1, 1)), (4, (900, 1))):
        photo = read(tmp_path, dng(64, 96, mosaic=mosaic, baseline_exposure=numbers), "photo.dng")
        wanted = tone_curve(stops)[3_000] / 65_535
        np.testing.assert_allclose(photo.pixels[20:-20, 20:-20], wanted, atol=1e-3)


@pytest.mark.parametrize("stops", [-4, -0.5, -0.4, 0, 1, 4])
def test_the_curve_of_raw_photos(stops: float) -> None:
    curve = tone_curve(stops).astype(int)
    gain = math.sqrt(2) * 2**stops
    assert curve[0] == 0 and np.diff(curve).min() >= 0
    assert abs(curve[-1] - 65_535 * srgb_encoded(np.array(min(gain, 1)))) <= 1  # white stays white
    straight = np.arange(int(65_535 * min(0.49 / gain, 1)))
    np.testing.assert_allclose(curve[straight] / 65_535, srgb_encoded(gain * straight / 65_535), atol=1e-4)
    linear = np.interp(np.arange(65_536) / 65_535, srgb_encoded(np.linspace(0, 1, 65_536)), np.linspace(0, 1, 65_536))
    slopes = np.diff(linear[curve][::64])
    assert np.diff(slopes).max() < 2e-4 * gain  # it bends downwards alone


@pytest.mark.parametrize(
    "beginning", [b"FUJIFILMCCD-RAW 0201", b"IIU\0\x18\0\0\0", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"]
)
def test_raw_that_cannot_be_developed(tmp_path: Path, beginning: bytes) -> None:
    with pytest.raises(InputError, match="LibRaw can develop") as caught:
        read(tmp_path, beginning + bytes(500), "photo.raf")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("kind", "data"), [("HEIC", heif_of(smooth(), "RGB")), ("raw", dng(64, 96))])
def test_without_its_extra_a_file_names_the_command_that_adds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, data: bytes
) -> None:
    extra, module, package = EXTRAS[kind]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"the package {package}, which reads {kind} files") as caught:
        read(tmp_path, data)
    assert f"python -m pip install 'photostyle[{extra}]'" in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("format", ["PNG", "TIFF", "AVIF", "HEIC", "raw"])
def test_damaged_bytes_give_a_photo_or_an_input_error(tmp_path: Path, format: str) -> None:
    whole = {
        "PNG": lambda: Photo.read(deep_smooth()).encode("PNG"),
        "TIFF": lambda: Photo.read(deep_smooth()).encode("TIFF"),
        "AVIF": lambda: imagecodecs.avif_encode(deep_smooth() >> 6, bitspersample=10),
        "HEIC": lambda: heif_of(deep_smooth(), "RGB;16", exif=exif_of(6).tobytes()),
        "raw": lambda: dng(64, 96),
    }[format]()
    data, generator = np.frombuffer(whole, np.uint8), np.random.default_rng(0)
    read_whole = 0
    for _ in range(40):
        damaged = data.copy()
        damaged[generator.integers(0, len(data), 8)] = generator.integers(0, 256, 8)
        try:
            photo = read(tmp_path, damaged.tobytes())
        except InputError:
            continue
        read_whole += 1
        assert 0 <= photo.pixels.min() <= photo.pixels.max() <= 1
    assert read_whole < 40
