"""Colours that can be protected from the look: how likely a colour is skin, and how close it is to grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.compute.smooth_step import smooth_step

Values = NDArray[np.float32]

HUES = (20.0, 32.0, 85.0, 100.0)
"""Hues of skin in CIELAB, in degrees. Between the second and the third a colour is likely skin; outside the first and
the fourth it is not. Light and dark skins have similar hues (Weatherall and Coombs, "Skin Color Measurements in Terms
of CIELAB Color Space Values", J. Invest. Dermatol. 99, 1992; Zeng, "Preferred Skin Colour Reproduction", Leeds 2011).
The bounds are our choice: all ten tones of the Monk Skin Tone scale and both skins of the ColorChecker count as skin,
and its foliage and reds do not (`tests/colour/test_skin_and_grey.py`). Sand, bare wood and brick count as skin, too."""
CHROMAS = (2.0, 5.0, 40.0, 55.0)
"""Chromas of skin, C*ab, in the form of `HUES`. Greys have no hue, and oranges have more chroma than skin."""
GREYS = (4.0, 10.0)
"""Up to the first C*ab a colour is grey; from the second on it is not (our choice). The noise of JPEG is below the
first."""


def skin_likelihood(values: Values) -> Values:
    """How likely each colour is skin, by its hue and chroma: CIELAB `(N, 3)` to `(N,)`, [0, 1], continuous."""
    chroma = np.hypot(values[:, 1], values[:, 2])
    hue = np.rad2deg(np.arctan2(values[:, 2], values[:, 1]))
    return _between(hue, HUES) * _between(chroma, CHROMAS)


def grey_likelihood(values: Values) -> Values:
    """How close each colour is to grey: CIELAB `(N, 3)` to `(N,)`, [0, 1], continuous."""
    return 1 - smooth_step(np.hypot(values[:, 1], values[:, 2]), *GREYS)


def _between(values: Values, bounds: tuple[float, float, float, float]) -> Values:
    return smooth_step(values, *bounds[:2]) * (1 - smooth_step(values, *bounds[2:]))
