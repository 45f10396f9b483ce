"""The solvers on a graphics card, held to what they find on the processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.solvers.bilateral import Shape, coefficients_of
from photostyle.solvers.closed_form import KNOTS, ColourMap
from photostyle.solvers.full_size import apply_grids
from photostyle.solvers.grid import Slices, Solver, Stiffness
from photostyle.solvers.pixels import Stage, noise, solve
from photostyle.solvers.result import Solution
from photostyle.solvers.surfaces import Surfaces
from tests.cuda import CPU, CUDA, on_cuda

Pixels = NDArray[np.float32]
SHAPE = Shape(3, 4, 5)


@pytest.fixture
def masks(scene: Pixels) -> Pixels:
    """Two soft regions and a rest."""
    soft = np.random.default_rng(1).dirichlet(np.ones(3), scene.shape[:2]).astype(np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(soft)


def lighter(scene: Pixels, device: torch.device) -> Tensor:
    return torch.from_numpy(np.clip(scene * 0.6 + 0.3, 0, 1).transpose(2, 0, 1).copy())[None].to(device)


def far_from(goal: Tensor, image: Tensor) -> tuple[float, Tensor, dict[str, float]]:
    difference = image - goal
    loss = float(difference.square().mean())
    return loss, 2 * difference / difference.numel(), {"distance": loss}


def solved_grids(scene: Pixels, masks: Pixels, device: torch.device) -> tuple[NDArray[np.float64], Solution]:
    same = [ColourMap(np.eye(3), np.zeros(3), np.zeros(KNOTS))] * 2
    start = coefficients_of(same, scene, masks[:2], SHAPE)
    goal = lighter(scene, device)
    slices = Slices(np.stack([scene] * 2), masks[:2], masks[2][..., None] * scene, SHAPE, device)
    solver = Solver(start, Stiffness(0.01, 0.01, 0.01, 0.001, 2.0), 10, device)
    return solver(
        lambda image: far_from(goal, image), slices, start,
        iterations=20, tolerance=0.0, patience=20, report=lambda _: None, stage="",
    )  # fmt: skip


@on_cuda
def test_grids_are_solved_for_as_on_the_processor(scene: Pixels, masks: Pixels) -> None:
    results = {device.type: solved_grids(scene, masks, device) for device in (CPU, CUDA)}
    (grids, solution), (wanted, reference) = results["cuda"], results["cpu"]
    assert solution.point.device.type == "cuda"
    assert solution.loss < 0.2 * solution.trace[0].loss
    assert solution.loss == pytest.approx(reference.loss, rel=0.02)
    out = [apply_grids(scene, masks, each, Surfaces.of(scene, masks)) for each in (grids, wanted)]
    np.testing.assert_allclose(*out, atol=0.01)


@on_cuda
def test_pixels_are_solved_for_as_on_the_processor(scene: Pixels) -> None:
    points = []
    for device in (CUDA, CPU):
        goal, start = lighter(scene, device), noise(*scene.shape[:2], seed=0).to(device)

        def objective(image: Tensor, goal: Tensor = goal) -> tuple[float, Tensor, dict[str, float]]:
            return far_from(goal, image)

        stages = [Stage("solve", objective, 20)]
        (solution,) = solve(stages, start, history=10, tolerance=0.0, patience=20, report=lambda *_: None)
        assert solution.point.device.type == device.type
        points.append(solution.point.cpu())
    torch.testing.assert_close(*points, atol=1e-3, rtol=0)
