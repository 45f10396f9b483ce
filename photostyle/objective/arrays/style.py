"""The style term; see `photostyle.objective.style`. ONNX Runtime computes it. What it compares with is made here."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from photostyle.encoders.looking import IMAGE, LAYERS, SHORTEST, STRIDE, Features
from photostyle.encoders.looking import StyleTerm as Term
from photostyle.objective.arrays.colours import StyleRegions

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]

CONVOLUTIONS = ((1,), (2, 1), (2, 2, 1), (2, 2, 4, 1))
"""For each of `LAYERS` the number of convolutions up to it, by block. There is a pooling between two blocks."""


class Border:
    """A border for photos, to the right and below, up to a size that the encoder takes. It mirrors the photo.

    Args:
        rows, columns: size of the photos.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.size = rows, columns
        self.wider = [max(SHORTEST, -(-extent // STRIDE) * STRIDE) for extent in self.size]
        self.rows, self.columns = (
            np.pad(np.arange(extent), (0, wider - extent), "reflect")
            for extent, wider in zip(self.size, self.wider, strict=True)
        )

    def added(self, photos: Pixels) -> Pixels:
        """Photos `(B, H, W, 3)` with the border, as the encoder takes them, `(B, 3, h, w)`."""
        wider = photos[:, self.rows][:, :, self.columns]
        return np.ascontiguousarray(wider.transpose(0, 3, 1, 2), np.float32)

    def folded(self, gradient: Pixels) -> Pixels:
        """From gradients `(B, 3, h, w)` for `added` those for the photos, `(B, H, W, 3)`."""
        height, width = self.size
        photos = gradient.transpose(0, 2, 3, 1)
        whole = photos[:, :height].copy()
        for own, row in zip(photos[:, height:].swapaxes(0, 1), self.rows[height:], strict=True):
            whole[:, row] += own
        found = np.ascontiguousarray(whole[:, :, :width])
        for own, column in zip(whole[:, :, width:].transpose(2, 0, 1, 3), self.columns[width:], strict=True):
            found[:, :, column] += own
        return found

    def carried(self, masks: Pixels, level: int) -> Pixels:
        """Masks `(K, B, H, W)` on the grid of the layer `LAYERS[level]`. They are 0 in the border."""
        found = carried(masks, CONVOLUTIONS[level])
        ends = [(0, (wider >> level) - extent) for extent, wider in zip(found.shape[2:], self.wider, strict=True)]
        return np.pad(found, [(0, 0), (0, 0), *ends])


class StyleTerm:
    """See `photostyle.objective.style.RelativeStyleTerm` and `photostyle.objective.style.mean_grams`.

    Args:
        masks: `(K, B, H, W) float32`, masks of B photos of equal size.
        layers: those of the term, some of `LAYERS`.
        features, term: see `photostyle.encoders.looking`.
    """

    def __init__(
        self, masks: Pixels, styles: Sequence[StyleRegions], layers: Sequence[str], features: Features, term: Term
    ) -> None:
        self.term = term
        self.border = Border(*masks.shape[2:])
        borders = [Border(*each.pixels.shape[:2]) for each in styles]
        found = [
            (each.shares, features(border.added(each.pixels[None])), border, each.masks[:, None])
            for border, each in zip(borders, styles, strict=True)
        ]
        self.inputs: dict[str, Pixels] = {}
        for layer in layers:
            level = LAYERS.index(layer)
            own = self.border.carried(masks, level)
            sums = own.sum((1, 2, 3), dtype=np.float64)
            parts = [
                (shares, seen[layer][0], border.carried(style_masks, level)[:, 0])
                for shares, seen, border, style_masks in found
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
        value, gradient = self.term(self.inputs | {IMAGE: self.border.added(images)})
        return value, self.border.folded(gradient)


def carried(masks: Pixels, blocks: Sequence[int]) -> Pixels:
    """Masks `(K, B, H, W)` on the grid of a layer, see `photostyle.regions.region_map.layer_masks`.

    Args:
        blocks: see `CONVOLUTIONS`.
    """
    for place, convolutions in enumerate(blocks):
        if place:
            rows, columns = (extent // 2 for extent in masks.shape[2:])
            pairs = masks[:, :, : 2 * rows, : 2 * columns].reshape(*masks.shape[:2], rows, 2, columns, 2)
            masks = pairs.mean((3, 5))
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
    inside = np.flatnonzero(mask)
    pixels = feature.reshape(len(feature), -1)[:, inside].astype(np.float64)
    weights = mask.ravel()[inside].astype(np.float64) ** 2
    weighted = pixels * weights
    divisor = len(feature) * max(float(mask.sum(dtype=np.float64)), 1e-12)
    return weighted @ pixels.T / divisor, weighted.sum(1), float(weights.sum()) * divisor
