"""Photos as files: the depth, the quality and the profile that they had, or those asked for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, JpegImagePlugin

from photostyle.errors import OutputError, SettingsError
from photostyle.photo.encode import _DITHER, _ROWS, FORMATS, _levels, check_size_fits
from photostyle.photo.metadata import Metadata
from photostyle.photo.photo import Photo
from tests.handmade import COLUMNS, P3_ICC, ROWS, camera_exif, noise, opened, png, read, saved, smooth


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bits_are_written_whole_and_read_by_others(tmp_path: Path, format: str, channels: int) -> None:
    values = noise(ROWS, COLUMNS, channels, dtype=np.uint16)
    path = tmp_path / "out"
    Photo.read(values).save(path, format=format)
    theirs = imagecodecs.png_decode(path.read_bytes()) if format == "PNG" else tifffile.imread(path)
    assert theirs.dtype == np.uint16
    assert np.array_equal(theirs, values)


@pytest.mark.parametrize("format", FORMATS)
def test_depth_is_the_photos_where_the_format_holds_it(tmp_path: Path, format: str) -> None:
    deep = Photo.read(noise(ROWS, COLUMNS, 3, dtype=np.uint16))
    deep.save(tmp_path / "out", format=format)
    assert Photo.read(tmp_path / "out").depth == (16 if format in ("PNG", "TIFF") else 8)
    deep.save(tmp_path / "out", format=format, depth=8, overwrite=True)
    assert Photo.read(tmp_path / "out").depth == 8


def test_what_lies_between_8_bit_levels_is_kept_with_16(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0.2, 0.3, 4096, dtype=np.float32), (32, 1))
    photo = Photo(np.repeat(ramp[:, :, None], 3, 2))
    photo.save(tmp_path / "out.png", depth=16)
    found = np.rint(Photo.read(tmp_path / "out.png").pixels[0, :, 0] * 65535)
    np.testing.assert_array_equal(found, np.rint(ramp[0] * np.float32(65535)))
    assert len(np.unique(found)) == 4096


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [40, 83])
def test_a_jpeg_keeps_its_tables_and_its_chroma(tmp_path: Path, quality: int, subsampling: int) -> None:
    data = saved(Image.fromarray(smooth()), "JPEG", quality=quality, subsampling=subsampling)
    photo = read(tmp_path, data)
    photo.save(tmp_path / "out.jpg")
    before, after = Image.open(io.BytesIO(data)), opened(tmp_path / "out.jpg")
    assert isinstance(before, JpegImagePlugin.JpegImageFile) and isinstance(after, JpegImagePlugin.JpegImageFile)
    assert after.quantization == before.quantization
    assert JpegImagePlugin.get_sampling(after) == subsampling
    assert np.abs(np.asarray(after).astype(int) - np.asarray(before)).mean() < 1
    photo.save(tmp_path / "out.jpg", quality=95, overwrite=True)
    told = opened(tmp_path / "out.jpg")
    assert isinstance(told, JpegImagePlugin.JpegImageFile)
    assert JpegImagePlugin.get_sampling(told) == 0 and told.quantization != before.quantization


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_jpegs_become_jpegs_of_colour(tmp_path: Path, mode: str) -> None:
    photo = read(tmp_path, saved(Image.fromarray(smooth()).convert(mode), "JPEG", quality=80))
    photo.save(tmp_path / "out.jpg")
    with opened(tmp_path / "out.jpg") as image:
        assert image.mode == "RGB"
        assert isinstance(image, JpegImagePlugin.JpegImageFile) and JpegImagePlugin.get_sampling(image) == 0
    np.testing.assert_allclose(Photo.read(tmp_path / "out.jpg").pixels, photo.pixels, atol=0.06)


@pytest.mark.parametrize("depth", [8, 16])
def test_to_srgb_as_littlecms_does(tmp_path: Path, depth: Any) -> None:
    values = noise(ROWS, COLUMNS, 3)
    photo = read(tmp_path, saved(Image.fromarray(values), "PNG", icc_profile=P3_ICC))
    photo.save(tmp_path / "out.png", profile="srgb", depth=depth)
    converted = Photo.read(tmp_path / "out.png")
    assert converted.profile.is_srgb and converted.profile.icc is None
    assert converted.depth == depth
    np.testing.assert_allclose(converted.pixels, photo.in_srgb(), atol=0.76 / (2**depth - 1))


def test_metadata_is_kept_in_part_or_not_and_the_profile_always(tmp_path: Path) -> None:
    pixels = smooth() / np.float32(255)
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "PNG", icc_profile=P3_ICC))
    photo = Photo(pixels, profile=photo.profile, metadata=Metadata(camera_exif(), None, b"\x1c\x02\x05\x00\x01A"))
    photo.save(tmp_path / "none.jpg", metadata="none")
    none = Photo.read(tmp_path / "none.jpg")
    assert none.metadata == Metadata() and none.profile.icc == P3_ICC
    photo.save(tmp_path / "some.jpg", metadata="no gps")
    assert 34853 not in opened(tmp_path / "some.jpg").getexif()
    assert Photo.read(tmp_path / "some.jpg").metadata.iptc == photo.metadata.iptc


@pytest.mark.parametrize("order", ["II", "MM"])
def test_a_tiff_is_as_others_write_it(tmp_path: Path, order: str) -> None:
    exif = Image.Exif()
    exif.endian = "<" if order == "II" else ">"
    exif[271] = "Maker"
    exif[34665] = {34855: 400, 37386: 35.0}
    values = noise(600, 700, 3, dtype=np.uint16)  # several strips
    photo = Photo((values / np.float32(65535)), depth=16, metadata=Metadata(exif.tobytes()))
    photo.save(tmp_path / "out.tif")
    assert (tmp_path / "out.tif").read_bytes()[:2] == order.encode()
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        page = file.pages.first
        assert len(page.dataoffsets) > 1 and page.compression == 8 and page.predictor == 2
        assert np.array_equal(page.asarray(), values)
        assert page.tags.valueof(34665)["ISOSpeedRatings"] == 400
        assert page.tags.valueof(271) == "Maker"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"format": "GIF"}, "one of the formats JPEG, PNG"),
        ({"format": "JPEG", "quality": 0}, "quality from 1 to 100"),
        ({"format": "WEBP", "quality": 101}, "quality from 1 to 100"),
        ({"format": "JPEG", "depth": 16}, r"holds 16 bits a channel \(PNG or TIFF\), found JPEG"),
        ({"format": "AVIF", "depth": 16}, "found AVIF"),
        ({"format": "PNG", "depth": 10}, "8 or 16 bits a channel, found 10"),
        ({"format": "PNG", "profile": "p3"}, "a profile of own, srgb, found 'p3'"),
        ({"format": "PNG", "metadata": "some"}, "a metadata of all, no gps, none, found 'some'"),
    ],
)
def test_choices_that_are_refused(options: dict[str, Any], found: str) -> None:
    with pytest.raises(SettingsError, match=found) as caught:
        Photo.read(smooth()).encode(**options)
    assert caught.value.exit_code == 2


def test_a_16_bit_png_keeps_its_profile(tmp_path: Path) -> None:
    values = noise(ROWS, COLUMNS, 3, dtype=np.uint16)
    photo = read(tmp_path, png(ROWS, COLUMNS, 16, 2, values.astype(">u2").tobytes()))
    assert photo.encode("PNG") == photo.encode("PNG")
    assert Image.open(io.BytesIO(photo.encode("PNG"))).info.get("icc_profile") is None


@pytest.mark.parametrize(("format", "most"), [("WEBP", 16_383), ("JPEG", 65_500)])
def test_a_size_that_a_format_cannot_hold_is_known_before_the_work(format: str, most: int) -> None:
    check_size_fits(most, 32, format)
    check_size_fits(32, most + 1, "PNG")
    with pytest.raises(OutputError, match=f"at most {most:,} px in {format}"):
        check_size_fits(32, most + 1, format)


@pytest.mark.parametrize("depth", [8, 16])
def test_the_number_of_threads_changes_no_level(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The noise is one sequence over the photo, whichever thread takes which rows."""
    values, found = np.random.default_rng(0).random((3 * _ROWS + 5, 33, 3), np.float32), []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(_levels(values, depth))
    scaled = values * np.float32(255 if depth == 8 else 65535)
    if depth == 8:
        scaled += (np.random.default_rng(0).random(values.shape, np.float32) - np.float32(0.5)) * np.float32(_DITHER)
    assert np.array_equal(found[0], np.rint(scaled.clip(0, 255 if depth == 8 else 65535)))
    assert np.array_equal(found[0], found[1])
