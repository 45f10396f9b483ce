"""Refines coarse probabilities so that they follow the edges of a photo, for example a skyline and the leaves in front
of it.

The method is the guided filter: He, Sun and Tang, "Guided Image Filtering", TPAMI 2013, with the colours of the photo
as the guide. It is computed in its fast form: He and Sun, "Fast Guided Filter", 2015. In a window around every pixel,
the mask is assumed to be a linear function of the photo's colours. The coefficients are computed on a small grid. They
can be applied to the photo at any size, also strip by strip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZE = 768
"""Longest side of the grid on which the coefficients are computed, in pixels."""
RADIUS = 0.006
"""Radius of the filter's windows, as a share of the longest side. For the choice, see `EPSILON`."""
EPSILON = 1e-5
"""Least variance of colour, for colours in [0, 1], that the mask follows. `RADIUS` and `EPSILON` are the best of four
pairs tried on rendered scenes: radius 0.006 with epsilon 1e-5, 1e-4 and 1e-3, and radius 0.012 with epsilon 1e-4."""


@dataclass(frozen=True, eq=False)
class Refined:
    """Probabilities as locally linear functions of a photo's colours.

    Args:
        coefficients: `(4 K, h, w) float32`. Each of the K classes has four planes: the gains of red, green and blue,
            and an offset.
    """

    coefficients: NDArray[np.float32]

    def of(self, photo: NDArray[np.float32], first_row: int = 0, height: int | None = None) -> NDArray[np.float32]:
        """The probabilities at the size of the photo.

        Args:
            photo: `(H, W, 3) float32`, sRGB-encoded, [0, 1]. It is the whole photo, or a strip of its rows.
            first_row: the row of the whole photo at which the strip begins.
            height: the number of rows of the whole photo. The default is the number of rows of `photo`.

        Returns:
            `(K, H, W) float32`, [0, 1], sum 1 over K. A strip gives the same values, bit for bit, as the whole photo
            gives for these rows.
        """
        rows, columns = photo.shape[:2]
        grid_rows, grid_columns = self.coefficients.shape[1:]
        down, across = _Between(grid_rows, height or rows), _Between(grid_columns, columns)
        result = np.zeros((len(self.coefficients) // 4, rows, columns), np.float32)
        for index, plane in enumerate(self.coefficients):
            enlarged = across(down(plane, 0, slice(first_row, first_row + rows)), 1)
            result[index // 4] += enlarged * photo[..., index % 4] if index % 4 < 3 else enlarged
        np.clip(result, 0, 1, out=result)
        result /= np.maximum(result.sum(0), np.float32(1e-6))
        return result


def refine(
    probabilities: NDArray[np.float32],
    photo: NDArray[np.float32],
    *,
    size: int = SIZE,
    radius: float = RADIUS,
    epsilon: float = EPSILON,
) -> Refined:
    """Fits coarse probabilities to the photo's colours in a window around every pixel.

    Args:
        probabilities: `(K, h, w) float32`, sum 1 over K, of any size.
        photo: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        size: longest side of the grid, in pixels. The grid is never larger than the photo.
        radius: radius of the windows, as a share of the longest side.
        epsilon: least variance of colour that the mask follows, for colours in [0, 1].

    Raises:
        ValueError: an array has another number of dimensions, no elements, or the photo does not have 3 channels.
    """
    if probabilities.ndim != 3 or photo.ndim != 3 or photo.shape[2] != 3 or not probabilities.size or not photo.size:
        raise ValueError(f"expected (K, h, w) and (H, W, 3), found {probabilities.shape} and {photo.shape}")
    scale = min(1.0, size / max(photo.shape[:2]))
    height, width = (max(1, round(scale * extent)) for extent in photo.shape[:2])
    guide = _averaged(photo, height, width).transpose(2, 0, 1)
    down, across = _Between(probabilities.shape[1], height), _Between(probabilities.shape[2], width)
    masks = np.stack([across(down(plane, 0), 1) for plane in probabilities])
    window = 2 * max(1, round(radius * max(height, width))) + 1
    mean = _means(guide, window)
    products = _means(np.stack([guide[i] * guide[j] for i, j in _PAIRS]), window)
    covariance = [
        plane - mean[i] * mean[j] + epsilon * (i == j) for (i, j), plane in zip(_PAIRS, products, strict=True)
    ]
    inverse = _inverted(covariance)
    coefficients = np.empty((4 * len(masks), height, width), np.float32)
    for index, mask in enumerate(masks):
        average = _means(mask[None], window)[0]
        together = _means(guide * mask, window) - mean * average
        gains = np.stack([sum(inverse[i][j] * together[j] for j in range(3)) for i in range(3)])
        offset = average - (gains * mean).sum(0)
        coefficients[4 * index : 4 * index + 4] = _means(np.concatenate([gains, offset[None]]), window)
    return Refined(coefficients)


def _inverted(upper: list[NDArray[np.float64]]) -> list[list[NDArray[np.float64]]]:
    """The inverses of symmetric 3x3 matrices, one at each pixel, computed with the adjugate.

    Args:
        upper: six planes `(h, w)`, the entries of the upper triangles in the order of `_PAIRS`.

    Returns:
        The planes of the inverses, by row and column.
    """
    a, b, c, d, e, f = upper
    top = (d * f - e * e, c * e - b * f, b * e - c * d)
    determinant = a * top[0] + b * top[1] + c * top[2]
    right = b * c - a * e
    rows = [list(top), [top[1], a * f - c * c, right], [top[2], right, a * d - b * b]]
    return [[plane / determinant for plane in row] for row in rows]


_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
"""Row and column of each entry in the upper triangle of a 3x3 matrix."""


def _means(planes: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean of each plane over a square window. Beyond the border, the pixels of the border are repeated."""
    from scipy import ndimage

    return np.stack([ndimage.uniform_filter(plane, window, mode="nearest") for plane in planes])


def _averaged(photo: NDArray[np.float32], height: int, width: int) -> NDArray[np.float64]:
    """The photo reduced to `(height, width, 3)` by averaging."""
    from PIL import Image

    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(photo[..., channel])).resize((width, height), Image.Resampling.BOX)
        )
        for channel in range(3)
    ]
    return np.stack(planes, 2).astype(np.float64)


class _Between:
    """Linear interpolation along one axis, from `before` pixels to `after` pixels.

    The values belong to the centres of the pixels. Beyond the outermost centres they stay constant.
    """

    def __init__(self, before: int, after: int) -> None:
        at = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
        self.low = np.floor(at).astype(np.intp)
        self.high = np.minimum(self.low + 1, before - 1)
        self.share = (at - self.low).astype(np.float32)

    def __call__(self, plane: NDArray[np.float32], axis: int, part: slice = slice(None)) -> NDArray[np.float32]:
        share = self.share[part] if axis else self.share[part, None]
        low, high = (plane.take(index[part], axis) for index in (self.low, self.high))
        return low + share * (high - low)
