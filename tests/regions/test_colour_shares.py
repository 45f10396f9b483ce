from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.regions.colour_shares import by_colour
from photostyle.regions.edge_masks import coarse_masks
from photostyle.regions.region_map import RegionMap

HEIGHT, WIDTH = 120, 160
SKY, LEAF = np.array([0.6, 0.75, 0.95]), np.array([0.15, 0.22, 0.1])


@pytest.fixture
def coverage() -> NDArray[np.float64]:
    """Leaves below, and twigs of any coverage above them, which rough labels do not know of."""
    share = np.where(np.arange(HEIGHT)[:, None] < 60, 0.0, 1.0) * np.ones((HEIGHT, WIDTH))
    share[57:60, ::4] = 0.7
    return share


def photo_of(share: NDArray[np.float64], grain: float = 0.01) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    colours = share[..., None] * LEAF + (1 - share[..., None]) * SKY
    return np.clip(colours + rng.normal(0, grain, (HEIGHT, WIDTH, 3)), 0, 1).astype(np.float32)


def hard_masks(labels: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.stack([~labels, labels]).astype(np.float32)


ROUGH = np.arange(HEIGHT)[:, None] * np.ones((1, WIDTH)) >= 60


def test_twigs_are_found_by_their_colour(coverage: NDArray[np.float64]) -> None:
    hard = hard_masks(ROUGH)
    found = by_colour(hard, hard, photo_of(coverage))
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    np.testing.assert_allclose(found[1, 57:60], coverage[57:60], atol=0.1)
    np.testing.assert_array_equal(found[:, :50], hard[:, :50])
    np.testing.assert_array_equal(found[:, 70:], hard[:, 70:])


def test_surfaces_of_one_colour_keep_their_border(coverage: NDArray[np.float64]) -> None:
    hard = hard_masks(ROUGH)
    flat = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    np.testing.assert_allclose(by_colour(hard, hard, flat), hard, atol=0.05)


def test_a_surface_of_all_colours_is_not_cut_up_by_them() -> None:
    rng = np.random.default_rng(2)
    photo = photo_of(ROUGH.astype(float))
    photo[60:] = rng.random((60, WIDTH, 3))  # lights and windows, some of them the colour of the sky
    hard = hard_masks(ROUGH)
    found = by_colour(hard, hard, photo)
    assert found[1, 60:].mean() > 0.9


def test_one_region_stays_one() -> None:
    whole = np.ones((1, HEIGHT, WIDTH), np.float32)
    assert by_colour(whole, whole, photo_of(ROUGH.astype(float))) is whole
    both = np.concatenate([whole, np.zeros_like(whole)])
    np.testing.assert_array_equal(by_colour(both, both, photo_of(ROUGH.astype(float))), both)


def test_painted_masks_are_taken_as_they_are_painted(coverage: NDArray[np.float64]) -> None:
    photo, labels = photo_of(coverage), ROUGH.astype(np.uint8)
    painted, rough = (
        coarse_masks(RegionMap(labels, {0: "sky", 1: "leaves"}, rough=rough), [[0], [1]], photo)
        for rough in (False, True)
    )
    away = [float(np.abs(masks[1, 57:60] - coverage[57:60]).mean()) for masks in (painted, rough)]
    assert away[1] < 0.7 * away[0]
