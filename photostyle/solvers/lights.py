"""Small lights at night, such as lamps and lit windows, which keep their hue.

The map of a region fits what most of the region is: a dark sky, dark walls. Far above these lumas it is extrapolated,
so that lamps become blue when a night becomes dusk, and grey where the sky gets less colour. In the cells of the grid
that only lights have, the map is therefore a gain that is the same for all channels. It leads to the luma that the
region's own map gives a grey there, within limits. Between those cells and the others, the maps are blended.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.compute.smooth_step import smooth_step

NIGHT, DAY = 0.2, 0.3
"""Medians of luma of a photo, and of a region in it, that is dark, so that its lights are kept, and of one that is not.
Between the two, lights are kept in part."""
MOST_LIGHTS = 0.05
"""Largest share of a region that is lights. What is more is a lit surface, which its region's map is for."""
DIMMEST, LIT = 0.4, 0.7
"""No luma below `DIMMEST` is that of a light. If more than `MOST_LIGHTS` of a region are brighter than `LIT`, it has
bright surfaces, and no lights are told from them."""
RISE = 0.25
"""From the dimmest light of a region to the luma where lights are kept in full."""
LEAST_PIXELS = 50
"""Regions with fewer pixels are left alone."""
LEAST_GAIN = 0.6
"""Lights keep at least this share of their luma where their region becomes darker, and get no brighter where it becomes
lighter."""


def keep_lights(
    grids: NDArray[np.float64], pixels: NDArray[np.float32], masks: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Grids that keep the hue of lights. Grids of photos and of regions that are not dark stay as they are.

    Args:
        grids: `(K, rows, warmths, lumas, 4, 3)`, see `photostyle.solvers.bilateral`.
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        masks: `(K, H, W) float32`, [0, 1].
    """
    lumas = pixels @ np.array(LUMA)
    cells = np.linspace(0, 1, grids.shape[3])
    night = 1 - smooth_step(np.median(lumas), NIGHT, DAY)
    kept = grids.copy()
    for place, (grid, mask) in enumerate(zip(grids, masks, strict=True)):
        own = lumas[mask > 0.5]
        if not night or len(own) < LEAST_PIXELS:
            continue
        dimmest = max(DIMMEST, float(np.quantile(own, 1 - MOST_LIGHTS)))
        dark = 1 - smooth_step(np.median(own), NIGHT, DAY)
        if dimmest > LIT or not dark:
            continue
        share = night * dark * smooth_step(cells, dimmest, dimmest + RISE)
        kept[place] += share[:, None, None] * (_equal_gains(grid, cells) - grid)
    return kept


def _equal_gains(grid: NDArray[np.float64], cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(lumas, 4, 3)`: for each luma cell the gain, for all channels, to the luma that its mean map gives a grey."""
    mean = grid.mean((0, 1))
    reached = (mean[:, :3].sum(1) * cells[:, None] + mean[:, 3]) @ np.array(LUMA)
    safe = np.maximum(cells, 1e-3)
    gains: NDArray[np.float64] = np.clip(reached / safe, LEAST_GAIN, 1)
    return gains[:, None, None] * np.eye(4, 3)
