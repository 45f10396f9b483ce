"""The filters are held to those of SciPy, which are written from the definitions."""

import numpy as np
import pytest
from scipy import ndimage

from segmentation.filters import blurred, connected_pieces, distance_to, grown, window_means

RNG = np.random.default_rng(0)
SIZES = [(37, 53), (1, 40), (30, 1), (5, 4)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_window_means(size: tuple[int, int], dtype: type) -> None:
    planes = RNG.random((3, *size)).astype(dtype)
    expected = ndimage.uniform_filter(planes.astype(np.float64), (0, 9, 9), mode="nearest")
    assert np.allclose(window_means(planes, 9), expected, atol=1e-12 if dtype is np.float64 else 1e-6)


def test_window_means_of_planes_that_are_not_contiguous() -> None:
    planes = RNG.random((20, 30, 3)).transpose(2, 0, 1)
    assert np.array_equal(window_means(planes, 5), window_means(np.ascontiguousarray(planes), 5))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sigma", [0.4, 3.0, 11.7])
@pytest.mark.parametrize("border", ["nearest", "reflect"])
def test_blurred(size: tuple[int, int], sigma: float, border: str) -> None:
    plane = RNG.random(size)
    assert np.allclose(blurred(plane, sigma, border), ndimage.gaussian_filter(plane, sigma, mode=border), atol=1e-12)
    assert blurred(plane.astype(np.float32), sigma, border).dtype == np.float32


@pytest.mark.parametrize("size", SIZES)
def test_connected_pieces(size: tuple[int, int]) -> None:
    mask = RNG.random(size) > 0.5
    numbers, places = connected_pieces(mask)
    expected, _ = ndimage.label(mask)
    assert np.array_equal(numbers, expected)
    assert places == ndimage.find_objects(expected)


@pytest.mark.parametrize("size", SIZES)
def test_distance_and_growth(size: tuple[int, int]) -> None:
    mask = RNG.random(size) > 0.9
    mask.flat[0] = True
    assert np.allclose(distance_to(mask), ndimage.distance_transform_edt(~mask), atol=1e-4)
    assert np.array_equal(grown(mask), ndimage.binary_dilation(mask))
