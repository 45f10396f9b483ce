"""Figures that find the worst results of a set: clipped pixels, reversed edges, regions without a match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.photo.photo import Photo

if TYPE_CHECKING:
    from photostyle.pipeline.result import Result

LONGEST_SIDE = 512
"""Size at which edges are compared, in pixels: the size at which `default` is solved."""
SAMPLES = 1_000_000
"""How many pixels are looked at to count clipped ones."""
STRONG, NOTICEABLE = 0.04, 0.02
"""Change of luma from pixel to pixel: in a strong edge, and in an edge that is just visible (our choice)."""
DARKEST, BRIGHTEST = 0.5 / 255, 254.5 / 255


def quality_figures(content: Photo, result: Result) -> Mapping[str, float]:
    """What may be wrong with a result; each figure is a share, [0, 1].

    Returns:
        `clipped`: pixels that have a channel at the end of its range, and had none in the content.
        `halo`: strong edges of the content whose direction is reversed in the result.
        `unmatched`: pixels whose region has no counterpart in any style.
    """
    sizes = [photo.fitted(LONGEST_SIDE) for photo in (content, result.photo)]
    labels = result.correspondence.content.labels
    matched = [label for region in result.correspondence.matched for label in region.content_ids]
    return {
        "clipped": _clipped(content.pixels, result.photo.pixels),
        "halo": _reversed_edges(*sizes),
        "unmatched": float(1 - np.isin(labels, matched).mean()),
    }


def _clipped(content: NDArray[np.float32], result: NDArray[np.float32]) -> float:
    step = max(1, int((content.size / 3 / SAMPLES) ** 0.5))
    before, after = (
        (pixels[::step, ::step] <= DARKEST) | (pixels[::step, ::step] >= BRIGHTEST) for pixels in (content, result)
    )
    return float((after & ~before).any(2).mean())


def _reversed_edges(content: NDArray[np.float32], result: NDArray[np.float32]) -> float:
    before, after = (np.gradient(pixels @ np.array(LUMA, np.float32)) for pixels in (content, result))
    (rows, columns), (rows_after, columns_after) = before, after
    strong = np.hypot(rows, columns) > STRONG
    reversed_edges = (rows * rows_after + columns * columns_after < 0) & (
        np.hypot(rows_after, columns_after) > NOTICEABLE
    )
    return float((reversed_edges & strong).sum() / max(int(strong.sum()), 1))
