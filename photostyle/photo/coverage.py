"""Coverage: colours for the places of a photo that nobody sees, and photos resized by how much is seen.

Programs leave anything under full transparency: black, white, the rest of the picture. Whatever looks at a whole photo
(a filter, a network) needs colours there that follow from the visible ones alone.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def fill_unseen(pixels: Plane, coverage: Plane) -> Plane:
    """Gives the places that cannot be seen a smooth continuation of the visible colours.

    A pyramid, as in Gortler, Grzeszczuk, Szeliski and Cohen, "The Lumigraph", SIGGRAPH 1996, section 3.4.2 (pull-push):
    colours times coverage are averaged over 2x2 places until no hole is left; holes are then filled from the coarser
    level by bilinear interpolation. The time is linear in the number of pixels.

    1. Departure: only places without coverage are filled. Those with a little keep their own colour.

    Args:
        pixels: `(H, W, C) float32`, [0, 1].
        coverage: `(H, W) float32`, linear, [0, 1].

    Returns:
        `(H, W, C) float32`, a new array: `pixels` where the coverage is above 0, bit for bit, and there nothing depends
        on the other places; `pixels` everywhere if nothing can be seen.

    Raises:
        ValueError: the shapes do not fit.
    """
    if pixels.ndim != 3 or pixels.shape[:2] != coverage.shape:
        raise ValueError(f"expected (H, W, C) and (H, W), found {pixels.shape} and {coverage.shape}")
    filled = pixels.copy()
    if not (coverage > 0).any():
        return filled
    weights = [coverage]
    while not (weights[-1] > 0).all():
        weights.append(_halved(weights[-1]))
    for channel in range(pixels.shape[2]):
        levels = [pixels[..., channel]]
        for fine, coarse in pairwise(weights):
            mean = _halved(levels[-1] * fine)
            levels.append(np.divide(mean, coarse, out=np.zeros_like(mean), where=coarse > 0))
        plane = levels[-1]
        for level, weight in zip(levels[-2::-1], weights[-2::-1], strict=True):
            plane = np.where(weight > 0, level, _doubled(plane, *level.shape))
        filled[..., channel] = plane
    return filled


def _halved(plane: Plane) -> Plane:
    """Means of 2x2 places. An odd last row or column is completed with zeros."""
    height, width = plane.shape
    halved = np.zeros(((height + 1) // 2, (width + 1) // 2), np.float32)
    for row in (0, 1):
        for column in (0, 1):
            part = plane[row::2, column::2]
            halved[: part.shape[0], : part.shape[1]] += part
    halved *= np.float32(0.25)
    return halved


def _doubled(plane: Plane, height: int, width: int) -> Plane:
    """Bilinear interpolation to twice the size, cut to `height` x `width`. The border is repeated beyond it."""
    return _doubled_rows(_doubled_rows(plane, height).T, width).T


def _doubled_rows(plane: Plane, count: int) -> Plane:
    """Of `(h, w)` the first `count` of 2 h rows."""
    near, far = np.float32(0.75), np.float32(0.25)
    doubled = np.repeat(near * plane, 2, axis=0)
    faint = far * plane
    doubled[2::2] += faint[:-1]
    doubled[1:-1:2] += faint[1:]
    doubled[0] += faint[0]
    doubled[-1] += faint[-1]
    return doubled[:count]
