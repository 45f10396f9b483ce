"""The per-region Gram distance written from its equation, one pixel, channel and region at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def gram(feature: Array, mask: Array) -> Array:
    """`(C, C)`: sum over pixels of (m f_a) (m f_b), divided by C N mean(m), for `(C, h, w)` and `(h, w)`."""
    channels, height, width = feature.shape
    result = np.zeros((channels, channels))
    for row in range(height):
        for column in range(width):
            vector = mask[row, column] * feature[:, row, column]
            result += np.outer(vector, vector)
    return result / (channels * height * width * mask.mean())


def distance(feature: Array, masks: Array, targets: Array) -> float:
    """Sum over regions of mean(m) times the mean of squared differences of Gram matrices."""
    return sum(
        mask.mean() * float(np.mean((gram(feature, mask) - target) ** 2))
        for mask, target in zip(masks, targets, strict=True)
    )
