"""The solver of `default`: L-BFGS over the coefficients of bilateral grids (see `bilateral`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from photostyle.compute.sparse import csr_tensor, product
from photostyle.solvers.bilateral import HIGH, LOW, Shape, slicing_matrix
from photostyle.solvers.minimise import Function, Memory, minimise
from photostyle.solvers.result import Outcome, Step


@dataclass(frozen=True)
class Stiffness:
    """How strongly the grids are held to the closed form that they start from.

    All weights are for the change of a cell from the start, in squared colour.

    Args:
        across: weight of differences between neighbouring rows.
        warmth: weight of differences between neighbouring warmths.
        along: weight of differences between neighbouring lumas.
        prior: weight of the change itself.
        chroma: factor on all four for changes that are not the same in all three channels. Light may vary; colour may
            vary less, because otherwise there are blotches.
    """

    across: float
    warmth: float
    along: float
    prior: float
    chroma: float = 1.0


UNBOUNDED = 2.0
"""Bound of the whitened variables. They never reach it: the sum of squares of a column is the mean square of a channel.
With this bound the first step of `minimise` changes colours by a few hundredths."""
HESSIAN_PIXELS = 20_000
"""Number of pixels that the Hessian of the whitening is computed from. All pixels took seconds and gained nothing."""
RIDGE = 1e-4
"""Ridge of the whitening, for cells without pixels."""


def shoulder(values: Tensor) -> Tensor:
    """Maps any value into (0, 1): unchanged from `LOW` to `HIGH`, and outside an exponential approach to 0 and 1."""
    above = HIGH - (1 - HIGH) * torch.expm1(-(values - HIGH).clamp_min(0) / (1 - HIGH))
    below = LOW + LOW * torch.expm1(-(LOW - values).clamp_min(0) / LOW)
    return torch.where(values > HIGH, above, torch.where(values < LOW, below, values))


def shoulder_slope(values: Tensor) -> Tensor:
    """The derivative of `shoulder`."""
    above = torch.exp(-(values - HIGH).clamp_min(0) / (1 - HIGH))
    return above * torch.exp(-(LOW - values).clamp_min(0) / LOW)


class Slices:
    """From grids to the colours of a photo at one size.

    Args:
        colours: `(K, H, W, 3) float32`, sRGB-encoded: for each region the colours that its maps are applied to; see
            `photostyle.solvers.surfaces`.
        masks: `(K, H, W) float32`, soft masks of the regions.
        fixed: `(H, W, 3) float32`, what is added to the colours that the grids give, before the shoulder: the colours
            of all other pixels times the masks of those.
        shape: the shape of the grids.
    """

    def __init__(
        self,
        colours: NDArray[np.float32],
        masks: NDArray[np.float32],
        fixed: NDArray[np.float32],
        shape: Shape,
        device: torch.device,
    ) -> None:
        self.size = masks.shape[1:]
        self.matrix = slicing_matrix(colours, masks, shape)
        self.forward = csr_tensor(self.matrix, device)
        self.backward = csr_tensor(sparse.csr_array(self.matrix.T), device)
        self.fixed = torch.from_numpy(fixed.reshape(-1, 3)).to(device)

    def values(self, coefficients: Tensor) -> Tensor:
        """`(H W, 3)`, before the shoulder, of coefficients `(unknowns, 3)`."""
        return product(self.forward, coefficients) + self.fixed

    def image(self, values: Tensor) -> Tensor:
        """`(1, 3, H, W)`, within (0, 1), of `values`."""
        return shoulder(values).T.reshape(1, 3, *self.size)

    def changed(self, grids: NDArray[np.float64]) -> Tensor:
        """`(1, 3, H, W)`, within (0, 1): the photo after the change of the grids."""
        return self.image(self.values(flat(grids, self.fixed.device)))


class Solver:
    """L-BFGS over the coefficients of the grids, for a photo at one size after another.

    The coefficients are whitened: the solver's variables are C^T x. C is the Cholesky factor of each region's Hessian
    of a mean squared colour difference plus the stiffness. A step then has the same length in colour for every cell,
    gain and offset. The whitening of the first size is used at every size, so that what L-BFGS has learnt about the
    curvature at one size helps at the next.

    Args:
        reference: `(K, rows, warmths, lumas, 4, 3)`: the grids that the stiffness pulls towards.
        history: number of pairs that L-BFGS remembers.
    """

    def __init__(
        self, reference: NDArray[np.float64], stiffness: Stiffness, history: int, device: torch.device
    ) -> None:
        self.regions, self.shape = len(reference), Shape(*reference.shape[1:4])
        self.device, self.chroma = device, stiffness.chroma
        self.reference, self.held = reference, flat(reference, device)
        self.stiff = _stiffness_matrix(self.shape, stiffness, self.regions)
        self.springs = csr_tensor(self.stiff, device)
        self.whitening: _Whitening | None = None
        self.memory = Memory(history)

    def __call__(
        self,
        objective: Function,
        slices: Slices,
        start: NDArray[np.float64],
        *,
        iterations: int,
        tolerance: float,
        patience: int,
        report: Callable[[Step], None],
        stage: str,
    ) -> tuple[NDArray[np.float64], Outcome]:
        """The grids of the lowest point that is found at one size.

        The solver begins at `start` or at the reference, whichever is lower. So no result is worse than the reference,
        by the objective and the stiffness at this size.

        Args:
            objective: image `(1, 3, H, W)` -> (loss, gradient, weighted terms).
            slices: the photo.
            start: grids in the form of `reference`.
            stage: the name that the outcome gets.

        Returns:
            The grids and the outcome. Its terms are the objective's terms and the stiffness.
        """
        if self.whitening is None:
            self.whitening = _Whitening(slices.matrix, self.stiff, self.chroma, self.regions, self.device)
        whitening = self.whitening

        def function(variables: Tensor) -> tuple[float, Tensor, dict[str, float]]:
            x = whitening.undone(variables)
            values = slices.values(x)
            loss, gradient, terms = objective(slices.image(values))
            added = x - self.held
            colour = added - added.mean(1, keepdim=True)
            pull = product(self.springs, added + (self.chroma - 1) * colour)
            terms = {**terms, "stiffness": float((added * pull).sum())}
            slope = product(slices.backward, gradient[0].flatten(1).T * shoulder_slope(values)) + 2 * pull
            return loss + terms["stiffness"], whitening.gradient(slope), terms

        points = [whitening.done(flat(grids, self.device)) for grids in (start, self.reference)]
        if start is not self.reference:
            points.sort(key=lambda point: function(point)[0])
        solution = minimise(
            function, points[0], lower=-UNBOUNDED, upper=UNBOUNDED, iterations=iterations, tolerance=tolerance,
            patience=patience, memory=self.memory, report=report, stage=stage,
        )  # fmt: skip
        return whitening.undone(solution.point).cpu().numpy().astype(np.float64).reshape(start.shape), solution.outcome


def flat(grids: NDArray[np.float64], device: torch.device) -> Tensor:
    """Grids as coefficients `(unknowns, 3) float32` on the device."""
    return torch.from_numpy(grids.reshape(-1, 3)).to(device, torch.float32)


def _stiffness_matrix(shape: Shape, stiffness: Stiffness, regions: int) -> sparse.csr_array:
    """The symmetric matrix Q of the stiffness x^T Q x, where x is the change from the start; a mean over all cells."""
    extents = (shape.rows, shape.warmths, shape.lumas)
    total = stiffness.prior * sparse.eye_array(shape.cells)
    for axis, weight in enumerate((stiffness.across, stiffness.warmth, stiffness.along)):
        factors = [sparse.eye_array(extent) for extent in extents]
        factors[axis] = sparse.csr_array(np.diff(np.eye(extents[axis]), axis=0))
        step = sparse.kron(sparse.kron(factors[0], factors[1]), factors[2])
        total = total + weight * (step.T @ step)
    whole = sparse.kron(sparse.eye_array(regions), sparse.kron(total, sparse.eye_array(4)))
    return sparse.csr_array((whole / (regions * shape.cells)).astype(np.float32))


class _Whitening:
    """Converts coefficients x `(unknowns, 3)` to the solver's variables C^T x and back, in grey and two axes of colour.

    C is the Cholesky factor of each region's block of the Hessian of the mean squared colour plus the stiffness. There
    is one factor for grey and one for colour, because their stiffness differs.
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
        """The gradient for the variables, from the gradient for the coefficients."""

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
"""Orthonormal columns: grey and two axes of colour."""
