"""Figures by which the worst results of a set are found, and small pictures of photos."""

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
"""Of the pictures that are compared, in pixels: the size of the solve of `default`."""
SAMPLES = 1_000_000
"""Pixels among which clipped ones are counted."""
STRONG, NOTICEABLE = 0.04, 0.02
"""Change of luma from pixel to pixel of a strong edge and of one that is seen (our choice)."""
THUMBNAIL, QUALITY = 360, 80
"""Longest side in pixels and JPEG quality: sharp in a row of six, 15 KB each."""
DARKEST, BRIGHTEST = 0.5 / 255, 254.5 / 255


def figures(content: Photo, result: Result) -> Mapping[str, float]:
    """What may be wrong with a result, each as a share, [0, 1].

    Returns:
        `clipped`, the pixels with a channel at the end of its range that was not there in the content; `halo`, the
        content's strong edges that are turned round; `unmatched`, the pixels whose region no style has.
    """
    sizes = [photo.fitted(LONGEST_SIDE) for photo in (content, result.photo)]
    labels = result.correspondence.content.labels
    matched = [label for region in result.correspondence.regions for label in region.content_ids]
    return {
        "clipped": _clipped(content.pixels, result.photo.pixels),
        "halo": _turned(*sizes),
        "unmatched": float(1 - np.isin(labels, matched).mean()),
    }


def thumbnail(photo: Photo) -> bytes:
    """A JPEG of at most `THUMBNAIL` pixels a side, but for panoramas, without metadata."""
    return Photo(photo.fitted(THUMBNAIL)).encode("JPEG", QUALITY)


def _clipped(content: NDArray[np.float32], result: NDArray[np.float32]) -> float:
    step = max(1, int((content.size / 3 / SAMPLES) ** 0.5))
    before, after = (
        (pixels[::step, ::step] <= DARKEST) | (pixels[::step, ::step] >= BRIGHTEST) for pixels in (content, result)
    )
    return float((after & ~before).any(2).mean())


def _turned(content: NDArray[np.float32], result: NDArray[np.float32]) -> float:
    before, after = (np.gradient(pixels @ np.array(LUMA, np.float32)) for pixels in (content, result))
    (rows, columns), (rows_after, columns_after) = before, after
    strong = np.hypot(rows, columns) > STRONG
    turned = (rows * rows_after + columns * columns_after < 0) & (np.hypot(rows_after, columns_after) > NOTICEABLE)
    return float((turned & strong).sum() / max(int(strong.sum()), 1))
