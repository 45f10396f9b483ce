"""What a solver hands back: the best point, why it stopped, and the way there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from torch import Tensor


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
        """One sentence on what the status means and what may be done about it."""
        return {
            Status.CONVERGED: "The loss has stopped falling.",
            Status.STATIONARY: "The gradient vanishes within the bounds.",
            Status.ITERATIONS: "More may still gain.",
            Status.LINE_SEARCH: "No lower point was found along the last direction; the best one so far is kept.",
            Status.NOT_FINITE: "The loss is not a finite number at the start; a weight may be too large.",
            Status.INTERRUPTED: "Stopped by the user; the best point so far is kept.",
        }[self]


@dataclass(frozen=True)
class Step:
    """One accepted iterate: evaluations and seconds so far, the loss and its weighted terms."""

    iteration: int
    evaluations: int
    seconds: float
    loss: float
    terms: dict[str, float]


@dataclass(frozen=True)
class Solution:
    """The best point found, of the start's shape, with the loss there and the trace of accepted iterates."""

    point: Tensor
    loss: float
    terms: dict[str, float]
    status: Status
    trace: tuple[Step, ...] = field(default=())

    @property
    def iterations(self) -> int:
        return self.trace[-1].iteration if self.trace else 0

    @property
    def evaluations(self) -> int:
        return self.trace[-1].evaluations if self.trace else 0
