"""Results on the screen in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from photostyle.photo.photo import Photo
from photostyle.studio.photo_file import PhotoFile
from photostyle.studio.photo_tasks import Photos, jpeg
from photostyle.studio.stored_transfer import load


class Views:
    """Renders solved transfers."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos

    def prepare(self) -> None:
        """Computes, in idle time, what the next slider will need."""

    def view(self, transfer: Path, content: PhotoFile, longest: int, settings: Mapping[str, Any]) -> bytes:
        """A JPEG of the result, with these settings by dotted names, on a proxy."""
        stored = load(transfer)
        photo = Photo(self._photos.proxy(content, longest))
        result, _ = stored.rendering(photo).of(stored.settings.with_changes(settings))
        return jpeg(result.in_srgb())
