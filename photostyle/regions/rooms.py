"""Walls, floors and furniture of rooms.

The network has learnt from few rooms. A plain wall or ceiling looks like a sky to it, but not surely, and the borders
of furniture come out rough. If a photo shows a room,

- sky is wall, so that walls take from walls;
- the colours say where each region ends (`colour_walk`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.photo.resizing import resize
from photostyle.regions.colour_walk import ColourWalk

LEAST_SHARE = 0.03
"""Least share of the photo of what is taken for sky. Less is no region."""
MOST_NATURE = 0.05
"""A photo with more plants, water and mountains than this share is not taken for a room (our choice)."""
LEAST_THINGS = 0.1
"""A room has at least this share of furniture and other things (our choice). A facade has less."""
SURE = 0.88
"""From this mean probability on, a sky is one. `docs/regions.md` has what lies below."""
LEAST_LUMA = 0.25
"""A wall has at least this mean luma (our choice). The network is unsure of skies at night, too."""
PRESENT = 0.01
"""Only classes with at least this mean probability are grown."""


def room(
    probabilities: NDArray[np.float32],
    pixels: NDArray[np.float32],
    *,
    sky: int,
    wall: int,
    things: int,
    nature: tuple[int, ...],
) -> NDArray[np.float32] | None:
    """The probabilities of the classes in a room; None if the photo does not show one.

    Args:
        probabilities: `(K, h, w) float32`, [0, 1], sum 1 over K, as the network sees them.
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        sky, wall, things: the classes of the sky, of walls, and of furniture.
        nature: the classes of plants, water and mountains.
    """
    labels = probabilities.argmax(0)
    found = labels == sky
    if found.mean() < LEAST_SHARE or (labels == things).mean() < LEAST_THINGS:
        return None
    if np.isin(labels, nature).mean() > MOST_NATURE:
        return None
    small = resize(pixels, *labels.shape)
    if probabilities[sky][found].mean() >= SURE or float((small @ LUMA)[found].mean()) < LEAST_LUMA:
        return None
    walls = probabilities.copy()
    walls[wall] += walls[sky]
    walls[sky] = 0
    present = walls.mean((1, 2)) >= PRESENT
    result = np.zeros_like(walls)
    result[present] = ColourWalk(small).grown(walls[present] / walls[present].sum(0))
    return result
