"""What the look should leave alone: how much a colour is like skin, and how near it is to grey."""

from __future__ import annotations

import torch
from torch import Tensor

HUES = (20.0, 32.0, 85.0, 100.0)
"""Of skin in CIELAB, in degrees: likely between the second and the third, not at all beyond the outer two. Hue, since
it is what light and dark skins share (Weatherall and Coombs, "Skin Color Measurements in Terms of CIELAB Color Space
Values", J. Invest. Dermatol. 99, 1992; Zeng, "Preferred Skin Colour Reproduction", Leeds 2011); the bounds are ours,
set so that all ten tones of the Monk Skin Tone scale and both skins of the ColorChecker count as skin, and its foliage
and its reds do not (`tests/colour/test_skin_and_grey.py`). Sand, bare wood and brick do."""
CHROMAS = (2.0, 5.0, 40.0, 55.0)
"""As `HUES`, of C*ab: what is grey has no hue, and oranges have more colour than skin."""
GREYS = (4.0, 10.0)
"""C*ab up to which a colour is grey, and from which on it is none (our choice: JPEG's noise stays below the first)."""


def skin_likelihood(values: Tensor) -> Tensor:
    """How likely each of CIELAB `(N, 3)` is skin, from its hue and its chroma alone: `(N,)`, [0, 1], continuous."""
    chroma = torch.hypot(values[:, 1], values[:, 2])
    hue = torch.rad2deg(torch.atan2(values[:, 2], values[:, 1]))
    return _between(hue, HUES) * _between(chroma, CHROMAS)


def grey_likelihood(values: Tensor) -> Tensor:
    """How near each of CIELAB `(N, 3)` is to grey: `(N,)`, [0, 1], continuous."""
    return 1 - _step(torch.hypot(values[:, 1], values[:, 2]), *GREYS)


def _between(values: Tensor, bounds: tuple[float, float, float, float]) -> Tensor:
    return _step(values, *bounds[:2]) * (1 - _step(values, *bounds[2:]))


def _step(values: Tensor, low: float, high: float) -> Tensor:
    """0 up to `low`, 1 from `high` on, Hermite's cubic between."""
    t = ((values - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
