"""The slow twin of `photostyle.regions.mask_files.layer_masks`: position by position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float64]


def averaged(mask: Mask) -> Mask:
    """`(H, W)`: the mean of those of the 3x3 positions around each that lie inside."""
    height, width = mask.shape
    out = np.zeros_like(mask)
    for row in range(height):
        for column in range(width):
            inside = [
                mask[r, c]
                for r in (row - 1, row, row + 1)
                for c in (column - 1, column, column + 1)
                if 0 <= r < height and 0 <= c < width
            ]
            out[row, column] = sum(inside) / len(inside)
    return out


def halved(mask: Mask) -> Mask:
    """`(H // 2, W // 2)`: the mean of each 2x2 positions."""
    out = np.zeros((mask.shape[0] // 2, mask.shape[1] // 2))
    for row, column in np.ndindex(*out.shape):
        out[row, column] = sum(mask[2 * row + i, 2 * column + j] for i in (0, 1) for j in (0, 1)) / 4
    return out


def layer_mask(mask: Mask, layer: str) -> Mask:
    """A `(H, W)` mask on the grid of `layer`, a name such as relu4_2, of VGG-19."""
    for block, convolutions in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 4)):
        for index in range(1, convolutions + 1):
            mask = averaged(mask)
            if layer == f"relu{block}_{index}":
                return mask
        mask = halved(mask)
    raise KeyError(layer)
