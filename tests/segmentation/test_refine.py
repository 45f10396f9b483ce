from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segmentation.enlarge import Part
from segmentation.refine import _averaged, refine


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


def test_parts_are_the_whole_bit_for_bit(disc: tuple[NDArray[np.float32], NDArray[np.bool_]]) -> None:
    photo, inside = disc
    refined = refine(coarse(inside, 8), photo, size=64)
    whole, (height, width) = refined.of(photo), photo.shape[:2]
    for rows, columns in ((1, width), (37, width), (10, 17)):
        for top, left in product(range(0, height, rows), range(0, width, columns)):
            part = Part(min(rows, height - top), min(columns, width - left), height, width, top, left)
            found = refined.of(photo[part.pixels], part)
            np.testing.assert_array_equal(found, whole[:, *part.pixels])


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


def test_far_from_borders_there_is_one_class_exactly(disc: tuple[NDArray[np.float32], NDArray[np.bool_]]) -> None:
    photo, inside = disc
    found = refine(np.stack([~inside, inside, np.zeros_like(inside)]).astype(np.float32), photo).of(photo)
    assert (found[:, 0, 0] == [1, 0, 0]).all() and (found[:, 48, 64] == [0, 1, 0]).all()
    assert not found[2].any()


@pytest.mark.parametrize(("height", "width"), [(7, 9), (29, 40), (61, 64)])
def test_the_guide_is_means_of_whole_pixels(height: int, width: int) -> None:
    """Each pixel counts once, in the cell that its centre is in, as with Pillow's box filter."""
    photo = np.random.default_rng(0).random((61, 64, 3), np.float32)
    found = _averaged(photo, height, width)
    for channel in range(3):
        wanted = Image.fromarray(photo[..., channel]).resize((width, height), Image.Resampling.BOX)
        np.testing.assert_allclose(found[..., channel], wanted, atol=1e-6)
