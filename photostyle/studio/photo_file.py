"""The paths of a photo, as the server gives them to its workers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PhotoFile:
    """A photo that the server has taken in.

    Args:
        id: made by the server.
        path: the file.
        folder: the studio's own folder for what is made from the photo.
        mask: a mask of its regions that the user has made; None if there is none. Another mask has another path.
    """

    id: str
    path: Path
    folder: Path
    mask: Path | None = None


@dataclass(frozen=True)
class StyleFile:
    """A style photo of a transfer; see `photostyle.pipeline.session.Session.style`."""

    photo: PhotoFile
    weight: float = 1.0
    region: str | None = None
