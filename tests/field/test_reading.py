"""Files of the field that were refused or misread: they are read, or the message says what they are."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from photostyle.errors import InputError
from photostyle.photo.photo import Photo
from tests.field.made import jpeg, saved, scene, segment
from tests.handmade import ADOBE_ICC, dng

SCENE = scene()
DEEP = SCENE.astype(np.uint16) * 257


def tiff(tmp_path: Path, samples: Any, **options: Any) -> Photo:
    tifffile.imwrite(tmp_path / "photo.tif", samples, metadata=None, **({"photometric": "rgb"} | options))
    return Photo.read(tmp_path / "photo.tif")


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("samples", [SCENE, DEEP], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd"])
def test_bigtiff_is_read_as_classic_tiff_is(tmp_path: Path, order: Any, samples: Any, compression: str | None) -> None:
    tags = [(274, 3, 1, 6, True), (34675, 7, len(ADOBE_ICC), ADOBE_ICC, True), (315, 2, 0, "Someone", True)]
    options = {"byteorder": order, "compression": compression, "extratags": tags, "resolution": (300, 300)}
    big, classic = (tiff(tmp_path, samples, bigtiff=bigtiff, **options) for bigtiff in (True, False))
    assert big.warnings == classic.warnings == () and big.depth == classic.depth == 8 * samples.itemsize
    np.testing.assert_array_equal(big.pixels, classic.pixels)
    np.testing.assert_array_equal(np.rint(big.pixels * np.iinfo(samples.dtype).max), np.rot90(samples, -1))
    assert big.profile.icc == ADOBE_ICC and b"Someone" in (big.metadata.exif or b"")
    assert big.metadata.resolution == classic.metadata.resolution == (300, 300)


@pytest.mark.parametrize("kind", ["palette", "CMYK", "grey", "white is zero"])
def test_kinds_of_bigtiff(tmp_path: Path, kind: str) -> None:
    grey = SCENE[:, :, 0]
    if kind == "palette":
        colours = np.stack([np.arange(256) * 257, np.arange(256)[::-1] * 257, np.full(256, 300)]).astype(np.uint16)
        photo = tiff(tmp_path, grey, photometric="palette", colormap=colours, bigtiff=True)
        np.testing.assert_allclose(photo.pixels * 65_535, colours.T[grey], atol=0.01)
    elif kind == "CMYK":
        inks = np.asarray(Image.fromarray(SCENE).convert("CMYK"))
        photo = tiff(tmp_path, inks, photometric="separated", bigtiff=True)
        np.testing.assert_allclose(photo.pixels * 255, SCENE, atol=2)
    else:
        zero = kind == "white is zero"
        photo = tiff(
            tmp_path, 255 - grey if zero else grey, photometric="miniswhite" if zero else "minisblack", bigtiff=True
        )
        np.testing.assert_array_equal(np.rint(photo.pixels[:, :, 0] * 255), grey)


@pytest.mark.parametrize("compression", ["webp", "zstd", "lzma", "jpegxl", "jpeg2000", "lerc", "deflate", "packbits"])
@pytest.mark.parametrize("samples", [SCENE, DEEP], ids=["8 bits", "16 bits"])
def test_every_compression_that_imagecodecs_has(tmp_path: Path, compression: str, samples: Any) -> None:
    if compression == "webp" and samples is DEEP:
        pytest.skip("WebP holds 8 bits")
    if compression == "deflate":
        compression = "zlib"
    options = {"compressionargs": {"lossless": True}} if compression == "webp" else {}
    photo = tiff(tmp_path, samples, compression=compression, **options)
    np.testing.assert_array_equal(np.rint(photo.pixels * np.iinfo(samples.dtype).max), samples)


def test_a_page_that_is_a_thumbnail_before_the_photo(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "photo.tif") as file:
        file.write(SCENE[::4, ::4], photometric="rgb", subfiletype=1, metadata=None,
                   extratags=[(315, 2, 0, "Someone", True)])  # fmt: skip
        file.write(DEEP, photometric="rgb", metadata=None)
        file.write(SCENE[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    photo = Photo.read(tmp_path / "photo.tif")
    np.testing.assert_array_equal(np.rint(photo.pixels * 65_535), DEEP)
    assert photo.warnings == () and photo.format == "TIFF" and b"Someone" in (photo.metadata.exif or b"")


def test_a_raw_file_with_a_preview_is_still_raw(tmp_path: Path) -> None:
    (tmp_path / "photo.dng").write_bytes(dng(48, 64, preview=True))
    assert Photo.read(tmp_path / "photo.dng").format == "raw"


def test_layers_of_photoshop_are_told_as_lost(tmp_path: Path) -> None:
    photo = tiff(tmp_path, SCENE, extratags=[(37724, 7, 40, b"Adobe Photoshop Document Data Block\0" + bytes(4), True)])
    assert photo.warnings == ("the result will not have these parts of the file: Photoshop's layers",)


# JPEG.

WHOLE = jpeg()


@pytest.mark.parametrize(
    "data",
    [
        WHOLE[: len(WHOLE) // 2] + bytes(len(WHOLE) // 2),
        WHOLE[: len(WHOLE) // 2] + bytes(len(WHOLE) // 2) + b"\xff\xd9",
        WHOLE[: len(WHOLE) // 2],
        WHOLE[: len(WHOLE) // 2] + b"\xff\xd9",
        WHOLE[: len(WHOLE) * 2 // 3] + bytes(40) + WHOLE[len(WHOLE) * 2 // 3 + 40 :],
        jpeg(progressive=True)[: len(WHOLE) // 2] + b"\xff\xd9",
    ],
    ids=["zeros", "zeros and an end", "cut", "cut, with an end", "a hole", "progressive, cut"],
)
def test_a_jpeg_whose_data_are_damaged_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="expected a whole photo, found a damaged one") as caught:
        Photo.read(data)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_a_jpeg_that_lacks_only_its_end_is_read_with_a_warning(options: dict[str, Any]) -> None:
    whole = jpeg(**options)
    photo = Photo.read(whole[:-2])
    assert photo.warnings == ("the file's end is missing, but its picture is whole",)
    np.testing.assert_array_equal(photo.pixels, Photo.read(whole).pixels)


@pytest.mark.parametrize("padding", [bytes(3), bytes(5000), b"\xff" * 9], ids=["3 zeros", "5000 zeros", "fill bytes"])
def test_padding_before_the_end_of_a_jpeg_is_no_damage(padding: bytes) -> None:
    photo = Photo.read(WHOLE[:-2] + padding + WHOLE[-2:])
    assert photo.warnings == ()
    np.testing.assert_array_equal(photo.pixels, Photo.read(WHOLE).pixels)


@pytest.mark.parametrize("grey", [False, True], ids=["colour", "grey"])
def test_a_jpeg_of_12_bits_is_read_with_all_of_them(grey: bool) -> None:
    ramp = (np.indices((48, 64)).sum(0) * 36 + 5).astype(np.uint16)
    samples = ramp if grey else np.stack([ramp, ramp[::-1], ramp // 2], 2)
    photo = Photo.read(bytes(imagecodecs.jpeg8_encode(samples, level=100, bitspersample=12, subsampling="444")))
    assert (photo.depth, photo.format, photo.warnings) == (12, "JPEG", ())
    expected = (samples[:, :, None] if grey else samples) / 4095
    assert np.abs(photo.pixels - expected).max() < 3 / 255
    between = np.abs(photo.pixels * 255 - np.rint(photo.pixels * 255))
    assert np.median(between) > 0.1


def test_quantisation_tables_go_to_their_components() -> None:
    """A JPEG whose tables are stored in the other order, each named by its component."""
    whole = jpeg(quality=60, subsampling=0)
    tables = [at for at in range(len(whole)) if whole[at : at + 4] == b"\xff\xdb\x00\x43"]
    assert len(tables) == 2
    swapped = bytearray(whole)
    for at in tables:
        swapped[at + 4] ^= 1
    frame = whole.index(b"\xff\xc0") + 10
    for component in range(3):
        swapped[frame + 3 * component + 2] ^= 1
    photo, usual = Photo.read(bytes(swapped)), Photo.read(whole)
    np.testing.assert_array_equal(photo.pixels, usual.pixels)
    assert photo.jpeg == usual.jpeg
    assert photo.encode("JPEG") == usual.encode("JPEG")


def test_three_tables_of_a_jpeg_stay_three() -> None:
    luma, red, blue = [16] * 64, [20] * 64, [30] * 64
    photo = Photo.read(jpeg(qtables=[luma, red, blue], subsampling=0, quality=-1))
    assert photo.jpeg is not None and [table[0] for table in photo.jpeg.quantisation] == [16, 20, 30]
    again = Photo.read(photo.encode("JPEG"))
    assert again.jpeg == photo.jpeg


# WebP, PNG and others.


def test_a_lossless_webp_stays_lossless() -> None:
    stripes = SCENE.copy()
    stripes[::2, :20], stripes[1::2, :20] = (255, 0, 0), (0, 0, 255)
    photo = Photo.read(saved(Image.fromarray(stripes), "WEBP", lossless=True))
    data = photo.encode("WEBP")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), stripes)
    assert b"VP8L" in data[:64] and Photo.read(data).lossless
    assert b"VP8L" not in photo.encode("WEBP", quality=80)[:64]
    assert not Photo.read(saved(Image.fromarray(stripes), "WEBP", quality=80)).lossless


def test_a_second_picture_of_an_mpo_is_told() -> None:
    image = Image.fromarray(SCENE)
    photo = Photo.read(saved(image, "MPO", save_all=True, append_images=[image]))
    assert photo.warnings == ("the result will not have these parts of the file: a second picture",)


def test_unknown_segments_are_named_and_silent_ones_are_not() -> None:
    photo = Photo.read(
        jpeg(segment(0xEC, b"Ducky\0\1"), segment(0xEE, b"Adobe\0d\0\0\0\0\1"), segment(0xE5, b"RMETA\0" + bytes(9)))
    )
    assert photo.warnings == ("the result will not have these parts of the file: a segment of the kind RMETA",)


def test_damaged_boxes_and_chunks_are_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Photo.read(struct.pack(">I4s4sI", 24, b"ftyp", b"avif", 0) + b"avifmif1" + bytes(50))
