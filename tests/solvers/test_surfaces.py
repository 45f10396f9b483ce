from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.solvers.full_size import apply_grids
from photostyle.solvers.surfaces import Surfaces, unmixed

Pixels = NDArray[np.float32]
LEAF, SKY = np.array([0.15, 0.25, 0.1]), np.array([0.5, 0.7, 0.95])
HEIGHT, WIDTH = 180, 240


@pytest.fixture
def coverage() -> NDArray[np.float64]:
    """Leaves below, sky above, and twigs that cover some share of the pixels between."""
    rng = np.random.default_rng(0)
    share = np.where(np.arange(HEIGHT)[:, None] < 90, 0.0, 1.0) * np.ones((HEIGHT, WIDTH))
    share[84:90] = rng.random((6, WIDTH))
    return share


def mixed(share: NDArray[np.float64]) -> Pixels:
    return (share[..., None] * LEAF + (1 - share[..., None]) * SKY).astype(np.float32)


def masks_of(share: NDArray[np.float64]) -> Pixels:
    return np.stack([share, 1 - share, np.zeros_like(share)]).astype(np.float32)


def test_a_mixture_is_taken_apart_into_the_colours_of_its_surfaces(coverage: NDArray[np.float64]) -> None:
    photo, masks = mixed(coverage), masks_of(coverage)
    colours = unmixed(photo, masks, Surfaces.of(photo, masks))
    for found, wanted, share in zip(colours, (LEAF, SKY), (coverage, 1 - coverage), strict=False):
        assert np.abs(found - wanted)[share > 0].max() < 0.04


def test_the_mixture_of_the_surfaces_is_the_photo_and_a_surface_alone_is_the_photo(
    coverage: NDArray[np.float64],
) -> None:
    rng = np.random.default_rng(1)
    photo = np.clip(mixed(coverage) + rng.normal(0, 0.05, (HEIGHT, WIDTH, 3)), 0, 1).astype(np.float32)
    masks = rng.dirichlet(np.ones(3), (HEIGHT, WIDTH)).astype(np.float32).transpose(2, 0, 1)
    masks[:, :, :20] = masks_of(coverage)[:, :, :20]
    colours = unmixed(photo, masks, Surfaces.of(photo, masks))
    np.testing.assert_allclose((masks[..., None] * colours).sum(0), photo, atol=1e-5)
    alone = masks[0] == 1
    np.testing.assert_allclose(colours[0][alone], photo[alone], atol=1e-6)


def test_a_surface_that_is_seen_nowhere_changes_nothing() -> None:
    photo = np.random.default_rng(0).random((HEIGHT, WIDTH, 3), np.float32)
    masks = np.full((2, HEIGHT, WIDTH), 0.5, np.float32)
    colours = unmixed(photo, masks, Surfaces.of(photo, masks))
    np.testing.assert_allclose(colours, np.stack([photo] * 2), atol=1e-5)


def test_twigs_before_a_sky_that_becomes_night_do_not_glow(coverage: NDArray[np.float64]) -> None:
    """The sky becomes dark blue and leaves stay: every mixed pixel has to become the mixture of the two."""
    photo, masks = mixed(coverage), masks_of(coverage)
    grids = np.zeros((2, 1, 1, 1, 4, 3))
    grids[0, ..., :3, :] = np.eye(3)
    grids[1, ..., :3, :] = 0.2 * np.eye(3)
    wanted = coverage[..., None] * LEAF + (1 - coverage[..., None]) * 0.2 * SKY
    found = apply_grids(photo, masks, grids, Surfaces.of(photo, masks))
    np.testing.assert_allclose(found, wanted, atol=0.015)
    blended = coverage[..., None] * photo + (1 - coverage[..., None]) * 0.2 * photo
    assert np.abs(blended - wanted).max() > 0.1  # what the blend of the two maps would have been


def test_half_the_strength_is_half_the_change(coverage: NDArray[np.float64]) -> None:
    photo, masks = mixed(coverage), masks_of(coverage)
    grids = np.random.default_rng(3).normal(0, 0.05, (2, 2, 2, 3, 4, 3))
    grids[..., :3, :] += 0.8 * np.eye(3)
    surfaces = Surfaces.of(photo, masks)
    none, half, full = (apply_grids(photo, masks, grids, surfaces, strengths=[s, s]) for s in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(none, photo, atol=1e-6)
    np.testing.assert_allclose(half, (photo + full) / 2, atol=3e-3)
