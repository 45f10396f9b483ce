"""Solving in a worker: styles are measured once, and what was solved for is stored for all workers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.errors import SettingsError
from photostyle.pipeline.result import Progress
from photostyle.pipeline.session import Session, solve
from photostyle.presets import load_preset
from photostyle.regions.in_words import match_line, names_of
from photostyle.studio.photo_file import PhotoFile, StyleFile
from photostyle.studio.work.photos import Photos
from photostyle.studio.work.recent import Recent
from photostyle.studio.work.regions import Regions, choices, colour_of, rematched, write_full
from photostyle.studio.work.stored_transfer import StoredTransfer, store
from photostyle.styles.look_file import is_look

if TYPE_CHECKING:
    from photostyle.regions.correspondence import Correspondence
    from photostyle.studio.work.tasks import Tell
    from photostyle.styles.style import Style

KEPT_STYLES = 4
"""Measured styles that are kept; about 40 MB each where `default` uses PyTorch."""
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
"""How much of the time is spent at the beginning and at the end of these stages, roughly (our choice)."""


class Solver:
    """Solves transfers. Keeps a session for each preset, and the last measured styles."""

    def __init__(self, photos: Photos, regions: Regions) -> None:
        self._photos, self._regions = photos, regions
        self._sessions: dict[str, Session] = {}
        self._styles: Recent[Style] = Recent(KEPT_STYLES)
        self._tell: Tell | None = None

    def solve(
        self,
        tell: Tell,
        content: PhotoFile,
        styles: Sequence[StyleFile],
        preset: str,
        matches: Sequence[tuple[str, str]],
        target: Path,
    ) -> dict[str, Any]:
        """Solves a transfer, stores it as `target`, and returns what the page shows of it.

        If a photo has a mask, those that have none get one of the regions that the network finds. If the user has
        matched regions otherwise, all photos get masks that say so, in a folder beside `target`.

        Returns:
            The regions, warnings and seconds; and `masks`: those of the content and of each style, None without any.
        """
        tell("loading")
        self._tell = tell
        session, photo = self._session(preset), self._photos.read(content)
        self._photos.write_proxy(content, photo)
        content, styles = self._all_masked(content, styles)
        offered = None
        if matches:
            folder = target.with_suffix(".masks")
            content, styles, offered = self._rematched(session, preset, content, styles, matches, folder)
        solved = solve(session, photo, self._style(session, preset, styles), content_mask=content.mask)
        store(target, StoredTransfer.of(solved, session.settings))
        found = solved.rendering.correspondence
        return {
            "match_line": match_line(found),
            "regions": regions_in_words(found),
            "warnings": list(solved.warnings),
            "seconds": solved.seconds["total"],
            "choices": offered or choices(found),
            "masks": None if content.mask is None else [content.mask, *(style.photo.mask for style in styles)],
        }

    def measure_ahead(self, tell: Tell, style: StyleFile, preset: str) -> None:
        """Measures a style that will probably be used."""
        self._tell = tell
        self._measured(self._session(preset), preset, style)

    def save_look(
        self, tell: Tell, styles: Sequence[StyleFile], preset: str, settings: Mapping[str, Any], target: Path
    ) -> None:
        """Writes the styles and the settings as a look, with the bytes of `photostyle run --save-look`."""
        tell("measuring the style")
        self._tell = tell
        session = self._session(preset)
        style = self._style(session, preset, styles)
        replace(style, settings=session.settings.with_changes(settings)).save(target)

    def _all_masked(self, content: PhotoFile, styles: Sequence[StyleFile]) -> tuple[PhotoFile, Sequence[StyleFile]]:
        """The photos with a mask each if one of them has one."""
        if all(file.mask is None for file in (content, *(style.photo for style in styles))):
            return content, styles

        def masked(file: PhotoFile) -> PhotoFile:
            known = file.mask is not None or is_look(file.path)
            return file if known else replace(file, mask=self._regions.found_mask(file))

        return masked(content), [replace(style, photo=masked(style.photo)) for style in styles]

    def _rematched(
        self,
        session: Session,
        preset: str,
        content: PhotoFile,
        styles: Sequence[StyleFile],
        matches: Sequence[tuple[str, str]],
        folder: Path,
    ) -> tuple[PhotoFile, Sequence[StyleFile], dict[str, Any]]:
        """The photos with masks that match as the user wants, and the names that can be matched otherwise."""
        if any(is_look(style.photo.path) for style in styles):
            raise SettingsError.stating("regions of a saved look cannot be matched otherwise", "matches")
        photo = self._photos.read(content)
        found = session.correspondence(photo, self._style(session, preset, styles), content_mask=content.mask)
        own, others = rematched(found, matches)
        folder.mkdir(exist_ok=True)
        files, maps = [content, *(style.photo for style in styles)], [own, *others]
        masked = []
        for place, (file, regions) in enumerate(zip(files, maps, strict=True)):
            mask = folder / str(place) / f"{file.path.stem}.mask.png"
            mask.parent.mkdir(exist_ok=True)
            write_full(mask, regions, self._photos.read(file))
            masked.append(replace(file, mask=mask))
        return masked[0], [replace(s, photo=file) for s, file in zip(styles, masked[1:], strict=True)], choices(found)

    def _style(self, session: Session, preset: str, styles: Sequence[StyleFile]) -> Style:
        return reduce(add, [self._measured(session, preset, style) for style in styles])

    def _session(self, preset: str) -> Session:
        if preset not in self._sessions:
            self._sessions[preset] = Session(settings=load_preset(preset), progress=self._hear)
        return self._sessions[preset]

    def _measured(self, session: Session, preset: str, style: StyleFile) -> Style:
        def measure() -> Style:
            source = style.photo.path if is_look(style.photo.path) else self._photos.read(style.photo)
            mask = None if is_look(style.photo.path) else style.photo.mask
            return _lighter(session.style(source, mask, weight=style.weight, region=style.region))

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


def _lighter(style: Style) -> Style:
    """The style without its photos at full size, which only its measuring needs."""
    parts = [replace(part, photo=replace(part.photo, pixels=part.pixels, alpha=None)) for part in style.parts]
    return replace(style, parts=tuple(parts))


def regions_in_words(found: Correspondence) -> list[dict[str, Any]]:
    """The regions of a correspondence as the page shows them."""
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
