"""A worker on another machine: Ray calls the steps of a job over the network."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photostyle import __version__
from photostyle.batch.job import LookJob, Outcome, PhotoJob, WorkerOptions
from photostyle.batch.local_workers import peak_bytes
from photostyle.compute.threads import use_threads
from photostyle.errors import OutputError, PhotostyleError

if TYPE_CHECKING:
    from photostyle.batch.worker import ReadJob, SolvedJob, Worker


@dataclass(frozen=True)
class ActorInfo:
    """An actor that is ready.

    Args:
        seconds: time that it took to load.
        version: of photostyle on its machine.
        host, pid: its machine and process.
    """

    seconds: float
    version: str
    host: str
    pid: int


class WorkerActor:
    """The actor that `cluster_workers.ClusterWorkers` calls.

    Each step keeps its result here for the next step, so that no photo travels. Three jobs may be at work at once, each
    in a different step.
    """

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._read: dict[str, ReadJob] = {}
        self._solved: dict[str, SolvedJob] = {}

    def load(self, options: WorkerOptions, folder: str) -> ActorInfo | PhotostyleError:
        """Loads what all jobs need. Errors are returned: Ray would report a raised one as the end of the actor.

        Args:
            options: what all jobs share.
            folder: a folder that this machine must share with the one that started the batch; empty if none.
        """
        began = time.perf_counter()
        if folder and not os.path.isdir(folder):
            advice = "Keep photos and results in a folder that all machines share (docs/cluster.md)."
            return OutputError(
                "a folder on every machine of the cluster", f"none on {socket.gethostname()}", folder, advice
            )
        use_threads(options.threads)
        try:
            from photostyle.batch.worker import Worker

            self._worker = Worker(options)
        except PhotostyleError as error:
            return error
        return ActorInfo(time.perf_counter() - began, __version__, socket.gethostname(), os.getpid())

    def read(self, job: PhotoJob | LookJob, look: bytes | None) -> None:
        """The first step.

        Args:
            job: without the look of its set.
            look: the look of the set, which Ray sends to each machine once.
        """
        given = replace(job, look=look) if isinstance(job, PhotoJob) else job
        self._read[job.output] = self._loaded.read(given)

    def solve(self, output: str) -> None:
        """The second step."""
        self._solved[output] = self._loaded.solve(self._read.pop(output))

    def write(self, output: str) -> tuple[Outcome, int]:
        """The last step; also returns the most memory that this worker has used."""
        return self._loaded.write(self._solved.pop(output)), peak_bytes()

    def drop(self, output: str) -> None:
        """Forgets a job that has been read."""
        del self._read[output]

    @property
    def _loaded(self) -> Worker:
        if self._worker is None:
            raise ValueError("call `load` before the steps")
        return self._worker
