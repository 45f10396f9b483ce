from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.autograd import gradcheck

from photostyle.colour.luma import LUMA
from photostyle.objective.edges import EdgeTerm


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CONTENT = random(1, 3, 24, 30)


def test_gradient() -> None:
    """The strongest edge stays what it is: the quantile that edges are measured by is taken for a constant."""
    term = EdgeTerm(CONTENT)
    image = 0.2 * random(1, 3, 24, 30, seed=1)
    image[0, :, :4, :4] = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64).repeat(2, 2)
    inner = image.clone().requires_grad_(True)

    def of_a_part(part: Tensor) -> Tensor:
        whole = image.clone()
        whole[:, :, 10:13, 10:13] = part
        return term(whole)

    assert gradcheck(of_a_part, (inner[:, :, 10:13, 10:13].detach().requires_grad_(True),))


def test_the_index_is_that_of_scikit_image() -> None:
    image = random(1, 3, 24, 30, seed=1)
    maps = []
    for photo in (CONTENT, image):
        luma = np.einsum("c,chw->hw", LUMA, photo[0].numpy())
        length = np.hypot(np.diff(luma, axis=1)[:-1], np.diff(luma, axis=0)[:, :-1])
        ordered = np.sort(length, axis=None)
        maps.append(np.clip(length / ordered[int(0.99 * length.size) - 1], 0, 1))
    wanted = structural_similarity(*maps, win_size=7, data_range=1, use_sample_covariance=False)
    assert float(EdgeTerm(CONTENT)(image)) == pytest.approx(1 - wanted, abs=1e-4)


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.2, 0.7), (3.0, -0.5), (-1.0, 1.0)])
def test_contrast_and_brightness_of_the_whole_are_free(gain: float, offset: float) -> None:
    assert float(EdgeTerm(CONTENT)(gain * CONTENT + offset)) < 1e-5


def test_an_edge_that_fades_beside_the_others_costs() -> None:
    faded = CONTENT.clone()
    faded[:, :, 12:] = 0.5 + 0.2 * (faded[:, :, 12:] - 0.5)
    assert float(EdgeTerm(CONTENT)(faded)) > 0.2
    assert float(EdgeTerm(CONTENT)(faded)) > float(EdgeTerm(CONTENT)(0.5 * (CONTENT + faded))) > 0.02


def test_a_flat_photo_is_no_trouble() -> None:
    flat = torch.full_like(CONTENT, 0.5)
    for first, second in ((flat, CONTENT), (CONTENT, flat), (flat, flat)):
        image = second.clone().requires_grad_(True)
        EdgeTerm(first)(image).backward()
        assert bool(torch.isfinite(image.grad).all())
