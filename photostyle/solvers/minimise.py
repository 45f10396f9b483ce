"""L-BFGS within bounds over any callable of tensors or of arrays.

The two-loop recursion is from Liu and Nocedal, "On the limited memory BFGS method for large scale optimization",
Mathematical Programming 45, 1989. The bounds are handled as in Bertsekas, "Projected Newton methods for optimization
problems with simple constraints", SIAM J. Control and Optimization 20, 1982: variables at an active bound take no part
in the quasi-Newton step, the others follow it, and the line search follows the path that the bounds clip.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from photostyle.solvers.result import Outcome, Solution, Status, Step

Vector = Any
"""A tensor of PyTorch or an array of NumPy."""
Function = Callable[[Vector], tuple[float, Vector, dict[str, float]]]

SUFFICIENT_DECREASE = 1e-4
"""Share of the predicted decrease that a step must reach (Nocedal and Wright 2006, section 3.1)."""
MOST_TRIALS = 12
"""Most trial steps along one direction. Each is at most half as long as the one before."""
FIRST_MOVE = 0.02
"""The default of `first_move`."""


class Memory:
    """The last pairs of steps and gradient changes, and the inverse Hessian that they make."""

    def __init__(self, most: int) -> None:
        self.pairs: deque[tuple[Vector, Vector, float]] = deque(maxlen=most)

    def learn(self, step: Vector, change: Vector) -> None:
        """Adds a pair if the curvature along it is clearly positive."""
        curvature = _dot(step, change)
        if curvature > 1e-10 * math.sqrt(_dot(step, step) * _dot(change, change)):
            self.pairs.append((step, change, curvature))

    def times(self, gradient: Vector) -> Vector:
        """Inverse Hessian times gradient by the two-loop recursion."""
        result, shares = gradient, []
        for step, change, curvature in reversed(self.pairs):
            share = _dot(step, result) / curvature
            result = result - share * change
            shares.append(share)
        if self.pairs:
            _, change, curvature = self.pairs[-1]
            result = result * (curvature / _dot(change, change))
        for (step, change, curvature), share in zip(self.pairs, reversed(shares), strict=True):
            result = result + (share - _dot(change, result) / curvature) * step
        return result


def _dot(a: Vector, b: Vector) -> float:
    return float(a.reshape(-1) @ b.reshape(-1))


def _is_finite(values: Vector) -> bool:
    return math.isfinite(float(abs(values).sum()))


def minimise(
    function: Function,
    start: Vector,
    *,
    lower: float = 0.0,
    upper: float = 1.0,
    first_move: float = FIRST_MOVE,
    iterations: int = 1000,
    history: int = 10,
    tolerance: float = 1e-3,
    patience: int = 20,
    memory: Memory | None = None,
    report: Callable[[Step], None] | None = None,
    stage: str = "",
) -> Solution:
    """The lowest point that L-BFGS finds between two bounds.

    The loss falls at every accepted iterate, so the last one is the best one: a NaN, a failed line search or an
    interrupt loses nothing.

    Args:
        function: point -> (loss, gradient of the point's shape, weighted terms for the trace).
        start: a tensor or an array of any shape, float32 or float64; clipped to the bounds.
        lower, upper: bounds of every variable, lower < upper.
        first_move: largest change of any variable in the first step, as a share of the range between the bounds.
        iterations: most accepted steps.
        history: number of pairs that are remembered.
        tolerance: the solver has converged when the loss has fallen by less than this share of itself in `patience`
            iterations.
        memory: pairs from an earlier, similar function of the same variables. New pairs are added to it. By default the
            memory starts empty.
        report: a function that is called with every accepted iterate. Its exceptions are passed on.
        stage: the name that the outcome and its iterates get.

    Returns:
        The solution; its status says why the solver stopped.
    """
    began = time.perf_counter()
    point = start.clip(lower, upper)
    trace: list[Step] = []
    evaluations, iteration, loss, terms = 0, 0, math.nan, dict[str, float]()

    def accept() -> None:
        trace.append(Step(stage, iteration, evaluations, time.perf_counter() - began, loss, terms))
        if report:
            report(trace[-1])

    def end(status: Status) -> Solution:
        return Solution(point, Outcome(stage, loss, terms, status, tuple(trace)))

    memory = Memory(history) if memory is None else memory
    try:
        loss, gradient, terms = function(point)
        evaluations = 1
        accept()
        if not math.isfinite(loss) or not _is_finite(gradient):
            return end(Status.NOT_FINITE)
        while iteration < iterations:
            free = ~(((point <= lower) & (gradient > 0)) | ((point >= upper) & (gradient < 0)))
            slope = gradient * free
            steepest = float(abs(slope).max())
            if steepest == 0:
                return end(Status.STATIONARY)
            direction = -memory.times(slope) * free
            if not memory.pairs or _dot(direction, slope) >= 0:
                memory.pairs.clear()
                direction = slope * (-first_move * (upper - lower) / steepest)
            found = None
            length = 1.0
            for _ in range(MOST_TRIALS):
                trial = (point + length * direction).clip(lower, upper)
                step = trial - point
                predicted = _dot(slope, step)
                value, slopes, parts = function(trial)
                evaluations += 1
                enough = value < loss and value <= loss + SUFFICIENT_DECREASE * predicted
                if enough and _is_finite(slopes):
                    found = trial, step, value, slopes, parts
                    break
                length *= _shortening(loss, predicted / length, value, length)
            if found is None:
                if memory.pairs:
                    memory.pairs.clear()
                    continue
                return end(Status.LINE_SEARCH)
            trial, step, value, slopes, parts = found
            memory.learn(step, slopes - gradient)
            point, loss, gradient, terms = trial, value, slopes, parts
            iteration += 1
            accept()
            if iteration >= patience and trace[-1 - patience].loss - loss <= tolerance * abs(loss):
                return end(Status.CONVERGED)
    except KeyboardInterrupt:
        return end(Status.INTERRUPTED)
    return end(Status.ITERATIONS)


def _shortening(loss: float, slope: float, value: float, length: float) -> float:
    """The factor that shortens a failed step: to the lowest point of the parabola through the known values.

    Kept within [0.1, 0.5] (Nocedal and Wright 2006, section 3.5); 0.1 where the value is not finite.
    """
    if not math.isfinite(value):
        return 0.1
    curvature = value - loss - slope * length
    return min(0.5, max(0.1, -slope * length / (2 * curvature))) if curvature > 0 else 0.5
