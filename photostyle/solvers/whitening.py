"""The unknowns of the grids, whitened.

The solver's variables are C^T x, where x are the coefficients of the grids. C is the Cholesky factor of each region's
Hessian of a mean squared colour difference plus the stiffness. A step then has the same length in colour for every
cell, gain and offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from photostyle.settings import GridSettings
from photostyle.solvers.bilateral import RegionSlice, Shape

AXES = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]).T / np.sqrt([3, 2, 6])
"""Orthonormal columns: grey and two axes of colour."""
UNBOUNDED = 2.0
"""Bound of the whitened variables, never reached: a column's sum of squares is the mean square of a channel."""
HESSIAN_PIXELS = 6_000
"""Number of pixels that the Hessian of the whitening is computed from. More of them take time and gain nothing."""
SMALL = 32
"""Triangular matrices with halves smaller than this are inverted as any other."""
RIDGE = 1e-4
"""Ridge of the whitening, for cells without pixels."""


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

    @classmethod
    def of(cls, settings: GridSettings) -> Stiffness:
        """The stiffness in the settings."""
        return cls(settings.across, settings.warmth, settings.along, settings.prior, settings.chroma)


def stiffness_matrix(shape: Shape, stiffness: Stiffness, regions: int) -> sparse.csr_array:
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


def whitening_factors(
    slices: Sequence[RegionSlice], pixels: int, stiff: sparse.csr_array, chroma: float
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The Cholesky factors C of each region, for grey and for colour, because their stiffness differs.

    Args:
        slices: one for each region.
        pixels: number of pixels of the photo.
        stiff: `(unknowns, unknowns)`; see `stiffness_matrix`.
        chroma: see `Stiffness`.

    Returns:
        For each region two lower triangular matrices `(unknowns / regions, unknowns / regions)`.
    """
    unknowns = stiff.shape[0]
    count, measured = unknowns // len(slices), min(pixels, HESSIAN_PIXELS)
    chosen = np.zeros(pixels, bool)
    chosen[np.random.default_rng(0).choice(pixels, measured, replace=False)] = True
    factors = []
    for region, own in enumerate(slices):
        part = slice(region * count, (region + 1) * count)
        matrix = own.matrix(chosen[own.pixels])
        block, springs = (m.toarray().astype(np.float64) for m in (matrix.T @ matrix / measured, stiff[part, part]))
        block[np.diag_indices(count)] += RIDGE / unknowns
        grey, colour = (np.linalg.cholesky(block + times * springs) for times in (1, chroma))
        factors.append((grey, colour))
    return factors


def inverse_of_lower(factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of a lower triangular matrix `(N, N)`, by halves: a sixth of the work of an inverse in general."""
    half = len(factor) // 2
    if half < SMALL:
        return np.asarray(np.linalg.inv(factor), np.float64)
    first, last = inverse_of_lower(factor[:half, :half]), inverse_of_lower(factor[half:, half:])
    inverse = np.zeros_like(factor)
    inverse[:half, :half], inverse[half:, half:] = first, last
    inverse[half:, :half] = -last @ (factor[half:, :half] @ first)
    return inverse
