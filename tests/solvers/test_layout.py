"""Layout: how colours depend on height, in a region of any form, and how the closed form uses it."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.solvers.bilateral import RegionSlice, Shape, coefficients_of, sliced
from photostyle.solvers.closed_form import fit
from photostyle.solvers.layout import BANDS, heights_of, layout_of, mean_layout

RNG = np.random.default_rng(0)
ROWS, COLUMNS = 60, 40
ALL = np.ones((ROWS, COLUMNS), np.float32)
RAMP = (np.arange(ROWS) + 0.5) / ROWS
NOISY = (0.5 + RNG.normal(0, 0.05, (ROWS, COLUMNS, 3))).astype(np.float32)
SUNSET = (NOISY + (RAMP - 0.5)[:, None, None] * np.array([0.5, 0.1, -0.4])).astype(np.float32)


def test_heights_are_shares_of_the_region_above() -> None:
    np.testing.assert_allclose(heights_of(ALL), RAMP)
    lower = np.zeros_like(ALL)
    lower[30:] = 1
    heights = heights_of(lower)
    assert (heights[:30] == 0).all()
    np.testing.assert_allclose(heights[30:], (np.arange(30) + 0.5) / 30)


def test_a_region_of_one_colour_has_no_layout() -> None:
    found = layout_of(np.full((ROWS, COLUMNS, 3), 0.3), ALL)
    assert found.explained == pytest.approx(0, abs=1e-12) and np.abs(found.bands).max() < 1e-9


def test_noise_has_hardly_a_layout_and_a_gradient_has_one() -> None:
    assert layout_of(NOISY, ALL).explained < 0.02
    found = layout_of(SUNSET, ALL)
    assert found.explained > 0.7
    expected = (np.linspace(0, 1, BANDS) - 0.5)[:, None] * np.array([0.5, 0.1, -0.4])
    np.testing.assert_allclose(found.bands, expected, atol=0.03)


def test_a_layout_does_not_depend_on_where_the_region_is_nor_on_its_size() -> None:
    canvas, mask = np.zeros((200, 90, 3)), np.zeros((200, 90))
    canvas[20 : 20 + 2 * ROWS, 10 : 10 + COLUMNS] = SUNSET.repeat(2, 0)
    mask[20 : 20 + 2 * ROWS, 10 : 10 + COLUMNS] = 1
    found, expected = layout_of(canvas, mask), layout_of(SUNSET, ALL)
    np.testing.assert_allclose(found.bands, expected.bands, atol=1e-3)
    assert found.explained == pytest.approx(expected.explained, rel=1e-2)


def test_the_layout_of_several_styles_is_their_mean() -> None:
    first, second = layout_of(SUNSET, ALL), layout_of(SUNSET[::-1], ALL)
    mean = mean_layout([0.5, 0.5], [first, second])
    assert np.abs(mean.bands).max() < 0.05
    assert mean_layout([1.0], [first]).explained == first.explained


def test_the_content_gets_the_layout_of_the_style() -> None:
    found = fit(NOISY, ALL, [(1.0, SUNSET, ALL)], lightness=0, layout=1)
    result = found(NOISY)
    np.testing.assert_allclose(result.mean(1), SUNSET.mean(1), atol=0.03)
    np.testing.assert_allclose(result.mean((0, 1)), SUNSET.mean((0, 1)), atol=1e-6)


def test_a_layout_of_the_contents_own_is_replaced() -> None:
    turned = SUNSET[::-1]
    result = fit(turned, ALL, [(1.0, SUNSET, ALL)], lightness=0, layout=1)(turned)
    np.testing.assert_allclose(result.mean(1), SUNSET.mean(1), atol=0.05)


def test_without_a_layout_in_the_style_the_map_is_nearly_that_of_colours_alone() -> None:
    plain, with_layout = (fit(SUNSET, ALL, [(1.0, NOISY, ALL)], lightness=0.4, layout=x)(SUNSET) for x in (0, 1))
    assert np.abs(plain - with_layout).max() < 0.03


def test_the_same_photo_as_content_and_style_stays() -> None:
    found = fit(SUNSET, ALL, [(1.0, SUNSET, ALL)], lightness=0.4, layout=1)
    np.testing.assert_allclose(found(SUNSET), SUNSET, atol=2e-3)


@pytest.mark.parametrize("rows", [6, 9])
def test_grids_reproduce_a_layout(rows: int) -> None:
    found = fit(NOISY, ALL, [(1.0, SUNSET, ALL)], lightness=0, layout=1)
    shape = Shape(rows, 1, 4)
    grids = coefficients_of([found], NOISY, ALL[None], shape)
    applied = sliced([RegionSlice(NOISY, ALL, shape)], grids, ALL.size).reshape(NOISY.shape)
    np.testing.assert_allclose(applied, found(NOISY), atol=0.02)


def test_a_grey_style_gives_grey_in_every_row() -> None:
    grey = SUNSET.mean(2, keepdims=True).repeat(3, 2)
    result = fit(SUNSET, ALL, [(1.0, grey, ALL)], lightness=0.4, layout=1).in_grey()(SUNSET)
    np.testing.assert_allclose(result[..., 0], result[..., 2], atol=1e-9)
