"""Results on the screen in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from photostyle.settings import LookSettings
from photostyle.studio.photo_file import PhotoFile
from photostyle.studio.work.part_view import PartView
from photostyle.studio.work.photos import PartOfPhoto, Photos, jpeg, part_of
from photostyle.studio.work.proxy_view import ProxyView
from photostyle.studio.work.recent import Recent
from photostyle.studio.work.stored_transfer import StoredTransfer, load

KEPT_BYTES = 400e6
"""Memory for proxies; one of 1 megapixel with five regions needs 140 MB."""
KEPT_PARTS = 2
"""Transfers of which parts are shown at full size; each keeps its photo."""
SMALL = 400
"""Longest side of the small results in the strip, in pixels."""


class Views:
    """Renders solved transfers on proxies, and keeps those that were shown last."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos
        self._parts: Recent[tuple[StoredTransfer, PartView]] = Recent(KEPT_PARTS)
        self._views: Recent[tuple[StoredTransfer, ProxyView]] = Recent(KEPT_BYTES, lambda kept: kept[1].bytes)

    def prepare(self) -> bool:
        """Computes one thing that the next slider may need. Returns whether something is left to compute."""
        last = self._views.last()
        return last is not None and last[1].prepare()

    def view(self, transfer: Path, content: PhotoFile, longest: int, settings: Mapping[str, Any]) -> bytes:
        """A JPEG of the result, with these settings by dotted names."""
        size = SMALL if longest <= SMALL else longest

        def make() -> tuple[StoredTransfer, ProxyView]:
            stored = load(transfer)
            return stored, ProxyView(stored, self._photos.proxy(content, size))

        stored, view = self._views.get((transfer, size), make)
        return jpeg(view.render(stored.settings.with_changes(settings)))

    def part(self, transfer: Path, content: PhotoFile, part: PartOfPhoto, settings: Mapping[str, Any]) -> bytes:
        """A JPEG of a part of the result at its own size, with these settings."""
        photo, regions = self._photos.read(content), settings.get("look.regions", {})

        def make() -> tuple[StoredTransfer, PartView]:
            stored = load(transfer)
            return stored, PartView(stored, photo, LookSettings(regions=regions))

        stored, view = self._parts.get((transfer, tuple(sorted(regions.items()))), make)
        return jpeg(view.render(stored.settings.with_changes(settings), part_of(photo, part)))
