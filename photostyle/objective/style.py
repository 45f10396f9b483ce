"""The style term: how far the Gram matrices of each region are from those of the matching regions in the styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from photostyle.objective.arrays.style import mean_gram
from photostyle.objective.constants import SOFTENING
from photostyle.objective.content import at_least_float32

ROUNDING = 1e-5
"""Rounding of a sum of masks in float32. A pixel that is covered except for this counts as covered."""


class MaskedRegion:
    """A soft mask on the grid of one layer, stored as the pixels that it covers.

    Args:
        mask: `(h, w)`, [0, 1].
    """

    def __init__(self, mask: Tensor) -> None:
        flat = mask.flatten()
        self.inside = flat.nonzero()[:, 0]
        self.squares = flat[self.inside].square()[:, None]
        self.sum = float(flat.cpu().sum(dtype=torch.float64))  # MPS has no float64
        self.mean = self.sum / flat.numel()


def pixels_by_channels(feature: Tensor) -> Tensor:
    """`(1, C, h, w)` as `(h w, C)`, without a copy if the memory format is channels last."""
    return at_least_float32(feature)[0].permute(1, 2, 0).flatten(0, 1)


def region_gram(pixels: Tensor, region: MaskedRegion) -> Tensor:
    """Gram matrix `(C, C)` of one region, divided by C and by the sum of its mask.

    Luan et al. 2017, equation 3: F_{l,c} = F_l M_{l,c} and G_{l,c} = F_{l,c} F_{l,c}^T. The divisor is the one in the
    authors' program, the number of features times the mean of the mask.

    Args:
        pixels: `(h w, C)`, features of one photo at one layer.
        region: mask on the same grid.
    """
    chosen = pixels[region.inside]
    return (chosen * region.squares).T @ chosen / (pixels.shape[1] * max(region.sum, 1e-12))


def region_grams(feature: Tensor, masks: Tensor) -> Tensor:
    """`(R, C, C)` Gram matrices of `(1, C, h, w)` features in `(R, h, w)` soft masks; see `region_gram`."""
    pixels = pixels_by_channels(feature)
    return torch.stack([region_gram(pixels, MaskedRegion(mask)) for mask in masks])


def mean_grams(styles: Sequence[tuple[Sequence[float], Tensor, Tensor]]) -> Tensor:
    """`(R, C, C)`: for every region a Gram matrix between the Gram matrices of the styles.

    A Gram matrix consists of the covariance of the features and their mean, G = S + m m^T. The mean of two Gram
    matrices would describe a mixture: one half of the sky bright, the other half dark. Instead we want a Gaussian
    between the Gaussians of the styles,

        G = R^2 + m m^T ,   m = sum_i w_i m_i ,   R = sum_i w_i S_i^1/2

    It is their Wasserstein barycentre if the S_i have the same axes (`solvers.closed_form.barycentre`), and otherwise
    its root-Euclidean approximation (Dryden, Koloydenko and Zhou, "Non-Euclidean statistics for covariance matrices",
    Annals of Applied Statistics 3(3), 2009, section 2). The exact iteration needs an inverse, which regions with fewer
    pixels than channels do not have. For one style the result is its Gram matrix, bit for bit.

    Args:
        styles: for each style its shares `(R,)`, [0, 1], which add up to 1 over the styles, its features `(1, C, h, w)`
            and its masks `(R, h, w)`.
    """
    pixels = [pixels_by_channels(feature) for _, feature, _ in styles]
    grams = []
    for region in range(len(styles[0][0])):
        parts = [
            (shares[region], own, MaskedRegion(masks[region]))
            for (shares, _, masks), own in zip(styles, pixels, strict=True)
            if shares[region]
        ]
        if len(parts) == 1:
            grams.append(region_gram(*parts[0][1:]))
            continue
        between = mean_gram(
            [
                (shares[region], _array(feature[0]), _array(masks[region]))
                for shares, feature, masks in styles
                if shares[region]
            ]
        )
        grams.append(torch.from_numpy(between).to(pixels[0]))
    return torch.stack(grams)


def _array(values: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = at_least_float32(values).detach().cpu().numpy()
    return found


class StyleTerm:
    """Per-region Gram distance, summed over layers: L_style+ of Luan et al. 2017, equation 2.

    Departures (the first two are also in the authors' program):

    1. A Gram matrix is divided by the number of features and the mean of the mask (paper: 1 / 2 N_{l,c}^2).
    2. The squared distance is a mean over the C^2 entries. The weight of a region is the mean of its mask in the
       content photo.
    3. The gradient is exactly the gradient of this sum. The authors leave out the mask and its mean in some places.

    Args:
        targets: `{layer: (R, C, C)}`, `mean_grams` of the style photos.
        masks: `{layer: (R, h, w)}`, soft masks of the content photo on each layer's grid.
        weights: `{layer: beta}`.
    """

    def __init__(
        self, targets: Mapping[str, Tensor], masks: Mapping[str, Tensor], weights: Mapping[str, float]
    ) -> None:
        self.targets = {layer: target.detach() for layer, target in targets.items()}
        self.regions = {layer: [MaskedRegion(mask) for mask in masks[layer]] for layer in targets}
        self.weights = dict(weights)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """The term for `{layer: (1, C, h, w)}`: a scalar."""
        layers = [
            self.weights[layer]
            * _GramDistance.apply(pixels_by_channels(features[layer]), self.targets[layer], self.regions[layer])
            for layer in self.targets
        ]
        return torch.stack(layers).sum()


def with_own_look(
    masks: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    features: Mapping[str, Tensor],
    smallest: float,
    rest: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Adds the pixels in no region as one more region. Its target is the content's own Gram matrix.

    A region that the style lacks, or that is too small to measure, therefore keeps its own look.

    Args:
        masks: masks of the content, `{layer: (R, h, w)}`.
        targets: `{layer: (R, C, C)}`.
        features: features of the content, `{layer: (1, C, h, w)}`.
        smallest: if the pixels in no region are a smaller share of the photo than this, they are left out.
        rest: masks of the pixels in no region, `{layer: (1, h, w)}`; by default all that `masks` leave over.
    """
    more_masks, more_targets = dict(masks), dict(targets)
    if rest is None:
        rest = {layer: (1 - mask.sum(0, keepdim=True)).clamp_(0, 1) for layer, mask in masks.items()}
    for mask in rest.values():
        mask[mask < ROUNDING] = 0
    if max(float(mask.mean()) for mask in rest.values()) > smallest:
        for layer, mask in rest.items():
            more_masks[layer] = torch.cat([masks[layer], mask])
            more_targets[layer] = torch.cat([targets[layer], region_grams(features[layer], mask)])
    return more_masks, more_targets


class _GivenGradient(torch.autograd.Function):
    """A scalar function of pixels, targets and regions. It saves its gradient for the pixels when it is computed."""

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return outputs[0] * gradient, None, None


class _GramDistance(_GivenGradient):
    """The distance at one layer, with its gradient 4 a w (F D) / (C s), where D = (G - T) / C^2.

    w are the squared mask values, s is the sum of the mask and a its mean. With the gradient given, PyTorch keeps
    nothing else in memory.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, targets: Tensor, regions: Sequence[MaskedRegion]) -> Tensor:
        channels = pixels.shape[1]
        loss = pixels.new_zeros(())
        gradient = torch.zeros_like(pixels)
        for target, region in zip(targets, regions, strict=True):
            chosen = pixels.index_select(0, region.inside)
            weighted = chosen * region.squares
            divisor = channels * max(region.sum, 1e-12)
            difference = weighted.T @ chosen / divisor - target
            loss += region.mean * difference.square().mean()
            factor = 4 * region.mean / (channels**2 * divisor)
            # Select, add and copy back: index_add_ does the same, but takes three times as long.
            part = gradient.index_select(0, region.inside).addmm_(weighted, difference, alpha=factor)
            gradient.index_copy_(0, region.inside, part)
        ctx.save_for_backward(gradient)
        return loss


class RelativeStyleTerm:
    """How far the Gram matrices of each region are from their targets, relative to the norm of the targets.

    It is the mean of sqrt(|G - T|^2 / |T|^2 + `SOFTENING`^2), with the Frobenius norm, over layers and over regions by
    their area in the content. In `StyleTerm` a small region with high contrast, or a layer with large activations, can
    rule the sum. Dividing by the norm of the target prevents that.

    Args:
        targets: `{layer: (R, C, C)}`, `mean_grams` of the style photos.
        masks: `{layer: (R, h, w)}`, soft masks of the content photo on each layer's grid.
    """

    def __init__(self, targets: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> None:
        self.targets = {layer: target.detach() for layer, target in targets.items()}
        self.regions = {layer: [MaskedRegion(mask) for mask in masks[layer]] for layer in targets}

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """The term for `{layer: (1, C, h, w)}`: a scalar."""
        layers = [
            _RelativeDistance.apply(pixels_by_channels(features[layer]), self.targets[layer], self.regions[layer])
            for layer in self.targets
        ]
        return torch.stack(layers).mean()


class _RelativeDistance(_GivenGradient):
    """The distance at one layer, with its gradient 2 a w (F (G - T)) / (C s v |T|^2), where v is a region's distance.

    w are the squared mask values, s is the sum of the mask and a the region's share of the area.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, targets: Tensor, regions: Sequence[MaskedRegion]) -> Tensor:
        whole = max(sum(region.sum for region in regions), 1e-12)
        loss, gradient = pixels.new_zeros(()), torch.zeros_like(pixels)
        for target, region in zip(targets, regions, strict=True):
            chosen = pixels.index_select(0, region.inside)
            weighted = chosen * region.squares
            divisor = pixels.shape[1] * max(region.sum, 1e-12)
            difference = weighted.T @ chosen / divisor - target
            norm = target.square().sum().clamp_min(1e-20)
            distance = (difference.square().sum() / norm + SOFTENING**2).sqrt()
            share = region.sum / whole
            loss += share * distance
            part = gradient.index_select(0, region.inside)
            part.addmm_(weighted, difference * (2 * share / (divisor * distance * norm)))
            gradient.index_copy_(0, region.inside, part)
        ctx.save_for_backward(gradient)
        return loss
