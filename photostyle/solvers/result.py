"""What a solver returns: the best point, why it stopped, and its accepted iterates."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Status(Enum):
    """Why a solver stopped."""

    CONVERGED = "converged"
    STATIONARY = "stationary"
    ITERATIONS = "most iterations reached"
    LINE_SEARCH = "line search failed"
    NOT_FINITE = "not finite"
    INTERRUPTED = "interrupted"

    @property
    def advice(self) -> str:
        """One sentence: what the status means, and what may be done about it."""
        return {
            Status.CONVERGED: "The loss has stopped falling.",
            Status.STATIONARY: "The gradient vanishes within the bounds.",
            Status.ITERATIONS: "More iterations may give a better result.",
            Status.LINE_SEARCH: "No lower point was found along the last direction; the best one so far is kept.",
            Status.NOT_FINITE: "The loss is not a finite number at the start; a weight may be too large.",
            Status.INTERRUPTED: "Stopped by the user; the best point so far is kept.",
        }[self]


@dataclass(frozen=True)
class Step:
    """One accepted iterate: its stage, evaluations and seconds since that began, the loss and its weighted terms."""

    stage: str
    iteration: int
    evaluations: int
    seconds: float
    loss: float
    terms: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """How a stage of a solver went.

    Args:
        name: the name of the stage.
        loss, terms: the loss at the best point, and its weighted terms.
        status: why the solver stopped.
        trace: all accepted iterates.
    """

    name: str
    loss: float
    terms: dict[str, float]
    status: Status
    trace: tuple[Step, ...] = field(default=(), repr=False)

    @property
    def iterations(self) -> int:
        return self.trace[-1].iteration if self.trace else 0

    @property
    def evaluations(self) -> int:
        return self.trace[-1].evaluations if self.trace else 0

    @property
    def seconds(self) -> float:
        """From the start of the stage to its last accepted iterate."""
        return self.trace[-1].seconds if self.trace else 0.0

    def summary(self) -> dict[str, str | int | float]:
        """The part that reports show."""
        return {
            "name": self.name, "status": self.status.value, "advice": self.status.advice,
            "iterations": self.iterations, "evaluations": self.evaluations, "seconds": self.seconds, "loss": self.loss,
        }  # fmt: skip


@dataclass(frozen=True)
class Solution:
    """The best point found, in the shape of the start, and how the solver went."""

    point: Any
    outcome: Outcome
