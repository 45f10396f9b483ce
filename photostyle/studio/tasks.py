"""What a worker can do. Each method is a task: the server names it, with the paths of files that it has made itself.

A worker keeps what it has read and measured for the next job, within bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from photostyle.studio.photo_file import PhotoFile, StyleFile
from photostyle.studio.photo_tasks import Photos
from photostyle.studio.solve_tasks import Solver
from photostyle.studio.view_tasks import Views


class Tell(Protocol):
    """Hears how far a task is; raises if the task is to stop."""

    def __call__(self, stage: str, done: float | None = None) -> None: ...


class Tasks:
    """All tasks, with what they keep."""

    def __init__(self) -> None:
        self.photos = Photos()
        self.solver = Solver(self.photos)
        self.views = Views(self.photos)

    def use_idle_time(self) -> None:
        """Is called when no job is waiting: prepares what the next one probably needs."""
        self.views.prepare()

    def look_at(self, tell: Tell, photo: PhotoFile, most_pixels: int) -> dict[str, Any]:
        """Reads a new photo, and makes the small copies that are shown."""
        tell("reading the photo")
        return self.photos.look_at(photo, most_pixels)

    def photo_view(self, tell: Tell, photo: PhotoFile, longest: int) -> bytes:
        """A JPEG of the photo at most this large."""
        tell("making the picture")
        return self.photos.view(photo, longest)

    def photo_part(self, tell: Tell, photo: PhotoFile, part: tuple[int, int, int, int]) -> bytes:
        """A JPEG of a part of the photo: top, left, rows and columns, in pixels."""
        tell("making the picture")
        return self.photos.part(photo, part)

    def solve(
        self,
        tell: Tell,
        content: PhotoFile,
        styles: Sequence[StyleFile],
        preset: str,
        target: Path,
    ) -> dict[str, Any]:
        """Solves a transfer and stores it; returns what the page shows of it."""
        return self.solver.solve(tell, content, styles, preset, target)

    def transfer_view(
        self, tell: Tell, transfer: Path, content: PhotoFile, longest: int, settings: Mapping[str, Any]
    ) -> bytes:
        """A JPEG of the result, with these settings, about this large."""
        return self.views.view(transfer, content, longest, settings)
