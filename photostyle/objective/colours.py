"""The colour term: how far each region's distribution of colours is from that of its counterpart in the style photo."""

from __future__ import annotations

import torch
from torch import Tensor

DIRECTIONS = 16
POINTS = 4096
"""Pixels of a region that are compared, chosen once: the distance of two such samples of one distribution is under a
third of a CIELAB unit for the spread of a photo (0.1 times the standard deviation)."""

_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)
"""CIE D65, 2 degrees."""


def lab(colours: Tensor) -> Tensor:
    """CIELAB of sRGB (IEC 61966-2-1), D65.

    Args:
        colours: `(N, 3)`, sRGB-encoded, [0, 1].

    Returns:
        `(N, 3)`: L* in [0, 100], a* and b*; differentiable.
    """
    linear = torch.where(colours > 0.04045, ((colours.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, colours / 12.92)
    relative = (linear @ linear.new_tensor(_TO_XYZ).T) / linear.new_tensor(_WHITE)
    root = relative.clamp_min(0.008856) ** (1 / 3)
    f = torch.where(relative > 0.008856, root, 7.787 * relative + 16 / 116)
    return torch.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


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
