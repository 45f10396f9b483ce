"""Photos and masks at another size, and photos by how much of them can be seen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photostyle.photo.coverage import fill_unseen
from photostyle.photo.stored import shown_size

LITTLE = 0.1
"""If less than this share of a resized pixel can be seen, it has no reliable colour of its own (our choice)."""
MOST_BY_CUBIC = 4
"""The cubic shrinks at most this many times; means do the rest before it. Colours of a photo of 12 megapixels at 512 px
change by 0.07 of 255 in the mean and by 2 at most."""
_CUBIC, _BOX = Image.Resampling.BICUBIC, Image.Resampling.BOX


def resize(pixels: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resizes by Keys' cubic (a = -1/2). Where a side shrinks, the filter is widened to cover all source pixels.

    Pillow resizes one channel at a time in float32. It uses one thread, so the result is the same everywhere, and torch
    need not be imported; its antialiased `interpolate` is the same filter. Lanczos is a little sharper and rings more.
    Photos more than `MOST_BY_CUBIC` times as large are first shrunk to that by means, which is several times faster.

    Args:
        pixels: `(H, W, C) float32, [0, 1]`, photo or masks.
        height: rows of the result, in pixels.
        width: columns of the result, in pixels.

    Returns:
        `(height, width, C) float32`, clipped to [0, 1], C-contiguous, a new array.

    Raises:
        ValueError: `pixels` is not `(H, W, C) float32`, or a side is below 1.
    """
    if pixels.ndim != 3 or pixels.dtype != np.float32:
        raise ValueError(f"expected (H, W, C) float32, found {pixels.shape} {pixels.dtype}")
    if min(height, width) < 1:
        raise ValueError(f"expected sides of at least 1 px, found {shown_size(height, width)}")
    return _resized(pixels, height, width, _CUBIC)


def _resized(pixels: NDArray[np.float32], height: int, width: int, how: Image.Resampling) -> NDArray[np.float32]:
    """See `resize`."""
    rows, columns = MOST_BY_CUBIC * height, MOST_BY_CUBIC * width
    if pixels.shape[0] > rows and pixels.shape[1] > columns and pixels.shape[2] <= 4:  # as OpenCV can
        smaller = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA)
        pixels = smaller.reshape(rows, columns, -1).astype(np.float32, copy=False)
    resized = np.empty((height, width, pixels.shape[2]), np.float32)
    for channel in range(pixels.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(pixels[:, :, channel]))
        resized[:, :, channel] = np.asarray(plane.resize((width, height), how))
    return np.clip(resized, 0, 1, out=resized)


def resize_seen(
    pixels: NDArray[np.float32], coverage: NDArray[np.float32] | None, height: int, width: int
) -> NDArray[np.float32]:
    """Resizes a photo so that every pixel counts by its coverage: colours times coverage, divided by the coverage.

    Where less than `LITTLE` of a pixel of the result can be seen, that quotient is noise, since the cubic has negative
    weights. There it is the quotient of means over boxes, and `fill_unseen` fills what is left.

    Args:
        pixels: `(H, W, C) float32`, [0, 1].
        coverage: `(H, W) float32`, linear, [0, 1]; None if everything can be seen.
        height, width: rows and columns of the result, in pixels.

    Returns:
        `(height, width, C) float32`, [0, 1], C-contiguous, a new array.

    Raises:
        ValueError: see `resize`.
    """
    if coverage is None:
        return resize(pixels, height, width)
    if (height, width) == coverage.shape:
        return fill_unseen(pixels, coverage)
    weighted = pixels * coverage[..., None]
    seen, some = (_resized(coverage[..., None], height, width, how) for how in (_CUBIC, _BOX))
    rough = _resized(weighted, height, width, _BOX) / np.where(some > 0, some, np.float32(1))
    colours = _resized(weighted, height, width, _CUBIC) / np.maximum(seen, np.float32(LITTLE))
    found = np.where(seen > LITTLE, colours, fill_unseen(np.clip(rough, 0, 1), some[..., 0]))
    return np.clip(found, 0, 1)
