"""The solver of `default` and `fast`: L-BFGS over the coefficients of bilateral grids (see `bilateral`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from photostyle.solvers.bilateral import HIGH, LOW, RegionSlice, Shape, sliced
from photostyle.solvers.full_size import shoulder
from photostyle.solvers.minimise import Memory, minimise
from photostyle.solvers.result import Outcome, Step
from photostyle.solvers.whitening import (
    AXES,
    UNBOUNDED,
    Stiffness,
    inverse_of_lower,
    stiffness_matrix,
    whitening_factors,
)

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]
Objective = Callable[[Pixels], tuple[float, Values, dict[str, float]]]
"""An image `(H, W, 3) float32`, within (0, 1) -> the loss, its gradient `(H, W, 3)` and the weighted terms."""

FIRST_MOVE = 2e-3
"""See `photostyle.solvers.minimise.minimise`. Ten times as much had to be halved two or three times."""


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

    def __init__(self, colours: Pixels, masks: Pixels, fixed: Pixels, shape: Shape) -> None:
        self.size = masks.shape[1:]
        self.regions = [RegionSlice(*each, shape) for each in zip(colours, masks, strict=True)]
        self.fixed = fixed.reshape(-1, 3)

    def changed(self, coefficients: Values) -> tuple[Pixels, Pixels]:
        """The photo `(H, W, 3) float32`, within (0, 1), and the slope of the shoulder, for `(unknowns, 3)`."""
        grids = np.split(coefficients, len(self.regions))
        values = sliced(self.regions, grids, len(self.fixed)) + self.fixed
        slope = np.exp(-(values - HIGH).clip(0) / (1 - HIGH) - (LOW - values).clip(0) / LOW)
        return shoulder(values).reshape(*self.size, 3), slope

    def pulled_back(self, gradient: Values, slope: Pixels) -> Values:
        """From the gradient for the photo that for the coefficients, `(unknowns, 3)`."""
        columns = (gradient.reshape(-1, 3) * slope).astype(np.float32)
        return np.concatenate([each.pulled_back(columns[each.pixels]) for each in self.regions]).astype(np.float64)


class Solver:
    """L-BFGS over the coefficients of the grids, for a photo at one size after another.

    The coefficients x are whitened: the solver's variables are C^T x, in grey and two axes of colour. C is the Cholesky
    factor of each region's Hessian of a mean squared colour difference plus the stiffness. A step then has the same
    length in colour for every cell, gain and offset. The whitening of the first size is used at every size, so that
    what L-BFGS has learnt about the curvature at one size helps at the next.

    Args:
        reference: `(K, rows, warmths, lumas, 4, 3)`: the grids that the stiffness pulls towards.
        history: number of pairs that L-BFGS remembers.
    """

    def __init__(self, reference: Values, stiffness: Stiffness, history: int) -> None:
        self.reference, self.stiffness = reference, stiffness
        self.stiff = stiffness_matrix(Shape(*reference.shape[1:4]), stiffness, len(reference))
        self.factors: list[tuple[Values, Values]] = []
        self.inverses: list[tuple[Values, Values]] = []
        self.memory = Memory(history)

    def __call__(
        self,
        objective: Objective,
        slices: Slices,
        start: Values,
        *,
        iterations: int,
        tolerance: float,
        patience: int,
        report: Callable[[Step], None],
        stage: str,
    ) -> tuple[Values, Outcome]:
        """The grids of the lowest point that is found at one size. The loss never rises.

        The solver begins at `start` or at the reference, whichever is lower. So no result is worse than the reference,
        by the objective and the stiffness at this size.

        Args:
            slices: the photo.
            start: grids in the form of `reference`.
            iterations, tolerance, patience: see `photostyle.solvers.minimise.minimise`.
            stage: the name that the outcome gets.

        Returns:
            The grids and the outcome. Its terms are the objective's terms and the stiffness.
        """
        if not self.factors:
            pixels, chroma = len(slices.fixed), self.stiffness.chroma
            self.factors = whitening_factors(slices.regions, pixels, self.stiff, chroma)
            self.inverses = [(inverse_of_lower(grey), inverse_of_lower(colour)) for grey, colour in self.factors]
        held = self.reference.reshape(-1, 3)

        @np.errstate(over="ignore", invalid="ignore")  # a value that is not finite ends the search, and is told
        def function(variables: Values) -> tuple[float, Values, dict[str, float]]:
            added = self._undone(variables)
            image, slope = slices.changed(held + added)
            loss, gradient, terms = objective(image)
            colour = added - added.mean(1, keepdims=True)
            pull = self.stiff @ (added + (self.stiffness.chroma - 1) * colour)
            terms = {**terms, "stiffness": float((added * pull).sum())}
            whole = slices.pulled_back(gradient, slope) + 2 * pull
            return loss + terms["stiffness"], _each(self.inverses, whole @ AXES, transposed=False), terms

        begin, known = np.zeros_like(held), []
        if start is not self.reference:
            other = _each(self.factors, (start.reshape(-1, 3) - held) @ AXES, transposed=True)
            (value, begin), _ = sorted(
                ((function(point), point) for point in (other, begin)), key=lambda each: each[0][0]
            )
            known.append(value)

        def remembered(variables: Values) -> tuple[float, Values, dict[str, float]]:
            """The function, without computing its value at the beginning again."""
            return known.pop() if known else function(variables)

        solution = minimise(
            remembered, begin, lower=-UNBOUNDED, upper=UNBOUNDED, first_move=FIRST_MOVE, iterations=iterations,
            tolerance=tolerance, patience=patience, memory=self.memory, report=report, stage=stage,
        )  # fmt: skip
        grids: Values = (held + self._undone(solution.point)).reshape(start.shape)
        return grids, solution.outcome

    def _undone(self, variables: Values) -> Values:
        """The change of the coefficients from the reference, `(unknowns, 3)`."""
        return _each(self.inverses, variables, transposed=True) @ AXES.T


def _each(factors: list[tuple[Values, Values]], columns: Values, *, transposed: bool) -> Values:
    """The factors of each region, or their transposes, times its part of the columns: one of grey, two of colour."""
    parts = []
    for (grey, colour), part in zip(factors, np.split(columns, len(factors)), strict=True):
        first, rest = (factor.T if transposed else factor for factor in (grey, colour))
        parts.append(np.concatenate([first @ part[:, :1], rest @ part[:, 1:]], 1))
    return np.concatenate(parts)
