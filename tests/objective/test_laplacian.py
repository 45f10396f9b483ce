"""The Matting Laplacian: against its slow twin, against PyMatting's, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.objective import laplacian
from photostyle.objective.laplacian import matting_laplacian
from tests.reference.laplacian import matting_laplacian as from_equation

Image = NDArray[np.float64]


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(0).random((height, width, 3))


def smooth(height: int, width: int) -> Image:
    """Colours that vary slowly, as in a sky, with a sharp edge; every window has rank three."""
    row, column = np.mgrid[:height, :width] / max(height, width)
    planes = [0.5 + 0.3 * np.sin(5 * row + 3 * column + k + k * row * column) for k in range(3)]
    image = np.stack(planes, axis=2)
    image[:, width // 2 :] *= 0.4
    return image


def grey(height: int, width: int) -> Image:
    """R = G = B: every window's covariance has rank one."""
    return np.repeat(noise(height, width)[..., :1], 3, axis=2)


@pytest.mark.parametrize("image", [noise(5, 6), smooth(6, 5), grey(5, 5), noise(3, 3), noise(3, 7), noise(7, 4)])
@pytest.mark.parametrize("epsilon", [1e-7, 1e-2])
def test_agrees_with_the_equation(image: Image, epsilon: float) -> None:
    slow = from_equation(image, epsilon, 1)
    fast = matting_laplacian(image, epsilon).toarray()
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12 * abs(slow).max())


def test_agrees_with_the_equation_in_larger_windows() -> None:
    slow = from_equation(noise(6, 7), 1e-3, 2)
    np.testing.assert_allclose(matting_laplacian(noise(6, 7), 1e-3, radius=2).toarray(), slow, rtol=0, atol=1e-12)


# Not on grey images: PyMatting inverts the covariance by its determinant, which cancels where colours lie on a line;
# against exact arithmetic it is then off by 1e-3, ours by 1e-15 (`test_agrees_with_the_equation`).
@pytest.mark.slow
@pytest.mark.parametrize("image", [noise(40, 53), noise(70, 3), smooth(24, 20), np.full((8, 9, 3), 0.3)])
def test_agrees_with_pymatting(image: Image) -> None:
    from pymatting import cf_laplacian

    theirs = cf_laplacian(image)
    assert abs(matting_laplacian(image) - theirs).max() <= 1e-9 * abs(theirs).max()


def test_does_not_depend_on_the_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = matting_laplacian(noise(13, 11))
    monkeypatch.setattr(laplacian, "_STRIP", 20)
    assert abs(matting_laplacian(noise(13, 11)) - whole).max() <= 1e-14


@pytest.mark.parametrize("image", [noise(12, 15), smooth(12, 15), grey(12, 15), np.full((12, 15, 3), 0.7)])
def test_laws(image: Image) -> None:
    matrix = matting_laplacian(image)
    largest = abs(matrix).max()
    assert matrix.shape == (180, 180)
    assert matrix.dtype == np.float64
    assert abs(matrix - matrix.T).max() == 0
    assert abs(matrix.sum(axis=1)).max() <= 1e-14 * largest
    assert np.linalg.eigvalsh(matrix.toarray()).min() >= -1e-13 * largest


def test_entries_are_sorted_and_none_is_repeated() -> None:
    matrix = matting_laplacian(noise(6, 7))
    assert matrix.has_canonical_format
    rows, columns = np.divmod(np.arange(42), 7)
    near = (abs(rows[:, None] - rows) <= 2) & (abs(columns[:, None] - columns) <= 2)
    assert matrix.nnz == near.sum()


@pytest.mark.parametrize("image", [noise(20, 17), smooth(20, 17), grey(20, 17)])
@pytest.mark.parametrize("epsilon", [1e-7, 1e-3])
def test_an_affine_image_costs_at_most_its_slope(image: Image, epsilon: float) -> None:
    slope, windows = np.array([0.8, -1.7, 0.4]), 18 * 15
    plane = (image @ slope + 0.3).ravel()
    cost = plane @ (matting_laplacian(image, epsilon) @ plane)
    assert 0 <= cost <= windows * epsilon * (slope @ slope)


def test_a_constant_image_takes_the_mean_of_each_window() -> None:
    matrix = matting_laplacian(np.full((3, 3, 3), 0.4)).toarray()
    np.testing.assert_allclose(matrix, np.eye(9) - 1 / 9, rtol=0, atol=1e-15)


def test_float32_images_are_widened() -> None:
    image = noise(5, 6).astype(np.float32)
    assert abs(matting_laplacian(image) - matting_laplacian(image.astype(np.float64))).max() == 0


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4)), r"\(H, W, 3\)"),
        (np.zeros((4, 4, 4)), r"\(H, W, 3\)"),
        (np.zeros((4, 4, 3), np.uint8), "float32 or float64"),
        (np.zeros((2, 9, 3)), "at least 3x3"),
        (np.full((4, 4, 3), np.nan), "finite"),
    ],
)
def test_unfit_images_are_refused(image: Image, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        matting_laplacian(image)


@pytest.mark.parametrize("epsilon", [0.0, -1e-7, np.nan, np.inf])
def test_unfit_epsilon_is_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="epsilon"):
        matting_laplacian(noise(4, 4), epsilon)


def test_unfit_radius_is_refused() -> None:
    with pytest.raises(ValueError, match="radius"):
        matting_laplacian(noise(4, 4), radius=0)
    with pytest.raises(ValueError, match="at least 5x5"):
        matting_laplacian(noise(4, 4), radius=2)


def test_windows_that_straddle_regions_do_not_count() -> None:
    """The matrix of a photo of two regions is that of the regions alone."""
    image = np.random.default_rng(0).random((9, 12, 3))
    labels = np.zeros((9, 12), np.uint8)
    labels[:, 5:] = 1
    matrix = matting_laplacian(image, labels=labels).toarray().reshape(9, 12, 9, 12)
    for part in (slice(0, 5), slice(5, 12)):
        alone = matting_laplacian(np.ascontiguousarray(image[:, part])).toarray()
        inside = matrix[:, part, :, part].reshape(alone.shape)
        np.testing.assert_allclose(inside, alone, atol=1e-9)
    assert not matrix[:, :5, :, 5:].any()


def test_one_label_changes_nothing() -> None:
    image = np.random.default_rng(0).random((9, 12, 3))
    same = matting_laplacian(image, labels=np.ones((9, 12), np.int64))
    np.testing.assert_array_equal(same.toarray(), matting_laplacian(image).toarray())


def test_labels_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="labels"):
        matting_laplacian(np.zeros((9, 12, 3)), labels=np.zeros((9, 11), np.uint8))
