"""Layout: how the colours of a region depend on height.

A sky darkens upwards and a sunset's orange is at the horizon: light has a layout, and the style shows it. Height is
counted within the region, so that a sky of any size has its horizon at the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BANDS = 5
"""Number of heights at which the mean colour is known, from the top of a region to its bottom. Between them it is
interpolated."""
SMOOTHNESS = 1e-2
"""Weight of the squared second differences of the bands, beside the mean squared error of the rows."""
NOISE = (1.5 / 255) ** 2
"""Variance of a channel that counts as noise: a little more than from rounding to 8 bits and from JPEG."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The mean colour of a region by height, less the mean of the region.

    Args:
        bands: `(BANDS, 3) float64`, at equal steps of height from the top to the bottom.
        explained: share of the region's variance of colour that the bands explain, [0, 1).
    """

    bands: NDArray[np.float64]
    explained: float

    def at(self, heights: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(N, 3)` at `(N,)` heights in [0, 1]."""
        return _hats(heights) @ self.bands


def heights_of(mask: NDArray[np.floating]) -> NDArray[np.float64]:
    """The height of each row within a region: the share of the region that is above it.

    Args:
        mask: `(H, W)`, [0, 1], not empty.

    Returns:
        `(H,)`, [0, 1]: 0 above the region, 1 below it.
    """
    rows = mask.sum(1, dtype=np.float64)
    heights: NDArray[np.float64] = (np.cumsum(rows) - rows / 2) / rows.sum()
    return heights


def layout_of(pixels: NDArray[np.floating], mask: NDArray[np.floating]) -> Layout:
    """The layout of a region: a smooth curve through the mean colours of its rows.

    Args:
        pixels: `(H, W, 3)`, sRGB-encoded, [0, 1].
        mask: `(H, W)`, [0, 1], not empty.
    """
    weights = mask.astype(np.float64)
    rows = weights.sum(1)
    total = rows.sum()
    means = np.einsum("hw,hwc->hc", weights, pixels) / np.maximum(rows, 1e-12)[:, None]
    mean = rows @ means / total
    hats, bends = _hats(heights_of(mask)), np.diff(np.eye(BANDS), 2, axis=0)
    normal = hats.T @ (rows[:, None] * hats) / total + SMOOTHNESS * bends.T @ bends + 1e-6 * np.eye(BANDS)
    bands = np.linalg.solve(normal, hats.T @ (rows[:, None] * (means - mean)) / total)
    bands -= rows @ (hats @ bands) / total
    explained = float(rows @ ((hats @ bands) ** 2).sum(1) / total)
    variance = float(np.einsum("hw,hw->", weights, ((pixels - mean) ** 2).sum(2)) / total)
    return Layout(bands, explained / (variance + 3 * NOISE))


def mean_layout(shares: Sequence[float], layouts: Sequence[Layout]) -> Layout:
    """The layout of several styles, by their shares, which add up to 1."""
    bands: NDArray[np.float64] = np.sum([s * each.bands for s, each in zip(shares, layouts, strict=True)], axis=0)
    return Layout(bands, sum(s * each.explained for s, each in zip(shares, layouts, strict=True)))


def _hats(heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(N, BANDS)`: the weights of linear interpolation."""
    hats: NDArray[np.float64] = np.maximum(0, 1 - np.abs(heights[:, None] * (BANDS - 1) - np.arange(BANDS)))
    return hats
