"""Total variation: how much neighbouring pixels differ."""

from __future__ import annotations

from torch import Tensor


def total_variation(image: Tensor) -> Tensor:
    """Half the sum of squared differences between neighbours in a row and in a column, in 8-bit levels.

    This is the total variation of Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting Them",
    CVPR 2015, with exponent 2. The authors of Luan et al. 2017 use its gradient for colours from 0 to 255. One
    departure:

    1. Every pair of neighbours counts. The authors leave out the last row and the last column.

    Args:
        image: `(1, 3, H, W)`, sRGB-encoded, [0, 1].
    """
    rows, columns = image.diff(dim=2), image.diff(dim=3)
    return 0.5 * 255**2 * (rows.square().sum() + columns.square().sum())
