"""Pull-push from its definition: one place after another."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]


def fill_unseen(values: Plane, coverage: Plane) -> Plane:
    """`(H, W)`: holes of a plane filled, see `photostyle.photo.coverage.fill_unseen`."""
    height, width = values.shape
    if (coverage > 0).all():
        return values.copy()
    rows, columns = math.ceil(height / 2), math.ceil(width / 2)
    coarse, weights = np.zeros((rows, columns)), np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            block = slice(2 * row, 2 * row + 2), slice(2 * column, 2 * column + 2)
            weights[row, column] = coverage[block].sum() / 4
            if weights[row, column]:
                coarse[row, column] = (values[block] * coverage[block]).sum() / 4 / weights[row, column]
    coarse = fill_unseen(coarse, weights)
    filled = values.copy()
    for row in range(height):
        for column in range(width):
            if coverage[row, column] == 0:
                filled[row, column] = _between(coarse, (row + 0.5) / 2 - 0.5, (column + 0.5) / 2 - 0.5)
    return filled


def _between(plane: Plane, row: float, column: float) -> float:
    """Bilinear interpolation; the border is repeated beyond it."""
    total = 0.0
    for down in (math.floor(row), math.floor(row) + 1):
        for across in (math.floor(column), math.floor(column) + 1):
            weight = (1 - abs(row - down)) * (1 - abs(column - across))
            at = min(max(down, 0), plane.shape[0] - 1), min(max(across, 0), plane.shape[1] - 1)
            total += weight * float(plane[at])
    return total
