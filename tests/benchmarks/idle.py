"""A worker of a cluster that does nothing; a module of its own, since Ray imports it where they work."""

from __future__ import annotations

import os
from pathlib import Path

from photostyle import __version__
from photostyle.batch.cluster_actor import ActorInfo, WorkerActor
from photostyle.batch.job import LookJob, Outcome, PhotoJob, WorkerOptions

SUM = "0" * 64


class Idle(WorkerActor):
    """Leaves empty results."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: dict[str, str] = {}

    def load(self, options: WorkerOptions, folder: str) -> ActorInfo:
        return ActorInfo(0.0, __version__, "here", os.getpid())

    def read(self, job: PhotoJob | LookJob, look: bytes | None) -> None:
        if isinstance(job, PhotoJob):
            self._parts[job.output] = job.part

    def solve(self, output: str) -> None:
        Path(self._parts[output]).touch()

    def write(self, output: str) -> tuple[Outcome, int]:
        return Outcome(output, None, SUM, SUM, 72, 96, {"total": 0.0}, (), {"clipped": 0.0}), 0
