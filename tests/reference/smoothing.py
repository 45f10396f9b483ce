"""The authors' local affine smoothing, pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def smooth_local_affine(
    output: NDArray[np.floating], content: NDArray[np.floating], *, radius: int, edge: float, ridge: float
) -> NDArray[np.float64]:
    """Fit a map in each 3x3 window, average the maps over the square around each pixel, apply them, clip.

    Args:
        output, content: `(H, W, 3)`, sRGB-encoded, [0, 1].
    """
    photo, target = content.astype(np.float64), output.astype(np.float64)
    height, width, _ = photo.shape
    maps = np.empty((height, width, 3, 4))
    for row, column in np.ndindex(height, width):
        normal, right = np.diag([ridge, ridge, ridge, 0.0]), np.zeros((4, 3))
        for at in _square(row, column, 1, height, width):
            colour = np.append(photo[at], 1.0)
            normal += np.outer(colour, colour)
            right += np.outer(colour, target[at])
        maps[row, column] = np.linalg.solve(normal, right).T

    result = np.empty_like(photo)
    for row, column in np.ndindex(height, width):
        total, mean = 0.0, np.zeros((3, 4))
        for at in _square(row, column, radius, height, width):
            away = (at[0] - row) ** 2 + (at[1] - column) ** 2
            unlike = ((photo[at] - photo[row, column]) ** 2).mean()
            weight = math.exp(-away / (2 * (radius / 3) ** 2)) * math.exp(-unlike / (2 * edge**2))
            total += weight
            mean += weight * maps[at]
        result[row, column] = mean / total @ np.append(photo[row, column], 1.0)
    return result.clip(0, 1)


def _square(row: int, column: int, radius: int, height: int, width: int) -> list[tuple[int, int]]:
    rows = range(max(row - radius, 0), min(row + radius + 1, height))
    columns = range(max(column - radius, 0), min(column + radius + 1, width))
    return [(r, c) for r in rows for c in columns]
