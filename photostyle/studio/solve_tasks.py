"""Solving in a worker: styles are measured once, and what was solved for is stored for all workers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.pipeline.result import Progress
from photostyle.pipeline.session import Session
from photostyle.presets import load_preset
from photostyle.regions.in_words import match_line, names_of
from photostyle.studio.photo_file import PhotoFile, StyleFile
from photostyle.studio.photo_tasks import Photos
from photostyle.studio.recent import Recent
from photostyle.studio.stored_transfer import StoredTransfer, store
from photostyle.styles.look_file import is_look

if TYPE_CHECKING:
    from photostyle.regions.correspondence import Correspondence
    from photostyle.studio.tasks import Tell
    from photostyle.styles.style import Style

KEPT_STYLES = 4
"""Measured styles that are kept, about 40 MB each for `default`."""
STAGES = {
    "measure the style": "measuring the style",
    "regions": "finding regions",
    "closed form": "matching colours",
    "objective": "preparing",
    "solve, coarse": "refining, first pass",
    "solve, fine": "refining, second pass",
}
"""Stages of a transfer, in words for the page."""
SHARES = {"solve, coarse": (0.3, 0.75), "solve, fine": (0.75, 1.0)}
"""How much of the time is spent at the beginning and at the end of these stages of `default`, roughly (our choice)."""


class Solver:
    """Solves transfers. Keeps a session for each preset, and the last measured styles."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos
        self._sessions: dict[str, Session] = {}
        self._styles: Recent[Style] = Recent(KEPT_STYLES)
        self._tell: Tell | None = None

    def solve(
        self, tell: Tell, content: PhotoFile, styles: Sequence[StyleFile], preset: str, target: Path
    ) -> dict[str, Any]:
        """Solves a transfer, stores it as `target`, and returns what the page shows of it."""
        tell("loading")
        self._tell = tell
        session = self._session(preset)
        photo = self._photos.read(content)
        measured = reduce(add, [self._measured(session, preset, style) for style in styles])
        solved = session.solve(photo, measured, content_mask=content.mask)
        store(target, StoredTransfer.of(solved, session.settings))
        found = solved.rendering.correspondence
        return {
            "match_line": match_line(found),
            "regions": regions_in_words(found),
            "warnings": list(solved.warnings),
            "seconds": solved.seconds["total"],
        }

    def _session(self, preset: str) -> Session:
        if preset not in self._sessions:
            self._sessions[preset] = Session(settings=load_preset(preset), progress=self._hear)
        return self._sessions[preset]

    def _measured(self, session: Session, preset: str, style: StyleFile) -> Style:
        def measure() -> Style:
            source = style.photo.path if is_look(style.photo.path) else self._photos.read(style.photo)
            mask = None if is_look(style.photo.path) else style.photo.mask
            return session.style(source, mask, weight=style.weight, region=style.region)

        return self._styles.get((preset, style), measure)

    def _hear(self, progress: Progress) -> None:
        """Passes on how far the session is, in words; see `Tell`."""
        if self._tell is None:
            return
        done = None
        if progress.stage in SHARES and progress.iterations:
            first, last = SHARES[progress.stage]
            done = first + (last - first) * progress.iteration / progress.iterations
        if not math.isnan(progress.loss) or progress.stage in STAGES:
            self._tell(STAGES.get(progress.stage, progress.stage), done)


def regions_in_words(found: Correspondence) -> list[dict[str, Any]]:
    """The regions of a correspondence as the page shows them."""
    from photostyle.studio.region_tasks import colour_of

    return [
        {
            "name": region.name,
            "colour": colour_of(region.content_ids[0], found.content.names),
            "share": found.content.share(region.content_ids),
            "sureness": None if region.follows else region.sureness,
            "follows": region.follows,
            "takes_from": [
                {
                    "style": source.style,
                    "region": " and ".join(names_of(found.styles[source.style].regions, source.ids)) or "all",
                    "share": source.share,
                }
                for source in region.sources
            ],
        }
        for region in found.regions
    ]
