"""The structure term and the edge term, which look at the gradients of luma."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.objective.constants import C1, C2, FLAT_REGION, LEAST, STRONGEST, WINDOW

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]
_MARGIN = WINDOW // 2


def luma_gradient(image: Pixels) -> Values:
    """`(2, H - 1, W - 1)`: differences of luma to the next column and the next row, of `(H, W, 3)`."""
    luma = image @ np.array(LUMA)
    here = luma[:-1, :-1]
    return np.stack([luma[:-1, 1:] - here, luma[1:, :-1] - here])


def pulled_back(slope: NDArray[np.floating]) -> Values:
    """From the gradient for `luma_gradient` that for the image, `(H, W, 3)`."""
    across, down = slope
    luma = np.zeros((across.shape[0] + 1, across.shape[1] + 1))
    luma[:-1, 1:] += across
    luma[1:, :-1] += down
    luma[:-1, :-1] -= across + down
    image: Values = luma[..., None] * np.array(LUMA)
    return image


class StructureTerm:
    """See `photostyle.objective.structure.StructureTerm`.

    Args:
        content: `(2, H - 1, W - 1)`, its `luma_gradient`.
        labels: `(H, W)`, the region of every pixel.
    """

    def __init__(self, content: Values, labels: NDArray[np.intp]) -> None:
        self.content = content
        here = labels[:-1, :-1]
        self.within = (here == labels[:-1, 1:]) & (here == labels[1:, :-1])
        self.places = np.where(self.within, here, 0).ravel()
        self.weights = self.within.ravel().astype(np.float64)
        counts = self._sums(np.ones(self.within.shape))
        self.shares = counts / counts.sum()
        self.powers = self._sums((content**2).sum(0))

    def __call__(self, found: Values) -> tuple[float, Values]:
        """The term of a `luma_gradient`, [0, 1], and its gradient for it."""
        common = self._sums((found * self.content).sum(0)).clip(0)
        whole = self._sums((found**2).sum(0)) * self.powers + FLAT_REGION
        value = float((self.shares * (1 - common**2 / whole)).sum())
        content = -2 * self.shares * common / whole
        own = 2 * self.shares * common**2 * self.powers / whole**2
        factors = [(each[self.places] * self.weights).reshape(self.within.shape) for each in (content, own)]
        return value, factors[0] * self.content + factors[1] * found

    def _sums(self, plane: Values) -> Values:
        """The sum of a plane in each region."""
        return np.bincount(self.places, self.weights * plane.ravel()).astype(np.float64, copy=False)


class EdgeTerm:
    """See `photostyle.objective.edges.EdgeTerm`.

    Args:
        content: `(2, H - 1, W - 1)`, its `luma_gradient`.
        photos: number of photos of equal size that the content consists of, one below the other.
    """

    def __init__(self, content: Values, photos: int = 1) -> None:
        rows = content.shape[1] + 1
        self.seams = np.arange(1, photos) * (rows // photos) - 1
        self.content = self._edge_map(content)[0]
        self.mean = _windowed(self.content)
        self.variance = _windowed(self.content**2) - self.mean**2

    def __call__(self, found: Values) -> tuple[float, Values]:
        """The term of a `luma_gradient`, [0, 2], and its gradient for it."""
        edges, slope = self._edge_map(found)
        mean = _windowed(edges)
        variance, covariance = _windowed(edges**2) - mean**2, _windowed(edges * self.content) - mean * self.mean
        light, contrast = 2 * mean * self.mean + C1, 2 * covariance + C2
        lights, contrasts = mean**2 + self.mean**2 + C1, variance + self.variance + C2
        whole = lights * contrasts
        alike = light * contrast / whole
        by_mean = 2 * self.mean * (contrast - light) / whole - 2 * alike * mean * (1 / lights - 1 / contrasts)
        by_square, by_product = -alike / contrasts, 2 * light / whole
        gradient = _spread(by_mean) + 2 * edges * _spread(by_square) + self.content * _spread(by_product)
        return 1 - float(alike.mean()), -gradient / alike.size * slope * found

    def _edge_map(self, found: Values) -> tuple[Values, Values]:
        """The edge map, `(H - 1, W - 1)`, [0, 1], and its slope divided by the luma's gradient."""
        lengths = np.sqrt((found**2).sum(0) + LEAST**2)
        inverse = 1 / lengths
        lengths[self.seams], inverse[self.seams] = 0, 0
        place = max(1, int(STRONGEST * lengths.size)) - 1
        strongest = np.partition(lengths.ravel(), place)[place]
        return np.minimum(lengths / strongest, 1), inverse / strongest * (lengths <= strongest)


def _windowed(plane: Values) -> Values:
    """Means of `(H, W)` over all windows inside the plane."""
    means = cv2.boxFilter(plane, -1, (WINDOW, WINDOW))[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return means.astype(np.float64, copy=False)


def _spread(windows: Values) -> Values:
    """From gradients for the means of `_windowed` those for the plane."""
    padded = np.pad(windows, 2 * _MARGIN)
    return _windowed(padded)
