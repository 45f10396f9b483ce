"""The edge term: whether every edge has kept its strength relative to the other edges."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from photostyle.objective.constants import C1, C2, LEAST, STRONGEST, WINDOW
from photostyle.objective.structure import gradient


class EdgeTerm:
    """One minus the structural similarity between the edge maps of image and content.

    The index of Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
    Similarity", IEEE TIP 13(4), 2004, equation 13, is computed over square windows of `WINDOW` pixels. An edge map is
    the length of the luma's gradient, divided by its own `STRONGEST` quantile; the gradient treats that quantile as a
    constant. This term notices an edge that becomes weaker or stronger than its neighbours, which the correlation in
    `structure.StructureTerm` does not. It does not notice an edge whose bright and dark sides change places, which the
    correlation does.

    Args:
        content: `(1, 3, H, W)`, sRGB-encoded, [0, 1]; H and W above `WINDOW`.
        photos: number of photos of equal size that the content consists of, one below the other. Borders between
            photos do not count as edges.
    """

    def __init__(self, content: Tensor, photos: int = 1) -> None:
        rows = content.shape[2]
        self.seams = torch.arange(1, photos, device=content.device) * (rows // photos) - 1
        self.content = self._edge_map(content)
        self.mean = _windowed(self.content[None])[0]
        self.variance = _windowed(self.content.square()[None])[0] - self.mean.square()

    def __call__(self, image: Tensor) -> Tensor:
        """The term of `(1, 3, H, W)`, sRGB-encoded, [0, 1]: a scalar in [0, 2]."""
        edges = self._edge_map(image)
        mean, square, product = _windowed(torch.stack([edges, edges.square(), edges * self.content]))
        variance, covariance = square - mean.square(), product - mean * self.mean
        alike = (2 * mean * self.mean + C1) * (2 * covariance + C2)
        whole = (mean.square() + self.mean.square() + C1) * (variance + self.variance + C2)
        term: Tensor = 1 - (alike / whole).mean()
        return term

    def _edge_map(self, image: Tensor) -> Tensor:
        """The edge map of an image, `(H - 1, W - 1)`, [0, 1]."""
        length = (gradient(image).square().sum(0) + LEAST**2).sqrt().index_fill(0, self.seams, 0.0)
        lengths = length.detach().flatten()
        above = len(lengths) - max(1, int(STRONGEST * len(lengths)))
        strongest = lengths.topk(above + 1).values[-1]
        edges: Tensor = (length / strongest).clamp_max(1)
        return edges


class _Windowed(torch.autograd.Function):
    """Means of `(B, H, W)` over all windows inside the maps, `(B, h, w)`.

    They are computed as sums of shifted maps. With the gradient, which is the same sum of the padded gradient, this
    takes a tenth of the time of PyTorch's pooling or of products with banded matrices.
    """

    @staticmethod
    def forward(_: Any, maps: Tensor) -> Tensor:
        return _summed(_summed(maps, 1), 2) / WINDOW**2

    @staticmethod
    @once_differentiable
    def backward(_: Any, *outputs: Tensor) -> Tensor:
        padded = functional.pad(outputs[0], (WINDOW - 1,) * 4)
        return _summed(_summed(padded, 1), 2) / WINDOW**2


def _windowed(maps: Tensor) -> Tensor:
    means: Tensor = _Windowed.apply(maps)
    return means


def _summed(maps: Tensor, axis: int) -> Tensor:
    """Sums of `WINDOW` neighbours along an axis, which becomes `WINDOW` - 1 shorter."""
    size = maps.shape[axis] - WINDOW + 1
    total = maps.narrow(axis, 0, size).clone()
    for place in range(1, WINDOW):
        total += maps.narrow(axis, place, size)
    return total
