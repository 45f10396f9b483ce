"""CIELAB with its gradient, and the colour term; see `photostyle.objective.colours`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.cielab import FROM_LINEAR, WHITE, lab
from photostyle.objective.constants import DIRECTIONS, POINTS, UNIT

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]


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


def lab_with_gradient(colours: Values) -> tuple[Values, Callable[[Values], Values]]:
    """CIELAB of colours `(N, 3)`, and from gradients for CIELAB `(N, 3)` those for the colours; see `cielab.lab`."""
    size = np.abs(colours)
    bent = size > 0.04045
    base = (size.clip(0.04045) + 0.055) / 1.055
    power = base**1.4
    linear = np.where(bent, np.sign(colours) * power * base, colours / 12.92)
    steepness = np.where(bent, 2.4 / 1.055 * power, 1 / 12.92)
    relative = (linear @ FROM_LINEAR.T) / WHITE
    root = np.cbrt(relative.clip(0.008856))
    bright = relative > 0.008856
    f = np.where(bright, root, 7.787 * relative + 16 / 116)
    slope = np.where(bright, 1 / (3 * root**2), 7.787)
    found = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)

    def pulled(gradient: Values) -> Values:
        light, green, blue = 116 * gradient[:, 0], 500 * gradient[:, 1], 200 * gradient[:, 2]
        back: Values = (np.stack([green, light - green + blue, -blue], 1) * slope / WHITE) @ FROM_LINEAR * steepness
        return back

    return found, pulled


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
        self.directions, self.regions = region_colours(styles, masks, seed)

    def __call__(self, colours: Values) -> tuple[float, Values]:
        """The term of CIELAB colours `(N, 3)`, in hundredths of the range of L*, and its gradient."""
        total, gradient = 0.0, np.zeros_like(colours)
        for region in self.regions:
            projected = self.directions @ colours[region.inside].T
            order = np.argsort(projected.astype(np.float32), 1)
            apart = np.take_along_axis(projected, order, 1) - region.targets
            total += region.share * float(np.abs(apart).mean()) / UNIT
            slope = np.empty_like(projected)
            np.put_along_axis(slope, order, np.sign(apart) * (region.share / (apart.size * UNIT)), 1)
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
