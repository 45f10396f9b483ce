"""Parts of a result at 100 %: only what is looked at is computed, with the same values as in the saved file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.compute.tiles import for_each_tile
from photostyle.photo.photo import Photo
from photostyle.pipeline.adjustments import Proxy, adjust_part, adjustment_maps, is_full, needs_proxy
from photostyle.pipeline.rendering import strengths_of
from photostyle.settings import LookSettings, Settings
from photostyle.solvers.full_size import FullSizeLook
from photostyle.studio.work.stored_transfer import StoredTransfer
from segmentation.enlarge import Part

Pixels = NDArray[np.float32]


class PartView:
    """Renders parts of a transfer at full size.

    Args:
        stored: the transfer.
        photo: its content.
        regions: the strength of each region by name, as in `look.regions`.
    """

    def __init__(self, stored: StoredTransfer, photo: Photo, regions: LookSettings) -> None:
        self._stored, self._photo, self._seen = stored, photo, photo.filled()
        self._strengths = strengths_of(regions, stored.correspondence)
        self._applied: FullSizeLook = stored.look.for_parts(self._seen, self._strengths)
        self._proxy: Proxy | None = None

    def render(self, settings: Settings, part: tuple[slice, slice]) -> Pixels:
        """A part of the photo with these settings, `(h, w, 3) float32`, sRGB-encoded, [0, 1]. It is not dithered."""
        height, width = self._photo.height, self._photo.width
        top, left = part[0].start, part[1].start
        result = np.empty((part[0].stop - top, part[1].stop - left, 3), np.float32)
        profile, seen = self._photo.profile, self._seen.pixels
        proxy = self._proxy_of_photo() if needs_proxy(settings) else None
        maps = adjustment_maps(seen, settings.look, proxy)

        def work(tile: Part) -> None:
            place = Part(tile.rows, tile.columns, height, width, top + tile.top, left + tile.left)
            before = seen[place.pixels]
            if settings.leaves_content:
                result[tile.pixels] = before
                return
            looked = self._applied.of(place)
            result[tile.pixels] = (
                looked if is_full(settings) else adjust_part(before, looked, settings, maps, place, profile)
            )

        for_each_tile(result.shape[0], result.shape[1], work)
        if self._photo.coverage is not None:
            shown = self._photo.coverage[part][..., None] > 0
            result = np.where(shown, result, self._photo.pixels[part])
        return result if profile.is_srgb else np.clip(profile.to_srgb(result), 0, 1)

    def _proxy_of_photo(self) -> Proxy:
        if self._proxy is None:
            pixels = self._photo.fitted(self._stored.settings.solver.size)
            changed, _ = self._stored.look(Photo(pixels), self._strengths)
            coverage = self._stored.correspondence.content.coverage
            self._proxy = Proxy(pixels, changed, self._stored.look.coarse, coverage)
        return self._proxy
