"""Surfaces: the colours of each region close to its borders, so that mixed pixels can be taken apart.

A pixel at a border is a mixture: leaves before the sky, a mast, hair. Its right result is the mixture of what each
surface becomes. The map of a region is therefore not applied to the mixed colour I, but to the colour of its own
surface there,

    c_k = F_k + (I - sum_j m_j F_j) ,

where F_k is the mean colour of region k nearby and m_j are the masks. The mixture of the c_k is the pixel's colour
again, and where only region k is, c_k is the colour itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.enlarge import Enlarger, Part
from segmentation.filters import blurred

CELLS = 175
"""Longest side of the maps of mean colours."""
RADIUS = 0.012
"""Standard deviation of the Gaussian over which colours are averaged, as a share of the longest side."""
WIDE, WIDE_SHARE = 4, 0.02
"""Where a surface is not seen nearby, it counts with `WIDE_SHARE` as far as `WIDE` times as wide."""
SURE = 0.9
"""Pixels whose mask is above this show one surface only, and count for its mean colour."""
LITTLE = 1e-3
"""Where less of a surface is seen than this share of the Gaussian, it takes the mean colour of the surfaces seen
there, so that nothing is taken apart."""


@dataclass(frozen=True, eq=False)
class Surfaces:
    """The mean colour of each surface around every place.

    Args:
        colours: `(K, h, w, 3) float32`, sRGB-encoded, for the K masks, on a coarse grid over the photo.
        spreads: `(K, h, w) float32`, the variance of those colours around the mean, all channels together.
        seen: `(K, h, w) float32`, how much of the surface there is around the place, about [0, 1].
    """

    colours: NDArray[np.float32]
    spreads: NDArray[np.float32]
    seen: NDArray[np.float32]

    @classmethod
    def of(cls, pixels: NDArray[np.float32], masks: NDArray[np.float32]) -> Surfaces:
        """The surfaces of a photo.

        Args:
            pixels: `(H, W, 3) float32`, sRGB-encoded.
            masks: `(K, H, W) float32`, [0, 1], sum 1 over K, at the same size.
        """
        size = pixels.shape[:2]
        scale = min(1.0, CELLS / max(size))
        shape = max(1, round(scale * size[0])), max(1, round(scale * size[1]))
        sigma = RADIUS * max(shape)
        seen, squares, sums = (np.empty((len(masks), *shape, *rest)) for rest in ((), (), (3,)))
        for place, mask in enumerate(masks):
            sure = np.clip((mask - SURE) / (1 - SURE), 0, 1)
            planes = [sure, sure * (pixels**2).sum(2), *(sure * pixels[..., channel] for channel in range(3))]
            small = [_reduced(plane, shape) for plane in planes]
            near, far = (np.stack([blurred(plane, wide * sigma) for plane in small]) for wide in (1, WIDE))
            both = near + WIDE_SHARE * far
            seen[place], squares[place], sums[place] = both[0], both[1], both[2:].transpose(1, 2, 0)
        together = sums.sum(0) / np.maximum(seen.sum(0), 1e-9)[..., None]
        means = (sums + LITTLE * together) / (seen + LITTLE)[..., None]
        own = np.maximum(seen, 1e-9)
        spreads = np.maximum(squares / own - ((sums / own[..., None]) ** 2).sum(3), 0)
        return cls(*(found.astype(np.float32) for found in (means, spreads, seen)))

    def means(self, part: Part, places: Sequence[int] | None = None) -> NDArray[np.float32]:
        """The mean colours at the pixels of a part of the photo, `(K, 3, rows, columns) float32`.

        Args:
            places: of which surfaces; by default of all.
        """
        enlarger = Enlarger(self.seen.shape[1], self.seen.shape[2], part)
        near = enlarger.near(self.colours.transpose(0, 3, 1, 2))
        near = near if places is None else near[places]
        return enlarger(near.reshape(-1, *near.shape[2:])).reshape(-1, 3, part.rows, part.columns)


def unmixed(pixels: NDArray[np.float32], masks: NDArray[np.float32], surfaces: Surfaces) -> NDArray[np.float32]:
    """The colour of every surface in every pixel, `(K, H, W, 3)`: see `photostyle.solvers.surfaces`.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded: the whole photo.
        masks: `(K, H, W) float32`, [0, 1], sum 1 over K.
    """
    means = surfaces.means(Part.whole(*pixels.shape[:2])).transpose(0, 2, 3, 1)
    colours: NDArray[np.float32] = means + (pixels - np.einsum("khw,khwc->hwc", masks, means))
    return colours


def _reduced(plane: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float64]:
    """The plane, reduced to `shape` by averaging."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(image.resize(shape[::-1], Image.Resampling.BOX), np.float64)
