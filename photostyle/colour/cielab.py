"""Conversion between sRGB and CIELAB (D65), for colours inside and outside sRGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

_Array = TypeVar("_Array", NDArray[np.float32], NDArray[np.float64], "Tensor")

FROM_LINEAR = np.array(((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227)))
_TO_LINEAR = np.linalg.inv(FROM_LINEAR)
WHITE = np.array((0.95047, 1.0, 1.08883))
"""White point: CIE D65, 2 degrees."""
_BISECTIONS = 16
"""Halvings that find the largest possible chroma, to a hundredth of a unit or better."""
ROWS = 64
"""The number of rows must be a multiple of this if the bits of a row must not depend on the other rows. The libraries
below NumPy compute the last few rows of a product of matrices in another way."""
_INSIDE = 1e-6
"""Rounding: a channel may be outside its bounds by this much."""


def lab(colours: _Array) -> _Array:
    """CIELAB of sRGB (IEC 61966-2-1). The curve of sRGB is extended as an odd function to colours outside sRGB.

    Args:
        colours: `(N, 3)`, sRGB-encoded: an array of NumPy or of PyTorch. Colours in [0, 1] are inside sRGB.

    Returns:
        `(N, 3)`: L* (in [0, 100] inside sRGB), a* and b*. Differentiable.
    """
    xp = _library(colours)
    size = abs(colours)
    bent = xp.sign(colours) * _power((size.clip(0.04045) + 0.055) / 1.055, 2.4)
    linear = xp.where(size > 0.04045, bent, colours / 12.92)
    relative = (linear @ _like(linear, FROM_LINEAR.T)) / _like(linear, WHITE)
    root = _power(relative.clip(0.008856), 1 / 3)
    f = xp.where(relative > 0.008856, root, 7.787 * relative + 16 / 116)
    found: _Array = xp.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
    return found


def rgb(values: _Array) -> _Array:
    """sRGB-encoded colours `(N, 3)` of CIELAB `(N, 3)`: the inverse of `lab`. Some may be outside [0, 1]."""
    xp = _library(values)
    y = (values[:, 0] + 16) / 116
    f = xp.stack([y + values[:, 1] / 500, y, y - values[:, 2] / 200], 1)
    relative = xp.where(f > 0.008856 ** (1 / 3), f**3, (f - 16 / 116) / 7.787)
    linear = (relative * _like(values, WHITE)) @ _like(values, _TO_LINEAR.T)
    size = abs(linear)
    bent = xp.sign(linear) * (1.055 * _power(size.clip(0.0031308), 1 / 2.4) - 0.055)
    found: _Array = xp.where(size > 0.0031308, bent, 12.92 * linear)
    return found


def rgb_within(values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours of CIELAB with as much chroma as the bounds allow, and the same lightness and hue.

    Args:
        values: `(N, 3)`, CIELAB, N a multiple of `ROWS`.
        low, high: `(N, 3)`, the bounds of every channel, sRGB-encoded.

    Returns:
        `(N, 3)`, sRGB-encoded, within the bounds.
    """
    colours = rgb(values)
    outside = np.flatnonzero(np.any((colours < low - _INSIDE) | (colours > high + _INSIDE), axis=1))
    if len(outside):
        outside = np.pad(outside, (0, -len(outside) % ROWS), mode="edge")
        wanted, floor, ceiling = values[outside], low[outside] - _INSIDE, high[outside] + _INSIDE
        kept, step = np.zeros(len(outside), values.dtype), 0.5
        for _ in range(_BISECTIONS):
            tried = rgb(_with_chroma(wanted, kept + step))
            kept = np.where(((tried >= floor) & (tried <= ceiling)).all(1), kept + step, kept).astype(values.dtype)
            step /= 2
        colours[outside] = rgb(_with_chroma(wanted, kept))
    return colours.clip(low, high)


def _with_chroma(values: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([values[:, 0], share * values[:, 1], share * values[:, 2]], 1)


def _library(values: object) -> Any:
    """NumPy or PyTorch, whichever the array is of."""
    if isinstance(values, np.ndarray):
        return np
    import torch

    return torch


def _like(values: _Array, numbers: NDArray[np.float64]) -> _Array:
    """The numbers as an array of the library, dtype and device of `values`."""
    return numbers.astype(values.dtype) if isinstance(values, np.ndarray) else values.new_tensor(numbers)


def _power(values: _Array, exponent: float) -> _Array:
    """The power of positive values. NumPy's own is several times slower for float32."""
    if isinstance(values, np.ndarray) and values.dtype == np.float32:
        return np.exp(np.float32(exponent) * np.log(values))
    return values**exponent
