from __future__ import annotations

import torch
from torch import Tensor

from photostyle.solvers.pixels import Stage, noise, solve
from photostyle.solvers.result import Status, Step


def towards(value: float) -> Stage:
    def objective(image: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        return float((image - value).square().sum()), 2 * (image - value), {}

    return Stage(f"to {value}", objective, 50)


def run(stages: list[Stage], start: Tensor, steps: list[tuple[str, Step]]) -> list[Status]:
    solutions = solve(
        stages, start, history=5, tolerance=0, patience=10, report=lambda stage, step: steps.append((stage.name, step))
    )
    for solution in solutions:
        assert 0 <= float(solution.point.min()) <= float(solution.point.max()) <= 1
    return [solution.outcome.status for solution in solutions]


def test_a_stage_begins_where_the_one_before_ended() -> None:
    steps: list[tuple[str, Step]] = []
    run([towards(0.25), towards(0.75)], torch.zeros(1, 3, 4, 4), steps)
    second = [step for name, step in steps if name == "to 0.75"]
    assert abs(second[0].loss - 48 * 0.25) < 1e-3
    assert second[-1].loss < 1e-6


def test_what_is_solved_for_stays_within_the_bounds() -> None:
    solutions = solve(
        [towards(1.5)], torch.zeros(1, 3, 4, 4), history=5, tolerance=0, patience=10, report=lambda *_: None
    )
    assert torch.equal(solutions[0].point, torch.ones(1, 3, 4, 4))


def test_a_stage_that_cannot_begin_ends_the_row() -> None:
    broken = Stage("broken", lambda image: (float("nan"), image, {}), 10)
    assert run([broken, towards(0.5)], torch.zeros(1, 3, 4, 4), []) == [Status.NOT_FINITE]


def test_an_interrupt_ends_the_row() -> None:
    def interrupted(image: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        raise KeyboardInterrupt

    assert run([Stage("stopped", interrupted, 10), towards(0.5)], torch.zeros(1, 3, 4, 4), []) == [Status.INTERRUPTED]


def test_noise_is_that_of_the_seed() -> None:
    assert torch.equal(noise(40, 30, 7), noise(40, 30, 7))
    assert not torch.equal(noise(40, 30, 7), noise(40, 30, 8))
    assert abs(float(noise(200, 200, 0).std()) - 0.1) < 0.005
