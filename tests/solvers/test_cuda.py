"""The solver over pixels on a graphics card, held to what they find on the processor."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.solvers.pixels import Stage, noise, solve
from tests.cuda import CPU, CUDA, on_cuda

Pixels = NDArray[np.float32]


def lighter(scene: Pixels, device: torch.device) -> Tensor:
    return torch.from_numpy(np.clip(scene * 0.6 + 0.3, 0, 1).transpose(2, 0, 1).copy())[None].to(device)


def far_from(goal: Tensor, image: Tensor) -> tuple[float, Tensor, dict[str, float]]:
    difference = image - goal
    loss = float(difference.square().mean())
    return loss, 2 * difference / difference.numel(), {"distance": loss}


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
