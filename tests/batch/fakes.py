"""Workers in this process, and sets of small photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from photostyle.batch.job import Failure, LookJob, Outcome, PhotoJob, StyleSource, WorkerOptions
from photostyle.batch.plan import Item
from photostyle.batch.worker import Worker
from photostyle.batch.worker_messages import JobDropped, JobFinished, JobStarted, WorkerLost, WorkerMessage, WorkerReady
from photostyle.errors import OutputError
from tests.fakes import write_photo

FIGURES = {"clipped": 0.0, "halo": 0.0, "unmatched": 0.0}


class DeathError(Exception):
    """Raised by a job to have its worker die."""


@dataclass
class Inline:
    """One worker that does a job whenever it is asked for news.

    Args:
        do: the job; raises `DeathError` to die.
    """

    do: Callable[[Any], Outcome]
    jobs: list[tuple[PhotoJob | LookJob, bool]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    stopped: bool = False
    closed: bool = False
    ready: bool = False

    def has_room(self, *, alone: bool = False) -> bool:
        return len(self.jobs) < (1 if alone else 2) and not any(alone for _, alone in self.jobs)

    def give(self, job: PhotoJob | LookJob, *, alone: bool = False) -> None:
        self.jobs.append((job, alone))

    def messages(self, seconds: float) -> list[WorkerMessage]:
        if not self.ready:
            self.ready = True
            return [WorkerReady(0.0)]
        if self.stopped:
            dropped, self.jobs = self.jobs, []
            return [JobDropped(job.output) for job, _ in dropped]
        job, _ = self.jobs[0]
        try:
            outcome = self.do(job)
        except DeathError:
            lost, self.jobs = self.jobs, []
            return [JobStarted(job.output), WorkerLost(tuple(job.output for job, _ in lost), "killed by signal 9")]
        del self.jobs[0]
        self.done.append(job.output)
        return [JobStarted(job.output), JobFinished(outcome, 1_000_000)]

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


def real(_: int, options: WorkerOptions) -> Inline:
    """In the place of `LocalWorkers`: a true worker, in this process."""
    return Inline(Worker(options).do)


def reversing(job: PhotoJob) -> Outcome:
    """A job without a network: the result is the photo's bytes, backwards. One that holds "bad" cannot be read."""
    data = Path(job.content).read_bytes()
    digest = sha256(data).hexdigest()
    if b"bad" in data:
        return Outcome(job.output, Failure("InputError", "expected a photo, found something bad"), digest)
    made = data[::-1]
    Path(job.part).write_bytes(made)
    for path in job.thumbnails:
        Path(path).write_bytes(b"small")
    return Outcome(job.output, None, digest, sha256(made).hexdigest(), 72, 96, {"total": 0.1}, (), FIGURES)


def full_disk(job: PhotoJob) -> Outcome:
    error = OutputError("a file that can be written", "No space left on device", job.part)
    return Outcome(job.output, Failure("OutputError", str(error), fatal=error))


def items(folder: Path, count: int) -> list[Item]:
    """A set of files that are not photos, and a style."""
    style = folder / "style.jpg"
    style.write_bytes(b"the style")
    found = []
    for number in range(count):
        path = folder / f"{number:02}.jpg"
        path.write_bytes(f"photo {number}".encode())
        found.append(Item(str(path), f"{number:02}.jpg", (StyleSource(str(style)),)))
    return found


def photos(folder: Path, *names: str, height: int = 72, width: int = 96) -> None:
    """Small photos of these names below a folder."""
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_photo(path, seed, height=height, width=width)
