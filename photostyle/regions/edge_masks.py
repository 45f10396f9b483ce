"""The masks of matched regions, brought from the size of the solve to the edges of the photo at any size.

Two passes of a guided filter (`segmentation.refine`): a wide one moves a border to the edge near by, a narrow one
follows that edge.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from photostyle.regions.region_map import region_masks
from photostyle.solvers.bilateral import FAINT
from segmentation.refine import Refined, refine

Pixels = NDArray[np.float32]

WIDE, NARROW, EPSILON = 0.02, 0.006, 1e-4
"""Radii, as shares of the longest side, and least variance of colour of the two passes. Of eight ways tried on the
authors' pairs they leave the least that is not locally affine: 1.22 levels with the closed form, 1.47 with one pass of
0.006."""


def partition_masks(labels: NDArray[np.uint8], regions: Sequence[Collection[int]]) -> Pixels:
    """`(K + 1, H, W)`, 0 or 1: of the regions, given by their label ids, and of what is in none."""
    masks = region_masks(labels, regions)
    return np.concatenate([masks, 1 - masks.sum(0, keepdims=True)])


def refine_coarse(hard: Pixels, pixels: Pixels) -> Pixels:
    """Hard masks after the first pass, at the size of `pixels`, `(H, W, 3)`, sRGB-encoded, [0, 1]."""
    return refine(hard, pixels, radius=WIDE, epsilon=EPSILON).of(pixels)


def refine_fine(wide: Pixels, pixels: Pixels) -> Refined:
    """The second pass, for a photo of any size."""
    return refine(wide, pixels, radius=NARROW, epsilon=EPSILON)


def saturate_masks(masks: Pixels) -> Pixels:
    """Masks whose insides are 1 and 0 without wobble: what is below `FAINT` is 0, and the same from 1 down.

    Continuous, and where the masks add up to 1, the result adds up to 1 at most.
    """
    stretched: Pixels = np.clip((masks - np.float32(FAINT)) / np.float32(1 - 2 * FAINT), 0, 1)
    return stretched
