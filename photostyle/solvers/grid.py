"""The solver of `default`: the unknowns are affine maps of colour on a coarse bilateral grid, one grid a region.

Chen, Paris and Durand, "Real-time Edge-aware Image Processing with the Bilateral Grid", ACM TOG 26(3), 2007, for the
grid; Chen, Adams, Wadhwa and Hasinoff, "Bilateral Guided Upsampling", ACM TOG 35(6), 2016, for affine maps on it.
Where the photo has colour I and luma y at row r and column c, with m_k the soft mask of region k,

    O = shoulder( sum_k m_k (A_k I + b_k) + m_0 I ),   (A_k, b_k) interpolated from grid k at (r, c, y)

with m_0 what is in no region, so that the result is nearly locally affine whatever the unknowns are, and the same
grids give the result at any size.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from photostyle.solvers.closed_form import LUMA, ColourMap
from photostyle.solvers.minimise import Function, minimise
from photostyle.solvers.result import Solution, Step

LOW, HIGH = 0.01, 0.98
"""Where the shoulder bends."""
BATCH = 8
"""Parts that interpolation is done in, so that as many threads can share it."""
FAINT = 2e-3
"""Mask value below which a region is taken to be absent from a pixel."""


@dataclass(frozen=True)
class Shape:
    """Of a grid: cells over the photo's rows, its columns and its lumas."""

    rows: int
    columns: int
    lumas: int

    @property
    def cells(self) -> int:
        return self.rows * self.columns * self.lumas


@dataclass(frozen=True)
class Stiffness:
    """What holds the grids to the closed form that they start from.

    Args:
        across: weight of differences between neighbours in rows and columns; along: between lumas; both of what was
            added to the start, by cell, in squared colour.
        prior: weight of what was added itself.
        chroma: how many times stiffer differences are that are not the same in all three channels: light may vary,
            colour less so, or there are blotches.
    """

    across: float
    along: float
    prior: float
    chroma: float = 1.0


def shoulder(values: Tensor) -> Tensor:
    """Brings any value into (0, 1): the identity from `LOW` to `HIGH`, an exponential approach to 0 and 1 beyond."""
    above = HIGH - (1 - HIGH) * torch.expm1(-(values - HIGH).clamp_min(0) / (1 - HIGH))
    below = LOW + LOW * torch.expm1(-(LOW - values).clamp_min(0) / LOW)
    return torch.where(values > HIGH, above, torch.where(values < LOW, below, values))


def shoulder_slope(values: Tensor) -> Tensor:
    """The derivative of `shoulder`."""
    above = torch.exp(-(values - HIGH).clamp_min(0) / (1 - HIGH))
    return above * torch.exp(-(LOW - values).clamp_min(0) / LOW)


def slicing(pixels: NDArray[np.float32], masks: NDArray[np.float32], shape: Shape) -> sparse.csr_array:
    """The matrix that takes all cells' coefficients to colours: trilinear weights times masks times (R, G, B, 1).

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        masks: `(K, H, W) float32`, soft.

    Returns:
        `(H W, 4 K cells) CSR float32`; columns are in the order of `(K, rows, columns, lumas, 4)`.
    """
    height, width = pixels.shape[:2]
    flat = pixels.reshape(-1, 3)
    basis = np.concatenate([flat, np.ones((len(flat), 1), np.float32)], 1)
    places = (
        np.repeat((np.arange(height) + 0.5) / height, width),
        np.tile((np.arange(width) + 0.5) / width, height),
        np.clip(flat @ LUMA, 0, 1),
    )
    axes = [_between(count, at) for count, at in zip((shape.rows, shape.columns, shape.lumas), places, strict=True)]
    corners = list(np.ndindex(*(min(2, extent) for extent in (shape.rows, shape.columns, shape.lumas))))
    entries = 4 * len(corners)
    present = masks.reshape(len(masks), -1) > FAINT
    ends = np.cumsum(entries * present.sum(0))
    starts = np.concatenate([[0], ends[:-1]])
    data, indices = np.empty(ends[-1], np.float32), np.empty(ends[-1], np.int32)
    for region, mask in enumerate(masks.reshape(len(masks), -1)):
        inside = present[region].nonzero()[0]
        weights = np.empty((len(inside), len(corners), 1), np.float32)
        cells = np.empty((len(inside), len(corners), 1), np.int32)
        for place, corner in enumerate(corners):
            weight, cell = mask[inside].astype(np.float64), np.full(len(inside), region)
            for (low, share, count), high in zip(axes, corner, strict=True):
                weight *= share[inside] if high else 1 - share[inside]
                cell = cell * count + low[inside] + high
            weights[:, place, 0], cells[:, place, 0] = weight, cell
        into = starts[inside, None] + np.arange(entries)
        data[into] = (weights * basis[inside, None]).reshape(-1, entries)
        indices[into] = (4 * cells + np.arange(4, dtype=np.int32)).reshape(-1, entries)
        starts[inside] += entries
    indptr = np.concatenate([[0], ends]).astype(np.int32)
    return sparse.csr_array((data, indices, indptr), shape=(height * width, 4 * len(masks) * shape.cells))


def _between(count: int, at: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64], int]:
    """The cell below each place in [0, 1], and how far on to the next it lies; the outermost cells are at 0 and 1."""
    position = at * (count - 1)
    low = np.clip(np.floor(position).astype(np.intp), 0, max(count - 2, 0))
    return low, position - low, count


def coefficients_of(
    maps: Sequence[ColourMap], pixels: NDArray[np.float32], masks: NDArray[np.float32], shape: Shape
) -> NDArray[np.float64]:
    """Grids that do what the maps do: exactly for what is affine, for the lift the best fit in every luma's cell.

    Args:
        maps: of each region; pixels: `(H, W, 3) float32`; masks: `(K, H, W) float32`.

    Returns:
        `(K, rows, columns, lumas, 4, 3)`: of every cell the three columns of gains and the offset by channel.
    """
    grids = np.zeros((len(maps), shape.rows, shape.columns, shape.lumas, 4, 3))
    for grid, colour_map, mask in zip(grids, maps, masks, strict=True):
        grid[..., :3, :] = colour_map.gains.T
        grid[..., 3, :] = colour_map.offset
        inside = pixels[mask > 0.5].astype(np.float64)
        if not len(inside) or not colour_map.lift.any():
            continue
        affine = ColourMap(colour_map.gains, colour_map.offset, np.zeros_like(colour_map.lift))
        wanted = (colour_map(inside) - affine(inside))[:, 0]
        low, share, count = _between(shape.lumas, np.clip(inside @ LUMA, 0, 1))
        hats = np.zeros((len(inside), count))
        np.add.at(hats, (np.arange(len(inside)), low), 1 - share)
        np.add.at(hats, (np.arange(len(inside)), np.minimum(low + 1, count - 1)), share)
        steps = np.diff(np.eye(count), axis=0)
        # Cells without pixels take after their neighbours.
        normal = hats.T @ hats + len(inside) * (0.02 * steps.T @ steps + 1e-6 * np.eye(count))
        grid[..., 3, :] += np.linalg.solve(normal, hats.T @ wanted)[:, None]
    return grids


UNBOUNDED = 2.0
"""Bound of whitened variables, which none reaches: the sum of a column's squares is the mean square of a channel. It
also makes the first step of `minimise` one that changes colours by some hundredths."""
HESSIAN_PIXELS = 20_000
"""That the Hessian of the whitening is taken from: with all of them it took seconds and led no further."""
RIDGE = 1e-4
"""Of the whitening, for cells that no pixel falls into."""


def solve(
    objective: Function,
    pixels: NDArray[np.float32],
    masks: NDArray[np.float32],
    rest: NDArray[np.float32],
    start: NDArray[np.float64],
    reference: NDArray[np.float64],
    *,
    stiffness: Stiffness,
    iterations: int,
    history: int,
    tolerance: float,
    patience: int,
    device: torch.device,
    report: Callable[[Step], None],
) -> tuple[NDArray[np.float64], Solution]:
    """L-BFGS over the grids' coefficients.

    The coefficients are whitened: the solver's variables are C^T x, with C the Cholesky factor of each region's
    Hessian of a mean squared difference of colours and of the stiffness. A step is then as long in colour whatever
    the cell, gain or offset.

    Args:
        objective: image `(1, 3, H, W)` -> (loss, gradient, weighted terms).
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        masks: `(K, H, W) float32`, soft; rest: `(H, W) float32`, what is in no region and keeps its colours; sum 1.
        start, reference: `(K, rows, columns, lumas, 4, 3)`: where to begin, and what the stiffness holds on to.

    Returns:
        The grids of the best point, and the solution, whose terms have the stiffness beside the objective's.
    """
    shape = Shape(*start.shape[1:4])
    height, width = pixels.shape[:2]
    matrix = slicing(pixels, masks, shape)
    stiff = _stiffness_matrix(shape, stiffness, len(masks))
    slices, back, springs = (_on(m, device) for m in (matrix, matrix.T, stiff))
    whitening = _Whitening(matrix, stiff, stiffness.chroma, len(masks), device)
    kept = torch.from_numpy((rest[..., None] * pixels).reshape(-1, 3)).to(device)
    held = torch.from_numpy(reference.reshape(-1, 3)).to(device, torch.float32)

    def function(variables: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        x = whitening.undone(variables)
        values = slices @ x + kept
        loss, gradient, terms = objective(shoulder(values).T.reshape(1, 3, height, width))
        added = x - held
        pull = springs @ (added + (stiffness.chroma - 1) * (added - added.mean(1, keepdim=True)))
        terms = {**terms, "stiffness": float((added * pull).sum())}
        slope = back @ (gradient[0].flatten(1).T * shoulder_slope(values)) + 2 * pull
        return loss + terms["stiffness"], whitening.gradient(slope), terms

    begin = torch.from_numpy(start.reshape(-1, 3)).to(device, torch.float32)
    solution = minimise(
        function, whitening.done(begin), lower=-UNBOUNDED, upper=UNBOUNDED, iterations=iterations, history=history,
        tolerance=tolerance, patience=patience, report=report,
    )  # fmt: skip
    return whitening.undone(solution.point).cpu().numpy().astype(np.float64).reshape(start.shape), solution


def _stiffness_matrix(shape: Shape, stiffness: Stiffness, regions: int) -> sparse.csr_array:
    """The symmetric matrix Q of the stiffness x^T Q x of what was added to the start, a mean over all cells."""
    extents = (shape.rows, shape.columns, shape.lumas)
    total = stiffness.prior * sparse.eye_array(shape.cells)
    for axis, weight in enumerate((stiffness.across, stiffness.across, stiffness.along)):
        factors = [sparse.eye_array(extent) for extent in extents]
        factors[axis] = sparse.csr_array(np.diff(np.eye(extents[axis]), axis=0))
        step = sparse.kron(sparse.kron(factors[0], factors[1]), factors[2])
        total = total + weight * (step.T @ step)
    whole = sparse.kron(sparse.eye_array(regions), sparse.kron(total, sparse.eye_array(4)))
    return sparse.csr_array(whole / (regions * shape.cells))


class _Whitening:
    """Between coefficients `(unknowns, 3)` and the solver's variables: C^T x, in grey and in two axes of colour.

    C is the Cholesky factor of each region's block of the Hessian of the mean squared colour and of the stiffness,
    one for grey and one for colour, whose stiffness is another.
    """

    def __init__(
        self, matrix: sparse.csr_array, stiff: sparse.csr_array, chroma: float, regions: int, device: torch.device
    ) -> None:
        pixels, unknowns = matrix.shape
        count = unknowns // regions
        if pixels > HESSIAN_PIXELS:
            matrix = matrix[np.sort(np.random.default_rng(0).choice(pixels, HESSIAN_PIXELS, replace=False))]
        data = sparse.csr_array(matrix.T @ matrix / matrix.shape[0])
        self.axes = torch.tensor(_AXES, dtype=torch.float32, device=device)
        self.factors: list[tuple[Tensor, Tensor]] = []
        for region in range(regions):
            part = slice(region * count, (region + 1) * count)
            block, springs = (m[part, part].toarray().astype(np.float64) for m in (data, stiff))
            block[np.diag_indices(count)] += RIDGE / unknowns
            grey, colour = (torch.from_numpy(block + times * springs) for times in (1, chroma))
            factor = torch.linalg.cholesky(torch.stack([grey, colour])).to(device, torch.float32)
            self.factors.append((factor[0], factor[1]))

    def done(self, coefficients: Tensor) -> Tensor:
        return self._each(coefficients @ self.axes, lambda factor, part: factor.T @ part)

    def undone(self, variables: Tensor) -> Tensor:
        def solve_upper(factor: Tensor, part: Tensor) -> Tensor:
            solved: Tensor = torch.linalg.solve_triangular(factor.T, part, upper=True)
            return solved

        return self._each(variables, solve_upper) @ self.axes.T

    def gradient(self, slope: Tensor) -> Tensor:
        """With respect to the variables, from that with respect to the coefficients."""

        def solve_lower(factor: Tensor, part: Tensor) -> Tensor:
            solved: Tensor = torch.linalg.solve_triangular(factor, part, upper=False)
            return solved

        return self._each(slope @ self.axes, solve_lower)

    def _each(self, columns: Tensor, apply: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        parts = columns.chunk(len(self.factors))
        return torch.cat([
            torch.cat([apply(grey, part[:, :1]), apply(colour, part[:, 1:])], 1)
            for (grey, colour), part in zip(self.factors, parts, strict=True)
        ])  # fmt: skip


_AXES = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]).T / np.sqrt([3, 2, 6])
"""Columns: grey and two axes of colour, orthonormal."""


def _on(matrix: sparse.csr_array, device: torch.device) -> Tensor:
    csr = sparse.csr_array(matrix)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(csr.indptr.astype(np.int32)), torch.from_numpy(csr.indices.astype(np.int32)),
            torch.from_numpy(csr.data.astype(np.float32)), size=csr.shape, device=device, check_invariants=True,
        )  # fmt: skip


def recoloured(
    pixels: NDArray[np.float32],
    masks: NDArray[np.float32],
    rest: NDArray[np.float32],
    grids: NDArray[np.float64],
    *,
    first_row: int = 0,
    height: int | None = None,
    device: torch.device | None = None,
) -> NDArray[np.float32]:
    """Rows of a photo through the grids.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1]: a whole photo, or rows of it from `first_row` on.
        masks: `(K, H, W) float32` of those rows; rest: `(H, W) float32`, what is in no region; sum 1.
        grids: `(K, rows, columns, lumas, 4, 3)`.
        height: rows of the whole photo; those of `pixels` by default.

    Returns:
        As `pixels`, within (0, 1); every row as it is in the whole photo.
    """
    rows, width = pixels.shape[:2]
    colours = torch.tensor(pixels.reshape(-1, 3), device=device)
    down = (torch.arange(first_row, first_row + rows, dtype=torch.float32) + 0.5) / (height or rows)
    across = (torch.arange(width, dtype=torch.float32) + 0.5) / width
    red, green, blue = (float(weight) * colours[:, channel] for channel, weight in enumerate(LUMA))
    luma = (red + green + blue).clamp(0, 1)
    place = torch.stack([luma, across.to(luma).repeat(rows), down.to(luma).repeat_interleave(width)], 1) * 2 - 1
    total = torch.tensor(rest.reshape(-1, 1), device=device) * colours
    for mask, grid in zip(masks.reshape(len(masks), -1), grids, strict=True):
        share = torch.tensor(mask, device=device)
        present = (share > FAINT).nonzero()[:, 0]
        if len(present):
            maps = _interpolated(grid, place[present])
            inside = colours[present]
            mapped = maps[3]
            for channel in range(3):
                mapped = mapped + maps[channel] * inside[:, channel]
            total[present] += (share[present] * mapped).T
    return shoulder(total).reshape(pixels.shape).cpu().numpy()


def _interpolated(grid: NDArray[np.float64], place: Tensor) -> Tensor:
    """`(4, 3, N)`: a grid's coefficients at `(N, 3)` places, (luma, column, row) in [-1, 1]."""
    volume = torch.tensor(grid.reshape(*grid.shape[:3], 12), dtype=place.dtype, device=place.device)
    volume = volume.permute(3, 0, 1, 2).expand(BATCH, -1, -1, -1, -1)
    # PyTorch works on several samples of a batch at once, but not on several places of a sample.
    padded = functional.pad(place, (0, 0, 0, -len(place) % BATCH)).view(BATCH, 1, 1, -1, 3)
    maps = functional.grid_sample(volume, padded, align_corners=True, padding_mode="border")
    return maps.transpose(0, 1).reshape(4, 3, -1)[..., : len(place)]
