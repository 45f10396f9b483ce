from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from segmentation.refine import refine


@pytest.fixture
def disc() -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A bright disc before a dark slope, and where it is."""
    rows, columns = np.mgrid[:96, :128]
    inside = (rows - 48) ** 2 + (columns - 64) ** 2 < 30**2
    photo = np.where(inside[..., None], (0.9, 0.7, 0.3), (0.1, 0.2, 0.4)) + 0.001 * columns[..., None]
    return photo.astype(np.float32), inside


def coarse(inside: NDArray[np.bool_], factor: int) -> NDArray[np.float32]:
    """`(2, h, w)`: means over squares, which is what a network's answer at a stride is like."""
    height, width = (extent // factor for extent in inside.shape)
    mean = inside.reshape(height, factor, width, factor).mean((1, 3))
    return np.stack([1 - mean, mean]).astype(np.float32)


def test_probabilities_follow_the_photos_edges(disc: tuple[NDArray[np.float32], NDArray[np.bool_]]) -> None:
    photo, inside = disc
    blurred = coarse(inside, 8)
    plain = np.kron(blurred[1], np.ones((8, 8)))
    refined = refine(blurred, photo, radius=0.08).of(photo)
    wrong, wrong_before = (np.mean((mask > 0.5) != inside) for mask in (refined[1], plain))
    assert wrong < 0.005 < 0.02 < wrong_before


def test_probabilities_add_up(disc: tuple[NDArray[np.float32], NDArray[np.bool_]]) -> None:
    photo, _ = disc
    rng = np.random.default_rng(0)
    noisy = rng.dirichlet(np.ones(3), (12, 16)).transpose(2, 0, 1).astype(np.float32)
    refined = refine(noisy, photo).of(photo)
    assert refined.shape == (3, 96, 128) and refined.dtype == np.float32
    assert refined.min() >= 0
    np.testing.assert_allclose(refined.sum(0), 1, atol=1e-5)


def test_a_certain_class_stays_certain(disc: tuple[NDArray[np.float32], NDArray[np.bool_]]) -> None:
    photo, _ = disc
    certain = np.stack([np.ones((6, 8)), np.zeros((6, 8))]).astype(np.float32)
    np.testing.assert_allclose(refine(certain, photo).of(photo), np.kron(certain, np.ones((1, 16, 16))), atol=1e-4)


def test_strips_are_the_whole_bit_for_bit(disc: tuple[NDArray[np.float32], NDArray[np.bool_]]) -> None:
    photo, inside = disc
    refined = refine(coarse(inside, 8), photo, size=64)
    strips = [refined.of(photo[start : start + 37], start, 96) for start in range(0, 96, 37)]
    np.testing.assert_array_equal(np.concatenate(strips, 1), refined.of(photo))


def test_a_larger_photo_than_the_grid(disc: tuple[NDArray[np.float32], NDArray[np.bool_]]) -> None:
    photo, inside = disc
    large = np.kron(photo, np.ones((4, 4, 1), np.float32))
    refined = refine(coarse(inside, 8), large, size=128, radius=0.08)
    assert refined.coefficients.shape == (8, 96, 128)
    assert np.mean((refined.of(large)[1] > 0.5) == np.kron(inside, np.ones((4, 4)))) > 0.99


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 4)])
def test_refuses_what_is_no_probabilities(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        refine(np.zeros(shape, np.float32), np.zeros((8, 8, 3), np.float32))
