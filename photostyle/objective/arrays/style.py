"""The style term; see `photostyle.objective.style`. ONNX Runtime computes it. What it compares with is made here."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.encoders.looking import IMAGE, LAYERS, Features
from photostyle.encoders.looking import StyleTerm as Term
from photostyle.objective.arrays.colours import StyleRegions

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]

CONVOLUTIONS = ((1,), (2, 1), (2, 2, 1), (2, 2, 4, 1))
"""For each of `LAYERS` the number of convolutions up to it, by block. There is a pooling between two blocks."""


class StyleTerm:
    """See `photostyle.objective.style.RelativeStyleTerm` and `photostyle.objective.style.mean_grams`.

    Args:
        masks: `(K, B, H, W) float32`, masks of B photos of equal size; H and W multiples of
            `photostyle.encoders.looking.STRIDE`.
        styles: their sizes are multiples of it, too.
        features, term: see `photostyle.encoders.looking`.
    """

    def __init__(self, masks: Pixels, styles: Sequence[StyleRegions], features: Features, term: Term) -> None:
        self.term = term
        found = [(each.shares, features(_batch(each.pixels[None])), each.masks[:, None]) for each in styles]
        self.inputs: dict[str, Pixels] = {}
        for layer, blocks in zip(LAYERS, CONVOLUTIONS, strict=True):
            own = carried(masks, blocks)
            sums = own.sum((1, 2, 3), dtype=np.float64)
            parts = [
                (shares, seen[layer][0], carried(style_masks, blocks)[:, 0]) for shares, seen, style_masks in found
            ]
            targets = np.stack([
                mean_gram([(shares[k], feature, own_masks[k]) for shares, feature, own_masks in parts if shares[k]])
                for k in range(len(masks))
            ])  # fmt: skip
            arrays = {
                "squares": own**2, "divisors": targets.shape[1] * np.maximum(sums, 1e-12), "targets": targets,
                "shares": sums / max(sums.sum(), 1e-12),
            }  # fmt: skip
            self.inputs |= {f"{name}_{layer}": array.astype(np.float32) for name, array in arrays.items()}

    def __call__(self, images: Pixels) -> tuple[float, Pixels]:
        """The term of photos `(B, H, W, 3) float32`, sRGB-encoded, [0, 1], and its gradient in this form."""
        value, gradient = self.term(self.inputs | {IMAGE: _batch(images)})
        return value, gradient.transpose(0, 2, 3, 1)


def _batch(images: Pixels) -> Pixels:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)


def carried(masks: Pixels, blocks: Sequence[int]) -> Pixels:
    """Masks `(K, B, H, W)` on the grid of a layer, see `photostyle.regions.region_map.layer_masks`.

    Args:
        blocks: see `CONVOLUTIONS`.
    """
    for place, convolutions in enumerate(blocks):
        if place:
            masks = masks.reshape(*masks.shape[:2], masks.shape[2] // 2, 2, masks.shape[3] // 2, 2).mean((3, 5))
        count = _window_sums(np.ones(masks.shape[2:], np.float32))
        for _ in range(convolutions):
            masks = np.stack([np.stack([_window_sums(plane) / count for plane in planes]) for planes in masks])
    return masks


def _window_sums(plane: Pixels) -> Pixels:
    """Sums over 3x3 positions; beyond the border there is nothing."""
    sums = cv2.boxFilter(np.ascontiguousarray(plane), -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return sums.astype(np.float32, copy=False)


def mean_gram(parts: Sequence[tuple[float, Pixels, Pixels]]) -> Values:
    """A Gram matrix `(C, C)` between those of several styles, by their shares; `style.mean_grams` has the formula.

    Args:
        parts: for each style the share, features `(C, h, w)` and the mask `(h, w)`.
    """
    if len(parts) == 1:
        return _gram(*parts[0][1:])[0]
    channels = len(parts[0][1])
    mean, root = np.zeros(channels), np.zeros((channels, channels))
    for share, feature, mask in parts:
        gram, sums, weights = _gram(feature, mask)
        own = sums / weights**0.5 if weights else sums
        values, axes = np.linalg.eigh(gram - np.outer(own, own))
        mean, root = mean + share * own, root + share * (axes * np.sqrt(values.clip(0))) @ axes.T
    between: Values = root @ root + np.outer(mean, mean)
    return between


def _gram(feature: Pixels, mask: Pixels) -> tuple[Values, Values, float]:
    """The Gram matrix of a region, see `style.region_gram`, the sum of its features and the sum of its weights."""
    pixels, weights = feature.reshape(len(feature), -1).astype(np.float64), mask.ravel().astype(np.float64) ** 2
    weighted = pixels * weights
    divisor = len(feature) * max(float(mask.sum(dtype=np.float64)), 1e-12)
    return weighted @ pixels.T / divisor, weighted.sum(1), float(weights.sum()) * divisor
