"""Noise and the blocks of JPEG in dark parts of a photo, taken out where the maps of colour would make them visible.

The method is the guided filter, with the photo as its own guide: He, Sun and Tang, "Guided Image Filtering", TPAMI
2013, equations 5, 6 and 8. It is used on luma and on two differences of colour, one by one. In a window whose mean is m
and whose variance is v, a value p becomes

    m + a (p - m) ,   a = max(v - n, 0) / v ,

and a and m - a m are then averaged over the windows that a pixel is in. So what varies less than the noise is smoothed,
and edges stay.

1. Departure: a = max(v - n, 0) / v instead of v / (v + n). It is the local Wiener filter of Lee, "Digital Image
   Enhancement and Noise Filtering by Use of Local Statistics", TPAMI 2(2), 1980. It takes out all of what is noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from segmentation.enlarge import Part

Pixels = NDArray[np.float32]
Plane = NDArray[np.float32]

WINDOW = 7
"""Side of the windows that the noise is measured in, in pixels. It is not a multiple of 8, so that most windows have
pixels of several blocks of JPEG."""
FLATTEST = 0.03
"""The noise is the standard deviation of luma that this share of the dark windows stays below. Of the measures tried on
photos that were made dark and noisy, this one tells them best from those made dark only."""
DARKEST, DARK = 0.01, 0.4
"""Lumas between which a window counts as dark. Below them, noise is cut off at black."""
MOST_WINDOWS = 60_000
"""The noise of a photo is measured in about this many windows at most, or up to twice as many."""
LEAST_WINDOWS = 50
"""In a photo with fewer dark windows, no noise is measured."""
NIGHT, DAY = 0.25, 0.35
"""Medians of luma of a dark photo, whose noise is taken out in full, and of one that is not dark, which keeps it. In
the shadows of a daylight photo, flat parts are rare, and texture would be taken for noise."""
REMOVED, MOST = 2.5, 2.5 / 255
"""Standard deviations up to `REMOVED` times the noise are taken out, but none above `MOST`, which may be texture."""
RADII = 2, 4, 4
"""Radii of the filter's windows in pixels, for luma and for the two differences of colour."""
HALO = 2 * max(RADII)
"""Pixels up to this far away, in rows and columns, have a part in a pixel's result."""
OPPONENT = np.array([LUMA, [0.5, -0.5, 0.0], [-0.25, -0.25, 0.5]])
"""Luma, red less green, and blue less yellow, from red, green and blue."""
QUIET, LOUD = 1.5, 2.5
"""Where colours differ by no more than `QUIET` times what they differed by in the content, nothing is done. From `LOUD`
times on, the filter is used in full."""
LIFTED, BRIGHT = 0.4, 0.6
"""The filter is used in full up to the luma `LIFTED`, and not at all from `BRIGHT` on."""


@dataclass(frozen=True, eq=False)
class Noise:
    """The noise of a photo, and where the maps of its regions make it visible.

    Args:
        level: standard deviation that is taken out, for values in [0, 1].
        shares: `(K, lumas - 1) float32`: how far noise is taken out in each region, [0, 1], at the lumas in the middle
            between the cells of its grid.
    """

    level: float
    shares: NDArray[np.float32]

    @classmethod
    def of(cls, pixels: Pixels, grids: NDArray[np.float64], amount: float) -> Noise:
        """The noise of a photo that grids will be applied to.

        Args:
            pixels: `(H, W, 3) float32`, encoded, [0, 1].
            grids: `(K, rows, warmths, lumas, 4, 3)`, see `photostyle.solvers.bilateral`.
            amount: how much of the noise is taken out at most, [0, 1].
        """
        visible = np.clip((gains_of(grids) - QUIET) / (LOUD - QUIET), 0, 1)
        middles = (np.arange(visible.shape[1]) + 0.5) / visible.shape[1]
        dark = np.clip((BRIGHT - middles) / (BRIGHT - LIFTED), 0, 1)
        if not (amount * visible * dark).any():
            return cls(0.0, np.zeros(visible.shape, np.float32))
        means, deviations = _windows(pixels)
        night = np.clip((DAY - np.median(means)) / (DAY - NIGHT), 0, 1) if means.size else 0.0
        shares = (night * amount * visible * dark).astype(np.float32)
        return cls(min(REMOVED * _noise(means, deviations), MOST), shares)

    def removed(self, pixels: Pixels, masks: Pixels, strengths: Sequence[float], part: Part) -> Pixels:
        """A part of the photo with less noise. Pixels that are not lifted are the same, bit for bit.

        Args:
            pixels: `(H, W, 3) float32`: the whole photo.
            masks: `(M, h, w) float32`, the masks of the regions in this part; M is at least K.
            strengths: how much of each grid's change is made, [0, 1].
            part: a part of h rows and w columns.

        Returns:
            `(h, w, 3) float32`: this part, the same, bit for bit, in every part that a pixel is in.
        """
        own = pixels[part.pixels]
        if not self.level:
            return own
        luma = _mixed(own, LUMA)
        middles = (np.arange(self.shares.shape[1]) + 0.5) / self.shares.shape[1]
        wanted = np.zeros_like(luma)
        for share, mask, strength in zip(self.shares, masks, strengths, strict=False):
            if strength and share.any() and mask.any():
                wanted += np.float32(strength) * mask * np.interp(luma, middles, share).astype(np.float32)
        lifted = wanted > 0
        if not lifted.any():
            return own
        top, left = max(0, part.top - HALO), max(0, part.left - HALO)
        around = pixels[top : part.top + part.rows + HALO, left : part.left + part.columns + HALO]
        smooth = _filtered(around, self.level)[part.top - top :, part.left - left :][: part.rows, : part.columns]
        return np.where(lifted[..., None], own + wanted[..., None] * (smooth - own), own)


def noise_of(pixels: Pixels) -> float:
    """The standard deviation of luma in the flattest dark windows of a photo `(H, W, 3)`, encoded, [0, 1]."""
    return _noise(*_windows(pixels))


def _noise(means: Plane, deviations: Plane) -> float:
    dark = (means > DARKEST) & (means < DARK)
    return float(np.quantile(deviations[dark], FLATTEST)) if dark.sum() >= LEAST_WINDOWS else 0.0


def _windows(pixels: Pixels) -> tuple[Plane, Plane]:
    """Mean and standard deviation of luma in the windows of `WINDOW` pixels that a photo has beside one another.

    Of a large photo, evenly spread rows of windows are enough.
    """
    down, across = (extent // WINDOW for extent in pixels.shape[:2])
    bands = pixels[: down * WINDOW].reshape(down, WINDOW, pixels.shape[1], 3)[:: max(1, down * across // MOST_WINDOWS)]
    luma = _mixed(bands[:, :, : across * WINDOW], LUMA)
    windows = luma.reshape(len(luma), WINDOW, across, WINDOW)
    return windows.mean((1, 3)), windows.std((1, 3))


def gains_of(grids: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(K, lumas - 1)`: how many times larger differences of colour become at most, in greys between two luma cells.

    It is the largest singular value of the derivative of the map, which is the mean of the map over rows and warmths.

    Args:
        grids: `(K, rows, warmths, lumas, 4, 3)`. One cell over luma counts as two equal ones.
    """
    maps = grids.mean((1, 2))
    maps = np.repeat(maps, 2, 1) if maps.shape[1] == 1 else maps
    cells = maps.shape[1]
    middles = (np.arange(cells - 1) + 0.5) / (cells - 1)
    steps = np.diff(maps, axis=1) * (cells - 1)
    along = steps[..., :3, :].sum(2) * middles[:, None] + steps[..., 3, :]
    derivatives = (maps[:, 1:, :3] + maps[:, :-1, :3]) / 2 + np.array(LUMA)[:, None] * along[..., None, :]
    largest: NDArray[np.float64] = np.linalg.norm(derivatives, 2, axis=(2, 3))
    return largest


def _filtered(pixels: Pixels, level: float) -> Pixels:
    """The guided filter of rows `(H, W, 3)`, which takes out what deviates by less than `level`."""
    planes = []
    for weights, radius in zip(OPPONENT, RADII, strict=True):
        plane = _mixed(pixels, weights)
        mean = _mean(plane, radius)
        variance = _mean(plane * plane, radius) - mean * mean
        gain = np.empty_like(plane)
        np.divide(np.maximum(variance - level**2, 0), np.maximum(variance, 1e-10), out=gain)
        planes.append(_mean(gain, radius) * plane + _mean(mean - gain * mean, radius))
    opponent = np.stack(planes, 2)
    return np.stack([_mixed(opponent, weights) for weights in np.linalg.inv(OPPONENT)], 2)


def _mixed(colours: Pixels, weights: Iterable[float]) -> Pixels:
    """The weighted sum of the channels of `(..., 3)`, which no other pixel has a part in, unlike that of `@`."""
    first, second, third = (np.float32(weight) * colours[..., channel] for channel, weight in enumerate(weights))
    mixed: Pixels = first + second + third
    return mixed


def _mean(plane: Plane, radius: int) -> Plane:
    """The mean over a square window. It is summed anew for each pixel, so that it depends on nothing but the window.

    Beyond the border, the pixels of the border are repeated.
    """
    from scipy import ndimage

    weights = np.full(2 * radius + 1, 1 / (2 * radius + 1))
    down = ndimage.correlate1d(plane, weights, axis=0, mode="nearest")
    across: Plane = ndimage.correlate1d(down, weights, axis=1, mode="nearest")
    return across
