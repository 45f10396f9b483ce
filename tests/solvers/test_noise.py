from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.solvers import noise
from photostyle.solvers.noise import HALO, WINDOW, Noise, gains_of, noise_of
from segmentation.enlarge import Part

Pixels = NDArray[np.float32]
HEIGHT, WIDTH = 96, 128
PHOTO = Part.whole(HEIGHT, WIDTH)
SIGMA = 1.5 / 255


def grids(gain: float, regions: int = 1, lumas: int = 6) -> NDArray[np.float64]:
    """Grids with one map: `gain` times the colour."""
    maps = np.zeros((regions, 2, 3, lumas, 4, 3))
    maps[..., :3, :] = gain * np.eye(3)
    return maps


@pytest.fixture
def clean() -> Pixels:
    """A dark wall with an edge down the middle."""
    wall = np.full((HEIGHT, WIDTH, 3), [0.12, 0.1, 0.14], np.float32)
    wall[:, WIDTH // 2 :] = [0.22, 0.2, 0.2]
    return wall


@pytest.fixture
def noisy(clean: Pixels) -> Pixels:
    return clean + np.random.default_rng(0).normal(0, SIGMA, clean.shape).astype(np.float32)


def whole(pixels: Pixels) -> Pixels:
    return np.ones((1, *pixels.shape[:2]), np.float32)


def removed(pixels: Pixels, gain: float, amount: float = 1.0, strength: float = 1.0) -> Pixels:
    return Noise.of(pixels, grids(gain), amount).removed(pixels, whole(pixels), [strength], PHOTO)


def test_noise_that_is_lifted_goes_and_edges_stay(clean: Pixels, noisy: Pixels) -> None:
    quiet = removed(noisy, 3)
    edge = np.abs(np.arange(WIDTH) - WIDTH / 2) < HALO
    assert (quiet - clean)[:, ~edge].std() < 0.4 * (noisy - clean)[:, ~edge].std()
    step = np.diff(quiet.mean((0, 2)))[WIDTH // 2 - 1]
    assert step == pytest.approx(np.diff(clean.mean((0, 2)))[WIDTH // 2 - 1], rel=0.05)


@pytest.mark.parametrize(
    ("gain", "light", "amount", "strength"),
    [(1.4, 0, 1, 1), (3, 0.6, 1, 1), (3, 0, 0, 1), (3, 0, 1, 0)],
    ids=["not lifted", "bright", "switched off", "strength 0"],
)
def test_photos_that_are_not_lifted_stay_bit_for_bit(
    noisy: Pixels, gain: float, light: float, amount: float, strength: float
) -> None:
    photo = noisy + np.float32(light)
    assert np.array_equal(removed(photo, gain, amount, strength), photo)


def test_half_of_the_amount_takes_out_half(noisy: Pixels) -> None:
    np.testing.assert_allclose(removed(noisy, 3, 0.5), (noisy + removed(noisy, 3)) / 2, atol=1e-6)


def test_only_the_lifted_region_changes(noisy: Pixels) -> None:
    maps = np.concatenate([grids(3), grids(1)])
    masks = np.zeros((3, HEIGHT, WIDTH), np.float32)
    masks[0, :, :40], masks[1, :, 40:100], masks[2, :, 100:] = 1, 1, 1
    changed = (Noise.of(noisy, maps, 1.0).removed(noisy, masks, [1, 1], PHOTO) != noisy).any(2)
    assert changed[:, :40].mean() > 0.99
    assert not changed[:, 40:].any()


@pytest.mark.parametrize("size", [(1, WIDTH), (5, 17), (31, 40)])
def test_tiles_are_what_they_are_in_the_whole(noisy: Pixels, size: tuple[int, int]) -> None:
    noise, masks = Noise.of(noisy, grids(3), 1.0), whole(noisy)
    tiles = np.empty_like(noisy)
    for top in range(0, HEIGHT, size[0]):
        for left in range(0, WIDTH, size[1]):
            part = Part(min(size[0], HEIGHT - top), min(size[1], WIDTH - left), HEIGHT, WIDTH, top, left)
            tiles[part.pixels] = noise.removed(noisy, masks[:, *part.pixels], [1], part)
    assert np.array_equal(tiles, noise.removed(noisy, masks, [1], PHOTO))


def test_the_noise_is_measured_in_flat_dark_parts(clean: Pixels, noisy: Pixels) -> None:
    """Texture in the other parts does not count as noise, and neither do bright parts."""
    luma_of_noise = SIGMA * np.sqrt(0.299**2 + 0.587**2 + 0.114**2)
    textured = noisy.copy()
    textured[24:] += 0.1 * np.random.default_rng(1).random((HEIGHT - 24, WIDTH, 1), np.float32)
    for photo in (noisy, textured):
        assert noise_of(photo) == pytest.approx(luma_of_noise, rel=0.3)
    assert noise_of(clean) < 1e-6
    assert noise_of(noisy + np.float32(0.5)) == 0
    assert noise_of(noisy[:5, :5]) == 0


def test_the_noise_of_a_large_photo_is_that_of_a_part(noisy: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    large = np.tile(noisy, (4, 4, 1))
    whole = noise_of(large)
    monkeypatch.setattr(noise, "MOST_WINDOWS", large.shape[0] * large.shape[1] // WINDOW**2 // 3)
    assert noise_of(large) == pytest.approx(whole, rel=0.2) and noise_of(large) != whole


def test_texture_is_never_taken_for_noise_entirely(clean: Pixels) -> None:
    rough = clean + np.random.default_rng(0).normal(0, 8 / 255, clean.shape).astype(np.float32)
    assert (removed(rough, 3) - clean).std() > 0.7 * (rough - clean).std()


def test_gains_are_the_largest_of_the_derivative() -> None:
    """Beside the gains of the cells, what changes from luma to luma counts."""
    rng = np.random.default_rng(0)
    maps = np.broadcast_to(rng.normal(0, 0.5, (1, 1, 1, 6, 4, 3)), (1, 2, 3, 6, 4, 3))
    at = np.linspace(0, 1, 6)

    def mapped(colour: NDArray[np.float64]) -> NDArray[np.float64]:
        luma = float(colour @ np.array([0.299, 0.587, 0.114]))
        own = np.array([np.interp(luma, at, plane) for plane in maps[0, 0, 0].reshape(6, 12).T]).reshape(4, 3)
        result: NDArray[np.float64] = np.append(colour, 1) @ own
        return result

    for place, found in enumerate(gains_of(maps)[0]):
        grey = np.full(3, (at[place] + at[place + 1]) / 2)
        derivative = np.stack([(mapped(grey + h) - mapped(grey - h)) / 2e-6 for h in 1e-6 * np.eye(3)])
        assert found == pytest.approx(np.linalg.norm(derivative, 2), rel=1e-4)


def test_one_cell_over_luma_is_one_affine_map() -> None:
    np.testing.assert_allclose(gains_of(grids(2.2, regions=3, lumas=1)), np.full((3, 1), 2.2))


def test_against_a_filter_written_from_the_equation(noisy: Pixels) -> None:
    """One plane, pixel by pixel, far from the border."""
    from photostyle.solvers import noise

    level = Noise.of(noisy, grids(3), 1.0).level
    luma = (noisy.astype(np.float64) @ noise.OPPONENT[0])[20:40, 20:40]
    radius = noise.RADII[0]

    def window(plane: NDArray[np.float64], row: int, column: int) -> NDArray[np.float64]:
        return plane[row - radius : row + radius + 1, column - radius : column + radius + 1]

    gain, offset = np.zeros_like(luma), np.zeros_like(luma)
    for row, column in np.ndindex(*luma.shape):
        if radius <= row < 20 - radius and radius <= column < 20 - radius:
            own = window(luma, row, column)
            gain[row, column] = max(own.var() - level**2, 0) / own.var()
            offset[row, column] = own.mean() - gain[row, column] * own.mean()
    wanted = window(gain, 10, 10).mean() * luma[10, 10] + window(offset, 10, 10).mean()
    found = removed(noisy, 3)[30, 30] @ noise.OPPONENT[0]
    assert found == pytest.approx(wanted, abs=2e-6)
