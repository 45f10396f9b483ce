"""The structure term: whether edges have kept their places, directions and relative strengths."""

from __future__ import annotations

import torch
from torch import Tensor

from photostyle.colour.luma import LUMA
from photostyle.objective.constants import FLAT_REGION


class StructureTerm:
    """One minus the squared correlation between the luma gradients of image and content, region by region.

    With the gradient fields g of the content and h of the image it is 1 - max(0, <g, h>)^2 / (|g|^2 |h|^2), weighted by
    the areas of the regions. It is 0 if the contrast of a region is the content's times one positive number, and 1 if
    nothing of the contrast is left. It replaces the content term at relu4_2, which would also keep the content's light.
    Gradients are differences between neighbours in the same region.

    Args:
        content: `(1, 3, H, W)`, sRGB-encoded, [0, 1].
        labels: `(H, W)` integer, the region of every pixel.
    """

    def __init__(self, content: Tensor, labels: Tensor) -> None:
        self.content = gradient(content)
        within = (labels[:-1, :-1] == labels[:-1, 1:]) & (labels[:-1, :-1] == labels[1:, :-1])
        present = [within & (labels[:-1, :-1] == label) for label in labels.unique()]
        self.masks = [mask.to(content.dtype) for mask in present if bool(mask.any())]
        areas = [float(mask.sum()) for mask in self.masks]
        self.shares = [area / sum(areas) for area in areas]
        self.powers = [float((mask * self.content.square()).sum()) for mask in self.masks]

    def __call__(self, image: Tensor) -> Tensor:
        """The term of `(1, 3, H, W)`, sRGB-encoded, [0, 1]: a scalar in [0, 1]."""
        found = gradient(image)
        product, square = (found * self.content).sum(0), found.square().sum(0)
        total = image.new_zeros(())
        for mask, share, power in zip(self.masks, self.shares, self.powers, strict=True):
            common = (mask * product).sum().clamp_min(0)
            total = total + share * (1 - common.square() / ((mask * square).sum() * power + FLAT_REGION))
        return total


def gradient(image: Tensor) -> Tensor:
    """`(2, H - 1, W - 1)`: differences of luma to the next column and the next row."""
    luma = (image[0] * image.new_tensor(LUMA)[:, None, None]).sum(0)
    here = luma[:-1, :-1]
    return torch.stack([luma[:-1, 1:] - here, luma[1:, :-1] - here])
