from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from photostyle.objective.structure import StructureTerm


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CONTENT = random(1, 3, 8, 9)
ONE = torch.zeros(8, 9, dtype=torch.long)
HALVES = ONE.clone()
HALVES[4:] = 1


def test_gradient() -> None:
    assert gradcheck(StructureTerm(CONTENT, HALVES), (random(1, 3, 8, 9, seed=1).requires_grad_(True),))


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.2, 0.7), (3.0, -0.5)])
def test_contrast_and_brightness_are_free(gain: float, offset: float) -> None:
    assert float(StructureTerm(CONTENT, ONE)(gain * CONTENT + offset)) < 1e-6


def test_a_region_may_have_its_own_contrast() -> None:
    image = CONTENT.clone()
    image[:, :, 4:] *= 0.2
    assert float(StructureTerm(CONTENT, HALVES)(image)) < 1e-6
    assert float(StructureTerm(CONTENT, ONE)(image)) > 0.05


def test_reversed_and_lost_edges_cost_all() -> None:
    term = StructureTerm(CONTENT, ONE)
    assert float(term(1 - CONTENT)) == pytest.approx(1)
    assert float(term(torch.full_like(CONTENT, 0.5))) == pytest.approx(1)
    assert 0.5 < float(term(random(1, 3, 8, 9, seed=1))) <= 1


def test_a_flat_content_is_no_trouble() -> None:
    value = StructureTerm(torch.full_like(CONTENT, 0.5), ONE)(CONTENT)
    assert bool(torch.isfinite(value))
