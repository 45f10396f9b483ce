from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpys_arrays_give_what_pytorchs_give(dtype: type[np.floating[Any]]) -> None:
    colours = (np.random.default_rng(0).random((5000, 3)) * 1.8 - 0.6).astype(dtype)
    colours[:3] = [[0, 0, 0], [1, 1, 1], [0.04, 0.04, 0.0404]]
    found = lab(colours)
    assert found.dtype == dtype
    pytorchs = lab(torch.from_numpy(colours)).numpy()
    np.testing.assert_allclose(found, pytorchs, atol=3e-4 if dtype == np.float32 else 1e-9)
    np.testing.assert_allclose(rgb(found), colours, atol=2e-5)


def test_rows_by_the_multiple_are_what_they_are_alone() -> None:
    values = lab(random(ROWS * 21, 3).float().numpy()) * np.array([1, 1.5, 1.5], np.float32)
    low, high = np.zeros_like(values), np.ones_like(values)
    whole = rgb_within(values, low, high)
    for parts in (21, 7, 3):
        each = [rgb_within(part, low[: len(part)], high[: len(part)]) for part in np.split(values, parts)]
        assert np.array_equal(np.concatenate(each), whole)
        assert np.array_equal(np.concatenate([lab(part) for part in np.split(whole, parts)]), lab(whole))


class TestWithin:
    LOW, HIGH = np.zeros((400, 3), np.float32), np.ones((400, 3), np.float32)

    def test_what_is_within_stays(self) -> None:
        values = lab(random(400, 3).float().numpy())
        np.testing.assert_allclose(lab(rgb_within(values, self.LOW, self.HIGH)), values, atol=1e-3)

    def test_lightness_and_hue_stay_and_chroma_is_the_most_there_is(self) -> None:
        rng = np.random.default_rng(3)
        hue = rng.random(400) * 2 * np.pi
        values = np.stack([5 + 90 * rng.random(400), 150 * np.cos(hue), 150 * np.sin(hue)], 1).astype(np.float32)
        colours = rgb_within(values, self.LOW, self.HIGH)
        found = lab(colours)
        np.testing.assert_allclose(found[:, 0], values[:, 0], atol=0.02)
        np.testing.assert_allclose(found[:, 1] * np.sin(hue) - found[:, 2] * np.cos(hue), 0, atol=0.05)
        more = rgb(np.concatenate([found[:, :1], found[:, 1:] * np.float32(1.01)], 1))
        assert ((more < 0) | (more > 1)).any(1).all()

    def test_bounds_may_be_wider_than_srgb(self) -> None:
        green = np.array([[-0.51, 1.02, -0.31]], np.float32)
        kept = rgb_within(lab(green), np.minimum(green, 0), np.maximum(green, 1))
        np.testing.assert_allclose(kept, green, atol=1e-4)
