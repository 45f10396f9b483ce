"""CIELAB with its gradient, and the colour term; see `photostyle.objective.colours`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.colour.cielab import FROM_LINEAR, WHITE, lab
from photostyle.objective.constants import DIRECTIONS, POINTS, UNIT

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]
_TO_RELATIVE = (FROM_LINEAR.T / WHITE).astype(np.float32)
"""From linear RGB to XYZ, relative to white; colours are rows."""
_TO_LAB = np.array([[0, 500, 0], [116, -500, 200], [0, 0, -200]], np.float32)
"""From the three roots to L* + 16, a* and b*."""


@dataclass(frozen=True, eq=False)
class StyleRegions:
    """A style photo and what the content's regions take from it.

    Args:
        pixels: `(h, w, 3) float32`, sRGB-encoded, [0, 1].
        masks: `(K, h, w) float32`, [0, 1].
        shares: `(K,)`, [0, 1]: what each region takes from this style. They add up to 1 over the styles.
    """

    pixels: Pixels = field(repr=False)
    masks: Pixels = field(repr=False)
    shares: Sequence[float]


def lab_with_gradient(colours: Pixels) -> tuple[Pixels, Callable[[Pixels], Pixels]]:
    """CIELAB of colours inside sRGB, and its gradient; see `photostyle.colour.cielab.lab`.

    Args:
        colours: `(N, 3) float32`, sRGB-encoded, [0, 1].

    Returns:
        `(N, 3) float32`, and a function that gives, from gradients for CIELAB `(N, 3)`, those for the colours.
    """
    base = (np.maximum(colours, 0.04045) + 0.055) / 1.055
    power = cv2.pow(base, 1.4)
    bent = colours > 0.04045
    linear = np.where(bent, power * base, colours / 12.92)
    steepness = np.where(bent, 2.4 / 1.055 * power, 1 / 12.92)
    relative = _times(linear, _TO_RELATIVE)
    root = cv2.pow(np.maximum(relative, 0.008856), 1 / 3)
    bright = relative > 0.008856
    f = np.where(bright, root, 7.787 * relative + 16 / 116)
    slope = np.where(bright, 1 / (3 * root**2), 7.787)
    found = _times(f, _TO_LAB)
    found[:, 0] -= 16

    def pulled(gradient: Pixels) -> Pixels:
        return _times(_times(gradient, _TO_LAB.T) * slope, _TO_RELATIVE.T) * steepness

    return found, pulled


def _times(colours: Pixels, matrix: Pixels) -> Pixels:
    """Colours `(N, 3)` times a matrix `(3, 3)`, in one thread and faster than by BLAS."""
    found: Pixels = cv2.transform(colours[None], matrix.T)[0].astype(np.float32, copy=False)
    return found


@dataclass(frozen=True, eq=False)
class RegionColours:
    """What the colour term compares in one region.

    Args:
        inside: `(M,)`, the pixels of the content that are compared, as places in the flattened photo.
        targets: `(DIRECTIONS, M)`, what their projections should be, in rising order.
        share: the region's share of the area, [0, 1].
    """

    inside: NDArray[np.intp] = field(repr=False)
    targets: Values = field(repr=False)
    share: float


def region_colours(styles: Sequence[StyleRegions], masks: Pixels, seed: int) -> tuple[Values, list[RegionColours]]:
    """The random directions `(DIRECTIONS, 3)`, of length 1, and the regions that can be compared.

    Args:
        masks: `(K, N) float32`, masks of the content. Pixels above one half are inside, here and in the styles.
        seed: seed of the directions and of the choice of pixels.
    """
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((DIRECTIONS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    targets = [lab(each.pixels.reshape(-1, 3).astype(np.float64)) for each in styles]
    found = []
    for region, mask in enumerate(masks):
        inside = np.flatnonzero(mask > 0.5)
        wanted = [
            (each.shares[region], target[each.masks[region].ravel() > 0.5])
            for each, target in zip(styles, targets, strict=True)
        ]
        wanted = [(share, colours) for share, colours in wanted if share and len(colours)]
        if not len(inside) or not wanted:
            continue
        whole, area = sum(share for share, _ in wanted), len(inside)
        if area > POINTS:
            inside = inside[rng.permutation(area)[:POINTS]]
        quantiles = [
            share / whole * _quantiles(np.sort(directions @ colours.T, 1), len(inside)) for share, colours in wanted
        ]
        found.append(RegionColours(inside, np.sum(quantiles, 0), area))
    everything = sum(each.share for each in found)
    return directions, [replace(each, share=each.share / everything) for each in found]


class ColourTerm:
    """See `photostyle.objective.colours.ColourTerm`.

    Args:
        styles, masks, seed: see `region_colours`.
    """

    def __init__(self, styles: Sequence[StyleRegions], masks: Pixels, seed: int) -> None:
        directions, self.regions = region_colours(styles, masks, seed)
        self.directions = directions.astype(np.float32)
        self.targets = [region.targets.astype(np.float32) for region in self.regions]

    def __call__(self, colours: Pixels) -> tuple[float, Pixels]:
        """The term of CIELAB colours `(N, 3)`, in hundredths of the range of L*, and its gradient."""
        total, gradient = 0.0, np.zeros_like(colours)
        for region, targets in zip(self.regions, self.targets, strict=True):
            projected = self.directions @ colours[region.inside].T  # (DIRECTIONS, M)
            order = np.argsort(projected, 1)
            apart = np.take_along_axis(projected, order, 1) - targets
            total += region.share * float(np.abs(apart).mean(dtype=np.float64)) / UNIT
            slope = np.empty_like(projected)
            np.put_along_axis(slope, order, np.sign(apart) * region.share / (apart.size * UNIT), 1)
            gradient[region.inside] += slope.T @ self.directions
        return total, gradient


def _quantiles(ordered: Values, count: int) -> Values:
    """`(D, count)` values at the middles of `count` equal shares, from `(D, N)` sorted ones."""
    last = ordered.shape[1] - 1
    at = ((np.arange(count) + 0.5) / count * (last + 1) - 0.5).clip(0, last)
    low = np.floor(at).astype(np.intp)
    first, second = ordered[:, low], ordered[:, (low + 1).clip(max=last)]
    found: Values = first + (at - low) * (second - first)
    return found
