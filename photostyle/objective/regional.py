"""The objective of `default`: terms like the paper's, scaled so that no single region or layer rules the sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from photostyle.objective.constants import PHOTOREALISM_UNIT, REFERENCE_PIXELS
from photostyle.objective.total import Features, with_gradient


@dataclass(frozen=True)
class RegionalWeights:
    """The weight of each term. Style is a relative distance, colours and drift are in hundredths of L*, the rest in
    [0, 1]."""

    style: float
    colours: float
    structure: float
    edges: float
    photorealism: float
    drift: float


class RegionalObjective:
    """weight_1 relative Gram distance + weight_2 colours + weight_3 structure + weight_4 edges
    + weight_5 photorealism + weight_6 drift.

    Args:
        features: `(image (1, 3, H, W), layers) -> {layer: (1, C, h, w)}`.
        layers: the layers that `style` needs.
        style: a term of the features.
        colours, structure, edges, photorealism, drift: terms of the image.
    """

    def __init__(
        self,
        features: Features,
        layers: tuple[str, ...],
        weights: RegionalWeights,
        *,
        style: Callable[[Mapping[str, Tensor]], Tensor],
        colours: Callable[[Tensor], Tensor],
        structure: Callable[[Tensor], Tensor],
        edges: Callable[[Tensor], Tensor],
        photorealism: Callable[[Tensor], Tensor],
        drift: Callable[[Tensor], Tensor],
    ) -> None:
        self.features, self.layers, self.weights = features, layers, weights
        self.style, self.colours, self.structure = style, colours, structure
        self.edges, self.photorealism, self.drift = edges, photorealism, drift

    def terms(self, image: Tensor) -> dict[str, Tensor]:
        """Every weighted term of `(1, 3, H, W)`, sRGB-encoded, [0, 1]: scalars that add up to the objective."""
        weights, per_pixel = self.weights, REFERENCE_PIXELS / (image.shape[2] * image.shape[3])
        terms: dict[str, Tensor] = {}
        if weights.style:
            terms["style"] = weights.style * self.style(self.features(image, self.layers))
        if weights.colours:
            terms["colours"] = weights.colours * self.colours(image)
        if weights.structure:
            terms["structure"] = weights.structure * self.structure(image)
        if weights.edges:
            terms["edges"] = weights.edges * self.edges(image)
        if weights.photorealism:
            unit = PHOTOREALISM_UNIT * per_pixel
            terms["photorealism"] = weights.photorealism * unit * self.photorealism(image)
        if weights.drift:
            terms["drift"] = weights.drift * self.drift(image)
        return terms

    def __call__(self, image: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        """The objective, its gradient `(1, 3, H, W)` and the weighted terms."""
        return with_gradient(self.terms, image)
