"""Finds the subject of a photo of one thing: a person, an animal, a fruit, a car. The rest is the background.

1. The network says where things are, at two sizes of the photo (`found_regions.RegionFinder.see`).
2. Colours: where the thing's colours are more frequent inside than outside, a place is more likely part of it, and the
   other way round. Inside and outside are estimated anew a few times (`colour_walk`).
3. Neighbours of like colour belong together: a random walk with the result of 1 and 2 as its prior.
4. Small holes are filled and small islands dropped. A guided filter brings the result to the photo's edges
   (`segmentation.refine`).

If that finds no clear subject and the photo has a plain backdrop, the thing is whatever is not backdrop: a fire, a
perfume bottle, a rose, which the network does not take for things.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from photostyle.photo.resizing import resize, resize_seen
from photostyle.regions.colour_walk import COLOUR, FAINT, LEAST_CHANCE, MOST_COLOUR, RARE, ROUNDS, ColourWalk
from photostyle.regions.region_map import RegionMap
from segmentation.refine import refine

Plane = NDArray[np.float32]

BACKGROUND, SUBJECT = 0, 1
NAMES = {BACKGROUND: "background", SUBJECT: "subject"}
LEAST_SHARE, MOST_SHARE = 0.1, 0.75
"""Shares of a photo that its subject may have. Less is a detail, more leaves no background to speak of (our choice)."""
LEAST_SURE = 0.45
"""A subject is clear from this sureness on. `tests/benchmarks/subjects.py` measures other values."""
LEAST_EDGE = 1.75
"""A subject is clear if its border has at least this many times the photo's mean gradient of colour. Where a border
leaves the edges of the photo, what it cuts off is seen as a patch (our choice, from looking at results)."""
OVERLAP = 0.5
"""How much of the sureness a subject loses that has the colours of its background. Between like colours an error of the
mask is seen as a patch (our choice)."""
SMALL = 0.05
"""A hole in the subject belongs to it, and an island does not, if it is at most this share of the subject: an eye, a
window; a spot in the background (our choice)."""
SCALE = 0.7
"""Standard deviation of the Gaussian whose derivative gives the gradient, in places of the grid."""
RING = 0.03
"""The backdrop is looked for along the border of the photo, in a ring this wide, as a share of the longest side."""
PLAIN, MOSTLY = 12.0, 0.85
"""A backdrop is plain if at least the share `MOSTLY` of the ring is within this distance of its median colour, in
CIELAB units (our choice). The same distance says what is backdrop, where it is joined with the ring."""
PLAINLY = 0.9
"""The probability of things that are not backdrop, where it is plain."""


@dataclass(frozen=True, eq=False)
class Subject:
    """The subject of a photo.

    Args:
        probability: `(h, w) float32`, [0, 1], that a place belongs to the subject.
        share: of what can be seen of the photo, [0, 1].
        sureness: the network's mean probability of things over the subject, less that over the background, less
            `OVERLAP` times what the colours of both have in common, at most 1. 0 if there is no subject or no
            background.
        edge: the mean gradient of colour along the border of the subject, divided by the mean over the photo, 0 or
            more. 0 if there is no subject or no background.
    """

    probability: Plane = field(repr=False)
    share: float
    sureness: float
    edge: float

    @property
    def is_clear(self) -> bool:
        """Whether the photo shows one subject before a background, with enough sureness."""
        return LEAST_SHARE <= self.share <= MOST_SHARE and self.sureness >= LEAST_SURE and self.edge >= LEAST_EDGE

    def regions(self, pixels: Plane, coverage: Plane | None = None) -> RegionMap:
        """The regions `subject` and `background`, at the photo's edges. Without a clear subject all is background.

        Args:
            pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
            coverage: `(H, W) float32`, linear, [0, 1]: how much of `pixels` can be seen; None for all of it.
        """
        labels = np.full(pixels.shape[:2], BACKGROUND, np.uint8)
        if self.is_clear:
            refined = refine(np.stack([1 - self.probability, self.probability]), pixels)
            labels = refined.of(pixels).argmax(0).astype(np.uint8)
        return RegionMap(labels, NAMES, rough=True).seen(coverage)


def find_subject(pixels: Plane, things: Plane, coverage: Plane | None = None) -> Subject:
    """The subject of a photo, on the grid of `things`.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        things: `(h, w) float32`, [0, 1]: the network's probability of vehicles, people, animals and objects.
        coverage: `(H, W) float32`, linear, [0, 1]: how much of `pixels` can be seen; None for all of it.
    """
    height, width = things.shape
    seen = np.ones((height, width))
    if coverage is not None:
        seen[:] = resize(coverage[..., None], height, width)[..., 0]
    walk = ColourWalk(resize_seen(pixels, coverage, height, width))
    known = _grown(things, seen, walk)
    if known.is_clear or (backdrop := _plain_backdrop(walk.lab)) is None:
        return known
    apart = _grown(np.where(backdrop, np.float32(1 - PLAINLY), np.float32(PLAINLY)), seen, walk)
    return apart if apart.is_clear else known


def _grown(things: Plane, seen: NDArray[np.float64], walk: ColourWalk) -> Subject:
    """The subject that grows from the probability of things, `(h, w)`, by colours and neighbours.

    Args:
        seen: `(h, w)`, [0, 1]: how much of each place can be seen.
        walk: of the photo, on the same grid.
    """
    odds = _log_odds(things.astype(np.float64))
    found = things.astype(np.float64)
    for _ in range(ROUNDS):
        inside, outside = (walk.frequencies(weights * seen) for weights in (found, 1 - found))
        ratio = np.log((inside + RARE) / (outside + RARE))[walk.bins]
        prior = 1 / (1 + np.exp(-odds - COLOUR * np.clip(ratio, -MOST_COLOUR, MOST_COLOUR)))
        found = walk.settle(prior)
    found = _cleaned(found)
    inner = (found > 0.5) * seen
    share = float(inner.sum() / max(seen.sum(), RARE))
    sureness = edge = 0.0
    if 0 < share < 1:
        common = np.minimum(walk.frequencies(inner), walk.frequencies(seen - inner)).sum()
        contrast = np.average(things, weights=inner) - np.average(things, weights=seen - inner)
        sureness = float(contrast - OVERLAP * common)
        edge = _edge(walk.lab, inner > 0, seen > 0)
    return Subject(found.astype(np.float32), share, sureness, edge)


def _plain_backdrop(lab: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """`(h, w)`: where the backdrop is, if one plain colour surrounds the photo `(h, w, 3)`; else None."""
    from scipy import ndimage

    wide = max(1, round(RING * max(lab.shape[:2])))
    ring = np.ones(lab.shape[:2], bool)
    ring[wide:-wide, wide:-wide] = False
    near = np.linalg.norm(lab - np.median(lab[ring], 0), axis=2) <= PLAIN
    if near[ring].mean() < MOSTLY:
        return None
    pieces, _ = ndimage.label(near)
    return np.isin(pieces, np.unique(pieces[ring & near]))


def _edge(lab: NDArray[np.float64], inside: NDArray[np.bool_], seen: NDArray[np.bool_]) -> float:
    """The mean gradient of colour along the border of a mask `(h, w)`, divided by the mean over what can be seen."""
    from scipy import ndimage

    squared = sum(ndimage.gaussian_gradient_magnitude(lab[..., channel], SCALE) ** 2 for channel in range(3))
    gradient = np.sqrt(squared)
    border = ndimage.binary_dilation(inside) & ~ndimage.binary_erosion(inside, border_value=1) & seen
    return float(gradient[border].mean() / max(gradient[seen].mean(), FAINT)) if border.any() else 0.0


def _cleaned(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities, `(h, w)`, without small islands, in which small holes of the subject belong to it."""
    from scipy import ndimage

    inside = found > 0.5
    most = SMALL * inside.sum()
    islands = _small_pieces(inside, most)
    inside &= ~islands
    holes = _small_pieces(ndimage.binary_fill_holes(inside) & ~inside, most)
    return np.where(holes, 1.0, np.where(islands, 0.0, found))


def _small_pieces(mask: NDArray[np.bool_], most: float) -> NDArray[np.bool_]:
    """The connected pieces of a mask `(h, w)` of at most so many places."""
    from scipy import ndimage

    pieces, count = ndimage.label(mask)
    small = np.bincount(pieces.ravel(), minlength=count + 1) <= most
    small[0] = False
    found: NDArray[np.bool_] = small[pieces]
    return found


def _log_odds(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    kept = np.clip(chances, LEAST_CHANCE, 1 - LEAST_CHANCE)
    odds: NDArray[np.float64] = np.log(kept / (1 - kept))
    return odds
