"""The shares of two regions in the pixels close to their border, from the pixels' colours.

A network finds borders to some pixels only, and knows nothing of twigs, wires and hair. Colours do: close to a border,
a pixel is a mixture a F + (1 - a) B of the mean colours of its two surfaces, and a follows from least squares. It is
used as far as the two surfaces differ more than each of them varies, and as the mixture explains the pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.solvers.surfaces import Surfaces
from segmentation.enlarge import Part, enlarged
from segmentation.filters import blurred, distance_to

REACH = 0.025
"""Pixels this near to a border are looked at, as a share of the longest side."""
FADE = 0.3
"""Over this share of `REACH`, from its end inwards, the colours gain their full say."""
VARIED, UNEXPLAINED, NOISE = 6.0, 4.0, 4e-4
"""How much the variance of both surfaces, the squared distance of a pixel from the mixtures, and noise count against
the squared difference of the two colours (our choice, by `tests/benchmarks/borders.py`)."""
SEEN = 2e-3
"""A surface of which there is less than this nearby has no known colour."""
ROUNDS = 2
"""The colours of the surfaces are measured anew after each round but the last."""


def by_colour(
    masks: NDArray[np.float32], hard: NDArray[np.float32], pixels: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Masks that follow the colours of the photo close to borders.

    Args:
        masks: `(K, H, W) float32`, [0, 1], sum 1 over K: the masks so far.
        hard: `(K, H, W) float32`, 0 or 1: the regions as they were found.
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].

    Returns:
        New masks in the form of `masks`. Every pixel shares out anew what its two nearest regions have of it.
    """
    if len(masks) < 2:
        return masks
    reach = REACH * max(pixels.shape[:2])
    labels = hard.argmax(0)
    border = np.zeros(labels.shape, bool)
    border[:-1] |= labels[:-1] != labels[1:]
    border[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    if not border.any():
        return masks
    near = np.clip((reach - distance_to(border)) / (FADE * reach), 0, 1)
    rows, columns = near.nonzero()
    presence = np.stack([blurred(mask, reach / 2, "reflect")[rows, columns] for mask in hard])
    first, second = np.argsort(-presence, 0, kind="stable")[:2]
    at, colours = np.arange(len(rows)), pixels[rows, columns]
    before, result = masks[:, rows, columns], masks.copy()
    both = before[first, at] + before[second, at]
    whole = Part.whole(*pixels.shape[:2])
    for _ in range(ROUNDS):
        surfaces = Surfaces.of(pixels, result)
        means = surfaces.means(whole)[:, :, rows, columns].transpose(0, 2, 1)
        spreads, seen = (enlarged(planes, whole)[:, rows, columns] for planes in (surfaces.spreads, surfaces.seen))
        apart = means[first, at] - means[second, at]
        contrast = (apart**2).sum(1)
        share = np.clip(((colours - means[second, at]) * apart).sum(1) / np.maximum(contrast, 1e-9), 0, 1)
        unexplained = ((colours - means[second, at] - share[:, None] * apart) ** 2).sum(1)
        against = VARIED * (spreads[first, at] + spreads[second, at]) + UNEXPLAINED * unexplained + NOISE
        known = np.clip(np.minimum(seen[first, at], seen[second, at]) / SEEN, 0, 1)
        trust = near[rows, columns] * known * contrast / (contrast + against)
        after = before.copy()
        after[first, at] = trust * share * both + (1 - trust) * before[first, at]
        after[second, at] = trust * (1 - share) * both + (1 - trust) * before[second, at]
        result[:, rows, columns] = after
    return result
