from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from photostyle.objective.smoothness import total_variation


def test_counts_every_pair_of_neighbours_once() -> None:
    image = torch.zeros(1, 3, 3, 4, dtype=torch.float64)
    image[0, 1, 1, 1] = 1 / 255
    assert float(total_variation(image)) == pytest.approx(0.5 * 4)
    image[0, 1, 1, 1], image[0, 1, 2, 3] = 0, 1 / 255
    assert float(total_variation(image)) == pytest.approx(0.5 * 2)


def test_gradient() -> None:
    image = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert gradcheck(total_variation, (image.requires_grad_(True),))
