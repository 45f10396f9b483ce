"""Renders the photo of a solved transfer for any strength and any section `look`, without solving again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from photostyle.compute.device import within_memory
from photostyle.errors import SettingsError
from photostyle.photo.photo import Photo
from photostyle.pipeline.adjustments import Proxy, adjust, needs_proxy
from photostyle.pipeline.result import Clock, Result
from photostyle.regions.correspondence import Correspondence
from photostyle.regions.edge_masks import coarse_masks
from photostyle.settings import LookSettings, Settings
from photostyle.solvers.result import Outcome


@dataclass(frozen=True, eq=False)
class Rendering:
    """All that is needed to render a solved transfer. The full look is computed again each time, to save memory.

    Args:
        photo: the content, at its own size. Its colours under full transparency stay as they are.
        pixels: `(h, w, 3) float32`, sRGB-encoded, [0, 1]: the content at the size of the solve.
        correspondence: the regions at the size of the solve.
        apply: see `photostyle.pipeline.task.SolvedTransfer`.
        device: where the transfer was computed, for messages.
        software: the program that the photo's history names.
        origin: what the photo's history says about the styles.
    """

    photo: Photo
    pixels: NDArray[np.float32] = field(repr=False)
    correspondence: Correspondence = field(repr=False)
    apply: Callable[[Photo, Sequence[float]], tuple[NDArray[np.float32], tuple[str, ...]]] = field(repr=False)
    device: str
    software: str
    origin: str

    @within_memory
    def of(self, settings: Settings) -> tuple[Photo, tuple[str, ...]]:
        """The photo with these settings, and warnings. A new run with these settings gives the same photo.

        Raises:
            SettingsError: the settings name a region that does not exist.
        """
        strengths = strengths_of(settings.look, self.correspondence)
        photo, warnings = self.photo, tuple[str, ...]()
        if not settings.leaves_content:
            seen = photo.filled()
            changed, warnings = self.apply(seen, strengths)
            proxy = self._proxy(strengths) if needs_proxy(settings) else None
            mixed = adjust(seen.pixels, changed, settings, proxy, profile=photo.profile)
            if photo.coverage is not None:
                mixed = np.where(photo.coverage[..., None] > 0, mixed, photo.pixels)
            photo = photo.with_pixels(mixed)
        made = f"preset {settings.preset}, strength {settings.strength:g}, {self.origin}"
        return photo.with_event(self.software, made), warnings

    def again(self, result: Result, settings: Settings) -> Result:
        """The result of this transfer with other settings; see `Result.rendered`."""
        clock = Clock()
        with clock.part("apply"):
            photo, _ = self.of(settings)
        return replace(result, photo=photo, settings=settings, seconds=clock.seconds())

    def _proxy(self, strengths: Sequence[float]) -> Proxy:
        changed, _ = self.apply(Photo(self.pixels), strengths)
        ids = [region.content_ids for region in self.correspondence.regions]
        content = self.correspondence.content
        return Proxy(self.pixels, changed, coarse_masks(content, ids, self.pixels), content.coverage)


@dataclass(frozen=True, eq=False)
class Solved:
    """A solved transfer that nothing has been rendered of yet; see `photostyle.pipeline.session.solve`.

    Args:
        rendering: renders the photo.
        warnings: what the user should know, a line each.
        stages: how each stage of the solver went.
        seconds: how long each part took, by name, and the whole, `total`.
    """

    rendering: Rendering
    warnings: tuple[str, ...]
    stages: tuple[Outcome, ...]
    seconds: Mapping[str, float]


def strengths_of(look: LookSettings, correspondence: Correspondence) -> list[float]:
    """The strength of each region of the correspondence, in their order.

    Raises:
        SettingsError: `look.regions` names a region that does not exist.
    """
    names = [region.name for region in correspondence.regions]
    for name in look.regions:
        if name not in names:
            raise SettingsError(f"the name of a region ({', '.join(names)})", repr(name), "look.regions")
    return [look.regions.get(name, 1.0) for name in names]
