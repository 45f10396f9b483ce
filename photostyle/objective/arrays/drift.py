"""The drift term; see `photostyle.objective.drift`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.objective import constants as c

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]


class DriftTerm:
    """See `photostyle.objective.drift.DriftTerm`.

    Args:
        content, reference: `(H W, 3) float32`, CIELAB of the photo, and of the photo after the change that is free.
        labels: `(H, W)`, the region of every pixel.
    """

    def __init__(self, content: Pixels, reference: Pixels, labels: NDArray[np.intp]) -> None:
        self.size = size = labels.shape
        self.reference, self.grain = reference[:, 1:], self._differences(reference)[2]
        places = ((content - (0, -80, -80)) / (100, 160, 160) * c.BINS).astype(np.intp).clip(0, c.BINS - 1)
        keys = ((labels.ravel() * c.BINS + places[:, 0]) * c.BINS + places[:, 1]) * c.BINS + places[:, 2]
        counts = np.bincount(keys)
        self.bins = (np.cumsum(counts > 0) - 1)[keys]
        self.counts = counts[counts > 0]
        self.blur = [_blur_matrix(-(-extent // c.CELL), max(size)) for extent in size]
        regions = np.unique(labels, return_inverse=True)[1].reshape(size)
        rows, columns = (-(-extent // c.CELL) for extent in size)
        down, across = (np.arange(extent) // c.CELL for extent in size)
        self.grid = int(regions.max()) + 1, rows, columns
        self.cells = ((regions * rows + down[:, None]) * columns + across).ravel()
        self.cell_sizes = np.outer(np.bincount(down), np.bincount(across)).astype(np.float64)
        self.areas = self._cell_means(np.ones(labels.size, np.float32))
        self.whole = float(self.areas.sum())
        self.blurred = np.maximum(self._blurred(self.areas), c.LITTLE)
        middle = labels[1:-1, 1:-1]
        sides = (labels[1:-1, 2:], labels[1:-1, :-2], labels[2:, 1:-1], labels[:-2, 1:-1])
        same = np.all([side == middle for side in sides], 0)
        self.flat = same.astype(np.float32) * c.FLAT**2 / (c.FLAT**2 + self._differences(content)[2])

    def __call__(self, colours: Pixels) -> tuple[float, Pixels]:
        """The term of CIELAB colours `(H W, 3)`, in hundredths of the range of L*, and its gradient."""
        change = colours[:, 1:] - self.reference
        left = change - self._bin_means(change)
        by_place = np.empty_like(left)
        mean = 0.0
        for channel in range(2):
            drift = self._blurred(self._cell_means(left[:, channel])) / self.blurred
            mean += float((self.areas * drift**2).sum()) / self.whole
            slope = self._blurred(2 * self.areas * drift / self.blurred / self.whole) / self.cell_sizes
            by_place[:, channel] = slope.ravel().astype(np.float32)[self.cells]
        across, down, grain = self._differences(colours)
        more = np.maximum(grain - self.grain, 0)
        value = float((self.flat * more**2 / (more + c.LARGE)).mean(dtype=np.float64))
        root = (mean + c.GRAIN**2 * value + c.LITTLE_DRIFT**2) ** 0.5
        gradient = self._differences_back(
            across, down, self.flat * more * (more + 2 * c.LARGE) / (more + c.LARGE) ** 2 * (c.GRAIN**2 / more.size)
        )
        gradient[:, 1:] += by_place - self._bin_means(by_place)
        return (root - c.LITTLE_DRIFT) / c.UNIT, gradient / (2 * root * c.UNIT)

    def _bin_means(self, columns: Pixels) -> Pixels:
        """`(N, 2)`: for each pixel the mean over all pixels of its bin."""
        means = [np.bincount(self.bins, column, len(self.counts)) / self.counts for column in columns.T]
        found: Pixels = np.stack(means, 1).astype(np.float32)[self.bins]
        return found

    def _differences(self, colours: Pixels) -> tuple[Pixels, Pixels, Pixels]:
        """Second differences along rows and columns, `(H - 2, W - 2, 3)`, and the sum of their squares."""
        planes = colours.reshape(*self.size, 3)
        middle = 2 * planes[1:-1, 1:-1]
        across = planes[1:-1, 2:] + planes[1:-1, :-2] - middle
        down = planes[2:, 1:-1] + planes[:-2, 1:-1] - middle
        return across, down, np.einsum("ijk,ijk->ij", across, across) + np.einsum("ijk,ijk->ij", down, down)

    def _differences_back(self, across: Pixels, down: Pixels, slope: Pixels) -> Pixels:
        """From the gradient for the squares those for the colours, `(H W, 3)`."""
        across, down = (2 * slope[..., None] * each for each in (across, down))
        planes = np.zeros((*self.size, 3), np.float32)
        planes[1:-1, 2:] += across
        planes[1:-1, :-2] += across
        planes[2:, 1:-1] += down
        planes[:-2, 1:-1] += down
        planes[1:-1, 1:-1] -= 2 * (across + down)
        return planes.reshape(-1, 3)

    def _cell_means(self, plane: Pixels) -> Values:
        """`(regions, rows, columns)`: the means over cells of a plane `(H W,)`, which is 0 outside of each region.

        Cells have `CELL` pixels in a row and in a column; the last ones may be smaller.
        """
        sums = np.bincount(self.cells, plane, int(np.prod(self.grid)))
        means: Values = sums.reshape(self.grid) / self.cell_sizes
        return means

    def _blurred(self, cells: Values) -> Values:
        blurred: Values = self.blur[0] @ cells @ self.blur[1]
        return blurred


def _blur_matrix(cells: int, longest: int) -> Values:
    """The symmetric matrix of the Gaussian over a row of cells; beyond the border there is nothing."""
    sigma = c.SIGMA * longest / c.CELL
    reach = max(1, round(c.REACH * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    apart = np.abs(np.subtract.outer(np.arange(cells), np.arange(cells)))
    kernel: Values = np.where(apart <= reach, np.exp(-0.5 * (apart / sigma) ** 2), 0) / weights.sum()
    return kernel
