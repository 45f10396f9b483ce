"""Light beyond white, brought into the range of a photo: the shoulder, and HDR by PQ and HLG.

ITU-R BT.2100 for PQ and HLG; ITU-R BT.2408 for reference white at 203 cd/m2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from photostyle.photo.icc import SRGB_CURVE

SHOULDER = 0.5
"""Linear light from which highlights are compressed: one stop below white (our choice)."""

_REFERENCE_WHITE = 203.0
_PEAK = 1000.0
"""Luminance in cd/m2 that becomes white: the nominal peak of HLG, and what most HDR photos are graded for."""
_ROWS = 256
_LUMA_2020 = np.array((0.2627, 0.6780, 0.0593), np.float32)


def compressed(light: NDArray[Any], most: float) -> NDArray[Any]:
    """Linear light from 0 to `most`, with highlights compressed so that `most` becomes 1.

    Below `SHOULDER` nothing changes. From there on the slope falls from 1, so that highlights keep their differences.

    Args:
        light: any shape; 1 is white.
        most: above 1 for there to be anything to compress.
    """
    if most <= 1:
        return light
    beyond = np.maximum(light - SHOULDER, 0) / (most - SHOULDER)
    slope = (most - SHOULDER) / (1 - SHOULDER)
    shoulder = SHOULDER + (1 - SHOULDER) * slope * beyond / (1 + (slope - 1) * beyond)
    return np.where(light > SHOULDER, shoulder, light)


def from_hdr(samples: NDArray[Any], white: int, *, hlg: bool) -> NDArray[np.uint16]:
    """HDR samples, tone-mapped and encoded with sRGB's curve; their primaries stay.

    Reference white is 1, and light of 1000 cd/m2 becomes 1 after `compressed`. The three channels are scaled together
    by what the largest needs, so that hues stay.

    Args:
        samples: `(H, W, C)` uint8 or uint16; C is 1 or 3, or 2 or 4 with alpha last.
        white: the sample of full intensity.
        hlg: whether they are HLG; otherwise PQ.

    Returns:
        `(H, W, C) uint16`, full intensity 65535.
    """
    codes = np.arange(white + 1, dtype=np.float64) / white
    light_of = (_hlg(codes) if hlg else _pq(codes) / _REFERENCE_WHITE).astype(np.float32)
    colours = 3 if samples.shape[2] > 2 else 1
    result = np.empty(samples.shape, np.uint16)
    for first in range(0, len(samples), _ROWS):
        rows = samples[first : first + _ROWS]
        light = light_of[np.minimum(rows[:, :, :colours], white)]
        if hlg:  # the system gamma of 1.2 works on luminance
            luminance = light @ _LUMA_2020 if colours == 3 else light[:, :, 0]
            light *= np.maximum(luminance, 1e-9)[:, :, None] ** np.float32(0.2) * np.float32(_PEAK / _REFERENCE_WHITE)
        largest = light.max(2, keepdims=True)
        most = _PEAK / _REFERENCE_WHITE
        scale = compressed(np.minimum(largest, most), most) / np.maximum(largest, 1e-9)
        encoded = SRGB_CURVE.encoded(np.clip(light * scale, 0, 1).astype(np.float32))
        result[first : first + _ROWS, :, :colours] = np.rint(encoded * 65_535)
        result[first : first + _ROWS, :, colours:] = np.rint(rows[:, :, colours:] * (65_535 / white))
    return result


def _pq(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Luminance in cd/m2 (BT.2100, table 4)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = codes ** (1 / m2)
    return 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def _hlg(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of the scene in [0, 1] (BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)
