from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from photostyle.solvers import grid, quick
from photostyle.solvers.bilateral import Shape
from photostyle.solvers.result import Status, Step
from photostyle.solvers.whitening import Stiffness

SHAPE = Shape(2, 2, 3)
STIFFNESS = Stiffness(across=0.3, warmth=0.2, along=0.1, prior=0.02, chroma=4.0)
RNG = np.random.default_rng(0)
COLOURS = RNG.random((2, 12, 16, 3), np.float32)
MASKS = np.stack([np.full((12, 16), 0.6, np.float32), np.full((12, 16), 0.3, np.float32)])
FIXED = 0.1 * RNG.random((12, 16, 3), np.float32)
TARGET = RNG.random((12, 16, 3))
REFERENCE: NDArray[np.float64] = np.broadcast_to(np.eye(4, 3), (2, *(SHAPE.rows, SHAPE.warmths, SHAPE.lumas), 4, 3))


def objective(image: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], dict[str, float]]:
    apart = image - TARGET
    value = float((apart**2).mean())
    return value, 2 * apart / apart.size, {"apart": value}


def as_tensors(image: torch.Tensor) -> tuple[float, torch.Tensor, dict[str, float]]:
    value, gradient, terms = objective(image[0].permute(1, 2, 0).numpy().astype(np.float64))
    return value, torch.from_numpy(gradient).permute(2, 0, 1)[None].float(), terms


def solve(iterations: int, report: list[Step]) -> tuple[NDArray[np.float64], Status]:
    slices = quick.Slices(COLOURS, MASKS, FIXED, SHAPE)
    found, outcome = quick.solve(
        objective, slices, REFERENCE, STIFFNESS, iterations=iterations, history=10, tolerance=0, patience=8,
        report=report.append, stage="quick",
    )  # fmt: skip
    return found, outcome.status


def test_it_finds_what_the_solver_with_pytorch_finds() -> None:
    steps: list[Step] = []
    found, status = solve(12, steps)
    device = torch.device("cpu")
    slices = grid.Slices(COLOURS, MASKS, FIXED, SHAPE, device)
    solver = grid.Solver(REFERENCE, STIFFNESS, 10, device)
    expected, outcome = solver(
        as_tensors, slices, REFERENCE, iterations=12, tolerance=0, patience=8, report=lambda _: None, stage="grid"
    )
    assert status is outcome.status is Status.ITERATIONS
    assert steps[-1].loss == pytest.approx(outcome.loss, rel=1e-3)
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected - REFERENCE).max()


def test_the_loss_falls_from_that_of_the_reference_and_every_step_is_told() -> None:
    steps: list[Step] = []
    found, _ = solve(5, steps)
    losses = [step.loss for step in steps]
    image, _ = quick.Slices(COLOURS, MASKS, FIXED, SHAPE).changed(REFERENCE.reshape(-1, 3))
    assert losses[0] == pytest.approx(objective(image)[0])
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.9 * losses[0]
    assert set(steps[-1].terms) == {"apart", "stiffness"} and steps[-1].terms["stiffness"] > 0
    assert found.shape == REFERENCE.shape


def test_no_steps_leave_the_reference() -> None:
    found, _ = solve(0, [])
    assert np.array_equal(found, REFERENCE)


def test_the_photo_is_that_of_the_other_slices_and_its_gradient_is_right() -> None:
    coefficients = REFERENCE.reshape(-1, 3) + 0.3 * RNG.normal(size=(REFERENCE.size // 3, 3))
    slices = quick.Slices(COLOURS, MASKS, FIXED, SHAPE)
    image, slope = slices.changed(coefficients)
    other = grid.Slices(COLOURS, MASKS, FIXED, SHAPE, torch.device("cpu"))
    expected = other.changed(coefficients.reshape(REFERENCE.shape))[0].permute(1, 2, 0).numpy()
    assert np.abs(image - expected).max() < 1e-5
    assert (image > 0).all() and (image < 1).all()
    weights, step = RNG.normal(size=image.shape), 1e-3 * RNG.normal(size=coefficients.shape)
    ahead, behind = (float((weights * slices.changed(coefficients + sign * step)[0]).sum()) for sign in (1, -1))
    assert float((slices.pulled_back(weights, slope) * step).sum()) == pytest.approx((ahead - behind) / 2, rel=1e-2)
