"""Total variation: how much neighbouring pixels differ."""

from __future__ import annotations

from torch import Tensor


def total_variation(image: Tensor) -> Tensor:
    """Half the sum of squared differences between neighbours in a row and in a column, in 8-bit levels.

    The quadratic form of Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting Them",
    CVPR 2015, with exponent 2. The authors of Luan et al. 2017 use its gradient at colours of 0 to 255; one
    departure:

    1. every pair of neighbours counts (theirs leaves out the last row's and the last column's).

    Args:
        image: `(1, 3, H, W)`, sRGB-encoded, [0, 1].
    """
    rows, columns = image.diff(dim=2), image.diff(dim=3)
    return 0.5 * 255**2 * (rows.square().sum() + columns.square().sum())
