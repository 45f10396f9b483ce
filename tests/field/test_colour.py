"""Colours of the field: the one place that decides what numbers mean, and what other programs then see."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

from photostyle.photo.photo import Photo
from photostyle.photo.tone import from_hdr
from tests.field.made import exif_block, exif_segment, jpeg, png, saved, scene, short
from tests.handmade import ADOBE_ICC, P3_ICC, SRGB_ICC, srgb_encoded

SCENE = scene()
SRGB_CHRM = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
ADOBE_CHRM = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
HAS_AVIF = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


def as_shown(data: bytes) -> NDArray[np.uint8]:
    """A result as other programs show it: through its ICC profile, by littlecms."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    if icc := image.info.get("icc_profile"):
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), renderingIntent=intent)
        assert converted is not None
        image = converted
    return np.asarray(image)


def wanted(icc: bytes, pixels: NDArray[np.uint8] = SCENE) -> NDArray[np.uint8]:
    """The numbers as a profile that another program made says."""
    return as_shown(saved(Image.fromarray(pixels), "PNG", icc_profile=icc))


def avif(primaries: int, transfer: int, bits: int = 8, **options: Any) -> bytes:
    samples = SCENE if bits == 8 else SCENE.astype(np.uint16) * 4 + 3
    matrix = 9 if primaries == 9 else 6
    return bytes(imagecodecs.avif_encode(samples, level=98, bitspersample=bits, primaries=primaries, transfer=transfer,
                                         matrix=matrix, pixelformat="444", **options))  # fmt: skip


def heic(primaries: int, transfer: int) -> bytes:
    import pillow_heif

    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(SCENE)).save(
        buffer, quality=98, chroma=444, color_primaries=primaries, transfer_characteristics=transfer,
        matrix_coefficients=6, full_range_flag=1,
    )  # fmt: skip
    return buffer.getvalue()


def gama(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", value)


def chrm(values: tuple[int, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *values)


def cicp(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes((primaries, transfer, 0, 1))


def iccp(icc: bytes) -> tuple[bytes, bytes]:
    import zlib

    return b"iCCP", b"x\0\0" + zlib.compress(icc)


def dcf(index: bytes, space: int = 65535) -> bytes:
    block = exif_block([(271, 2, b"Maker\0")], [(40961, 3, short(space))], [], [(1, 2, index)] if index else [])
    return jpeg(exif_segment(block), quality=98, subsampling=0)


MEANT: list[Any] = [
    pytest.param(lambda: avif(12, 13), P3_ICC, 5, id="AVIF, Display P3", marks=HAS_AVIF),
    pytest.param(lambda: avif(12, 13, 10), P3_ICC, 3, id="AVIF, Display P3, 10 bits", marks=HAS_AVIF),
    pytest.param(lambda: avif(1, 13), SRGB_ICC, 3, id="AVIF, sRGB", marks=HAS_AVIF),
    pytest.param(lambda: avif(1, 1), SRGB_ICC, 3, id="AVIF, BT.709", marks=HAS_AVIF),
    pytest.param(lambda: avif(2, 2), SRGB_ICC, 3, id="AVIF, not said", marks=HAS_AVIF),
    pytest.param(lambda: heic(12, 13), P3_ICC, 4, id="HEIC, Display P3"),
    pytest.param(lambda: heic(1, 13), SRGB_ICC, 4, id="HEIC, sRGB"),
    pytest.param(lambda: png(cicp(12, 13)), P3_ICC, 1, id="PNG, cICP"),
    pytest.param(lambda: png(cicp(12, 13), iccp(ADOBE_ICC)), P3_ICC, 1, id="PNG, cICP stands above iCCP"),
    pytest.param(lambda: png((b"sRGB", b"\0"), gama(100_000)), SRGB_ICC, 0, id="PNG, sRGB stands above gAMA"),
    pytest.param(lambda: png(iccp(ADOBE_ICC), gama(100_000)), ADOBE_ICC, 1, id="PNG, iCCP stands above gAMA"),
    pytest.param(lambda: png(gama(45_455)), SRGB_ICC, 0, id="PNG, gAMA of sRGB"),
    pytest.param(lambda: png(gama(45_455), chrm(SRGB_CHRM)), SRGB_ICC, 0, id="PNG, gAMA and cHRM of sRGB"),
    pytest.param(lambda: png(gama(45_455), chrm(ADOBE_CHRM)), ADOBE_ICC, 2, id="PNG, cHRM of Adobe RGB"),
    pytest.param(lambda: dcf(b"R03\0"), ADOBE_ICC, 6, id="DCF, Adobe RGB"),
    pytest.param(lambda: dcf(b"", 2), ADOBE_ICC, 6, id="EXIF, Adobe RGB"),
    pytest.param(lambda: dcf(b"R98\0", 1), SRGB_ICC, 6, id="DCF, sRGB"),
]


@pytest.mark.parametrize(("make", "icc", "levels"), MEANT)
@pytest.mark.parametrize("to", ["PNG", "TIFF", "JPEG"])
def test_other_programs_see_the_colours_that_the_file_meant(
    make: Callable[[], bytes], icc: bytes, levels: int, to: str
) -> None:
    photo = Photo.read(make())
    assert photo.warnings == ()
    loss = 10 if to == "JPEG" else 0  # of JPEG itself
    off = np.abs(as_shown(photo.encode(to, depth=8)).astype(int) - wanted(icc))
    assert np.percentile(off, 99) <= levels + loss and off.mean() <= 1.5
    off = np.abs(as_shown(photo.encode("PNG", profile="srgb", depth=8)).astype(int) - wanted(icc))
    assert np.percentile(off, 99) <= levels + 1 and off.mean() <= 1.5


def test_linear_light_is_read_as_linear_light() -> None:
    photo = Photo.read(png(gama(100_000)))
    expected = np.rint(255 * srgb_encoded(SCENE / 255.0))
    np.testing.assert_allclose(photo.in_srgb() * 255, expected, atol=0.6)
    again = Photo.read(photo.encode("PNG"))  # the numbers stay, and a profile says what they mean
    np.testing.assert_array_equal(np.rint(again.pixels * 255), SCENE)
    np.testing.assert_allclose(again.in_srgb() * 255, expected, atol=1)


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
@pytest.mark.parametrize("kind", [pytest.param("AVIF", marks=HAS_AVIF), "HEIC", "PNG"])
def test_hdr_is_tone_mapped_and_never_read_as_srgb(kind: str, transfer: int) -> None:
    make = {
        "AVIF": lambda: avif(9, transfer, 10),
        "HEIC": lambda: heic(9, transfer),
        "PNG": lambda: png(cicp(9, transfer)),
    }
    photo = Photo.read(make[kind]())
    assert len(photo.warnings) == 1 and "HDR" in photo.warnings[0] and "tone-mapped" in photo.warnings[0]
    assert not photo.profile.is_srgb
    assert np.abs(photo.pixels * 255 - SCENE).mean() > 5


@pytest.mark.parametrize("hlg", [False, True], ids=["PQ", "HLG"])
def test_tone_mapping_rises_keeps_greys_grey_and_hues(hlg: bool) -> None:
    codes = np.arange(1024, dtype=np.uint16)
    grey = from_hdr(np.repeat(codes[None, :, None], 3, 2), 1023, hlg=hlg).astype(int)
    assert (grey[..., :1] == grey).all() and (np.diff(grey[0, :, 0]) >= 0).all()
    assert grey[0, 0, 0] == 0 and grey[0, -1, 0] == 65_535
    colour = from_hdr(np.array([[[900, 700, 500]]], np.uint16), 1023, hlg=hlg)[0, 0]
    assert colour[0] > colour[1] > colour[2]


def test_reference_white_of_pq_is_bright_and_not_clipped() -> None:
    """BT.2408: reference white, 203 cd/m2, has the PQ code 0.58."""
    code = np.full((1, 1, 3), round(0.58 * 1023), np.uint16)
    assert 0.8 < from_hdr(code, 1023, hlg=False)[0, 0, 0] / 65_535 < 0.95


STATED: list[Any] = [
    pytest.param(lambda: png(cicp(99, 13)), "primaries 99", id="unknown primaries"),
    pytest.param(lambda: png(gama(0)), "gAMA", id="gAMA of 0"),
    pytest.param(lambda: png(chrm((0,) * 8)), "cHRM", id="cHRM of nothing"),
    pytest.param(lambda: png(iccp(b"nonsense" * 20)), "colour profile cannot be used", id="a broken profile"),
    pytest.param(lambda: dcf(b""), "not what they are", id="EXIF says only what they are not"),
]


@pytest.mark.parametrize(("make", "text"), STATED)
def test_what_is_stated_and_not_used_is_told(make: Callable[[], bytes], text: str) -> None:
    photo = Photo.read(make())
    assert photo.profile.is_srgb and len(photo.warnings) == 1 and text in photo.warnings[0]


def test_in_srgb_the_marks_of_adobe_rgb_go() -> None:
    exif = Photo.read(Photo.read(dcf(b"R03\0")).encode("JPEG", profile="srgb")).metadata.exif or b""
    assert b"R98" in exif and b"R03" not in exif
