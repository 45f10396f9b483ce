"""Photos of one view: taken from one place in one direction, at different hours and in different light.

Their regions are found better from all of them together, and are then the same in all: a wall that the network takes
for sky in one foggy frame is a wall in the other frames.
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
"""Two photos show one view if the correlation of their outlines is at least this (our choice). Measured: mostly 0.3 to
0.8 for fixed cameras at different hours and seasons; up to 0.2 for different scenes; 0.18 and 0.37 for crops of a city
that are shifted by 2 % and 0.6 % of their width."""
FLAT = 1e-6
"""Prevents division by zero where there is no contrast."""


@dataclass(frozen=True, eq=False)
class View:
    """What the segmenter found in the photos of one view.

    Args:
        outlines: the outlines of each photo, see `outlines`.
        probabilities, kinds: `(7, h, w)` and `(4, h, w)` float32, means over the photos of those of `Segmentation`.
        nearby: `(h, w) float32`, the mean of that of `Segmentation`; None if a photo has none.
        network: `(7, h, w) float32`, the mean of `Segmentation.as_seen`; None if no photo is taken for one of a room.
    """

    outlines: tuple[Outlines, ...] = field(repr=False)
    probabilities: NDArray[np.float32] = field(repr=False)
    kinds: NDArray[np.float32] = field(repr=False)
    nearby: NDArray[np.float32] | None = field(default=None, repr=False)
    network: NDArray[np.float32] | None = field(default=None, repr=False)


def find_views(photos: Sequence[Segmentation]) -> tuple[View, ...]:
    """The views with two photos or more. Photos whose outlines correlate are in one view.

    Args:
        photos: what the segmenter found in each by itself. Photos of other proportions show other views.
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
            _mean_nearby([photos[place] for place in sorted(group)]),
            _mean_network([photos[place] for place in sorted(group)]),
        )
        for group in groups
        if len(group) > 1
    )


def segmentation_in_view(photo: Segmentation, known: Sequence[View]) -> Segmentation:
    """The segmentation of the view that a photo belongs to; the photo's own one where it belongs to none.

    Args:
        photo: what the segmenter found in the photo by itself.
        known: the views of its set.
    """
    own = outlines(photo.pixels)
    likenesses = [max(outline_correlation(own, other) for other in view.outlines) for view in known]
    if max(likenesses, default=0.0) < LEAST_CORRELATION:
        return photo
    best = known[int(np.argmax(likenesses))]
    nearby = best.nearby
    look_again = None if nearby is None else lambda: nearby
    return replace(
        photo, probabilities=best.probabilities, kinds=best.kinds, look_again=look_again, network=best.network
    )


def _mean_nearby(photos: Sequence[Segmentation]) -> NDArray[np.float32] | None:
    found = [photo.nearby for photo in photos if photo.nearby is not None]
    return np.mean(found, 0, dtype=np.float32) if len(found) == len(photos) else None


def _mean_network(photos: Sequence[Segmentation]) -> NDArray[np.float32] | None:
    if all(photo.network is None for photo in photos):
        return None
    mean: NDArray[np.float32] = np.mean([photo.as_seen for photo in photos], 0, dtype=np.float32)
    return mean


def outlines(pixels: NDArray[np.float32]) -> Outlines:
    """`(h, w) complex64`: where a photo has edges, and their directions, whichever side is brighter.

    This is the gradient of the luma as a complex number. Its angle is doubled, so that a gradient and its opposite are
    the same (Granlund, "In search of a general picture processing operator", 1978). Its length is the square root of
    the gradient's, so that one sunlit edge does not outweigh all others.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
    """
    luma = Photo(pixels).fitted(SIZE) @ np.array(LUMA, np.float32)
    gradient = (luma[:-1, 1:] - luma[:-1, :-1]) + 1j * (luma[1:, :-1] - luma[:-1, :-1])
    found: Outlines = (gradient**2 / (np.abs(gradient) + FLAT) ** 1.5).astype(np.complex64)
    return found


def outline_correlation(first: Outlines, second: Outlines) -> float:
    """The correlation of two photos' outlines, [-1, 1]; 0 for photos of different proportions."""
    if first.shape != second.shape:
        return 0.0
    common = float(np.real(np.vdot(first, second)))
    return common / max(float(np.linalg.norm(first)) * float(np.linalg.norm(second)), FLAT)
