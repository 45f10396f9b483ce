"""Photos wider than sRGB through every method: what is beyond sRGB stays there, and strength 0 changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from photostyle.colour.cielab import lab
from photostyle.photo.icc import parse_profile
from photostyle.photo.photo import Photo
from photostyle.pipeline.session import Session
from photostyle.presets import load_preset
from photostyle.settings import Settings
from photostyle.solvers.affine_smoothing import apply_maps
from photostyle.solvers.full_size import apply_grids
from photostyle.solvers.surfaces import Surfaces
from tests.handmade import P3_ICC, PROPHOTO_ICC

METHODS = ["default", "preview", "paper", "gatys"]
FEW = {
    "solver.size": 96, "solver.iterations": 2, "solver.photorealistic_iterations": 2, "grid.iterations": 2,
    "grid.coarse_iterations": 2, "encoder.name": "compact", "regions.segmenter": "none",
}  # fmt: skip


def settings(preset: str, **changes: Any) -> Settings:
    return load_preset(preset).with_changes(FEW | changes)


def p3_photo(scene: NDArray[np.float32], depth: int = 16) -> Photo:
    """The scene as a Display P3 photo with a patch of P3's own red, quantised as a file has it."""
    pixels = scene.copy()
    pixels[60:90, 20:60] = (0.97, 0.02, 0.02)
    full = np.float32(2**depth - 1)
    return Photo(np.rint(pixels * full) / full, profile=parse_profile(P3_ICC), depth=depth)


@pytest.mark.parametrize("preset", METHODS)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.usefixtures("small_encoder")
def test_strength_0_gives_every_sample_back(
    tmp_path: Path, scene: NDArray[np.float32], dusk: NDArray[np.float32], preset: str, depth: int
) -> None:
    photo = p3_photo(scene, depth)
    result = Session(settings=settings(preset, strength=0.0)).transfer(photo, dusk)
    result.photo.save(tmp_path / "out.tif")
    photo.save(tmp_path / "in.tif")
    before, after = Photo.read(tmp_path / "in.tif"), Photo.read(tmp_path / "out.tif")
    assert before.depth == depth and np.array_equal(before.pixels, photo.pixels)
    assert np.array_equal(before.pixels, after.pixels)
    assert after.profile.icc == P3_ICC


@pytest.mark.parametrize("preset", ["default", "preview", "paper"])
@pytest.mark.usefixtures("small_encoder")
def test_a_red_of_p3_stays_outside_srgb(scene: NDArray[np.float32], preset: str) -> None:
    photo = p3_photo(scene)
    own_style = Photo(photo.in_srgb())  # the look asked for is the photo's own
    result = Session(settings=settings(preset)).transfer(photo, own_style).photo
    red = result.profile.to_srgb(result.pixels[66:84, 26:54]).mean((0, 1))
    assert red[0] > 1.02 and red[1] < -0.02
    assert 0 <= result.pixels.min() <= result.pixels.max() <= 1


@pytest.mark.parametrize("profile", [P3_ICC, PROPHOTO_ICC], ids=["P3", "ProPhoto"])
def test_maps_that_change_nothing_leave_wide_colours(profile: bytes) -> None:
    wide, rng = parse_profile(profile), np.random.default_rng(0)
    pixels = rng.uniform(0.03, 0.97, (20, 30, 3)).astype(np.float32)  # below the shoulder
    identity = np.zeros((1, 1, 1, 2, 4, 3))
    identity[..., :3, :] = np.eye(3)
    ones = np.ones((1, 20, 30), np.float32)
    surfaces = Surfaces.of(wide.to_srgb(pixels), ones)
    np.testing.assert_allclose(apply_grids(pixels, ones, identity, surfaces, profile=wide), pixels, atol=2e-4)
    maps = np.zeros((12, 20, 30), np.float32)
    maps[[0, 4, 8]] = 1
    np.testing.assert_allclose(apply_maps(maps, pixels, wide), pixels, atol=2e-4)
    assert wide.to_srgb(pixels).min() < -0.02


@pytest.mark.usefixtures("small_encoder")
def test_the_same_scene_in_two_spaces_gets_the_same_look(scene: NDArray[np.float32], dusk: NDArray[np.float32]) -> None:
    wide = parse_profile(PROPHOTO_ICC)
    session = Session(settings=settings("preview"))
    plain = session.transfer(Photo(scene), dusk).photo
    other = session.transfer(Photo(np.clip(wide.from_srgb(scene), 0, 1), profile=wide), dusk).photo
    inside = ((plain.pixels > 0.03) & (plain.pixels < 0.97)).all(2)
    assert np.abs(other.in_srgb() - plain.pixels)[inside].mean() < 0.01


@pytest.mark.usefixtures("small_encoder")
def test_a_result_tells_how_it_was_made(scene: NDArray[np.float32], dusk: NDArray[np.float32], tmp_path: Path) -> None:
    Photo(dusk).save(tmp_path / "dusk.png")
    style = Photo.read(tmp_path / "dusk.png")
    result = Session(settings=settings("preview")).transfer(scene, style)
    xmp = (result.photo.metadata.xmp or b"").decode()
    assert "photostyle 0." in xmp and "preset preview" in xmp
    assert "dusk.png" in xmp and str(style.sha256) in xmp


@pytest.mark.usefixtures("small_encoder")
def test_sliders_work_in_the_photos_own_colours(scene: NDArray[np.float32], dusk: NDArray[np.float32]) -> None:
    photo = p3_photo(scene)
    result = Session(settings=settings("preview")).transfer(photo, dusk)
    half = result.rendered({"strength": 0.5}).photo
    srgb = [each.profile.to_srgb(each.pixels) for each in (photo, half, result.photo)]
    np.testing.assert_allclose(srgb[1], (srgb[0] + srgb[2]) / 2, atol=2e-3)
    dark = result.rendered({"look.colour": 0.0}).photo
    before, after = (lab(torch.from_numpy(each.profile.to_srgb(each.pixels).reshape(-1, 3))) for each in (photo, dark))
    shown = dark.profile.to_srgb(dark.pixels)
    kept = ((shown > 0.01) & (shown < 0.99)).all(2).reshape(-1)  # elsewhere chroma gives way to lightness
    assert kept.mean() > 0.45
    assert float((before - after)[kept, 1:].abs().max()) < 0.5
    assert float((before - after)[kept, 0].abs().mean()) > 2
    assert np.array_equal(result.rendered({"strength": 1.0}).photo.pixels, result.photo.pixels)
    assert np.array_equal(result.rendered({"strength": 0.0}).photo.pixels, photo.pixels)


@pytest.mark.usefixtures("small_encoder")
def test_the_history_names_every_style(scene: NDArray[np.float32], dusk: NDArray[np.float32], tmp_path: Path) -> None:
    Photo(dusk).save(tmp_path / "dusk.png")
    session = Session(settings=settings("preview", strength=0.5))
    style = session.style(tmp_path / "dusk.png", weight=2) + session.style(scene)
    told = (session.transfer(Photo(scene), style).photo.metadata.xmp or b"").decode()
    digest = Photo.read(tmp_path / "dusk.png").sha256
    assert f"strength 0.5, style dusk.png, weight 2, sha256 {digest}; style the style photo, weight 1" in told
