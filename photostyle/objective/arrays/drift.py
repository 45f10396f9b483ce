"""The drift term; see `photostyle.objective.drift`."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from photostyle.objective import constants as c

Values = NDArray[np.float64]


class DriftTerm:
    """See `photostyle.objective.drift.DriftTerm`.

    Args:
        content, reference: `(H W, 3)`, CIELAB of the photo, and of the photo after the change that is free.
        labels: `(H, W)`, the region of every pixel.
    """

    def __init__(self, content: Values, reference: Values, labels: NDArray[np.intp]) -> None:
        self.size = size = labels.shape
        self.reference, self.grain = reference[:, 1:], self._differences(reference)[2]
        places = ((content - (0, -80, -80)) / (100, 160, 160) * c.BINS).astype(np.intp).clip(0, c.BINS - 1)
        keys = ((labels.ravel() * c.BINS + places[:, 0]) * c.BINS + places[:, 1]) * c.BINS + places[:, 2]
        counts = np.bincount(keys)
        self.bins = (np.cumsum(counts > 0) - 1)[keys]
        self.counts = counts[counts > 0]
        self.blur = [_blur_matrix(-(-extent // c.CELL), max(size)) for extent in size]
        self.edges = [np.append(np.arange(0, extent, c.CELL), extent) for extent in size]
        self.cell_sizes = [np.array([end - first for first, end in pairwise(edges)]) for edges in self.edges]
        self.masks = [(labels == label).astype(np.float64) for label in np.flatnonzero(np.bincount(labels.ravel()))]
        self.areas = [self._cells(mask) for mask in self.masks]
        self.whole = sum(float(area.sum()) for area in self.areas)
        self.blurred = [np.maximum(self._blurred(area), c.LITTLE) for area in self.areas]
        middle = labels[1:-1, 1:-1]
        sides = (labels[1:-1, 2:], labels[1:-1, :-2], labels[2:, 1:-1], labels[:-2, 1:-1])
        same = np.all([side == middle for side in sides], 0)
        self.flat = same * c.FLAT**2 / (c.FLAT**2 + self._differences(content)[2])

    def __call__(self, colours: Values) -> tuple[float, Values]:
        """The term of CIELAB colours `(H W, 3)`, in hundredths of the range of L*, and its gradient."""
        change = colours[:, 1:] - self.reference
        left = (change - self._bin_means(change)).T.reshape(2, *self.size)
        drift_slope = np.zeros_like(left)
        mean = 0.0
        for mask, area, blurred in zip(self.masks, self.areas, self.blurred, strict=True):
            for channel, plane in enumerate(left):
                drift = self._blurred(self._cells(mask * plane)) / blurred
                mean += float((area * drift**2).sum()) / self.whole
                drift_slope[channel] += mask * self._spread(self._blurred(2 * area * drift / blurred / self.whole))
        across, down, grain = self._differences(colours)
        more = (grain - self.grain).clip(0)
        value = float((self.flat * more**2 / (more + c.LARGE)).mean())
        root = (mean + c.GRAIN**2 * value + c.LITTLE_DRIFT**2) ** 0.5
        gradient = self._differences_back(
            across, down, self.flat * more * (more + 2 * c.LARGE) / (more + c.LARGE) ** 2 * (c.GRAIN**2 / more.size)
        )
        by_place = drift_slope.reshape(2, -1).T
        gradient[:, 1:] += by_place - self._bin_means(by_place)
        return (root - c.LITTLE_DRIFT) / c.UNIT, gradient / (2 * root * c.UNIT)

    def _bin_means(self, columns: Values) -> Values:
        """`(N, 2)`: for each pixel the mean over all pixels of its bin."""
        means = [np.bincount(self.bins, column, len(self.counts)) / self.counts for column in columns.T]
        found: Values = np.stack(means, 1)[self.bins]
        return found

    def _differences(self, colours: Values) -> tuple[Values, Values, Values]:
        """Second differences along rows and columns, `(H - 2, W - 2, 3)`, and the sum of their squares."""
        planes = colours.reshape(*self.size, 3)
        middle = 2 * planes[1:-1, 1:-1]
        across = planes[1:-1, 2:] + planes[1:-1, :-2] - middle
        down = planes[2:, 1:-1] + planes[:-2, 1:-1] - middle
        return across, down, np.einsum("ijk,ijk->ij", across, across) + np.einsum("ijk,ijk->ij", down, down)

    def _differences_back(self, across: Values, down: Values, slope: Values) -> Values:
        """From the gradient for the squares those for the colours, `(H W, 3)`."""
        across, down = (2 * slope[..., None] * each for each in (across, down))
        planes = np.zeros((*self.size, 3))
        planes[1:-1, 2:] += across
        planes[1:-1, :-2] += across
        planes[2:, 1:-1] += down
        planes[:-2, 1:-1] += down
        planes[1:-1, 1:-1] -= 2 * (across + down)
        return planes.reshape(-1, 3)

    def _cells(self, plane: Values) -> Values:
        """The means of a plane `(H, W)` over cells of `CELL` pixels; the last ones may be smaller."""
        sums = np.add.reduceat(np.add.reduceat(plane, self.edges[0][:-1], 0), self.edges[1][:-1], 1)
        means: Values = sums / np.outer(*self.cell_sizes)
        return means

    def _spread(self, cells: Values) -> Values:
        """From gradients for the means of `_cells` those for the plane."""
        each = cells / np.outer(*self.cell_sizes)
        return np.repeat(np.repeat(each, self.cell_sizes[0], 0), self.cell_sizes[1], 1)

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
