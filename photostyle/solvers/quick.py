"""The solver of `fast`: a few steps of L-BFGS over the grids, on NumPy arrays. `grid` is the solver of `default`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from photostyle.solvers.bilateral import HIGH, LOW, Shape, slicing_matrix
from photostyle.solvers.full_size import shoulder
from photostyle.solvers.minimise import Memory, minimise
from photostyle.solvers.result import Outcome, Step
from photostyle.solvers.whitening import AXES, UNBOUNDED, Stiffness, stiffness_matrix, whitening_factors

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]
Objective = Callable[[Values], tuple[float, Values, dict[str, float]]]
"""An image `(H, W, 3)` -> the loss, its gradient `(H, W, 3)` and the weighted terms."""


class Slices:
    """From grids to the colours of a photo.

    Args:
        colours, masks, fixed, shape: see `photostyle.solvers.grid.Slices`.
    """

    def __init__(self, colours: Pixels, masks: Pixels, fixed: Pixels, shape: Shape) -> None:
        self.size = masks.shape[1:]
        self.matrix = slicing_matrix(colours, masks, shape)
        self.transposed = sparse.csr_array(self.matrix.T)
        self.fixed = fixed.reshape(-1, 3)

    def changed(self, coefficients: Values) -> tuple[Values, Values]:
        """The photo `(H, W, 3)`, within (0, 1), for coefficients `(unknowns, 3)`, and the slope of the shoulder."""
        values = np.asarray(self.matrix @ coefficients.astype(np.float32) + self.fixed, np.float64)
        slope = np.exp(-(values - HIGH).clip(0) / (1 - HIGH) - (LOW - values).clip(0) / LOW)
        return shoulder(values).reshape(*self.size, 3), slope

    def pulled_back(self, gradient: Values, slope: Values) -> Values:
        """From the gradient for the photo that for the coefficients, `(unknowns, 3)`."""
        columns = (gradient.reshape(-1, 3) * slope).astype(np.float32)
        return np.asarray(self.transposed @ columns, np.float64)


def solve(
    objective: Objective,
    slices: Slices,
    reference: NDArray[np.float64],
    stiffness: Stiffness,
    *,
    iterations: int,
    history: int,
    tolerance: float,
    patience: int,
    report: Callable[[Step], None],
    stage: str,
) -> tuple[NDArray[np.float64], Outcome]:
    """The grids of the lowest point that is found. The loss never rises, so it is never above that of the reference.

    Args:
        reference: `(K, rows, warmths, lumas, 4, 3)`: the grids to start from, which the stiffness pulls towards.
        iterations, history, tolerance, patience: see `photostyle.solvers.minimise.minimise`.
        stage: the name that the outcome gets.

    Returns:
        The grids in the form of `reference`, and the outcome. Its terms are the objective's terms and the stiffness.
    """
    regions = len(reference)
    held = reference.reshape(-1, 3)
    stiff = stiffness_matrix(Shape(*reference.shape[1:4]), stiffness, regions)
    factors = [
        tuple(np.linalg.inv(factor) for factor in both)
        for both in whitening_factors(slices.matrix, stiff, stiffness.chroma, regions)
    ]

    def each(columns: Values, transposed: bool) -> Values:
        """The inverse factors, or their transposes, times columns in grey and two axes of colour."""
        parts = []
        for (grey, colour), part in zip(factors, np.split(columns, regions), strict=True):
            first, rest = (factor.T if transposed else factor for factor in (grey, colour))
            parts.append(np.concatenate([first @ part[:, :1], rest @ part[:, 1:]], 1))
        return np.concatenate(parts)

    def function(variables: Values) -> tuple[float, Values, dict[str, float]]:
        added = each(variables, True) @ AXES.T
        image, slope = slices.changed(held + added)
        loss, gradient, terms = objective(image)
        colour = added - added.mean(1, keepdims=True)
        pull = stiff @ (added + (stiffness.chroma - 1) * colour)
        terms = {**terms, "stiffness": float((added * pull).sum())}
        whole = slices.pulled_back(gradient, slope) + 2 * pull
        return loss + terms["stiffness"], each(whole @ AXES, False), terms

    solution = minimise(
        function, np.zeros_like(held), lower=-UNBOUNDED, upper=UNBOUNDED, iterations=iterations, tolerance=tolerance,
        patience=patience, memory=Memory(history), report=report, stage=stage,
    )  # fmt: skip
    found: NDArray[np.float64] = (held + each(solution.point, True) @ AXES.T).reshape(reference.shape)
    return found, solution.outcome
