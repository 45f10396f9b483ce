"""Photos of one view: taken from one place in one direction, at whatever hour and in whatever light.

What is where in them is seen better, and the same in all, from all of them together: a wall that the network takes for
sky in one foggy frame is a wall in the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.photo.photo import Photo
from photostyle.regions.found_regions import Segmentation

Outlines = NDArray[np.complex64]

SIZE = 128
"""Longest side at which photos are compared, in pixels."""
LEAST_CORRELATION = 0.3
"""Correlation of two photos' outlines from which they show one view (our choice). Measured: fixed cameras at different
hours and seasons mostly 0.3 to 0.8, different scenes up to 0.2, crops of a city that slide by 2 % of their width 0.18,
by 0.6 % 0.37."""
FLAT = 1e-6
"""Keeps a place without any contrast from dividing by zero."""


@dataclass(frozen=True, eq=False)
class View:
    """What is where in the photos of one view.

    Args:
        outlines: of each photo, see `outlines`.
        chances, kinds: `(7, h, w)` and `(4, h, w)` float32, means over the photos of those of `Segmentation`.
    """

    outlines: tuple[Outlines, ...] = field(repr=False)
    probabilities: NDArray[np.float32] = field(repr=False)
    kinds: NDArray[np.float32] = field(repr=False)


def find_views(photos: Sequence[Segmentation]) -> tuple[View, ...]:
    """The views of which there are two photos or more; each photo is in one with all that are alike to it.

    Args:
        photos: what is seen in each by itself; those of other proportions are of other views.
    """
    found = [outlines(photo.pixels) for photo in photos]
    groups: list[set[int]] = []
    for place, own in enumerate(found):
        near = [
            group
            for group in groups
            if any(outline_correlation(own, found[other]) >= LEAST_CORRELATION for other in group)
        ]
        groups = [group for group in groups if group not in near] + [{place}.union(*near)]
    return tuple(
        View(
            tuple(found[place] for place in sorted(group)),
            np.mean([photos[place].probabilities for place in sorted(group)], 0, dtype=np.float32),
            np.mean([photos[place].kinds for place in sorted(group)], 0, dtype=np.float32),
        )
        for group in groups
        if len(group) > 1
    )


def segmentation_in_view(photo: Segmentation, known: Sequence[View]) -> Segmentation:
    """What is where in a photo: what the photos of the view together show that it is most like, or what it shows itself
    where it is like none.

    Args:
        photo: what is seen in it by itself.
        known: the views of its set.
    """
    own = outlines(photo.pixels)
    likenesses = [max(outline_correlation(own, other) for other in view.outlines) for view in known]
    if max(likenesses, default=0.0) < LEAST_CORRELATION:
        return photo
    best = known[int(np.argmax(likenesses))]
    return replace(photo, probabilities=best.probabilities, kinds=best.kinds)


def outlines(pixels: NDArray[np.float32]) -> Outlines:
    """`(h, w) complex64`: where a photo has edges and which way they run, whichever side of them is the brighter.

    The luma's gradient as a complex number, of which the angle is doubled, so that a gradient and its opposite are the
    same (Granlund, "In search of a general picture processing operator", 1978), and the length is the square root, so
    that a sunlit edge does not outweigh all others.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
    """
    luma = Photo(pixels).fitted(SIZE) @ np.array(LUMA, np.float32)
    gradient = (luma[:-1, 1:] - luma[:-1, :-1]) + 1j * (luma[1:, :-1] - luma[:-1, :-1])
    found: Outlines = (gradient**2 / (np.abs(gradient) + FLAT) ** 1.5).astype(np.complex64)
    return found


def outline_correlation(first: Outlines, second: Outlines) -> float:
    """The correlation of two photos' outlines, [-1, 1]; 0 where they are of different proportions."""
    if first.shape != second.shape:
        return 0.0
    common = float(np.real(np.vdot(first, second)))
    return common / max(float(np.linalg.norm(first)) * float(np.linalg.norm(second)), FLAT)
