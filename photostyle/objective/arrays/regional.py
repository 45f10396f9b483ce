"""The objective of `default` as a function of an array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.cielab import lab
from photostyle.encoders.looking import Features
from photostyle.encoders.looking import StyleTerm as Term
from photostyle.objective.arrays.colours import ColourTerm, StyleRegions, lab_with_gradient
from photostyle.objective.arrays.drift import DriftTerm
from photostyle.objective.arrays.edges import EdgeTerm, StructureTerm, luma_gradient, pulled_back
from photostyle.objective.arrays.photorealism import PhotorealismTerm
from photostyle.objective.arrays.style import StyleTerm
from photostyle.objective.constants import PHOTOREALISM_UNIT, REFERENCE_PIXELS
from photostyle.settings import GridSettings

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]


class RegionalObjective:
    """See `photostyle.objective.regional.RegionalObjective`.

    Args:
        content: `(B H, W, 3) float32`, sRGB-encoded, [0, 1]: B photos of equal size, one below the other. H and W are
            multiples of `photostyle.encoders.looking.STRIDE`.
        reference: the photos after the closed form, in the same form. What hue and chroma drift in it is free.
        labels: `(B H, W)`, the region of every pixel. The same region has different labels in different photos.
        masks: `(K, B H, W) float32`: the masks of the regions that have a counterpart.
        features, style_term: see `photostyle.encoders.looking`.
        photos: B.
    """

    def __init__(
        self,
        content: Pixels,
        reference: Pixels,
        labels: NDArray[np.intp],
        masks: Pixels,
        styles: Sequence[StyleRegions],
        settings: GridSettings,
        features: Features,
        style_term: Term,
        *,
        seed: int = 0,
        photos: int = 1,
    ) -> None:
        self.settings, self.photos, self.size = settings, photos, content.shape
        rows, columns = content.shape[0] // photos, content.shape[1]
        self.style = StyleTerm(masks.reshape(len(masks), photos, rows, columns), styles, features, style_term)
        self.colours = ColourTerm(styles, masks.reshape(len(masks), -1), seed)
        before, after = (each.astype(np.float64) for each in (content, reference))
        edges = luma_gradient(before)
        self.structure, self.edges = StructureTerm(edges, labels), EdgeTerm(edges, photos)
        self.photorealism = PhotorealismTerm(before, settings.epsilon, labels)
        self.drift = DriftTerm(lab(before.reshape(-1, 3)), lab(after.reshape(-1, 3)), labels)
        self.unit = PHOTOREALISM_UNIT * REFERENCE_PIXELS / labels.size

    def __call__(self, image: Values) -> tuple[float, Values, dict[str, float]]:
        """The objective of an image `(B H, W, 3)`, its gradient in this form, and the weighted terms."""
        settings, terms = self.settings, dict[str, float]()

        def weighted(name: str, weight: float, found: tuple[float, NDArray[np.floating]]) -> Values:
            terms[name] = weight * found[0]
            return np.asarray(weight * found[1], np.float64)

        photos = image.astype(np.float32).reshape(self.photos, -1, *self.size[1:])
        total = weighted("style", settings.style, self.style(photos)).reshape(self.size)
        colours, pulled = lab_with_gradient(image.reshape(-1, 3))
        by_lab = weighted("colours", settings.colours, self.colours(colours))
        edges = luma_gradient(image)
        by_edges = weighted("structure", settings.structure, self.structure(edges))
        by_edges += weighted("edges", settings.edges, self.edges(edges))
        total = total + pulled_back(by_edges)
        total += weighted("photorealism", settings.photorealism * self.unit, self.photorealism(image))
        by_lab += weighted("drift", settings.drift, self.drift(colours))
        total += pulled(by_lab).reshape(self.size)
        return sum(terms.values()), total, terms
