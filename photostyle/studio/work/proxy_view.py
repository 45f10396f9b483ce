"""A solved transfer on a proxy, kept so that a slider only costs what it changes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from photostyle.photo.photo import Photo
from photostyle.photo.resizing import resize
from photostyle.pipeline.adjustments import Proxy, adjustment_maps
from photostyle.pipeline.rendering import strengths_of
from photostyle.regions.edge_masks import saturate_masks
from photostyle.settings import LookSettings, Settings
from photostyle.studio.work.quick_adjust import Places, QuickAdjust
from photostyle.studio.work.stored_transfer import StoredTransfer
from segmentation.enlarge import Part

Pixels = NDArray[np.float32]
Planes = NDArray[np.float32]

_ALL_MAPS = LookSettings(lightness=0, skin=1, neutrals=1)
"""Settings for which `adjustment_maps` gives every map."""


class ProxyView:
    """Renders a transfer on a proxy of its photo.

    Departures from the files, which `photostyle.pipeline.rendering.Rendering` makes: those of `quick_adjust`, and

    1. Between strengths 0 and 1 of a region, colours are interpolated between the pictures with and without it. They
       are the same but for very bright and very dark colours and for noise that is taken out.
    2. The mean change of lightness of a region is that of the full look times the region's strength.

    Args:
        stored: the transfer.
        pixels: `(h, w, 3) float32`, sRGB-encoded, [0, 1].
    """

    def __init__(self, stored: StoredTransfer, pixels: Pixels) -> None:
        self._stored, self._photo = stored, Photo(pixels)
        self._full = _planes(self._applied({}))
        self._quick = QuickAdjust(_planes(pixels))
        self._losses: dict[int, Planes] = {}
        self._maps: tuple[Planes, Planes, Planes, Planes] | None = None

    @property
    def bytes(self) -> int:
        """How much memory it holds, about."""
        pixels = self._photo.pixels.nbytes
        return pixels * (5 + len(self._losses)) + (0 if self._maps is None else self._maps[2].nbytes)

    def render(self, settings: Settings) -> NDArray[np.uint8]:
        """The picture with these settings, `(h, w, 3) uint8`.

        Raises:
            SettingsError: a region that there is not.
        """
        strengths = strengths_of(settings.look, self._stored.correspondence)
        key = tuple(strengths)
        after = self._full
        for place, strength in enumerate(strengths):
            if strength < 1:
                after = after - np.float32(1 - strength) * self._loss(place)
        places = self._places(settings.look, strengths)
        shown = self._quick(after, settings.strength, settings.look, places, key)
        return shown.reshape(self._photo.pixels.shape)

    def prepare(self) -> bool:
        """Computes one thing that a slider may need. Returns whether something is left to compute."""
        if self._maps is None:
            self._quick.prepare()
            self._all_maps()
            return True
        for place in range(len(self._stored.correspondence.regions)):
            if place not in self._losses:
                self._loss(place)
                return True
        return False

    def _applied(self, strengths: Mapping[int, float], photo: Photo | None = None) -> Pixels:
        count = len(self._stored.correspondence.regions)
        changed, _ = self._stored.look(photo or self._photo, [strengths.get(place, 1.0) for place in range(count)])
        return changed

    def _loss(self, place: int) -> Planes:
        """What the picture loses without a region's look, `(3, N)`."""
        if place not in self._losses:
            self._losses[place] = self._full - _planes(self._applied({place: 0.0}))
        return self._losses[place]

    def _places(self, look: LookSettings, strengths: list[float]) -> Places:
        shifts = look.lightness != look.contrast and not look.keep_luminance
        if not (shifts or look.skin or look.neutrals):
            return Places()
        skin, grey, masks, means = self._all_maps()
        shift: Planes | None = None
        if shifts:
            shift = np.tensordot(np.array([*strengths, 1.0], np.float32) * means, masks, 1)
        return Places(skin if look.skin else None, grey if look.neutrals else None, shift)

    def _all_maps(self) -> tuple[Planes, Planes, Planes, Planes]:
        """How likely each pixel is skin and grey, `(N,)`; the masks of the regions, `(K + 1, N)`; and their means."""
        if self._maps is None:
            pixels, content = self._photo.pixels, self._stored.correspondence.content
            part = Part.whole(*pixels.shape[:2])
            small = resize(pixels, *content.labels.shape)
            proxy = Proxy(small, self._applied({}, Photo(small)), self._stored.look.coarse, content.coverage)
            maps = adjustment_maps(pixels, _ALL_MAPS, proxy)
            skin, grey = (maps[name](pixels, part).reshape(-1) for name in ("skin", "grey"))
            masks = saturate_masks(maps["shift"].masks.of(pixels, part))
            means = np.asarray(maps["shift"].weights, np.float32)
            self._maps = (skin, grey, masks.reshape(len(masks), -1), means)
        return self._maps


def _planes(pixels: Pixels) -> Planes:
    """`(h, w, 3)` -> `(3, h w)`, contiguous."""
    return np.ascontiguousarray(pixels.reshape(-1, 3).T)
