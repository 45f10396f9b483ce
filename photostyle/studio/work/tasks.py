"""What a worker can do. Each method is a task: the server names it, with the paths of files that it has made itself.

A worker keeps what it has read and measured for the next job, within bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from photostyle.studio.photo_file import PhotoFile, StyleFile
from photostyle.studio.work.contact_sheet import contact_sheet
from photostyle.studio.work.files import rendered, save, write_table
from photostyle.studio.work.photos import PartOfPhoto, Photos, find_photos_in
from photostyle.studio.work.regions import Regions, zipped
from photostyle.studio.work.solving import Solver
from photostyle.studio.work.stored_transfer import load
from photostyle.studio.work.views import Views


class Tell(Protocol):
    """Hears how far a task is; raises if the task is to stop."""

    def __call__(self, stage: str, done: float | None = None) -> None: ...


class Tasks:
    """All tasks, with what they keep.

    Args:
        kept_pixels: see `photostyle.studio.work.photos.Photos`.
    """

    def __init__(self, kept_pixels: float) -> None:
        self.photos = Photos(kept_pixels)
        self.regions = Regions(self.photos)
        self.solver = Solver(self.photos, self.regions)
        self.views = Views(self.photos)
        self.solve, self.save_look = self.solver.solve, self.solver.save_look  # these tell how far they are

    def use_idle_time(self) -> bool:
        """Is called when no job is waiting: prepares one thing that the next one may need. Returns whether there is
        more to prepare."""
        return self.views.prepare()

    def find_photos(self, tell: Tell, places: Sequence[Path], results: Path) -> list[Path]:
        """The photos of files and folders."""
        tell("looking for photos")
        return find_photos_in(places, results)

    def look_at(self, tell: Tell, photo: PhotoFile, most_pixels: int) -> dict[str, Any]:
        """Reads a new photo, and makes the small copies that are shown."""
        tell("reading the photo")
        return self.photos.look_at(photo, most_pixels)

    def photo_view(self, tell: Tell, photo: PhotoFile, longest: int) -> bytes:
        """A JPEG of the photo at most this large."""
        tell("making the picture")
        return self.photos.view(photo, longest)

    def photo_part(self, tell: Tell, photo: PhotoFile, part: PartOfPhoto) -> bytes:
        """A JPEG of a part of the photo."""
        tell("making the picture")
        return self.photos.part(photo, part)

    def regions_of(self, tell: Tell, photo: PhotoFile) -> dict[str, Any]:
        """The regions of a photo, as the page lists them."""
        tell("finding regions")
        return self.regions.shown(photo)

    def labels_of(self, tell: Tell, photo: PhotoFile) -> bytes:
        """The regions of a photo as a PNG of labels."""
        tell("finding regions")
        return self.regions.labels(photo)

    def mend(self, tell: Tell, photo: PhotoFile, drawn: Path, names: Mapping[int, str], target: Path) -> dict[str, Any]:
        """Writes mended labels as a mask, and returns the regions."""
        tell("writing the mask")
        self.regions.mend(photo, drawn, names, target)
        return self.regions.shown(replace(photo, mask=target))

    def subject_of(self, tell: Tell, photo: PhotoFile) -> bytes:
        """The subject of a photo as a PNG: 255 inside, 0 outside."""
        tell("finding the subject")
        return self.regions.subject(photo)

    def mask_archive(self, tell: Tell, photo: PhotoFile) -> bytes:
        """The mask of a photo as a ZIP."""
        tell("writing the mask")
        return self.regions.archive(photo)

    def archive(self, tell: Tell, files: Mapping[str, Path]) -> bytes:
        """A ZIP of files by their names in it."""
        tell("writing the archive")
        return zipped(files)

    def contact_sheet(self, tell: Tell, folder: Path, outputs: Sequence[str]) -> bytes:
        """The results of a queue in one JPEG."""
        tell("making the picture")
        return contact_sheet(folder, outputs)

    def found_mask(self, tell: Tell, photo: PhotoFile) -> Path:
        """A mask of what the network finds, at the photo's own size."""
        tell("finding regions")
        return self.regions.found_mask(photo)

    def measure_ahead(self, tell: Tell, style: StyleFile, preset: str) -> None:
        """Measures a style that will probably be used."""
        tell("measuring the style")
        self.solver.measure_ahead(tell, style, preset)

    def transfer_view(
        self, tell: Tell, transfer: Path, content: PhotoFile, longest: int, settings: Mapping[str, Any]
    ) -> bytes:
        """A JPEG of the result, with these settings, about this large."""
        tell("making the picture")
        return self.views.view(transfer, content, longest, settings)

    def transfer_part(
        self, tell: Tell, transfer: Path, content: PhotoFile, part: PartOfPhoto, settings: Mapping[str, Any]
    ) -> bytes:
        """A JPEG of a part of the result at its own size."""
        tell("making the picture")
        return self.views.part(transfer, content, part, settings)

    def save(
        self,
        tell: Tell,
        transfer: Path,
        content: PhotoFile,
        settings: Mapping[str, Any],
        format: str,
        folder: Path,
        name: str,
        inputs: Sequence[Path],
    ) -> dict[str, Any]:
        """Makes the result at full size and writes it."""
        tell("making the photo at full size")
        stored = load(transfer)
        changed = stored.settings.with_changes({**settings, "output.format": format})
        photo, warnings = rendered(stored, self.photos.read(content), changed)
        tell("writing the file")
        written = save(photo, folder, name, changed.output, inputs)
        return {**written, "warnings": [*warnings, *written["warnings"]]}

    def lut(
        self, tell: Tell, transfer: Path, content: PhotoFile, settings: Mapping[str, Any], title: str, target: Path
    ) -> dict[str, Any]:
        """Fits a LUT, writes it, and returns its error: mean and 95th percentile of CIEDE2000."""
        tell("fitting the table")
        stored = load(transfer)
        return write_table(stored, self.photos.read(content), stored.settings.with_changes(settings), title, target)
