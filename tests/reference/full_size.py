"""The slow twin of `photostyle.solvers.full_size`, a pixel at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.solvers.bilateral import HIGH, LOW, WARMEST


def applied(
    pixels: NDArray[np.float32],
    masks: NDArray[np.float32],
    colours: NDArray[np.float32],
    grids: NDArray[np.float64],
    strengths: Sequence[float],
    *,
    faint: float,
    touched: float,
) -> NDArray[np.float64]:
    """O = shoulder( sum_k s_k m_k (A_k c_k + b_k) + (1 - s_k) m_k c_k ), blended in where sum_k s_k m_k is small.

    Args:
        pixels: `(H, W, 3)`, sRGB-encoded.
        masks: `(M, H, W)`, sum 1; the first K are the grids'.
        colours: `(M, H, W, 3)`, c_k.
        grids: `(K, rows, warmths, lumas, 4, 3)`.
        strengths: s_k, K numbers.
    """
    height, width = pixels.shape[:2]
    result = np.zeros(pixels.shape)
    for row, column in np.ndindex(height, width):
        total, share = np.zeros(3), 0.0
        for k in range(len(masks)):
            colour, mask = colours[k, row, column].astype(np.float64), float(masks[k, row, column])
            weight = mask * strengths[k] if k < len(grids) else 0.0
            share += weight
            weight = weight if weight > faint else 0.0
            total += (mask - weight) * colour
            if weight:
                total += weight * (np.append(colour, 1) @ _coefficients(grids[k], row, height, colour))
        blend = np.clip((share - faint) / (touched - faint), 0, 1)
        result[row, column] = pixels[row, column] + blend * (_shoulder(total) - pixels[row, column])
    return result


def _coefficients(grid: NDArray[np.float64], row: int, height: int, colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(4, 3)`: the mean of all cells, each weighted by a hat over row, warmth and luma."""
    warmth = np.clip((colour[0] - colour[2] + WARMEST) / (2 * WARMEST), 0, 1)
    places = (row + 0.5) / height, warmth, np.clip(colour @ LUMA, 0, 1)
    hats = [
        np.maximum(0, 1 - np.abs(place * (extent - 1) - np.arange(extent)))
        for place, extent in zip(places, grid.shape, strict=False)
    ]
    found: NDArray[np.float64] = np.einsum("r,w,l,rwlij->ij", *hats, grid)
    return found


def _shoulder(values: NDArray[np.float64]) -> NDArray[np.float64]:
    above = HIGH + (1 - HIGH) * (1 - np.exp(-np.maximum(values - HIGH, 0) / (1 - HIGH)))
    below = LOW - LOW * (1 - np.exp(-np.maximum(LOW - values, 0) / LOW))
    return np.where(values > HIGH, above, np.where(values < LOW, below, values))
