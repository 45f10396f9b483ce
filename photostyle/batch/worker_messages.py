"""What a batch expects of its workers, on this machine or on others, and the messages that they send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from photostyle.batch.job import LookJob, Outcome, PhotoJob


@dataclass(frozen=True)
class WorkerReady:
    """A worker has loaded what it needs, in so many seconds."""

    seconds: float


@dataclass(frozen=True)
class JobStarted:
    """A worker has started to solve the job with this output."""

    output: str


@dataclass(frozen=True)
class JobFinished:
    """A job is finished, or has failed.

    Args:
        outcome: the outcome of the job.
        peak_bytes: the most memory that its worker has used so far.
    """

    outcome: Outcome
    peak_bytes: int


@dataclass(frozen=True)
class JobDropped:
    """A worker returns a job that it has not started: `Workers.stop` was called, or the worker died before it was
    ready."""

    output: str


@dataclass(frozen=True)
class WorkerLost:
    """A worker that was ready has died and lost its jobs; another worker takes its place.

    Args:
        outputs: outputs of the jobs that it had; the one at work comes first.
        reason: how it ended, for example "killed by signal 9".
    """

    outputs: tuple[str, ...]
    reason: str


WorkerMessage = WorkerReady | JobStarted | JobFinished | JobDropped | WorkerLost


class Workers(Protocol):
    """Workers that take jobs and send messages about them."""

    def has_room(self, *, alone: bool = False) -> bool:
        """Whether a worker can take another job now; with `alone`, a worker that has no other."""

    def give(self, job: PhotoJob | LookJob, *, alone: bool = False) -> None:
        """Gives a job to a worker. With `alone` the worker gets no other job until it is finished: if the worker dies,
        it is clear which job caused it."""

    def messages(self, seconds: float) -> list[WorkerMessage]:
        """The messages that have arrived; waits for one at most this long.

        Raises:
            PhotostyleError: no worker starts. All messages that arrived before it have been returned.
        """

    def stop(self) -> None:
        """Drops the jobs that have not been started; the others continue."""

    def close(self) -> None:
        """Ends all workers immediately."""
