"""Photos read from files, images and arrays: what is wrong is named, what is right comes back as it was."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageFile

from photostyle.errors import InputError, OutputError
from photostyle.photo.icc import SRGB as SRGB_PROFILE
from photostyle.photo.kinds import format_by_beginning
from photostyle.photo.metadata import NO_METADATA
from photostyle.photo.photo import MOST_PIXELS, Photo, PhotoSource
from tests.handmade import (
    AVIF,
    COLUMNS,
    JPEG,
    PNG,
    ROWS,
    camera_exif,
    exif_of,
    noise,
    opened,
    png,
    read,
    saved,
    smooth,
    tiff,
)


def palette_image(alpha: list[int] | None = None) -> tuple[Image.Image, NDArray[np.uint8], NDArray[np.uint8]]:
    """A palette image, its colours, and its indices."""
    colours, indices = noise(4, 3, seed=1), noise(ROWS, COLUMNS) // 64
    image = Image.fromarray(indices).convert("P")
    image.putpalette(colours.tobytes())
    image.putdata(indices.ravel().tolist())
    if alpha:
        image.info["transparency"] = bytes(alpha)
    return image, colours[indices], indices


# Colour modes.


def mode_cases() -> dict[str, tuple[bytes, NDArray[Any], NDArray[Any] | None]]:
    """Name -> the file, its pixels in [0, 1] (grey has one channel), its alpha in [0, 1]."""
    grey, rgb, rgba, deep = (
        noise(ROWS, COLUMNS),
        noise(ROWS, COLUMNS, 3),
        noise(ROWS, COLUMNS, 4),
        noise(ROWS, COLUMNS, dtype=np.uint16),
    )
    bits, twelve = grey > 127, deep >> 4
    packed = np.packbits((twelve[:, :, None] >> np.arange(11, -1, -1)) & 1).tobytes()
    indexed, colours, indices = palette_image()
    clear, _, _ = palette_image([0, 80, 160, 255])
    cmyk = Image.frombytes("CMYK", (COLUMNS, ROWS), noise(ROWS, COLUMNS, 4).tobytes())
    naive = np.asarray(cmyk.convert("RGB")) / 255
    first = struct.pack(">3H", *(int(value) for value in rgb[0, 0]))
    return {
        "1 png": (saved(Image.fromarray(bits), "PNG"), bits * 1.0, None),
        "1 tiff": (saved(Image.fromarray(bits), "TIFF"), bits * 1.0, None),
        "L png": (saved(Image.fromarray(grey), "PNG"), grey / 255, None),
        "L tRNS": (
            png(ROWS, COLUMNS, 8, 0, grey.tobytes(), (b"tRNS", struct.pack(">H", grey[0, 0]))),
            grey / 255,
            grey != grey[0, 0],
        ),
        "LA png": (
            saved(Image.fromarray(rgba[:, :, :2].copy()), "PNG"),
            rgba[:, :, 0] / 255,
            rgba[:, :, 1] / 255,
        ),
        "P png": (saved(indexed, "PNG"), colours / 255, None),
        "P tRNS": (saved(clear, "PNG"), colours / 255, np.array([0, 80, 160, 255])[indices] / 255),
        "RGB tiff": (saved(Image.fromarray(rgb), "TIFF"), rgb / 255, None),
        "RGB tRNS": (
            png(ROWS, COLUMNS, 8, 2, rgb.tobytes(), (b"tRNS", first)),
            rgb / 255,
            (rgb != rgb[0, 0]).any(axis=2),
        ),
        "RGBA png": (saved(Image.fromarray(rgba), "PNG"), rgba[:, :, :3] / 255, rgba[:, :, 3] / 255),
        "RGBA webp": (
            saved(Image.fromarray(rgba), "WEBP", lossless=True, exact=True),
            rgba[:, :, :3] / 255,
            rgba[:, :, 3] / 255,
        ),
        "CMYK tiff": (saved(cmyk, "TIFF"), naive, None),
        "I;16 png": (saved(Image.fromarray(deep), "PNG"), deep / 65535, None),
        "I;16 tRNS": (
            png(ROWS, COLUMNS, 16, 0, deep.astype(">u2").tobytes(), (b"tRNS", struct.pack(">H", deep[0, 0]))),
            deep / 65535,
            deep != deep[0, 0],
        ),
        "I;16 tiff": (saved(Image.fromarray(deep), "TIFF"), deep / 65535, None),
        "I;16B tiff": (saved(Image.fromarray(deep.astype(">u2")), "TIFF"), deep / 65535, None),
        "I;16 white is zero": (tiff(ROWS, COLUMNS, 16, 0, deep.tobytes()), 1 - deep / 65535, None),
        "I;12 tiff": (tiff(ROWS, COLUMNS, 12, 1, packed), twelve / 4095, None),
    }


@pytest.mark.parametrize("name", mode_cases())
def test_every_colour_mode_becomes_rgb_and_alpha(tmp_path: Path, name: str) -> None:
    data, pixels, alpha = mode_cases()[name]
    photo = read(tmp_path, data)
    expected = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    assert photo.pixels.dtype == np.float32
    assert photo.pixels.flags.c_contiguous
    np.testing.assert_allclose(photo.pixels, expected, atol=1e-6)
    if alpha is None:
        assert photo.alpha is None
    else:
        assert photo.alpha is not None
        np.testing.assert_allclose(photo.alpha, alpha, atol=1e-6)
    assert photo.warnings == (
        ("CMYK without a colour profile, so its colours are a guess",) if name == "CMYK tiff" else ()
    )


def test_a_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    white = Image.new("CMYK", (COLUMNS, ROWS), (0, 0, 0, 0))
    assert read(tmp_path, saved(white, "JPEG")).pixels.min() > 0.98


def test_what_the_file_is_stands_in_the_photo(tmp_path: Path) -> None:
    data = saved(Image.fromarray(smooth()), "JPEG")
    photo = read(tmp_path, data, "named.png")
    assert (photo.height, photo.width) == (ROWS, COLUMNS)
    assert photo.path == tmp_path / "named.png"
    assert photo.format == "JPEG"
    assert photo.sha256 == hashlib.sha256(data).hexdigest()
    assert (photo.alpha, photo.profile, photo.metadata, photo.warnings) == (None, SRGB_PROFILE, NO_METADATA, ())
    assert photo.depth == 8


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", AVIF])
def test_of_several_pages_the_first_is_read_with_a_warning(tmp_path: Path, format: str) -> None:
    first, second = Image.new("RGB", (COLUMNS, ROWS), "white"), Image.new("RGB", (COLUMNS, ROWS), "black")
    photo = read(tmp_path, saved(first, format, save_all=True, append_images=[second]))
    assert photo.pixels.min() > 0.98
    assert photo.warnings == ("only the first of 2 pages or frames is read",)


def test_a_cameras_jpeg_with_previews_is_a_jpeg(tmp_path: Path) -> None:
    image = Image.fromarray(smooth())
    data = saved(image, "MPO", save_all=True, append_images=[image])
    photo = read(tmp_path, data)
    assert photo.format == "JPEG"
    assert photo.warnings == ("the result will not have these parts of the file: a second picture",)
    second = data.index(b"MPF\0") + 4 + 8 + 2 + 3 * 12 + 4 + 16  # the entry of the second picture
    assert data[second : second + 4] == bytes(4)
    preview = (
        data[:second]
        + (b"\x01\0\x01\0" if data[data.index(b"MPF\0") + 4] == 73 else b"\0\x01\0\x01")
        + data[second + 4 :]
    )
    assert read(tmp_path, preview).warnings == ()


# EXIF and orientation.

FIRST_ROW_AND_COLUMN = {1: "TL", 2: "TR", 3: "BR", 4: "BL", 5: "LT", 6: "RT", 7: "RB", 8: "LB"}
"""EXIF 2.3, 4.6.4 A, Orientation: the sides of the scene that the first stored row and column are."""


def stored(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    row, column = tuple(FIRST_ROW_AND_COLUMN[orientation])
    turned = upright if row in "TB" else upright.swapaxes(0, 1)
    turned = turned[::-1] if row in "BR" else turned
    return np.ascontiguousarray(turned[:, ::-1] if column in "BR" else turned)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG", AVIF, "deflated TIFF", "grey TIFF", "memory"])
def test_orientation_is_applied_once(tmp_path: Path, format: str, orientation: int) -> None:
    upright = smooth()
    image, exif = Image.fromarray(stored(upright, orientation)), exif_of(orientation)
    if format == "memory":
        photo = Photo.read(Image.open(io.BytesIO(saved(image, "PNG", exif=exif))))
    elif format == "deflated TIFF":  # which Pillow turns as it reads it
        photo = read(tmp_path, saved(image, "TIFF", exif=exif, compression="tiff_adobe_deflate"))
    elif format == "grey TIFF":
        upright = np.repeat(upright[:, :, :1] // 2 + upright[:, :, 1:2] // 2, 3, axis=2)
        deep = stored(upright[:, :, 0].astype(np.uint16) * 257, orientation)
        photo = read(tmp_path, saved(Image.fromarray(deep), "TIFF", exif=exif))
    else:
        photo = read(tmp_path, saved(image, format, exif=exif, quality=100))
    np.testing.assert_allclose(photo.pixels, upright / 255, atol=0.04)
    photo.save(tmp_path / "out.png")
    again = Photo.read(tmp_path / "out.png")
    np.testing.assert_allclose(again.pixels, photo.pixels, atol=0.51 / 255)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", AVIF])
def test_exif_is_kept_upright_and_without_thumbnail(tmp_path: Path, format: str) -> None:
    image = Image.fromarray(stored(smooth(), 6))
    source = saved(image, "JPEG", exif=camera_exif(65535))
    assert b"THUMBNAIL" in source
    assert Image.open(io.BytesIO(source)).getexif().get_ifd(ExifTags.IFD.IFD1)[514] == 9
    photo = read(tmp_path, source)
    assert (photo.metadata.exif or b"").startswith(b"Exif\0\0II*\0")
    photo.save(tmp_path / "out", format=format)
    assert b"THUMBNAIL" not in (tmp_path / "out").read_bytes()
    exif = opened(tmp_path / "out").getexif()
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    assert exif[ExifTags.Base.Make] == "Maker"
    assert exif.get_ifd(ExifTags.IFD.IFD1) == {}
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ISOSpeedRatings] == 400
    assert details[ExifTags.Base.MakerNote] == b"a maker's note"
    assert (details[ExifTags.Base.ExifImageHeight], details[ExifTags.Base.ExifImageWidth]) == (ROWS, COLUMNS)
    assert details[ExifTags.Base.ColorSpace] == 65535


def test_a_tiffs_layout_stays_out_of_a_jpegs_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Someone"
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "TIFF", exif=exif, compression="tiff_lzw"))
    photo.save(tmp_path / "out.jpg")
    assert set(opened(tmp_path / "out.jpg").getexif()) == {ExifTags.Base.Artist, ExifTags.Base.Orientation}


# Other sources.


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_arrays(dtype: Any, channels: int | None) -> None:
    whole = noise(ROWS, COLUMNS, *(() if channels is None else (channels,)), dtype=np.uint8)
    kind = np.dtype(dtype)
    given = (
        (whole / 255).astype(dtype) if kind.kind == "f" else (whole.astype(dtype) * (257 if kind.itemsize == 2 else 1))
    )
    photo = Photo.read(given)
    expected = np.atleast_3d(whole / 255)
    atol = 1e-3 if kind == np.float16 else 1e-6
    np.testing.assert_allclose(photo.pixels, np.broadcast_to(expected[:, :, :3], (ROWS, COLUMNS, 3)), atol=atol)
    assert (photo.alpha is not None) == (channels == 4)
    if photo.alpha is not None:
        np.testing.assert_allclose(photo.alpha, expected[:, :, 3], atol=atol)
    assert not np.shares_memory(photo.pixels, given)
    assert photo.pixels.flags.c_contiguous
    assert (photo.path, photo.format, photo.sha256) == (None, None, None)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.full((ROWS, COLUMNS, 3), np.nan), "nan"),
        (np.full((ROWS, COLUMNS, 3), np.inf), "inf"),
        (np.full((ROWS, COLUMNS, 3), 1e300), "inf"),
        (np.full((ROWS, COLUMNS, 3), 255.0), "found 255 to 255"),
        (np.full((ROWS, COLUMNS, 3), -0.01), "-0.01"),
        (np.zeros((ROWS, COLUMNS, 3), np.int64), "int64"),
        (np.zeros((ROWS, COLUMNS, 3), bool), "bool"),
        (np.zeros((ROWS, COLUMNS, 3), complex), "complex128"),
        (np.zeros((ROWS, COLUMNS, 2)), r"\(40, 48, 2\)"),
        (np.zeros((3, ROWS, COLUMNS)), r"\(3, 40, 48\)"),
        (np.zeros(ROWS), r"\(40,\)"),
        (np.zeros((1, 1, 3)), "1 x 1 px"),
        (np.zeros((0, 0, 3)), "0 x 0 px"),
        (np.broadcast_to(np.uint8(0), (30_000, 30_000)), "30,000 x 30,000 px"),
    ],
)
def test_arrays_that_are_no_photo(array: NDArray[Any], found: str) -> None:
    with pytest.raises(InputError, match=found) as caught:
        Photo.read(array)
    assert caught.value.where == "the array"


def test_a_photo_is_returned_as_it_is_and_other_things_are_refused() -> None:
    photo = Photo.read(smooth())
    assert Photo.read(photo) is photo
    with pytest.raises(InputError, match="found a list"):
        Photo.read([[0.0]])  # type: ignore[arg-type]


def test_an_opened_image_knows_its_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(Image.fromarray(smooth()), "JPEG", exif=camera_exif()))
    with Image.open(path) as image:
        photo = Photo.read(image)
        assert image.getexif()[ExifTags.Base.Orientation] == 6  # the caller's image stays as it was
    assert (photo.path, photo.format, photo.height) == (path, "JPEG", COLUMNS)
    assert Photo.read(Image.fromarray(smooth())).path is None


@pytest.mark.parametrize("name", ["I;16 tiff", "I;16 white is zero", "I;12 tiff", "I;16 tRNS"])
def test_an_opened_image_of_deep_grey(name: str) -> None:
    data, pixels, alpha = mode_cases()[name]
    photo = Photo.read(Image.open(io.BytesIO(data)))
    np.testing.assert_allclose(photo.pixels[:, :, 0], pixels, atol=1e-6)
    assert (photo.alpha is None) == (alpha is None)
    assert photo.alpha is None or np.array_equal(photo.alpha, alpha)


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="this system names no open files under /dev/fd")
def test_a_pipe_is_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, saved(Image.fromarray(smooth()), "PNG"))
    os.close(writer)
    photo = Photo.read(f"/dev/fd/{reader}")
    os.close(reader)
    assert np.array_equal(np.rint(photo.pixels * 255), smooth())


# Bytes and file objects.


class Unseekable(io.RawIOBase):
    """As a socket or a pipe: read from once."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer)


@pytest.mark.parametrize("data", [JPEG, PNG, saved(Image.fromarray(noise(ROWS, COLUMNS, 3)), "TIFF")])
def test_bytes_and_file_objects_are_read_as_the_file(tmp_path: Path, data: bytes) -> None:
    wanted = read(tmp_path, data)
    sources: list[PhotoSource] = [
        data, bytearray(data), memoryview(data), memoryview(data + data[::-1])[: len(data)], io.BytesIO(data),
        Unseekable(data), io.BufferedReader(Unseekable(data)),
    ]  # fmt: skip
    for source in sources:
        photo = Photo.read(source)
        assert np.array_equal(photo.pixels, wanted.pixels)
        assert (photo.format, photo.sha256, photo.warnings) == (wanted.format, wanted.sha256, wanted.warnings)
        assert photo.path is None


def test_a_file_object_is_read_from_where_it_stands_and_left_open() -> None:
    file = io.BytesIO(b"a header" + PNG)
    file.seek(8)
    assert Photo.read(file).sha256 == hashlib.sha256(PNG).hexdigest()
    assert not file.closed


def test_an_open_file_knows_its_path(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(PNG)
    with open(path, "rb") as file:
        photo = Photo.read(file)
    assert photo.path == path
    with pytest.raises(OutputError):
        photo.save(path, overwrite=True)


def test_a_name_in_an_archive_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_bytes(b"another file")
    with zipfile.ZipFile("photos.zip", "w") as archive:
        archive.writestr("photo.png", PNG)
    with zipfile.ZipFile("photos.zip") as archive, archive.open("photo.png") as file:
        assert Photo.read(file).path is None


def closed() -> IO[bytes]:
    file = io.BytesIO(PNG)
    file.close()
    return file


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "the bytes: .*found an empty file"),
        (b"a letter", "begins with b'a letter'"),
        (io.BytesIO(b""), r"nothing left to read.*\n.*seek\(0\)"),
        (io.StringIO("a letter"), '(?s)one of text.*"rb"'),
        (io.TextIOWrapper(io.BytesIO(JPEG), "utf-8"), '(?s)one of text.*"rb"'),
        (closed(), "closed file"),
        (SimpleNamespace(read=lambda: [1]), "one that reads a list"),
        (SimpleNamespace(read=3), "found a SimpleNamespace"),
    ],
)  # fmt: skip
def test_bytes_and_file_objects_that_hold_no_photo(source: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Photo.read(source)


# Inputs that cannot be used.

HUGE_PNG = png(30_000, 30_000, 8, 2, b"")
HUGE_WEBP = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + b"\xfe\x3f\0" * 2


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "found an empty file"),
        (b"Dear photographer, this is a letter.", "begins with b'Dear photographe'"),
        (JPEG[: len(JPEG) // 2], r"found a damaged one \(.*premature end"),
        (JPEG[:100], "found a damaged one"),
        (PNG[: len(PNG) // 2], "found a damaged one"),
        (PNG[:20], "found a damaged one"),
        (saved(Image.fromarray(smooth()), "WEBP")[:60], "found a damaged one"),
        (saved(Image.fromarray(smooth()), "TIFF")[:1000], "found a damaged one"),
        (saved(Image.fromarray(smooth()), "GIF"), "begins with b'GIF8"),
        (saved(Image.new("RGB", (1, 1)), "PNG"), "at least 32 px, found 1 x 1 px"),
        (saved(Image.new("RGB", (5000, 1)), "PNG"), "found 5,000 x 1 px"),
        (saved(Image.new("RGB", (31, 400)), "JPEG"), "found 31 x 400 px"),
        (HUGE_PNG, "at most 250,000,000 pixels, found 30,000 x 30,000 px"),
        (HUGE_WEBP, "found a (larger|damaged) one"),  # before Pillow 13 it does not tell which
        (tiff(30_000, 30_000, 8, 1, b""), "found 30,000 x 30,000 px"),
        (saved(Image.new("F", (COLUMNS, ROWS)), "TIFF"), "8 or 16 bits, found floating-point ones of 32 bits"),
        (saved(Image.new("I", (COLUMNS, ROWS)), "TIFF"), "8 or 16 bits, found signed ones of 32 bits"),
        (saved(Image.new("LAB", (COLUMNS, ROWS)), "TIFF"), "found mode LAB"),
        (
            tiff(ROWS, COLUMNS, 8, 1, bytes(ROWS * COLUMNS), (254, 1)),
            "LibRaw can develop, found unsupported file format",
        ),
        (
            tiff(ROWS, COLUMNS, 8, 1, bytes(ROWS * COLUMNS), (50706, 4)),
            "LibRaw can develop, found unsupported file format",
        ),
    ],
)
def test_files_that_are_no_photo(tmp_path: Path, data: bytes, found: str) -> None:
    with pytest.raises(InputError, match=found) as caught:
        read(tmp_path, data, "photo.jpg")
    assert caught.value.where == str(tmp_path / "photo.jpg")
    assert caught.value.exit_code == 3


def test_places_where_no_photo_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(PNG)

    def refused(source: object, found: str) -> None:
        with pytest.raises(InputError, match=found) as caught:
            Photo.read(source)  # type: ignore[arg-type]
        assert caught.value.where == str(source)

    refused(tmp_path / "absent.jpg", "there is no such file")
    refused(str(tmp_path), "this is a folder")
    refused(tmp_path / "file" / "photo.jpg", "Not a directory")
    refused("nul\0byte.jpg", "cannot be read")

    def denied(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", denied)
    refused(tmp_path / "file", "may not be read")


def test_too_many_pixels_are_refused_from_the_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(_: object) -> None:
        raise AssertionError("the pixels were asked for")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    tracemalloc.start()
    with pytest.raises(InputError, match="30,000 x 30,000"):
        read(tmp_path, HUGE_PNG)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


def test_the_limit_is_ours_and_not_pillows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", ROWS * COLUMNS // 3)
    (tmp_path / "photo.png").write_bytes(PNG)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(PNG))
    assert Photo.read(tmp_path / "photo.png").warnings == ()
    assert Image.MAX_IMAGE_PIXELS == ROWS * COLUMNS // 3
    monkeypatch.setattr("photostyle.photo.stored.MOST_PIXELS", ROWS * COLUMNS - 1)
    with pytest.raises(InputError, match="at most 1,919 pixels"):
        Photo.read(tmp_path / "photo.png")
    assert MOST_PIXELS > 2 * 100e6


def test_what_pillow_warns_of_stands_in_the_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = ImageFile.ImageFile.load

    def warn(image: ImageFile.ImageFile) -> object:
        warnings.warn_explicit("something odd", UserWarning, "ImageFile.py", 1, module="PIL.ImageFile")
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", warn)
    assert "something odd" in read(tmp_path, JPEG).warnings


def raising(error: Exception, module: str) -> Callable[..., None]:
    """A function of that module that raises."""
    names: dict[str, Any] = {"__name__": module, "error": error}
    exec("def fail(*arguments, **options):\n    raise error", names)
    function: Callable[..., None] = names["fail"]
    return function


@pytest.mark.parametrize("error", [TypeError("a"), AttributeError("b"), KeyError("c"), ValueError("d")], ids=repr)
@pytest.mark.parametrize("place", ["read_with_pillow", "upright"])
def test_a_fault_of_ours_is_not_called_a_damaged_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, place: str
) -> None:
    monkeypatch.setattr(f"photostyle.photo.decode.{place}", raising(error, f"photostyle.photo.{place}"))
    with pytest.raises(type(error)) as caught:
        read(tmp_path, PNG)
    assert caught.value is error


def test_a_call_that_a_decoder_does_not_have_is_a_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda: None)
    with pytest.raises(TypeError, match="takes 0 positional arguments"):
        read(tmp_path, PNG)


@pytest.mark.parametrize("error", [TypeError("a"), AttributeError("b"), struct.error("c"), RuntimeError()], ids=repr)
def test_whatever_a_decoder_raises_is_a_damaged_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", raising(error, "PIL.ImageFile"))
    with pytest.raises(InputError, match=rf"a damaged one \({str(error) or 'RuntimeError'}\)") as caught:
        read(tmp_path, JPEG)
    assert caught.value.exit_code == 3 and caught.value.__cause__ is error


def test_a_disk_that_fails_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError(errno.EIO, "Input/output error")
    monkeypatch.setattr("photostyle.photo.decode.read_jpeg", raising(error, "photostyle.photo.jpeg_reader"))
    with pytest.raises(InputError, match="Input/output error"):
        read(tmp_path, JPEG)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", AVIF])
def test_damaged_bytes_give_a_photo_or_an_input_error(tmp_path: Path, format: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = np.frombuffer(saved(Image.fromarray(smooth()), format, exif=camera_exif(), icc_profile=profile), np.uint8)
    generator = np.random.default_rng(0)
    for _ in range(60):
        damaged = data.copy()
        where = generator.integers(0, len(data), 8)
        damaged[where] = generator.integers(0, 256, 8)
        with suppress(InputError):
            photo = read(tmp_path, damaged.tobytes())
            assert 0 <= photo.pixels.min() <= photo.pixels.max() <= 1


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WEBP"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"II*\0\x10\0\0\0CR\x02\0", "raw"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"FUJIFILMCCD-RAW 0201", "raw"),
        (b"a letterCR or not", ""),
        (b"GIF89a", ""),
        (b"", ""),
    ],
)
def test_the_beginning_of_a_file_says_its_format(head: bytes, format: str) -> None:
    assert format_by_beginning(head) == format
