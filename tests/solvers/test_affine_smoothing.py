"""The authors' local affine smoothing: against its slow twin, and what it is for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.solvers.affine_smoothing import apply_maps, smooth_local_affine, smooth_maps
from tests.reference.smoothing import smooth_local_affine as pixel_by_pixel

Pixels = NDArray[np.float32]
MATRIX = np.array([[0.5, 0.2, 0.1], [0.0, 0.6, -0.1], [0.1, 0.1, 0.4]])


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)


def gradient(height: int, width: int) -> Pixels:
    """Colours that vary slowly and are near enough for the edge's sigma to let them mix, with one sharp edge."""
    row, column = np.mgrid[:height, :width] / 1000
    image = np.stack([0.3 + row, 0.4 + column, 0.5 + row - column], axis=2)
    image[:, width // 2 :] += 0.3
    return image.astype(np.float32)


@pytest.mark.parametrize(
    ("content", "radius", "edge"),
    [
        (gradient(19, 21), 5, 0.01),
        (noise(19, 18), 4, 0.01),
        (noise(9, 25), 3, 0.5),
        (noise(8, 8), 15, 0.1),
        (noise(1, 5), 2, 0.1),
    ],
)
def test_agrees_with_the_twin(content: Pixels, radius: int, edge: float) -> None:
    output = noise(content.shape[0], content.shape[1], seed=1)
    slow = pixel_by_pixel(output, content, radius=radius, edge=edge, ridge=1e-3)
    fast = smooth_local_affine(output, content, radius=radius, edge=edge)
    assert fast.dtype == np.float32
    assert fast.shape == content.shape
    np.testing.assert_allclose(fast, slow, rtol=0, atol=2e-5)


def test_agrees_with_the_twin_at_the_authors_settings() -> None:
    content, output = gradient(20, 17), noise(20, 17)
    slow = pixel_by_pixel(output, content, radius=15, edge=0.01, ridge=1e-3)
    np.testing.assert_allclose(smooth_local_affine(output, content), slow, rtol=0, atol=2e-5)


def test_the_rows_fitted_at_a_time_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    content, output = noise(20, 15), noise(20, 15, seed=1)
    whole = smooth_local_affine(output, content)
    monkeypatch.setattr("photostyle.solvers.affine_smoothing._ROWS", 7)
    np.testing.assert_allclose(smooth_local_affine(output, content), whole, rtol=0, atol=1e-6)


# The ridge pulls the maps towards constants, the more the flatter a window is and the fewer pixels it has.
@pytest.mark.parametrize(("ridge", "tolerance"), [(1e-3, 1e-2), (1e-8, 5e-5)])
@pytest.mark.parametrize("content", [noise(40, 30), gradient(30, 40)])
def test_an_affine_output_comes_back(content: Pixels, ridge: float, tolerance: float) -> None:
    output = (content @ MATRIX.T + 0.1).astype(np.float32)
    result = smooth_local_affine(output, content, ridge=ridge)
    np.testing.assert_allclose(result, output, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("ridge", "tolerance"), [(1e-3, 1e-2), (1e-8, 5e-5)])
@pytest.mark.parametrize("content", [noise(30, 40), gradient(30, 40)])
def test_the_content_itself_comes_back(content: Pixels, ridge: float, tolerance: float) -> None:
    result = smooth_local_affine(content, content, ridge=ridge)
    np.testing.assert_allclose(result, content, rtol=0, atol=tolerance)


def test_noise_goes_and_the_content_s_edge_stays() -> None:
    content = np.full((40, 40, 3), 0.3, np.float32)
    content[:, 20:] = 0.7
    clean = (0.9 - content).astype(np.float32)
    noisy = (clean + np.random.default_rng(0).normal(0, 0.05, clean.shape)).astype(np.float32)
    result = smooth_local_affine(noisy, content)
    assert abs(result - clean).mean() < 0.2 * abs(noisy - clean).mean()
    step = result[:, 19].mean() - result[:, 20].mean()
    assert step == pytest.approx(0.4, abs=0.02)


def test_the_result_is_clipped() -> None:
    result = smooth_local_affine(np.full((9, 9, 3), 1.4, np.float32), noise(9, 9))
    assert result.max() <= 1
    assert result.min() >= 0


def test_maps_carry_over_to_a_larger_photo() -> None:
    small = noise(20, 30)
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    maps = smooth_maps((small @ MATRIX.T + 0.1).astype(np.float32), small, ridge=1e-8)
    assert maps.shape == (12, 20, 30)
    assert maps.dtype == np.float32
    result = apply_maps(maps, large)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, large @ MATRIX.T + 0.1, rtol=0, atol=1e-4)


def test_maps_are_interpolated_between_their_centres() -> None:
    maps = np.zeros((12, 2, 4), np.float32)
    maps[9:] = np.linspace(0.2, 0.5, 4)
    row = apply_maps(maps, np.zeros((6, 8, 3), np.float32))[3, :, 0]
    np.testing.assert_allclose(row, [0.2, 0.225, 0.275, 0.325, 0.375, 0.425, 0.475, 0.5], atol=1e-6)
    column = apply_maps(maps.transpose(0, 2, 1).copy(), np.zeros((8, 6, 3), np.float32))[:, 3, 0]
    np.testing.assert_allclose(column, row, atol=1e-6)


@pytest.mark.parametrize(
    ("output", "content", "arguments", "message"),
    [
        (noise(8, 8), noise(8, 9), {}, "one size"),
        (noise(8, 8).astype(np.float64), noise(8, 8), {}, "output: expected"),
        (noise(8, 8), noise(8, 8)[..., 0], {}, "content: expected"),
        (noise(8, 8), np.full((8, 8, 3), np.nan, np.float32), {}, "content: expected finite"),
        (noise(8, 8), noise(8, 8), {"radius": 0}, "radius"),
        (noise(8, 8), noise(8, 8), {"edge": 0.0}, "edge"),
        (noise(8, 8), noise(8, 8), {"ridge": 0.0}, "ridge"),
    ],
)
def test_unfit_arguments_are_refused(output: Pixels, content: Pixels, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        smooth_local_affine(output, content, **arguments)


def test_unfit_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="maps of"):
        apply_maps(np.zeros((11, 4, 4), np.float32), noise(4, 4))


@pytest.mark.parametrize("edge", [1e-3, 1e-6, 1e-30])
def test_an_edge_finer_than_float32_tells_apart_stays_finite(edge: float) -> None:
    content = noise(20, 24)
    output = (content @ MATRIX.T + 0.1).astype(np.float32)
    result = smooth_local_affine(output, content, ridge=1e-8, edge=edge)
    np.testing.assert_allclose(result, output, rtol=0, atol=1e-3)
