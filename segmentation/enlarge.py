"""Coarse planes over a photo, enlarged to a part of the photo by linear interpolation.

The values of a plane belong to the centres of its cells. Beyond the outermost centres they stay the same. A pixel gets
the same value, bit for bit, in every part of the photo that it is in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Part:
    """A rectangle of a photo, in pixels.

    Args:
        rows, columns: the size of the part.
        height, width: the size of the photo.
        top, left: the first row and the first column of the part.
    """

    rows: int
    columns: int
    height: int
    width: int
    top: int = 0
    left: int = 0

    @classmethod
    def whole(cls, height: int, width: int) -> Part:
        """All of a photo."""
        return cls(height, width, height, width)

    @property
    def pixels(self) -> tuple[slice, slice]:
        """The index of this part in an array of the whole photo."""
        return slice(self.top, self.top + self.rows), slice(self.left, self.left + self.columns)


class Enlarger:
    """Enlarges planes to a part of the photo.

    Args:
        height, width: the rows and columns of the planes, which cover the whole photo.
    """

    def __init__(self, height: int, width: int, part: Part) -> None:
        down, self._low, self._down_share = _between(height, part.height, part.top, part.rows)
        across, self._left, self._across_share = _between(width, part.width, part.left, part.columns)
        self._right = np.minimum(self._left + 1, width - 1 - across)
        last = min(down + int(self._low[-1]) + 1, height - 1), across + int(self._right[-1])
        self._near = slice(down, last[0] + 1), slice(across, last[1] + 1)

    def near(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """The cells of `(..., height, width)` that the pixels of the part lie between."""
        return planes[..., self._near[0], self._near[1]]

    def __call__(self, near: NDArray[np.float32]) -> NDArray[np.float32]:
        """`(C, rows, columns) float32`, a new array, from what `near` gives of planes `(C, height, width)`.

        There are far fewer rows of cells than of pixels, so cells are enlarged from side to side first.
        """
        low, high = near.take(self._left, 2), near.take(self._right, 2)
        high -= low
        high *= self._across_share
        low += high
        steps = np.diff(low, axis=1, append=low[:, -1:])
        result: NDArray[np.float32] = steps.take(self._low, 1)
        result *= self._down_share[:, None]
        result += low.take(self._low, 1)
        return result


def enlarged(planes: NDArray[np.float32], part: Part) -> NDArray[np.float32]:
    """Planes `(C, h, w) float32` over a photo at the pixels of a part of it, `(C, rows, columns) float32`."""
    enlarger = Enlarger(planes.shape[1], planes.shape[2], part)
    return enlarger(enlarger.near(planes))


def _between(cells: int, pixels: int, first: int, count: int) -> tuple[int, NDArray[np.intp], NDArray[np.float32]]:
    """Where `count` pixels, from the `first` on, of `pixels` lie between the centres of cells.

    Returns:
        The first cell; for each pixel the cell before it, counted from there, and the share of the way to the next.
    """
    at = np.clip((np.arange(first, first + count) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    low = np.floor(at).astype(np.intp)
    return int(low[0]), low - low[0], (at - low).astype(np.float32)
