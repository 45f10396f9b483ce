"""A black-and-white style asks for a grey result."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from photostyle.export.lut_files import region_luts, whole_lut
from photostyle.photo.icc import parse_profile
from photostyle.photo.photo import Photo
from photostyle.pipeline.session import Session, transfer
from photostyle.regions.region_map import RegionMap
from photostyle.settings import Settings
from tests.handmade import ADOBE_ICC, P3_ICC, PROPHOTO_ICC

Pixels = NDArray[np.float32]

BASE = {
    "encoder.dtype": "float32", "solver.size": 96, "regions.segmenter": "none", "grid.coarse_iterations": 4,
    "grid.iterations": 4,
}  # fmt: skip
LEVEL = 1 / 255
both_methods = pytest.mark.parametrize("method", ["closed form", "grid"])
pytestmark = [pytest.mark.usefixtures("small_encoder"), pytest.mark.slow]


def settings_of(method: str, **changes: object) -> Settings:
    return Settings().with_changes({**BASE, "solver.method": method, **changes})


def chroma(pixels: NDArray[np.floating]) -> NDArray[np.floating]:
    return pixels.max(-1) - pixels.min(-1)


@pytest.fixture
def grey(dusk: Pixels) -> Pixels:
    return np.repeat((dusk @ np.array([0.3, 0.6, 0.1], np.float32))[..., None], 3, axis=2)


def file_of(pixels: Pixels, mode: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).convert(mode).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


@both_methods
@pytest.mark.parametrize("segmenter", ["none", "clusters", pytest.param("compact", marks=pytest.mark.slow)])
def test_the_result_is_grey(method: str, segmenter: str, scene: Pixels, grey: Pixels) -> None:
    result = transfer(scene, grey, settings=settings_of(method, **{"regions.segmenter": segmenter})).photo.pixels
    assert chroma(result).max() <= LEVEL
    assert np.ptp(result[..., 0]) > 0.3


@both_methods
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_grey_file_with_the_noise_of_jpeg(method: str, mode: str, scene: Pixels, grey: Pixels) -> None:
    noise = np.random.default_rng(0).integers(-1, 2, grey.shape) / 255
    style = file_of(np.clip(grey + noise, 0, 1).astype(np.float32), mode)
    assert chroma(transfer(scene, style, settings=settings_of(method)).photo.pixels).max() <= LEVEL


@both_methods
def test_pixels_in_no_region_are_grey_too(method: str, scene: Pixels, grey: Pixels) -> None:
    """The style has no vehicle, so what is vehicle in the content keeps its brightness, and not its colour."""
    labels = (np.arange(96)[:, None] >= 50) * np.ones((1, 128), np.uint8)
    content_mask = RegionMap((2 * labels).astype(np.uint8), {0: "sky", 2: "vehicle"})
    result = transfer(
        scene, grey, settings=settings_of(method, **{"regions.unmatched": "keep"}), content_mask=content_mask,
        style_mask=RegionMap(labels[:80, :120].astype(np.uint8), {0: "sky", 1: "building"}),
    ).photo.pixels  # fmt: skip
    assert chroma(result).max() <= LEVEL
    luma = scene @ np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(result[80:, :, 0], luma[80:], atol=2 * LEVEL)


@both_methods
def test_a_region_without_a_counterpart_is_grey_too(method: str, scene: Pixels, grey: Pixels) -> None:
    labels = ((np.arange(96)[:, None] >= 50) * np.ones((1, 128))).astype(np.uint8)
    result = transfer(
        scene, grey, settings=settings_of(method), content_mask=RegionMap(2 * labels, {0: "sky", 2: "vehicle"}),
        style_mask=RegionMap(labels[:80, :120].copy(), {0: "sky", 1: "building"}),
    )  # fmt: skip
    assert result.correspondence.grey_regions == [True, True]
    assert chroma(result.photo.pixels).max() <= LEVEL


@both_methods
def test_regions_of_grey_styles_are_grey_and_the_others_are_not(
    method: str, scene: Pixels, dusk: Pixels, grey: Pixels, masks: tuple[Path, Path]
) -> None:
    session = Session(settings=settings_of(method, **{"solver.size": 128}))
    grey_style, style = session.style(grey, masks[1], region="building"), session.style(dusk, masks[1])
    result = session.transfer(scene, grey_style + style, content_mask=masks[0]).photo.pixels
    plain = session.transfer(scene, style, content_mask=masks[0]).photo.pixels
    assert chroma(result[70:]).max() <= LEVEL
    assert chroma(result[:30]).min() > 0.1
    if method == "closed form":
        np.testing.assert_array_equal(result[:30], plain[:30])
    alone = session.transfer(scene, grey_style, content_mask=masks[0]).photo.pixels
    assert chroma(alone[70:]).max() <= LEVEL
    np.testing.assert_array_equal(alone[:30], scene[:30])  # nobody asked for another sky


def test_a_blend_with_a_colour_style_has_colour(scene: Pixels, dusk: Pixels, grey: Pixels) -> None:
    result = transfer(scene, [grey, dusk], settings=settings_of("closed form")).photo.pixels
    assert chroma(result).mean() > 0.02
    both_grey = transfer(scene, [grey, grey[::-1].copy()], settings=settings_of("closed form")).photo.pixels
    assert chroma(both_grey).max() <= LEVEL


@both_methods
@pytest.mark.parametrize("icc", [ADOBE_ICC, P3_ICC, PROPHOTO_ICC], ids=["Adobe RGB", "P3", "ProPhoto"])
@pytest.mark.parametrize("keep_luminance", [False, True])
def test_a_wide_gamut_photo_is_grey_in_its_own_numbers(
    method: str, icc: bytes, keep_luminance: bool, scene: Pixels, grey: Pixels
) -> None:
    settings = settings_of(method, **{"look.keep_luminance": keep_luminance})
    result = transfer(Photo(scene, profile=parse_profile(icc)), grey, settings=settings).photo
    assert not result.profile.is_srgb
    assert chroma(result.pixels).max() <= LEVEL


@both_methods
def test_a_lower_strength_is_the_blend_with_the_grey_result(method: str, scene: Pixels, grey: Pixels) -> None:
    result = transfer(scene, grey, settings=settings_of(method))
    np.testing.assert_allclose(result.rendered(strength=0.6).photo.pixels, scene + 0.6 * (result.photo.pixels - scene),
                               atol=1e-5)  # fmt: skip
    assert chroma(result.rendered(colour=0.5).photo.pixels).mean() > 0.05  # the sliders may bring colour back


def test_saved_looks_and_sets(scene: Pixels, grey: Pixels, tmp_path: Path) -> None:
    session = Session(settings=settings_of("grid"))
    session.style(grey).save(tmp_path / "grey.photostyle")
    assert chroma(session.transfer(scene, tmp_path / "grey.photostyle").photo.pixels).max() <= LEVEL
    photos = [scene, scene[:, ::-1].copy()]
    look = session.fit(photos, grey)
    for photo in photos:
        assert chroma(session.transfer(photo, look).photo.pixels).max() <= LEVEL


def test_luts_are_grey(scene: Pixels, grey: Pixels) -> None:
    content = Photo(scene)
    result = transfer(content, grey, settings=settings_of("closed form"))
    lut, error = whole_lut(content, result, 9)
    assert chroma(lut.table).max() == 0
    assert error.mean < 4
    luts, _ = region_luts(content, result, 9)
    assert all(chroma(each.lut.table).max() == 0 for each in luts)
    lighter = result.rendered(strength=0.5)
    assert chroma(whole_lut(content, lighter, 9)[0].table).max() > 0.3


def test_a_style_with_a_little_colour_is_no_grey_style(scene: Pixels, grey: Pixels) -> None:
    session = Session(settings=settings_of("closed form"))
    some = grey.copy()
    some[:10, :10] *= np.float32([1, 0.5, 0.5])
    assert session.style(grey).parts[0].is_grey
    assert not session.style(some).parts[0].is_grey
    hidden = np.ones(grey.shape[:2], np.float32)
    hidden[:16, :16] = 0
    assert session.style(Photo(some, hidden)).parts[0].is_grey
