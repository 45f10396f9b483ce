"""Affine maps of colour on coarse grids, one grid for each region, and their application to a photo.

Chen, Paris and Durand, "Real-time Edge-aware Image Processing with the Bilateral Grid", ACM TOG 26(3), 2007, for the
grid; Chen, Adams, Wadhwa and Hasinoff, "Bilateral Guided Upsampling", ACM TOG 35(6), 2016, for affine maps on it.
Where region k has the soft mask m_k and the colour c_k at row r,

    O = shoulder( sum_k m_k (A_k c_k + b_k) + m_0 c_0 ),   (A_k, b_k) interpolated from grid k at (r, w(c_k), y(c_k))

where y is luma, w is warmth (red less blue), and m_0 is the mask of the pixels in no region. c_k is the photo's colour,
except in pixels that are mixtures of several regions (`photostyle.solvers.surfaces`). There are no cells over the
columns of the photo: the maps depend on height, since light does, and otherwise on colour only, so that equal colours
stay equal beside one another. The result is nearly locally affine for any unknowns, and the same grids give the result
at any size. The maps are for sRGB colours. Colours of a photo in a wider colour space may be outside [0, 1] there, and
the shoulder acts on the photo's own numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.solvers.closed_form import ColourMap

if TYPE_CHECKING:
    from scipy import sparse

LOW, HIGH = 0.01, 0.98
"""Where the shoulder begins to bend."""
WARMEST = 0.25
"""Red less blue at the last cell over warmth; the first cell is at minus this. Beyond them, the maps stay the same."""
FAINT = 2e-3
"""A region whose mask is below this value is treated as absent from the pixel."""


@dataclass(frozen=True)
class Shape:
    """The shape of a grid: its cells over the rows of the photo, and over warmth and luma."""

    rows: int
    warmths: int
    lumas: int

    @property
    def cells(self) -> int:
        return self.rows * self.warmths * self.lumas


class RegionSlice:
    """From the coefficients of one region's grid to what the region adds to the colours of a photo.

    Args:
        colours: `(H, W, 3) float32`, sRGB-encoded: the colours that the region's map is applied to.
        mask: `(H, W) float32`, soft.
        shape: the shape of the grid.

    `pixels` are the N places in the flattened photo where the region is present. `weights` are those of the cells in
    each of them, `(N, cells)` CSR, and `basis` is what their maps are applied to, `(N, 4)`.
    """

    def __init__(self, colours: NDArray[np.float32], mask: NDArray[np.float32], shape: Shape) -> None:
        from scipy import sparse

        height, width = mask.shape
        self.pixels = np.flatnonzero(mask.ravel() > FAINT)
        own, count = colours.reshape(-1, 3)[self.pixels], len(self.pixels)
        self.basis = np.concatenate([own, np.ones((count, 1), np.float32)], 1)
        places = ((self.pixels // width + 0.5) / height, (_warmth(own) + 1) / 2, np.clip(own @ LUMA, 0, 1))
        extents = (shape.rows, shape.warmths, shape.lumas)
        axes = [_hat_weights(extent, at) for extent, at in zip(extents, places, strict=True)]
        corners = list(np.ndindex(*(min(2, extent) for extent in extents)))
        weights, cells = np.empty((count, len(corners)), np.float32), np.empty((count, len(corners)), np.int32)
        for place, corner in enumerate(corners):
            weight, cell = mask.ravel()[self.pixels].astype(np.float64), np.zeros(count, np.intp)
            for (low, share, extent), high in zip(axes, corner, strict=True):
                weight *= share if high else 1 - share
                cell = cell * extent + low + high
            weights[:, place], cells[:, place] = weight, cell
        self._corners = len(corners)
        starts = np.arange(0, weights.size + 1, self._corners, dtype=np.int32)
        self.weights = sparse.csr_array((weights.ravel(), cells.ravel(), starts), shape=(count, shape.cells))
        self._transposed = sparse.csr_array(self.weights.T)

    def colours(self, coefficients: NDArray[np.floating]) -> NDArray[np.float32]:
        """`(N, 3)`, for coefficients `(4 cells, 3)` in the order of `(rows, warmths, lumas, 4)`."""
        maps = self.weights @ coefficients.reshape(-1, 12).astype(np.float32)
        found: NDArray[np.float32] = np.einsum("ni,nij->nj", self.basis, maps.reshape(-1, 4, 3))
        return found

    def pulled_back(self, gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """From the gradient for `colours`, `(N, 3) float32`, that for the coefficients, `(4 cells, 3)`."""
        each = (self.basis[:, :, None] * gradient[:, None]).reshape(-1, 12)
        found: NDArray[np.float32] = (self._transposed @ each).reshape(-1, 3)
        return found

    def matrix(self, chosen: NDArray[np.bool_]) -> sparse.csr_array:
        """The matrix from the coefficients to the colours of chosen pixels, `(chosen, 4 cells)`.

        Args:
            chosen: `(N,)`, whether a pixel is chosen.
        """
        from scipy import sparse

        some, basis = self.weights[chosen], self.basis[chosen]
        data = some.data.reshape(len(basis), self._corners, 1) * basis[:, None]
        indices = 4 * some.indices.reshape(len(basis), self._corners, 1) + np.arange(4, dtype=np.int32)
        return sparse.csr_array((data.ravel(), indices.ravel(), 4 * some.indptr), shape=(len(basis), 4 * some.shape[1]))


def sliced(
    slices: Sequence[RegionSlice], grids: Sequence[NDArray[np.floating]] | NDArray[np.floating], pixels: int
) -> NDArray[np.float32]:
    """The colours that grids give, `(pixels, 3)`, before the shoulder.

    Args:
        slices: one for each region.
        grids: `(K, ...)`, the coefficients of each region, in the order of `(K, rows, warmths, lumas, 4, 3)`.
    """
    found = np.zeros((pixels, 3), np.float32)
    for region, grid in zip(slices, grids, strict=True):
        found[region.pixels] += region.colours(grid)
    return found


def _warmth(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """The warmth of `(N, 3)` colours as a position among the cells, `(N,)`, from -1 to 1."""
    position: NDArray[np.float32] = ((colours[:, 0] - colours[:, 2]) / WARMEST).clip(-1, 1)
    return position


def _hat_weights(count: int, at: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64], int]:
    """The cell below each position in [0, 1], and the share of the way to the next cell. The end cells are at 0 and
    1."""
    position = at * (count - 1)
    low = np.clip(np.floor(position).astype(np.intp), 0, max(count - 2, 0))
    return low, position - low, count


def coefficients_of(
    maps: Sequence[ColourMap], pixels: NDArray[np.float32], masks: NDArray[np.float32], shape: Shape
) -> NDArray[np.float64]:
    """Grids that reproduce the maps: the affine part exactly, the lift and the layout by the best fit in their cells.

    Args:
        maps: the map of each region. Grids with a single row of cells leave the layout out.
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        masks: `(K, H, W) float32`, [0, 1].

    Returns:
        `(K, rows, warmths, lumas, 4, 3)`: for every cell three columns of gains, and the offset for each channel.
    """
    grids = np.zeros((len(maps), shape.rows, shape.warmths, shape.lumas, 4, 3))
    for grid, colour_map, mask in zip(grids, maps, masks, strict=True):
        grid[..., :3, :] = colour_map.gains.T
        grid[..., 3, :] = colour_map.offset
        if shape.rows > 1 and colour_map.layout.any():
            grid[..., 3, :] += _in_rows(colour_map.layout, mask, shape.rows)[:, None, None, :]
        present = mask > 0.5
        inside = pixels[present].astype(np.float64)
        if not len(inside) or not colour_map.lift.any():
            continue
        wanted = colour_map.lifted(colour_map.placed(pixels)[present] @ LUMA)
        position = np.clip(inside @ LUMA, 0, 1)[:, None] * (shape.lumas - 1)
        hats = np.maximum(0, 1 - np.abs(position - np.arange(shape.lumas)))
        steps = np.diff(np.eye(shape.lumas), axis=0)
        # Cells without pixels become similar to their neighbours.
        normal = hats.T @ hats + len(inside) * (0.02 * steps.T @ steps + 1e-6 * np.eye(shape.lumas))
        grid[..., 3, :] += np.linalg.solve(normal, hats.T @ wanted)[:, None]
    return grids


def _in_rows(layout: NDArray[np.float64], mask: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """`(count, 3)`: the layout `(H, 3)` at the rows of cells of a grid, as the best fit for the pixels of a mask."""
    low, share, _ = _hat_weights(count, (np.arange(len(layout)) + 0.5) / len(layout))
    hats = np.zeros((len(layout), count))
    hats[np.arange(len(layout)), low] = 1 - share
    hats[np.arange(len(layout)), np.minimum(low + 1, count - 1)] += share
    weights, steps = mask.sum(1, dtype=np.float64) / max(float(mask.sum()), 1e-9), np.diff(np.eye(count), axis=0)
    # Cells without pixels become similar to their neighbours.
    normal = hats.T @ (weights[:, None] * hats) + 1e-3 * steps.T @ steps + 1e-7 * np.eye(count)
    found: NDArray[np.float64] = np.linalg.solve(normal, hats.T @ (weights[:, None] * layout))
    return found


def grids_in_grey(grids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Grids that give the luma of what these grids give, in all three channels.

    Args:
        grids: `(..., 4, 3)`, see `coefficients_of`.
    """
    return np.repeat((grids @ LUMA)[..., None], 3, axis=-1)
