"""The photo at the size of the solve, on which adjustments measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photostyle.settings import LookSettings, Settings

Pixels = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Proxy:
    """The photo at the size of the solve. The statistics are measured on it.

    Args:
        content, changed: `(h, w, 3) float32`, sRGB-encoded, [0, 1]: the photo before, and with the full look.
        coarse_masks: `(K + 1, h, w) float32`: the masks of the K regions, and the mask of the pixels in no region. See
            `photostyle.regions.edge_masks.coarse_masks`.
        coverage: `(h, w) float32`, linear, [0, 1]: how much of every pixel can be seen; None for all.
    """

    content: Pixels
    changed: Pixels
    coarse_masks: Pixels
    coverage: Pixels | None = None


def needs_proxy(settings: Settings) -> bool:
    """Whether `adjust` needs a `Proxy`."""
    look = settings.look
    return shifts_lightness(look) or look.skin > 0 or look.neutrals > 0


def shifts_lightness(look: LookSettings) -> bool:
    """Whether lightness changes by region: D of the formula above does not cancel out."""
    return look.lightness != look.contrast and not look.keep_luminance
