"""Reduces the chroma of colours until they are within bounds, such as those of a display."""

from __future__ import annotations

import torch
from torch import Tensor

from photostyle.colour.cielab import rgb

_BISECTIONS = 16
"""Halvings that find the largest possible chroma, to a hundredth of a unit or better."""
ROWS = 64
"""The number of rows must be a multiple of this if the bits of a row must not depend on the other rows. PyTorch and the
libraries below it compute the last few rows of a tensor in another way."""
_INSIDE = 1e-6
"""Rounding: a channel may be outside its bounds by this much."""


def rgb_within(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Colours of CIELAB with as much chroma as the bounds allow, and the same lightness and hue.

    Args:
        values: `(N, 3)`, CIELAB, N a multiple of `ROWS`.
        low, high: `(N, 3)`, the bounds of every channel, sRGB-encoded.

    Returns:
        `(N, 3)`, sRGB-encoded, within the bounds.
    """
    colours = rgb(values)
    outside = ((colours < low - _INSIDE) | (colours > high + _INSIDE)).any(1).nonzero()[:, 0]
    if len(outside):
        outside = torch.cat([outside, outside[:1].expand(-len(outside) % ROWS)])
        wanted, floor, ceiling = values[outside], low[outside] - _INSIDE, high[outside] + _INSIDE
        kept, step = wanted.new_zeros(len(outside)), 0.5
        for _ in range(_BISECTIONS):
            tried = rgb(_with_chroma(wanted, kept + step))
            kept = torch.where(((tried >= floor) & (tried <= ceiling)).all(1), kept + step, kept)
            step /= 2
        colours[outside] = rgb(_with_chroma(wanted, kept))
    return colours.clamp(low, high)


def _with_chroma(values: Tensor, share: Tensor) -> Tensor:
    return torch.stack([values[:, 0], share * values[:, 1], share * values[:, 2]], 1)
