"""The Matting Laplacian, straight from the equation, in exact arithmetic.

Rational numbers rather than floats: on grey windows a covariance has a condition of 1e7, and a float inverse would be
the less exact of the two sides of a comparison.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Colour = list[Fraction]


def matting_laplacian(image: NDArray[np.float64], epsilon: float, radius: int) -> NDArray[np.float64]:
    """Levin, Lischinski and Weiss 2008, equation 12, as a dense `(N, N)` matrix, rounded at the very end.

    Args:
        image: `(H, W, 3)` float64, sRGB-encoded, [0, 1].
    """
    height, width, _ = image.shape
    size = 2 * radius + 1
    area = size**2
    entries = [[Fraction(0)] * (height * width) for _ in range(height * width)]
    for top in range(height - size + 1):
        for left in range(width - size + 1):
            window = [(row, column) for row in range(top, top + size) for column in range(left, left + size)]
            colours = [[Fraction(float(number)) for number in image[at]] for at in window]
            mean = [sum(channel, Fraction(0)) / area for channel in zip(*colours, strict=True)]
            centred = [[number - middle for number, middle in zip(colour, mean, strict=True)] for colour in colours]
            covariance = [[sum((c[a] * c[b] for c in centred), Fraction(0)) / area for b in range(3)] for a in range(3)]
            for channel in range(3):
                covariance[channel][channel] += Fraction(epsilon) / area
            inverse = _inverse(covariance)
            for i, (row_i, column_i) in enumerate(window):
                solved = [_dot(line, centred[i]) for line in inverse]
                for j, (row_j, column_j) in enumerate(window):
                    affinity = (1 + _dot(solved, centred[j])) / area
                    entries[row_i * width + column_i][row_j * width + column_j] += (i == j) - affinity
    return np.array(entries, dtype=np.float64)


def _dot(a: Colour, b: Colour) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _inverse(m: list[Colour]) -> list[Colour]:
    """Inverse of a symmetric 3x3 matrix: cross products of its rows over the determinant."""
    crosses = [_cross(m[1], m[2]), _cross(m[2], m[0]), _cross(m[0], m[1])]
    determinant = _dot(m[0], crosses[0])
    return [[number / determinant for number in cross] for cross in crosses]


def _cross(a: Colour, b: Colour) -> Colour:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
