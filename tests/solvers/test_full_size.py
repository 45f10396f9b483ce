"""The full-size pass, held to its formula and to the laws of `apply_at_full_size`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.photo.icc import D50, Power, Profile
from photostyle.solvers.bilateral import FAINT, HIGH, LOW
from photostyle.solvers.full_size import TOUCHED, apply_at_full_size, apply_grids
from photostyle.solvers.surfaces import Surfaces, unmixed
from segmentation.refine import Refined, refine
from tests.reference.full_size import applied

Pixels = NDArray[np.float32]
SHAPES = [(3, 4, 5), (1, 1, 17), (9, 1, 17), (1, 1, 1), (3, 4, 1), (2, 2, 2)]
P3 = np.array([[0.51512, 0.24120, -0.00105], [0.29198, 0.69225, 0.04189], [0.15710, 0.06657, 0.78407]])
WIDE = Profile(b"", (Power(2.2),) * 3, P3 * (np.array(D50) / P3.sum(0)))
"""The primaries of Display P3, with a gamma of 2.2."""


@pytest.fixture
def refined(scene: Pixels) -> Refined:
    return regions_of(scene)


def regions_of(photo: Pixels) -> Refined:
    """Two regions with a soft border, and a patch in no region."""
    masks = np.zeros((3, 24, 32), np.float32)
    masks[0, :12], masks[1, 12:] = 1, 1
    masks[:2, 16:, :8], masks[2, 16:, :8] = 0, 1
    return refine(masks, photo, radius=0.05, epsilon=1e-3)


def random_grids(shape: tuple[int, int, int], count: int = 2, spread: float = 0.15) -> NDArray[np.float64]:
    grids = np.random.default_rng(2).normal(0, spread, (count, *shape, 4, 3))
    grids[..., :3, :] += np.eye(3)
    return grids


def full_size(scene: Pixels, refined: Refined, grids: NDArray[np.float64], *args: object, **named: object) -> Pixels:
    surfaces = Surfaces.of(scene, refined.of(scene))
    return apply_at_full_size(scene, refined, surfaces, grids, *args, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("strengths", [[1.0, 1.0], [0.3, 1.0], [0.0, 0.05]])
def test_it_is_the_formula(shape: tuple[int, int, int], strengths: list[float], scene: Pixels) -> None:
    scene = scene[::4, ::4].copy()
    refined = regions_of(scene)
    grids, masks = random_grids(shape), refined.of(scene)
    colours = unmixed(scene, masks, Surfaces.of(scene, masks))
    hard = masks.max(0) >= 1 - FAINT
    colours[:, hard] = scene[hard]
    wanted = applied(scene, masks, colours, grids, strengths, faint=FAINT, touched=TOUCHED)
    np.testing.assert_allclose(full_size(scene, refined, grids, strengths), wanted, atol=2e-5)


@pytest.mark.parametrize("tile", [(1, 128), (7, 33), (96, 1)])
def test_tiles_where_noise_is_taken_out(tile: tuple[int, int], scene: Pixels) -> None:
    dark = scene * np.float32(0.3)
    grids, refined = random_grids((3, 4, 5)), regions_of(dark)
    grids[..., :3, :] += 2.5 * np.eye(3)
    whole, parts = (
        full_size(dark, refined, grids, [1.0, 0.7], denoise=1.0, tile=size) for size in (dark.shape[:2], tile)
    )
    assert np.array_equal(whole, parts)
    assert not np.array_equal(whole, full_size(dark, refined, grids, [1.0, 0.7]))


@pytest.mark.parametrize(
    ("profile", "tile"),
    [(Profile(), (1, 128)), (Profile(), (7, 33)), (Profile(), (96, 1)), (WIDE, (1, 128)), (WIDE, (7, 128))],
)
def test_tiles_are_what_they_are_in_the_whole(
    profile: Profile, tile: tuple[int, int], scene: Pixels, refined: Refined
) -> None:
    grids = random_grids((3, 4, 5), spread=0.4)
    for strengths in ([1.0, 1.0], [0.0, 0.7]):
        whole, parts = (
            full_size(scene, refined, grids, strengths, profile=profile, tile=size) for size in (scene.shape[:2], tile)
        )
        assert np.array_equal(whole, parts)
    assert 0 <= whole.min() < 0.02 < 0.98 < whole.max() <= 1


def test_the_number_of_threads_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, scene: Pixels, refined: Refined
) -> None:
    found = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(full_size(scene, refined, random_grids((6, 5, 6)), [1.0, 0.6], tile=(8, 16)))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_where_no_region_is_changed_the_photo_stays_bit_for_bit(scene: Pixels, refined: Refined) -> None:
    grids, masks = random_grids((3, 4, 5)), refined.of(scene)
    assert np.array_equal(full_size(scene, refined, grids, [0.0, 0.0]), scene)
    changed = full_size(scene, refined, grids, [1.0, 1.0])
    untouched = masks[:2].sum(0) <= FAINT
    assert untouched.sum() > 100 and np.array_equal(changed[untouched], scene[untouched])
    upper = full_size(scene, refined, grids, [1.0, 0.0])
    alone = masks[0] == 1
    assert alone.sum() > 1000 and np.array_equal(upper[alone], changed[alone])


def test_a_region_without_pixels_changes_nothing(scene: Pixels) -> None:
    """Whether its mask is the first, the last or between others."""
    half = np.zeros((24, 32), np.float32)
    half[:12] = 1
    first, second = random_grids((3, 4, 5))
    results = []
    for masks, grids in (
        ([half, 1 - half, 0 * half], [first, second]),
        ([half, 0 * half, 1 - half, 0 * half], [first, first, second]),
        ([0 * half, half, 1 - half], [second, first, second]),
    ):
        results.append(full_size(scene, refine(np.stack(masks), scene), np.stack(grids), [1.0] * len(grids)))
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def test_one_grid_more_is_for_the_pixels_in_no_region(scene: Pixels, refined: Refined) -> None:
    grids = random_grids((3, 4, 5), 3)
    found, without = full_size(scene, refined, grids, [1.0, 1.0]), full_size(scene, refined, grids[:2], [1.0, 1.0])
    nothing = refined.of(scene)[2] == 1
    assert nothing.sum() > 100
    assert np.abs(found - without)[nothing].mean() > 0.01
    wanted = apply_grids(scene, refined.of(scene), grids, Surfaces.of(scene, refined.of(scene)))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_wide_photo_gets_what_the_same_colours_get_in_srgb(scene: Pixels, refined: Refined) -> None:
    dull, grids = 0.2 + 0.5 * scene, random_grids((3, 4, 5), spread=0.02)
    masks, wide = refined.of(dull), WIDE.from_srgb(dull)
    surfaces = Surfaces.of(dull, masks)
    wanted = apply_grids(dull, masks, grids, surfaces)
    found = apply_grids(wide, masks, grids, surfaces, profile=WIDE)
    assert wanted.min() > LOW and wanted.max() < HIGH
    np.testing.assert_allclose(WIDE.to_srgb(found), wanted, atol=1e-4)


def test_it_needs_no_pytorch() -> None:
    code = (
        "import sys, photostyle.solvers.full_size, photostyle.regions.edge_masks, photostyle.pipeline.adjustments;"
        "sys.exit('torch' in sys.modules)"
    )
    folder = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)})
