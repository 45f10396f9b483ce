from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from photostyle.colour.luma import LUMA
from photostyle.solvers.closed_form import LEAST_GAIN, MOST_GAIN, NOISE, barycentre, fit, fit_overall

Pixels = NDArray[np.float64]


def blob(mean: list[float], spread: list[float], seed: int, size: int = 60) -> Pixels:
    """Correlated colours around a mean."""
    rng = np.random.default_rng(seed)
    mixing = np.array([[1, 0.5, 0.2], [0, 1, 0.4], [0, 0, 1]])
    return np.array(mean) + (rng.normal(size=(size, size, 3)) * spread) @ mixing


ALL = np.ones((60, 60))
CONTENT, STYLE = blob([0.5, 0.4, 0.6], [0.05, 0.06, 0.04], 0), blob([0.3, 0.5, 0.2], [0.06, 0.04, 0.05], 1)


def moments(pixels: Pixels) -> tuple[Pixels, Pixels]:
    return pixels.reshape(-1, 3).mean(0), np.cov(pixels.reshape(-1, 3).T, bias=True)


def test_the_gains_are_those_of_the_formula() -> None:
    source, target = (moments(p)[1] + NOISE * np.eye(3) for p in (CONTENT, STYLE))
    root = sqrtm(source)
    wanted = np.linalg.inv(root) @ sqrtm(root @ target @ root) @ np.linalg.inv(root)
    np.testing.assert_allclose(fit(CONTENT, ALL, [(1.0, STYLE, ALL)], lightness=0).gains, wanted, rtol=1e-6)


def test_mean_and_covariance_arrive() -> None:
    mapped = fit(CONTENT, ALL, [(1.0, STYLE, ALL)], lightness=0)(CONTENT)
    (mean, covariance), (wanted_mean, wanted) = moments(mapped), moments(STYLE)
    np.testing.assert_allclose(mean, wanted_mean, atol=1e-12)
    np.testing.assert_allclose(covariance, wanted, atol=0.1 * wanted.max())  # but for the noise that is allowed for


def test_the_gains_are_symmetric_and_limited() -> None:
    flat = np.full((60, 60, 3), 0.5)
    for content, style in ((CONTENT, flat), (flat + CONTENT / 100, STYLE)):
        gains = fit(content, ALL, [(1.0, style, ALL)], lightness=0).gains
        np.testing.assert_allclose(gains, gains.T, atol=1e-12)
        values = np.linalg.eigvalsh(gains)
        assert LEAST_GAIN - 1e-9 <= values.min() <= values.max() <= MOST_GAIN + 1e-9


def test_a_region_onto_itself_is_the_identity() -> None:
    found = fit(CONTENT, ALL, [(1.0, CONTENT, ALL)], lightness=1)
    np.testing.assert_allclose(found(CONTENT), CONTENT, atol=2e-3)


def test_lightness_brings_the_quantiles_of_luma_together() -> None:
    wide = np.random.default_rng(2).beta(2, 2, (60, 60, 1)) * np.ones(3)
    dark = wide**3
    at = np.linspace(0.05, 0.95, 19)
    wanted = np.quantile(dark @ LUMA, at)
    off = [
        np.abs(np.quantile(fit(wide, ALL, [(1.0, dark, ALL)], lightness=share)(wide) @ LUMA, at) - wanted).mean()
        for share in (0.0, 0.5, 1.0)
    ]
    assert off[0] > off[1] > off[2]


def test_only_what_is_in_the_masks_counts() -> None:
    half = np.zeros((60, 60))
    half[:30] = 1
    other = STYLE.copy()
    other[30:] = 0.9
    np.testing.assert_allclose(
        fit(CONTENT, half, [(1.0, other, half)], lightness=1).gains,
        fit(CONTENT[:30], half[:30], [(1.0, STYLE[:30], half[:30])], lightness=1).gains,
    )


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one pixel"):
        fit(CONTENT, 0 * ALL, [(1.0, STYLE, ALL)], lightness=0)


def spread(seed: int) -> Pixels:
    """A covariance of colours."""
    mixing = np.random.default_rng(seed).normal(size=(3, 3)) * 0.1
    return mixing @ mixing.T + NOISE * np.eye(3)


def test_barycentre_solves_its_equation() -> None:
    shares, covariances = [0.2, 0.5, 0.3], [spread(seed) for seed in range(3)]
    found = barycentre(shares, covariances)
    root = sqrtm(found)
    wanted = sum(share * sqrtm(root @ own @ root) for share, own in zip(shares, covariances, strict=True))
    np.testing.assert_allclose(found, wanted, atol=1e-8)


def test_barycentre_of_covariances_of_the_same_axes_has_the_mean_deviations() -> None:
    axes = np.linalg.eigh(spread(0))[1]
    deviations = np.array([[0.02, 0.1, 0.3], [0.2, 0.05, 0.1]])
    first, second = ((axes * d**2) @ axes.T for d in deviations)
    wanted = (axes * (0.25 * deviations[0] + 0.75 * deviations[1]) ** 2) @ axes.T
    np.testing.assert_allclose(barycentre([0.25, 0.75], [first, second]), wanted, atol=1e-9)


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.5], [0.25, 0.75]])
def test_barycentre_of_equal_covariances_is_they(shares: list[float]) -> None:
    np.testing.assert_array_equal(barycentre(shares, [spread(4)] * len(shares)), spread(4))


def test_the_means_of_two_styles_meet_by_their_shares() -> None:
    other = blob([0.6, 0.3, 0.7], [0.03, 0.05, 0.04], 5)
    mapped = fit(CONTENT, ALL, [(0.25, STYLE, ALL), (0.75, other, ALL)], lightness=0)(CONTENT)
    np.testing.assert_allclose(moments(mapped)[0], 0.25 * moments(STYLE)[0] + 0.75 * moments(other)[0], atol=1e-12)


def test_a_style_twice_is_the_style() -> None:
    once, twice = (fit(CONTENT, ALL, [(1 / count, STYLE, ALL)] * count, lightness=1)(CONTENT) for count in (1, 2))
    np.testing.assert_allclose(twice, once, atol=1e-12)


def test_lumas_meet_the_mean_of_the_styles_quantiles() -> None:
    wide = np.random.default_rng(2).beta(2, 2, (60, 60, 1)) * np.ones(3)
    dark, bright = wide**3, 1 - (1 - wide) ** 3
    at = np.linspace(0.05, 0.95, 19)
    mapped = fit(wide, ALL, [(0.5, dark, ALL), (0.5, bright, ALL)], lightness=1)(wide)
    wanted = sum(np.quantile(each @ LUMA, at) for each in (dark, bright)) / 2
    np.testing.assert_allclose(np.quantile(mapped @ LUMA, at), wanted, atol=0.02)


def test_in_grey_is_the_luma_of_the_map() -> None:
    found = fit(CONTENT, ALL, [(1.0, STYLE, ALL)], lightness=1)
    grey = found.in_grey()(CONTENT)
    assert np.ptp(grey, axis=-1).max() < 1e-12
    np.testing.assert_allclose(grey[..., 0], found(CONTENT) @ LUMA, atol=1e-12)


UPPER, LOWER = np.zeros((60, 60)), np.zeros((60, 60))
UPPER[:20], LOWER[20:] = 1, 1
DIVIDED = np.where(UPPER[..., None] > 0, 0.3 * STYLE + 0.03, 0.3 * STYLE)


def test_the_overall_map_of_regions_is_that_of_their_union() -> None:
    found = fit_overall(CONTENT, [(UPPER, [(1.0, DIVIDED, UPPER)]), (LOWER, [(1.0, DIVIDED, LOWER)])])
    union = fit(CONTENT, ALL, [(1.0, DIVIDED, ALL)], lightness=0)
    np.testing.assert_allclose(found.gains, union.gains, atol=1e-9)
    np.testing.assert_allclose(found.offset, union.offset, atol=1e-9)
    assert not found.lift.any() and not found.layout.any()


def test_the_overall_map_of_one_region_is_its_own() -> None:
    found = fit_overall(CONTENT, [(UPPER, [(1.0, 0.5 * STYLE, LOWER)])])
    own = fit(CONTENT, UPPER, [(1.0, 0.5 * STYLE, LOWER)], lightness=0)
    np.testing.assert_allclose(found.gains, own.gains, atol=1e-9)
    np.testing.assert_allclose(found.offset, own.offset, atol=1e-9)


def test_the_overall_map_gives_no_more_contrast_than_there_is() -> None:
    found = fit_overall(CONTENT, [(UPPER, [(1.0, 3 * STYLE - 1, LOWER)])])
    assert np.linalg.eigvalsh(found.gains).max() == pytest.approx(1)
    assert found(CONTENT)[:20].mean((0, 1)) == pytest.approx((3 * STYLE - 1)[20:].mean((0, 1)))


def test_the_overall_map_does_not_depend_on_the_sizes_of_the_styles_regions() -> None:
    wide = np.concatenate([np.tile(DIVIDED[:20], (9, 1, 1)), DIVIDED[20:]])
    upper, lower = np.zeros(wide.shape[:2]), np.zeros(wide.shape[:2])
    upper[:180], lower[180:] = 1, 1
    found = fit_overall(CONTENT, [(UPPER, [(1.0, wide, upper)]), (LOWER, [(1.0, wide, lower)])])
    wanted = fit_overall(CONTENT, [(UPPER, [(1.0, DIVIDED, UPPER)]), (LOWER, [(1.0, DIVIDED, LOWER)])])
    np.testing.assert_allclose(found.gains, wanted.gains, atol=1e-9)
    np.testing.assert_allclose(found.offset, wanted.offset, atol=1e-9)


def test_the_overall_map_takes_several_styles_by_their_shares() -> None:
    """The mean arrives between those of the styles, and a photo divided between two styles stays itself."""
    other = STYLE + 0.2
    found = fit_overall(CONTENT, [(ALL, [(0.25, STYLE, ALL), (0.75, other, ALL)])])
    np.testing.assert_allclose(moments(found(CONTENT))[0], moments(STYLE)[0] + 0.15, atol=1e-9)
    halves = [(UPPER, [(1.0, DIVIDED, UPPER)]), (LOWER, [(1.0, DIVIDED.copy(), LOWER)])]
    np.testing.assert_allclose(fit_overall(DIVIDED, halves)(DIVIDED), DIVIDED, atol=1e-9)


def test_the_overall_map_of_an_empty_region_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        fit_overall(CONTENT, [(ALL, [(1.0, STYLE, 0 * ALL)])])
