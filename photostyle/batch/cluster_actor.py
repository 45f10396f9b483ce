"""A worker on another machine: the steps of a job, each called over the network."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photostyle import __version__
from photostyle.batch.job import LookJob, Outcome, PhotoJob, WorkerOptions
from photostyle.batch.local_workers import LIBRARIES, peak_bytes
from photostyle.errors import OutputError, PhotostyleError

if TYPE_CHECKING:
    from photostyle.batch.worker import ReadJob, SolvedJob, Worker


@dataclass(frozen=True)
class ActorInfo:
    """A worker that is ready.

    Args:
        seconds: that it took.
        version: of photostyle there.
        host, pid: where it is.
    """

    seconds: float
    version: str
    host: str
    pid: int


class WorkerActor:
    """What `cluster_workers.ClusterWorkers` calls. A step keeps what it made for the next one, so that no photo travels; the
    steps of three jobs may run at once, each step of one job only.
    """

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._read: dict[str, ReadJob] = {}
        self._solved: dict[str, SolvedJob] = {}

    def load(self, options: WorkerOptions, folder: str) -> ActorInfo | PhotostyleError:
        """Loads what all jobs need; an error is returned, since raised it would look like a death.

        Args:
            options: of the jobs.
            folder: that must be found there as it is where the batch was begun; empty where none must be.
        """
        began = time.perf_counter()
        if folder and not os.path.isdir(folder):
            advice = "Keep the photos and results where every machine of the cluster finds them (docs/cluster.md)."
            return OutputError("a folder that all workers share", f"none on {socket.gethostname()}", folder, advice)
        for library in LIBRARIES:
            os.environ[library] = str(options.threads)
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
            look: that look, which Ray brings to each machine once.
        """
        given = replace(job, look=look) if isinstance(job, PhotoJob) else job
        self._read[job.output] = self._loaded.read(given)

    def solve(self, output: str) -> None:
        """The second step."""
        self._solved[output] = self._loaded.solve(self._read.pop(output))

    def write(self, output: str) -> tuple[Outcome, int]:
        """The last step; also gives the most memory that this worker has had."""
        return self._loaded.write(self._solved.pop(output)), peak_bytes()

    def drop(self, output: str) -> None:
        """Forgets a job that has been read."""
        del self._read[output]

    @property
    def _loaded(self) -> Worker:
        if self._worker is None:
            raise ValueError("a step before load")
        return self._worker
