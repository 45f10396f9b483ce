"""The solver of Luan et al. 2017 and Gatys et al. 2016: every pixel is an unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from photostyle.solvers.minimise import Function, minimise
from photostyle.solvers.result import Solution, Status, Step


@dataclass(frozen=True)
class Stage:
    """One objective, and how many iterations it may take."""

    name: str
    objective: Function
    iterations: int


def noise(height: int, width: int, seed: int) -> Tensor:
    """White noise `(1, 3, H, W)` float32 around middle grey, standard deviation 0.1, clipped to [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return (0.5 + 0.1 * torch.randn(1, 3, height, width, generator=generator)).clamp_(0, 1)


def solve(
    stages: Sequence[Stage],
    start: Tensor,
    *,
    history: int,
    tolerance: float,
    patience: int,
    report: Callable[[Stage, Step], None],
) -> list[Solution]:
    """Runs the stages in their order. Each starts where the one before ended.

    The authors' program runs L-BFGS with a fixed step on colours without bounds, and then clips the colours.
    Departures:

    1. Colours stay within [0, 1] while the solver runs, so that the written photo is the solution.
    2. The solver's loss includes the photorealism term, and every step must lower the loss.
    3. A stage ends early when it gains no more.

    Args:
        start: `(1, 3, H, W)`, sRGB-encoded, [0, 1].

    Returns:
        One solution for each stage that began. No stage follows an interrupt or a loss that is not finite.
    """
    solutions: list[Solution] = []
    point = start
    for stage in stages:

        def tell(step: Step, stage: Stage = stage) -> None:
            report(stage, step)

        solution = minimise(
            stage.objective, point, iterations=stage.iterations,
            history=history, tolerance=tolerance, patience=patience, report=tell, stage=stage.name,
        )  # fmt: skip
        solutions.append(solution)
        if solution.outcome.status in (Status.INTERRUPTED, Status.NOT_FINITE):
            break
        point = solution.point
    return solutions
