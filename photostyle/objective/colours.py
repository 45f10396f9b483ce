"""The colour term: how far each region's distribution of colours is from that of its counterpart in the style photo."""

from __future__ import annotations

import torch
from torch import Tensor

from photostyle.cielab import lab

DIRECTIONS = 16
POINTS = 4096
"""Pixels of a region that are compared, chosen once: the distance of two such samples of one distribution is under a
third of a CIELAB unit for the spread of a photo (0.1 times the standard deviation)."""


class Colours:
    """Sliced 1-Wasserstein distance in CIELAB between regions, weighted by area in the content.

    Rabin, Peyre, Delon and Bernot, "Wasserstein Barycenter and Its Application to Texture Mixing", SSVM 2011: the mean
    over `DIRECTIONS` fixed random directions of the distance between the sorted projections. A Gram matrix cannot
    tell mean from contrast (Risser, Wilmot and Barnes, "Stable and Controllable Neural Texture Synthesis", 2017);
    distributions can.

    Args:
        style: `(1, 3, h, w)`, sRGB-encoded, [0, 1].
        style_masks: `(R, h, w)`; masks: `(R, H, W)` of the content; what is above one half is inside.
        seed: of the directions and the chosen pixels.
    """

    def __init__(self, style: Tensor, style_masks: Tensor, masks: Tensor, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        directions = torch.randn(3, DIRECTIONS, generator=generator)
        self.directions = (directions / directions.norm(dim=0)).to(style)
        target = lab(style[0].flatten(1).T)
        self.inside: list[Tensor] = []
        self.targets: list[Tensor] = []
        areas = []
        for mask, style_mask in zip(masks.flatten(1), style_masks.flatten(1), strict=True):
            inside, wanted = (found.nonzero()[:, 0] for found in (mask > 0.5, style_mask > 0.5))
            if not len(inside) or not len(wanted):
                continue
            areas.append(len(inside))
            if len(inside) > POINTS:
                inside = inside[torch.randperm(len(inside), generator=generator)[:POINTS].to(inside.device)]
            self.inside.append(inside)
            projected = torch.sort(target[wanted] @ self.directions, dim=0).values
            self.targets.append(_quantiles(projected, len(inside)))
        self.shares = [area / sum(areas) for area in areas]

    def __call__(self, image: Tensor) -> Tensor:
        """The term of `(1, 3, H, W)`, sRGB-encoded, [0, 1]: a scalar, in hundredths of the range of L*."""
        colours = image[0].flatten(1).T
        total = image.new_zeros(())
        for inside, target, share in zip(self.inside, self.targets, self.shares, strict=True):
            projected = torch.sort(lab(colours[inside]) @ self.directions, dim=0).values
            total = total + share * (projected - target).abs().mean() / 100
        return total


def _quantiles(ordered: Tensor, count: int) -> Tensor:
    """`(count, D)` values at the middles of `count` equal shares, from `(N, D)` sorted ones."""
    at = ((torch.arange(count).to(ordered) + 0.5) / count * len(ordered) - 0.5).clamp(0, len(ordered) - 1)
    low = at.floor().long()
    share = (at - low)[:, None]
    return torch.lerp(ordered[low], ordered[(low + 1).clamp_max(len(ordered) - 1)], share)
