"""Conversion between sRGB and CIELAB (D65), for colours inside and outside sRGB."""

from __future__ import annotations

import numpy as np

from photostyle.compute.arrays import Array, namespace

_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_FROM_XYZ = tuple(map(tuple, np.linalg.inv(_TO_XYZ).tolist()))
_WHITE = (0.95047, 1.0, 1.08883)
"""White point: CIE D65, 2 degrees."""


def lab(colours: Array) -> Array:
    """CIELAB of sRGB (IEC 61966-2-1). The curve of sRGB is extended as an odd function to colours outside sRGB.

    Args:
        colours: `(N, 3)`, sRGB-encoded. Colours in [0, 1] are inside sRGB.

    Returns:
        `(N, 3)`: L* (in [0, 100] inside sRGB), a* and b*. Differentiable.
    """
    xp = namespace(colours)
    to_xyz, white = (xp.asarray(each, dtype=colours.dtype, device=colours.device) for each in (_TO_XYZ, _WHITE))
    size = xp.abs(colours)
    bent = xp.sign(colours) * ((xp.clip(size, 0.04045, None) + 0.055) / 1.055) ** 2.4
    linear = xp.where(size > 0.04045, bent, colours / 12.92)
    relative = (linear @ to_xyz.T) / white
    root = xp.clip(relative, 0.008856, None) ** (1 / 3)
    f = xp.where(relative > 0.008856, root, 7.787 * relative + 16 / 116)
    found: Array = xp.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
    return found


def rgb(values: Array) -> Array:
    """sRGB-encoded colours `(N, 3)` of CIELAB `(N, 3)`: the inverse of `lab`. Some may be outside [0, 1]."""
    xp = namespace(values)
    from_xyz, white = (xp.asarray(each, dtype=values.dtype, device=values.device) for each in (_FROM_XYZ, _WHITE))
    y = (values[:, 0] + 16) / 116
    f = xp.stack([y + values[:, 1] / 500, y, y - values[:, 2] / 200], 1)
    relative = xp.where(f > 0.008856 ** (1 / 3), f**3, (f - 16 / 116) / 7.787)
    linear = (relative * white) @ from_xyz.T
    size = xp.abs(linear)
    bent = xp.sign(linear) * (1.055 * xp.clip(size, 0.0031308, None) ** (1 / 2.4) - 0.055)
    found: Array = xp.where(size > 0.0031308, bent, 12.92 * linear)
    return found
