"""How far apart two colours look: CIEDE2000."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ciede2000(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """The difference of colours in CIELAB. A difference of 1 can just be seen if the colours are side by side.

    Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula: Implementation Notes, Supplementary Test Data, and
    Mathematical Observations", Color Research and Application 30(1), 2005, equations 2 to 22, with all factors k equal
    to 1.

    Args:
        first, second: `(..., 3)`, with L*, a* and b*.

    Returns:
        `(...)`.
    """
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(lab, np.float64), -1, 0) for lab in (first, second))
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    both = c1 * c2 > 0
    turn = np.where(both, (h2 - h1 + 180) % 360 - 180, 0)
    difference_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    apart = np.abs(h1 - h2) > 180
    mean_h = np.where(both, np.where(apart, (h1 + h2 + 360) / 2 % 360, (h1 + h2) / 2), h1 + h2)
    h = np.radians(mean_h)
    t = (
        1 - 0.17 * np.cos(h - np.radians(30)) + 0.24 * np.cos(2 * h)
        + 0.32 * np.cos(3 * h + np.radians(6)) - 0.20 * np.cos(4 * h - np.radians(63))
    )  # fmt: skip
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    twist = np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2)))
    r_t = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * np.sin(twist)
    light, chroma, hue = (l2 - l1) / s_l, (c2 - c1) / s_c, difference_h / s_h
    result: NDArray[np.float64] = np.sqrt(np.maximum(light**2 + chroma**2 + hue**2 + r_t * chroma * hue, 0))
    return result
