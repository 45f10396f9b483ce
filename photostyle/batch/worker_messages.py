"""What a batch asks of those who do its jobs, wherever they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from photostyle.batch.job import LookJob, Outcome, PhotoJob


@dataclass(frozen=True)
class WorkerReady:
    """A worker has loaded what it needs."""

    seconds: float


@dataclass(frozen=True)
class JobStarted:
    """A worker has begun to solve the job of this output."""

    output: str


@dataclass(frozen=True)
class JobFinished:
    """A job is over, well or not.

    Args:
        outcome: what came of it.
        peak_bytes: the most memory that its worker has had so far.
    """

    outcome: Outcome
    peak_bytes: int


@dataclass(frozen=True)
class JobDropped:
    """A job was handed out and will not be begun by the worker that had it: `Workers.stop` was called, or the worker
    died before it was ready."""

    output: str


@dataclass(frozen=True)
class WorkerLost:
    """A worker that was ready has died, and with it the jobs of these outputs; another takes its place.

    Args:
        outputs: jobs that it had, the one that it was at first.
        reason: how it ended, such as "killed by signal 9".
    """

    outputs: tuple[str, ...]
    reason: str


WorkerMessage = WorkerReady | JobStarted | JobFinished | JobDropped | WorkerLost


class Workers(Protocol):
    """Workers that take jobs and tell what became of them."""

    def has_room(self, *, alone: bool = False) -> bool:
        """Whether another job can be handed out now; `alone`, to a worker that has no other."""

    def give(self, job: PhotoJob | LookJob, *, alone: bool = False) -> None:
        """Hands out a job. With `alone` its worker gets no other before it is over, so that it is clear which of them
        is to blame should the worker die."""

    def messages(self, seconds: float) -> list[WorkerMessage]:
        """What has happened, waiting for at most that long.

        Raises:
            PhotostyleError: no worker can start.
        """

    def stop(self) -> None:
        """Jobs that are not begun are dropped; the others go on."""

    def close(self) -> None:
        """Ends all workers at once."""
