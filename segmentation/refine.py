"""Refines coarse probabilities so that they follow the edges of a photo, for example a skyline and the leaves in front
of it.

The method is the guided filter: He, Sun and Tang, "Guided Image Filtering", TPAMI 2013, with the colours of the photo
as the guide. It is computed in its fast form: He and Sun, "Fast Guided Filter", 2015. In a window around every pixel,
the mask is assumed to be a linear function of the photo's colours. The coefficients are computed on a small grid. They
can be applied to the photo at any size, also strip by strip.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from segmentation.enlarge import Enlarger, Part, enlarged
from segmentation.filters import window_means

SIZE = 768
"""Longest side of the grid on which the coefficients are computed, in pixels."""
RADIUS = 0.006
"""Radius of the filter's windows, as a share of the longest side. For the choice, see `EPSILON`."""
EPSILON = 1e-5
"""Least variance of colour, for colours in [0, 1], that the mask follows. `RADIUS` and `EPSILON` are the best of four
pairs tried on rendered scenes: radius 0.006 with epsilon 1e-5, 1e-4 and 1e-3, and radius 0.012 with epsilon 1e-4."""

NOTHING = 1e-5
"""Probabilities that are below this for every colour become 0, so that most parts of a photo have one class only."""


@dataclass(frozen=True, eq=False)
class Refined:
    """Probabilities as locally linear functions of a photo's colours.

    Args:
        coefficients: `(4 K, h, w) float32`. Each of the K classes has four planes: the gains of red, green and blue,
            and an offset.
    """

    coefficients: NDArray[np.float32]

    def of(self, photo: NDArray[np.float32], part: Part | None = None) -> NDArray[np.float32]:
        """The probabilities at the size of the photo.

        Args:
            photo: `(rows, columns, 3) float32`, sRGB-encoded, [0, 1]: the whole photo, or a part of it.
            part: which part of the photo it is. The default is the whole photo.

        Returns:
            `(K, rows, columns) float32`, [0, 1], sum 1 over K. A part gives the same values, bit for bit, as the whole
            photo gives there.
        """
        rows, columns = photo.shape[:2]
        height, width = self.coefficients.shape[1:]
        enlarger = Enlarger(height, width, part or Part.whole(rows, columns))
        near = enlarger.near(self.coefficients.reshape(-1, 4, height, width))
        result = np.zeros((len(near), rows, columns), np.float32)
        here = np.flatnonzero(near.any((1, 2, 3)))
        if len(here) == 1:
            result[here] = 1
            return result
        channels = [np.ascontiguousarray(photo[..., channel]) for channel in range(3)]
        for index in here:
            planes = enlarger(near[index])
            total = result[index]
            total += planes[3]
            for plane, channel in zip(planes, channels, strict=False):
                total += np.multiply(plane, channel, out=plane)
            np.clip(total, 0, 1, out=total)
        total = np.maximum(result[here].sum(0), np.float32(1e-6))
        for index in here:
            result[index] /= total
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
    masks = enlarged(probabilities, Part.whole(height, width))
    window = 2 * max(1, round(radius * max(height, width))) + 1
    mean = window_means(guide, window)
    products = window_means(np.stack([guide[i] * guide[j] for i, j in PAIRS]), window)
    covariance = [plane - mean[i] * mean[j] + epsilon * (i == j) for (i, j), plane in zip(PAIRS, products, strict=True)]
    inverse = inverted(covariance)
    # Colours less one half keep more digits in float32. What is divided by the covariance stays float64.
    colours, means = ((planes - 0.5).astype(np.float32) for planes in (guide, mean))
    coefficients = np.zeros((4 * len(masks), height, width), np.float32)
    for index, mask in enumerate(masks):
        if not mask.any():
            continue
        average, *together = window_means(np.concatenate([mask[None], colours * mask]), window)
        together = [plane - own * average for plane, own in zip(together, means, strict=True)]
        gains = [sum(inverse[i][j] * together[j] for j in range(3)) for i in range(3)]
        offset = average - sum(gain * own for gain, own in zip(gains, mean, strict=True))
        planes = window_means(np.stack([*gains, offset]).astype(np.float32), window)
        coefficients[4 * index : 4 * index + 4] = np.where(np.abs(planes).sum(0) > NOTHING, planes, 0)
    return Refined(coefficients)


def inverted(upper: list[NDArray[np.float64]]) -> list[list[NDArray[np.float64]]]:
    """The inverses of symmetric 3x3 matrices, one at each pixel, computed with the adjugate.

    Args:
        upper: six planes `(h, w)`, the entries of the upper triangles in the order of `PAIRS`.

    Returns:
        The planes of the inverses, by row and column.
    """
    a, b, c, d, e, f = upper
    top = (d * f - e * e, c * e - b * f, b * e - c * d)
    determinant = a * top[0] + b * top[1] + c * top[2]
    right = b * c - a * e
    rows = [list(top), [top[1], a * f - c * c, right], [top[2], right, a * d - b * b]]
    return [[plane / determinant for plane in row] for row in rows]


PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
"""Row and column of each entry in the upper triangle of a 3x3 matrix."""


def _averaged(photo: NDArray[np.float32], height: int, width: int) -> NDArray[np.float64]:
    """The photo reduced to `(height, width, 3)` by averaging whole pixels."""
    if photo.shape[:2] == (height, width):
        return photo.astype(np.float64)
    rows, columns = (_edges(extent, count) for extent, count in zip(photo.shape, (height, width), strict=False))
    result = np.empty((height, width, 3))
    for row, (first, end) in enumerate(pairwise(rows)):
        sums = np.ascontiguousarray(photo[first:end].sum(0).T)
        result[row] = np.add.reduceat(sums, columns[:-1], axis=1).T / ((end - first) * np.diff(columns)[:, None])
    return result


def _edges(pixels: int, cells: int) -> NDArray[np.intp]:
    """The first pixel of each cell, and the end. Each pixel is in the cell that its centre is in."""
    edges: NDArray[np.intp] = np.floor(np.arange(cells + 1) * pixels / cells + 0.5).astype(np.intp)
    return edges
