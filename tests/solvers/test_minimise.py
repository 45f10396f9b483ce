from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds, minimize
from torch import Tensor

from photostyle.solvers.minimise import minimise
from photostyle.solvers.result import Status, Step


def rosenbrock(x: Tensor) -> tuple[float, Tensor, dict[str, float]]:
    x = x.detach().requires_grad_(True)
    loss = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    loss.backward()
    assert x.grad is not None
    return float(loss.detach()), x.grad, {"loss": float(loss.detach())}


def test_finds_an_inner_minimum() -> None:
    start = torch.zeros(20, dtype=torch.float64) - 1
    solution = minimise(rosenbrock, start, lower=-2, upper=2, iterations=500, tolerance=0)
    assert solution.outcome.loss < 1e-12
    torch.testing.assert_close(solution.point, torch.ones(20, dtype=torch.float64), atol=1e-5, rtol=0)


def test_agrees_with_scipy_where_the_bounds_hold_the_minimum_back() -> None:
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(30, 30))
    matrix, vector = factor @ factor.T + 0.1 * np.eye(30), 5 * rng.normal(size=30)
    h, b = torch.from_numpy(matrix), torch.from_numpy(vector)

    def quadratic(x: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        return float(0.5 * x @ h @ x - b @ x), h @ x - b, {}

    solution = minimise(quadratic, torch.full((30,), 0.5).double(), iterations=2000, tolerance=0)
    expected = minimize(lambda x: (0.5 * x @ matrix @ x - vector @ x, matrix @ x - vector), np.full(30, 0.5), jac=True,
                        method="L-BFGS-B", bounds=Bounds(0, 1), options={"ftol": 1e-15, "gtol": 1e-10})  # fmt: skip
    held = ((expected.x < 1e-9) | (expected.x > 1 - 1e-9)).mean()
    assert 0.2 < held < 1
    assert solution.outcome.loss == pytest.approx(expected.fun, rel=1e-9)
    torch.testing.assert_close(solution.point, torch.from_numpy(expected.x), atol=1e-4, rtol=0)
    assert solution.point.min() >= 0
    assert solution.point.max() <= 1


def test_every_accepted_iterate_is_lower_and_is_reported() -> None:
    steps: list[Step] = []
    solution = minimise(rosenbrock, torch.zeros(10, dtype=torch.float64), iterations=40, report=steps.append)
    losses = [step.loss for step in steps]
    assert losses == sorted(losses, reverse=True)
    assert tuple(steps) == solution.outcome.trace
    assert steps[-1].loss == solution.outcome.loss == rosenbrock(solution.point)[0]
    assert solution.outcome.terms == {"loss": solution.outcome.loss}
    assert solution.outcome.iterations == 40
    assert solution.outcome.evaluations >= 41
    assert solution.outcome.status is Status.ITERATIONS


def test_converges_when_it_no_longer_gains() -> None:
    def offset(x: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        value, gradient, terms = rosenbrock(x)
        return value + 1e3, gradient, terms

    solution = minimise(offset, torch.zeros(10, dtype=torch.float64), iterations=5000, tolerance=1e-3, patience=10)
    assert solution.outcome.status is Status.CONVERGED
    assert solution.outcome.trace[-11].loss - solution.outcome.loss <= 1e-3 * solution.outcome.loss
    assert solution.outcome.trace[-12].loss - solution.outcome.trace[-2].loss > 1e-3 * solution.outcome.loss


def test_a_vanishing_gradient_is_stationary() -> None:
    solution = minimise(lambda x: (float(x.sum()), torch.ones_like(x), {}), torch.full((3,), 0.2))
    assert solution.outcome.status is Status.STATIONARY
    assert not solution.point.any()


def test_no_iterations_keep_the_start() -> None:
    solution = minimise(rosenbrock, torch.full((4,), 0.3), iterations=0)
    assert solution.outcome.status is Status.ITERATIONS
    assert torch.equal(solution.point, torch.full((4,), 0.3))


def test_a_start_that_is_not_finite_is_told() -> None:
    solution = minimise(lambda x: (math.nan, x, {}), torch.full((3,), 0.2))
    assert solution.outcome.status is Status.NOT_FINITE
    assert torch.equal(solution.point, torch.full((3,), 0.2))


def test_a_step_into_nan_is_shortened() -> None:
    def logarithm(x: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        if bool((x <= 0.4).any()):
            return math.nan, torch.full_like(x, math.nan), {}
        return float((x - torch.log(x - 0.4)).sum()), 1 - 1 / (x - 0.4), {}

    solution = minimise(logarithm, torch.full((3,), 5.0).double(), upper=5, iterations=200, tolerance=0)
    assert solution.outcome.loss == pytest.approx(3 * 1.4)


def test_a_failed_line_search_keeps_the_best() -> None:
    def wrong(x: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        return float(x.square().sum()), -2 * x, {}

    start = torch.full((3,), 0.5)
    solution = minimise(wrong, start)
    assert solution.outcome.status is Status.LINE_SEARCH
    assert torch.equal(solution.point, start)


def test_an_interrupt_keeps_the_best() -> None:
    calls = 0

    def interrupted(x: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        nonlocal calls
        calls += 1
        if calls == 15:
            raise KeyboardInterrupt
        return rosenbrock(x)

    solution = minimise(interrupted, torch.zeros(10, dtype=torch.float64))
    assert solution.outcome.status is Status.INTERRUPTED
    assert solution.outcome.loss == min(step.loss for step in solution.outcome.trace) == rosenbrock(solution.point)[0]


@pytest.mark.parametrize("share", [0.05, 0.002])
def test_the_first_step_moves_no_variable_further_than_asked(share: float) -> None:
    points: list[Tensor] = []

    def seen(x: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        points.append(x.clone())
        return rosenbrock(x)

    minimise(seen, torch.zeros(6, dtype=torch.float64), lower=-2, upper=2, first_move=share, iterations=1)
    assert float((points[1] - points[0]).abs().max()) == pytest.approx(4 * share)


def test_an_interrupt_in_the_first_report_keeps_the_start() -> None:
    """As the first of a second stage it would else lose all that the first stage found."""

    def stop(step: Step) -> None:
        raise KeyboardInterrupt

    solution = minimise(rosenbrock, torch.full((4,), 0.3), report=stop)
    assert solution.outcome.status is Status.INTERRUPTED
    assert torch.equal(solution.point, torch.full((4,), 0.3))
    assert solution.outcome.loss == solution.outcome.trace[0].loss


def test_every_status_has_advice() -> None:
    assert all(status.advice.endswith(".") for status in Status)
