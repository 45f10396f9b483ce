from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from torch import Tensor
from torch.autograd import gradcheck

from photostyle.colour.cielab import ROWS, lab, rgb, rgb_within


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_lab_is_scikit_images() -> None:
    colours = torch.cat(
        [random(500, 3), torch.zeros(1, 3).double(), torch.ones(1, 3).double(), random(50, 3, seed=1) * 0.02]
    )
    np.testing.assert_allclose(lab(colours), rgb2lab(colours.numpy()), atol=1e-3)
    assert gradcheck(lab, (random(20, 3, seed=2).requires_grad_(True),))


def test_lab_has_a_finite_gradient_at_black_and_white() -> None:
    ends = torch.tensor([[0.0, 0, 0], [1, 1, 1], [1, 0, 0]], dtype=torch.float64, requires_grad=True)
    lab(ends).sum().backward()
    assert ends.grad is not None and bool(torch.isfinite(ends.grad).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_there_and_back(dtype: torch.dtype) -> None:
    """Beyond sRGB, too: to the green of Display P3, -0.51, 1.02, -0.31, and past it."""
    colours = (random(5000, 3) * 1.8 - 0.6).to(dtype)
    torch.testing.assert_close(rgb(lab(colours)), colours, atol=2e-5, rtol=0)


def test_rows_by_the_multiple_are_what_they_are_alone() -> None:
    values = lab(random(ROWS * 21, 3).float()) * torch.tensor([1, 1.5, 1.5])
    low, high = torch.zeros_like(values), torch.ones_like(values)
    whole = rgb_within(values, low, high)
    for rows in (ROWS, ROWS * 5):
        parts = [rgb_within(part, low[: len(part)], high[: len(part)]) for part in values.split(rows)]
        assert torch.equal(torch.cat(parts), whole)
        assert torch.equal(torch.cat([lab(part) for part in whole.split(rows)]), lab(whole))


class TestWithin:
    LOW, HIGH = torch.zeros(400, 3).double(), torch.ones(400, 3).double()

    def test_what_is_within_stays(self) -> None:
        values = lab(random(400, 3))
        torch.testing.assert_close(lab(rgb_within(values, self.LOW, self.HIGH)), values, atol=1e-3, rtol=0)

    def test_lightness_and_hue_stay_and_chroma_is_the_most_there_is(self) -> None:
        hue = random(400, seed=3) * 2 * torch.pi
        values = torch.stack([5 + 90 * random(400, seed=4), 150 * hue.cos(), 150 * hue.sin()], 1)
        colours = rgb_within(values, self.LOW, self.HIGH)
        found = lab(colours)
        torch.testing.assert_close(found[:, 0], values[:, 0], atol=0.02, rtol=0)
        aside = found[:, 1] * hue.sin() - found[:, 2] * hue.cos()
        torch.testing.assert_close(aside, torch.zeros_like(aside), atol=0.05, rtol=0)
        more = rgb(torch.cat([found[:, :1], found[:, 1:] * 1.01], 1))
        assert bool(((more < 0) | (more > 1)).any(1).all())

    def test_bounds_may_be_wider_than_srgb(self) -> None:
        green = torch.tensor([[-0.51, 1.02, -0.31]]).double()
        kept = rgb_within(lab(green), green.clamp_max(0), green.clamp_min(1))
        torch.testing.assert_close(kept, green, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_and_torch_give_the_same(dtype: type) -> None:
    colours = (random(500, 3) * 1.4 - 0.2).numpy().astype(dtype)
    found = lab(colours)
    back = rgb(found)
    assert isinstance(back, np.ndarray) and found.dtype == back.dtype == dtype
    np.testing.assert_allclose(found, lab(torch.from_numpy(colours)), atol=1e-4, rtol=0)
    np.testing.assert_allclose(back, rgb(torch.from_numpy(found)), atol=1e-5, rtol=0)
