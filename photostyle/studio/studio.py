"""A studio: everything that one start of the program keeps, and the processes that work for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from photostyle import __version__
from photostyle.preset_files import preset_names
from photostyle.settings import LookSettings, Settings
from photostyle.studio.answers import as_error, in_json
from photostyle.studio.batch_queue import BatchQueue
from photostyle.studio.events import Events
from photostyle.studio.limits import Limits
from photostyle.studio.photo_file import PhotoFile, StyleFile
from photostyle.studio.photo_store import PhotoStore, StoredPhoto
from photostyle.studio.private_folder import PrivateFolder
from photostyle.studio.results import Results
from photostyle.studio.slider_presets import SliderPresets, default_path
from photostyle.studio.slider_settings import preset_settings
from photostyle.studio.transfer_store import TransferStore
from photostyle.studio.workers import Worker
from segmentation.labels import CLASSES, FOREGROUND

KEPT_PIXELS = 50e6
"""Pixels of decoded photos that the worker for full-size work keeps: 600 MB."""
QUICK = ("preview",)
"""Presets that answer first: those that solve for nothing."""
SLIDERS = (
    ("strength", "Strength", "How much of the look the photo takes."),
    ("look.lightness", "Lightness", "How much the mean lightness of each region changes."),
    ("look.contrast", "Contrast", "How much lightness changes around that mean."),
    ("look.colour", "Colour", "How much colour changes."),
    ("look.skin", "Protect skin", "Keeps the colours of skin."),
    ("look.neutrals", "Protect greys", "Keeps greys grey; only their lightness changes."),
)
SWITCHES = (("look.keep_luminance", "Keep luminance", "Keeps the photo's own lightness and changes only its colour."),)
FORMATS = (
    ("jpeg", ".jpg", [8]), ("png", ".png", [8, 16]), ("tiff", ".tif", [8, 16]), ("webp", ".webp", [8]),
    ("avif", ".avif", [8]),
)  # fmt: skip


class Studio:
    """The photos, the transfers, the queue and the workers.

    Args:
        folder: where results go; it is made when the first one is saved.
        given: photos and folders to begin with, which are read in place.
        limits: how much the studio takes.
    """

    def __init__(self, folder: Path, given: Sequence[Path] = (), limits: Limits | None = None) -> None:
        self.folder, self.given, self.limits = folder, given, limits or Limits()
        self._private_folder = PrivateFolder()
        self.private = self._private_folder.path
        self.events = Events(self.limits.listeners)
        self.eye = Worker("eye", self._worker_died)
        self.hand = Worker("hand", self._worker_died, kept_pixels=KEPT_PIXELS)
        self.solver = Worker("solver", self._worker_died)
        self.photos = PhotoStore(self.private / "photos", self.limits, self._look_at)
        self.transfers = TransferStore(
            self.private / "transfers", self.limits, self.worker_for, self.events.tell
        )  # fmt: skip
        self.results = Results(self.events.tell)
        self.queue = BatchQueue(folder, self.private, self.results, self._mask_of, self.events.tell)
        self.sliders = SliderPresets(default_path())
        self.refused: list[dict[str, str]] = []
        """Photos of the command line that could not be used, as errors."""

    @property
    def workers(self) -> tuple[Worker, ...]:
        """`eye` renders what the sliders show, `hand` reads photos, solves what is quick and writes files, `solver`
        solves the rest."""
        return self.eye, self.hand, self.solver

    def worker_for(self, preset: str) -> Worker:
        """The worker that solves with a preset."""
        return self.hand if preset in QUICK else self.solver

    def presets(self) -> list[str]:
        """The presets that the page offers: those whose results can be rendered again at once."""
        return [name for name in preset_names() if preset_settings(name).solver.method != "pixels"]

    @property
    def first_preset(self) -> str:
        """The preset that answers first."""
        return next((name for name in QUICK if name in self.presets()), "default")

    def expect(self, photo: StoredPhoto) -> None:
        """Measures a new style before it is asked for."""
        if photo.role != "content":
            self.worker_for(self.first_preset).submit(
                "measure_ahead", priority=9, style=StyleFile(photo.file), preset=self.first_preset
            )

    def start(self) -> None:
        """Starts the workers that are needed first."""
        self.hand.start()
        self.eye.start()

    async def add_given(self) -> None:
        """Takes in the photos of the command line, one after another."""
        try:
            paths = await self.hand.run("find_photos", priority=3, places=self.given, results=self.folder)
        except Exception as error:
            self._refuse(error)
            return
        for path in paths:
            try:
                photo = await self.photos.add_in_place(path, "content")
                self.events.tell("photo", photo.shown())
            except Exception as error:
                self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        self.refused.append(in_json(as_error(error)))
        self.events.tell("refused", {"error": self.refused[-1]})

    async def stop(self) -> None:
        """Ends the queue; see `BatchQueue.close`."""
        await self.queue.close()

    def close(self) -> None:
        """Ends all workers and removes the private folder."""
        self.events.close()
        for worker in self.workers:
            worker.close()
        self._private_folder.remove()

    def state(self) -> dict[str, Any]:
        """All that the page needs to begin."""
        offered = self.presets()
        quick = [name for name in QUICK if name in offered]
        return {
            "version": __version__,
            "folder": self.folder.name,
            "presets": [
                {"name": name, "title": name.capitalize(), "description": PRESETS.get(name, ""), "quick": name in quick}
                for name in sorted(offered, key=lambda name: (name not in ("default", *QUICK), name))
            ],
            "first_preset": self.first_preset,
            "then_preset": "default",
            "sliders": [slider(*each) for each in SLIDERS],
            "switches": [{"key": key, "title": title, "help": text, "default": False} for key, title, text in SWITCHES],
            "classes": [
                {"id": label.id, "name": label.name, "colour": "#{:02x}{:02x}{:02x}".format(*label.colour)}
                for label in CLASSES
                if label.id <= FOREGROUND[-1]
            ],
            "formats": [{"name": name, "ending": ending, "bits": bits} for name, ending, bits in FORMATS],
            "limits": self.limits.shown(),
            "photos": [photo.shown() for photo in self.photos],
            "transfers": [transfer.shown() for transfer in self.transfers],
            "queue": self.queue.shown(),
            "refused": self.refused,
        }

    async def _look_at(self, file: PhotoFile) -> dict[str, Any]:
        found: dict[str, Any] = await self.hand.run(
            "look_at", priority=3, seconds=self.limits.look_seconds, photo=file, most_pixels=self.limits.pixels
        )
        return found

    async def _mask_of(self, photo: StoredPhoto) -> Path:
        mask: Path = await self.hand.run("found_mask", priority=4, seconds=self.limits.view_seconds, photo=photo.file)
        return mask

    def _worker_died(self, sentence: str) -> None:
        self.events.tell("worker", {"text": sentence})


PRESETS = {
    "default": "Finds the look with care: some ten seconds.",
    "fast": "The first steps of default: nearly as good, in a third of its time.",
    "preview": "A first idea of the look: some seconds.",
}


def slider(key: str, title: str, text: str) -> dict[str, Any]:
    """A slider of the page. Its default is that of the settings."""
    section, _, name = key.rpartition(".")
    default = (LookSettings if section else Settings).model_fields[name].default
    return {"key": key, "title": title, "help": text, "from": 0.0, "to": 1.0, "default": default, "step": 0.01}
