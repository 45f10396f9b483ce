"""Colour profiles: what littlecms makes of them inside sRGB, back as they were beyond it."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from photostyle.photo.icc import SRGB, Profile, Table, parse_profile
from photostyle.photo.photo import Photo
from tests.handmade import (
    ADOBE,
    ADOBE_ICC,
    COLUMNS,
    P3_ICC,
    PROPHOTO_ICC,
    ROWS,
    SRGB_ICC,
    icc,
    noise,
    png,
    read,
    saved,
    srgb_encoded,
    swapping_icc,
    table_curve,
)  # fmt: skip
from tests.handmade import SRGB as SRGB_PRIMARIES

GAMMA = np.linspace(0, 1, 1024) ** 2.2
TABLED_ICC = icc(b"RGB ", 0, ADOBE, curve=table_curve(GAMMA))
WIDE = {"Adobe RGB": ADOBE_ICC, "Display P3": P3_ICC, "ProPhoto": PROPHOTO_ICC, "tables": TABLED_ICC}


def lattice(steps: int = 18) -> NDArray[np.float32]:
    """`(steps, steps steps, 3)`: colours all over the cube."""
    grid = np.indices((steps, steps, steps), np.float32) / np.float32(steps - 1)
    return np.ascontiguousarray(grid.reshape(3, steps, -1).transpose(1, 2, 0))


def by_littlecms(colours: NDArray[np.float32], profile: bytes) -> NDArray[np.float32]:
    """To sRGB, relative colorimetric."""
    converted: NDArray[np.float32] = imagecodecs.cms_transform(
        colours, profile, SRGB_ICC, colorspace="rgb", outcolorspace="rgb", intent=1, outdtype=np.float32
    )
    return converted


@pytest.mark.parametrize("name", WIDE)
def test_colours_that_srgb_holds_are_those_of_littlecms(name: str) -> None:
    colours = lattice()
    theirs = by_littlecms(colours, WIDE[name])
    ours = parse_profile(WIDE[name]).to_srgb(colours)
    held = ((ours > 0.05) & (ours < 1)).all(2)
    assert held.mean() > 0.1
    np.testing.assert_allclose(ours[held], theirs[held], atol=2e-3)


@pytest.mark.parametrize("name", WIDE)
def test_there_and_back_is_the_same_far_beyond_srgb(name: str) -> None:
    profile, colours = parse_profile(WIDE[name]), lattice()
    beyond = profile.to_srgb(colours)
    assert beyond.dtype == np.float32 and beyond.min() < -0.05
    np.testing.assert_allclose(profile.from_srgb(beyond), colours, atol=5e-3 if name == "tables" else 1e-3)
    bright = (colours > 0.05).all(2)
    np.testing.assert_allclose(profile.from_srgb(beyond)[bright], colours[bright], atol=2e-5)


def test_the_red_of_display_p3_lies_where_css_says() -> None:
    """CSS Color 4's sample code gives color(display-p3 1 0 0) as color(srgb 1.093 -0.2267 -0.1501)."""
    red = parse_profile(P3_ICC).to_srgb(np.array([[[1, 0, 0]]], np.float32))[0, 0]
    np.testing.assert_allclose(red, [1.093, -0.2267, -0.1501], atol=2e-3)


def test_srgb_of_any_maker_counts_as_srgb_and_is_not_touched() -> None:
    colours = lattice()
    assert SRGB.to_srgb(colours) is colours and SRGB.from_srgb(colours) is colours
    profile = parse_profile(SRGB_ICC)
    assert profile.is_srgb and profile.icc == SRGB_ICC and profile.to_srgb(colours) is colours


def test_a_table_is_inverted() -> None:
    table = Table(GAMMA)
    levels = np.linspace(0, 1, 65_536, dtype=np.float32)
    assert np.abs(table.encoded(table.linear(levels)) - levels).max() < 0.1 / 65_535
    assert table.encoded(np.array([1.2], np.float32))[0] > 1.05


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (0, (2.2,)),
        (1, (2.4, 1 / 1.1, 0.1 / 1.1)),
        (2, (2.4, 1 / 1.1, 0.1 / 1.1, 0.0)),
        (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)),
        (4, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0.0, 0.0)),
    ],
)
def test_parametric_curves_are_those_of_littlecms(kind: int, parameters: tuple[float, ...]) -> None:
    fixed = struct.pack(f">{len(parameters)}i", *(round(p * 65536) for p in parameters))
    data = b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + fixed
    profile = icc(b"RGB ", 1.0, ADOBE, curve=data)
    colours = lattice()
    theirs = by_littlecms(colours, profile)
    ours = parse_profile(profile).to_srgb(colours)
    held = ((ours > 0.05) & (ours < 1)).all(2)
    np.testing.assert_allclose(ours[held], theirs[held], atol=1e-3)


def test_greys_curve_gets_srgbs_primaries_and_becomes_a_profile_that_littlecms_reads() -> None:
    profile = parse_profile(icc(b"GRAY", 461 / 256))
    greys = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(3, 2)
    expected = srgb_encoded(greys.astype(np.float64) ** (461 / 256))
    np.testing.assert_allclose(profile.to_srgb(greys), expected, atol=1e-3)
    assert profile.icc is not None
    made = ImageCms.ImageCmsProfile(io.BytesIO(profile.icc))
    assert made.profile.xcolor_space.strip() == "RGB"
    assert ImageCms.getProfileName(made).strip() == "Grey's curve with sRGB's primaries"
    again = parse_profile(profile.icc)
    np.testing.assert_allclose(again.to_srgb(greys), profile.to_srgb(greys), atol=1e-4)


@pytest.mark.parametrize(
    ("profile", "found"),
    [
        (b"no profile", "does not begin"),
        (ADOBE_ICC[:150], "list of tags is cut short"),
        (ADOBE_ICC[:260], "cut short|damaged"),
        (icc(b"RGB ", 0, ADOBE, curve=table_curve(1 - GAMMA)), "a curve falls"),
        (icc(b"RGB ", 2.2, (ADOBE[0], ADOBE[0], ADOBE[0])), "span no colours"),
        (icc(b"RGB ", 2.2, ADOBE, curve=b"para\0\0\0\0" + struct.pack(">HHi", 9, 0, 65536)), "damaged"),
        (icc(b"RGB ", 2.2, ADOBE, curve=b"sf32\0\0\0\0" + struct.pack(">I", 9)), "of the kind"),
        (icc(b"RGB ", 0.0, ADOBE), "a curve falls"),
    ],
)
def test_damaged_profiles(profile: bytes, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        parse_profile(profile)


def test_random_damage_gives_a_profile_or_one_of_two_errors() -> None:
    data, rng = np.frombuffer(P3_ICC, np.uint8), np.random.default_rng(0)
    colours = lattice(4)
    for _ in range(300):
        damaged = data.copy()
        damaged[rng.integers(0, len(data), 6)] = rng.integers(0, 256, 6)
        try:
            found: Profile = parse_profile(damaged.tobytes())
        except (ValueError, LookupError):
            continue
        assert np.isfinite(found.from_srgb(found.to_srgb(colours))).all()


# Photos with profiles.


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize(("dtype", "format"), [(np.uint8, "PNG"), (np.uint8, "TIFF"), (np.uint16, "PNG"),
                                               (np.uint16, "TIFF")])  # fmt: skip
def test_a_photo_keeps_its_profile_and_every_sample(tmp_path: Path, name: str, dtype: Any, format: str) -> None:
    samples = noise(ROWS, COLUMNS, 3, dtype=dtype)
    (tmp_path / "in.png").write_bytes(png_with(samples, WIDE[name]))
    photo = Photo.read(tmp_path / "in.png")
    assert photo.profile.icc == WIDE[name] and not photo.profile.is_srgb and photo.warnings == ()
    photo.save(tmp_path / "out", format=format)
    again = Photo.read(tmp_path / "out")
    assert again.profile.icc == WIDE[name]
    assert again.depth == 8 * samples.itemsize
    assert np.array_equal(np.rint(again.pixels * np.iinfo(dtype).max), samples)


def png_with(samples: NDArray[Any], profile: bytes) -> bytes:
    full = np.iinfo(samples.dtype).max
    photo = Photo(np.ascontiguousarray(samples / np.float32(full)), profile=parse_profile(profile))
    return photo.encode("PNG", depth=16 if full > 255 else 8)


def test_what_is_analysed_is_srgb(tmp_path: Path) -> None:
    rgb = noise(ROWS, COLUMNS, 3) // 2 + 64  # colours that sRGB can hold
    photo = read(tmp_path, saved(Image.fromarray(rgb), "PNG", icc_profile=ADOBE_ICC))
    linear = (rgb / 255) ** (563 / 256) @ np.array(ADOBE) @ np.linalg.inv(np.array(SRGB_PRIMARIES))
    expected = srgb_encoded(linear)
    held = ((expected > 0.02) & (expected < 1)).all(axis=2)
    assert held.mean() > 0.5
    assert np.abs(expected - rgb / 255)[held].max() > 0.05
    for found in (photo.fitted(COLUMNS), photo.in_srgb()):
        np.testing.assert_allclose(found[held], expected[held], atol=1e-3)
        assert 0 <= found.min() <= found.max() <= 1


@pytest.mark.parametrize("grey", ["L", "I;16"])
def test_a_grey_photo_with_a_profile_of_grey_keeps_its_samples(tmp_path: Path, grey: str) -> None:
    samples = noise(ROWS, COLUMNS, dtype=np.uint8 if grey == "L" else np.uint16)
    photo = read(tmp_path, saved(Image.fromarray(samples), "PNG", icc_profile=icc(b"GRAY", 461 / 256)))
    expected = np.repeat(samples[:, :, None], 3, 2) / np.iinfo(samples.dtype).max
    np.testing.assert_allclose(photo.pixels, expected, atol=1e-7)
    np.testing.assert_allclose(photo.in_srgb(), srgb_encoded(expected ** (461 / 256)), atol=1e-3)


def test_an_rgb_profile_on_grey_pixels_is_used(tmp_path: Path) -> None:
    grey = np.full((ROWS, COLUMNS), 64, np.uint8)
    photo = read(tmp_path, saved(Image.fromarray(grey), "PNG", icc_profile=icc(b"RGB ", 1.0, SRGB_PRIMARIES)))
    np.testing.assert_allclose(photo.in_srgb(), np.repeat(srgb_encoded(grey[:, :, None] / 255), 3, 2), atol=1e-3)


@pytest.mark.parametrize("profile", [b"no profile", icc(b"GRAY", 1.0), icc(b"CMYK", 1.0), ADOBE_ICC[:200]])
def test_a_broken_profile_is_named_and_srgb_assumed(tmp_path: Path, profile: bytes) -> None:
    rgb = noise(ROWS, COLUMNS, 3)
    photo = read(tmp_path, saved(Image.fromarray(rgb), "TIFF", icc_profile=profile))
    assert np.array_equal(np.rint(photo.pixels * 255), rgb)
    assert photo.profile is SRGB
    assert len(photo.warnings) == 1
    assert "profile cannot be used" in photo.warnings[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_profile_of_tables_is_converted_from(tmp_path: Path, dtype: Any) -> None:
    profile, full = swapping_icc(), np.iinfo(dtype).max
    with pytest.raises(LookupError, match="without primaries"):
        parse_profile(profile)
    samples = noise(ROWS, COLUMNS, 3, dtype=dtype)
    data = png(ROWS, COLUMNS, 8 * samples.itemsize, 2, samples.astype(samples.dtype.newbyteorder(">")).tobytes(),
               (b"iCCP", b"swapping\0\0" + zlib.compress(profile)))  # fmt: skip
    photo = read(tmp_path, data)
    assert photo.profile is SRGB
    assert photo.warnings == ("converted to sRGB, because its colour profile consists of tables",)
    np.testing.assert_allclose(photo.pixels, srgb_encoded(samples / full)[:, :, ::-1], atol=2 / 255)
