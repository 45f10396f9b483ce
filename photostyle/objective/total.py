"""The whole objective: content, style, photorealism and total variation, weighted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from photostyle.objective.constants import REFERENCE_PIXELS

FEATURE_SCALE = 40.0
"""The mean activation for which the weights of Luan et al. 2017 are meant.

Our encoders have a mean activation of one (Gatys et al. 2016). The published weights are for features of the Caffe
VGG-19 with colours from 0 to 255. Content is quadratic in the features, and style is of fourth order. The scale
therefore appears in the objective as its square and its fourth power. With this value the result looks as in the paper:
painted at lambda = 10^2, a photo with the style's light at 10^4, and without the style at 10^6. See
docs/calibration.md.
"""


Features = Callable[[Tensor, tuple[str, ...]], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Weights:
    """Weights in the paper's units: alpha, Gamma, lambda, and the weight of the total variation."""

    content: float
    style: float
    photorealism: float = 0.0
    total_variation: float = 0.0


class Objective:
    """L(O) = alpha L_content + Gamma L_style+ + lambda L_m + weight L_tv, Luan et al. 2017, equation 4.

    A term with weight 0 is not computed.

    Args:
        features: `(image (1, 3, H, W), layers) -> {layer: (1, C, h, w)}`, mean activation one.
        content, style: terms of the features.
        photorealism, total_variation: terms of the image.
        weights: weights in the paper's units.
        layers: all layers that `content` and `style` need.
    """

    def __init__(
        self,
        features: Features,
        layers: tuple[str, ...],
        weights: Weights,
        *,
        content: Callable[[Mapping[str, Tensor]], Tensor],
        style: Callable[[Mapping[str, Tensor]], Tensor],
        photorealism: Callable[[Tensor], Tensor],
        total_variation: Callable[[Tensor], Tensor],
    ) -> None:
        self.features, self.layers, self.weights = features, layers, weights
        self.content, self.style = content, style
        self.photorealism, self.total_variation = photorealism, total_variation

    def terms(self, image: Tensor) -> dict[str, Tensor]:
        """Every weighted term of `(1, 3, H, W)`, sRGB-encoded, [0, 1]: scalars that add up to the objective."""
        weights, per_pixel = self.weights, REFERENCE_PIXELS / (image.shape[2] * image.shape[3])
        terms: dict[str, Tensor] = {}
        if weights.content or weights.style:
            features = self.features(image, self.layers)
            if weights.content:
                terms["content"] = weights.content * FEATURE_SCALE**2 * self.content(features)
            if weights.style:
                terms["style"] = weights.style * FEATURE_SCALE**4 * self.style(features)
        if weights.photorealism:
            terms["photorealism"] = weights.photorealism * per_pixel * self.photorealism(image)
        if weights.total_variation:
            terms["total_variation"] = weights.total_variation * per_pixel * self.total_variation(image)
        return terms

    def __call__(self, image: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        """The objective, its gradient `(1, 3, H, W)` and the weighted terms."""
        return with_gradient(self.terms, image)


def with_gradient(
    terms: Callable[[Tensor], Mapping[str, Tensor]], image: Tensor
) -> tuple[float, Tensor, dict[str, float]]:
    """The sum of the terms, its gradient `(1, 3, H, W)`, and the terms."""
    image = image.detach().requires_grad_(True)
    found = terms(image)
    torch.autograd.backward([term for term in found.values() if term.requires_grad])
    gradient = image.grad if image.grad is not None else image.new_zeros(image.shape)
    values = {name: float(term.detach()) for name, term in found.items()}
    return sum(values.values()), gradient, values
