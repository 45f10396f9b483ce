"""The objective of `default` as a function of an array."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

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
from segmentation.threads import threads

Pixels = NDArray[np.float32]
Values = NDArray[np.float64]


class RegionalObjective:
    """See `photostyle.objective.regional.RegionalObjective`.

    Args:
        content: `(B H, W, 3) float32`, sRGB-encoded, [0, 1]: B photos of equal size, one below the other.
        reference: the photos after the closed form, in the same form. What hue and chroma drift in it is free.
        labels: `(B H, W)`, the region of every pixel. The same region has different labels in different photos.
        masks: `(K, B H, W) float32`: the masks of the regions that have a counterpart.
        layers: those of the style term, some of `photostyle.encoders.looking.LAYERS`.
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
        layers: Sequence[str],
        features: Features,
        style_term: Term,
        *,
        seed: int = 0,
        photos: int = 1,
    ) -> None:
        self.settings, self.photos, self.size = settings, photos, content.shape
        rows, columns = content.shape[0] // photos, content.shape[1]
        self.style = StyleTerm(masks.reshape(len(masks), photos, rows, columns), styles, layers, features, style_term)
        self.colours = ColourTerm(styles, masks.reshape(len(masks), -1), seed)
        edges = luma_gradient(content)
        self.structure, self.edges = StructureTerm(edges, labels), EdgeTerm(edges, photos)
        self.photorealism = PhotorealismTerm(content.astype(np.float64), settings.epsilon, labels)
        self.drift = DriftTerm(lab(content.reshape(-1, 3)), lab(reference.reshape(-1, 3)), labels)
        self._beside = ThreadPoolExecutor(1) if threads() > 1 else None
        self.unit = PHOTOREALISM_UNIT * REFERENCE_PIXELS / labels.size

    def __call__(self, image: Pixels) -> tuple[float, Values, dict[str, float]]:
        """The objective of an image `(B H, W, 3)`, its gradient in this form, and the weighted terms."""
        settings, terms = self.settings, {"style": 0.0}

        def weighted(name: str, weight: float, found: tuple[float, NDArray[np.floating]]) -> NDArray[np.floating]:
            terms[name] = weight * found[0]
            return weight * found[1]

        photos = image.reshape(self.photos, -1, *self.size[1:])
        style = self._beside.submit(self.style, photos).result if self._beside else partial(self.style, photos)
        colours, pulled = lab_with_gradient(image.reshape(-1, 3))
        by_lab = weighted("colours", settings.colours, self.colours(colours))
        by_lab += weighted("drift", settings.drift, self.drift(colours))
        edges = luma_gradient(image)
        by_edges = weighted("structure", settings.structure, self.structure(edges))
        by_edges += weighted("edges", settings.edges, self.edges(edges))
        smoothness = self.photorealism(image.astype(np.float64))
        total = weighted("photorealism", settings.photorealism * self.unit, smoothness).astype(np.float64)
        total += pulled_back(by_edges)
        total += pulled(by_lab.astype(np.float32)).reshape(self.size)
        total += weighted("style", settings.style, style()).reshape(self.size)
        return sum(terms.values()), total, terms
