"""What the server and a worker's process tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from photostyle.errors import PhotostyleError


@dataclass(frozen=True)
class Job:
    """One piece of work: the name of a task of `photostyle.studio.work.tasks`, and its arguments."""

    number: int
    task: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Stop:
    """The job of this number is to end at the next place where it can."""

    number: int


@dataclass(frozen=True)
class Ready:
    """The worker has loaded what it needs."""


@dataclass(frozen=True)
class Told:
    """How far a job is."""

    number: int
    stage: str
    done: float | None


@dataclass(frozen=True)
class Finished:
    """A job is finished; `value` is what its task returned."""

    number: int
    value: Any


@dataclass(frozen=True)
class Failed:
    """A job has failed, or has been stopped.

    Args:
        error: what the user can mend; None for a bug or a stop.
        trace: the traceback of a bug; empty otherwise.
        stopped: whether it ended because it was asked to.
    """

    number: int
    error: PhotostyleError | None
    trace: str = ""
    stopped: bool = False


Report = Ready | Told | Finished | Failed
"""What a worker sends."""
