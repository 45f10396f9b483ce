"""The solver of `default`: L-BFGS over the coefficients of bilateral grids (see `bilateral`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from photostyle.compute.sparse import csr_tensor, product
from photostyle.solvers.bilateral import HIGH, LOW, Shape, slicing_matrix
from photostyle.solvers.minimise import Function, Memory, minimise
from photostyle.solvers.result import Outcome, Step
from photostyle.solvers.whitening import AXES, UNBOUNDED, Stiffness, stiffness_matrix, whitening_factors


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
        self.stiff = stiffness_matrix(self.shape, stiffness, self.regions)
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


class _Whitening:
    """Converts coefficients x `(unknowns, 3)` to the solver's variables C^T x and back, in grey and two axes of colour.

    C is the Cholesky factor of each region's block of the Hessian of the mean squared colour plus the stiffness. There
    is one factor for grey and one for colour, because their stiffness differs.
    """

    def __init__(
        self, matrix: sparse.csr_array, stiff: sparse.csr_array, chroma: float, regions: int, device: torch.device
    ) -> None:
        self.axes = torch.tensor(AXES, dtype=torch.float32, device=device)
        self.factors: list[tuple[Tensor, Tensor]] = []
        for grey, colour in whitening_factors(matrix, stiff, chroma, regions):
            tensors = (torch.from_numpy(factor).to(device, torch.float32) for factor in (grey, colour))
            self.factors.append((next(tensors), next(tensors)))

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
