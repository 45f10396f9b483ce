"""Linear interpolation between the values of a regular grid."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

BATCH = 8
"""Number of parts that positions are split into. PyTorch computes several samples of a batch in parallel, but not
several positions of one sample."""


def interpolated(values: Tensor, positions: Tensor, *, from_centres: bool) -> Tensor:
    """The values at positions between those of a grid. Beyond the outermost values they stay the same.

    Args:
        values: `(C, h, w)` or `(C, d, h, w)`, floating point.
        positions: `(N, 2)` or `(N, 3)`, of the dtype and on the device of `values`: the place along the last axis
            first, each in [-1, 1].
        from_centres: True if -1 and 1 are the centres of the first and the last cell; False if they are the outer edges
            of these cells, as for pixels.

    Returns:
        `(C, N)`.
    """
    axes = positions.shape[1]
    padded = functional.pad(positions, (0, 0, 0, -len(positions) % BATCH)).view(BATCH, *[1] * (axes - 1), -1, axes)
    batch = values.expand(BATCH, *values.shape)
    found = functional.grid_sample(batch, padded, align_corners=from_centres, padding_mode="border")
    return found.transpose(0, 1).reshape(len(values), -1)[:, : len(positions)]
