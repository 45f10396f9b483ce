from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from photostyle.colour.cielab import lab, rgb
from photostyle.objective.constants import GRAIN, UNIT
from photostyle.objective.drift import DriftTerm

HEIGHT, WIDTH = 96, 128
LABELS = torch.zeros(HEIGHT, WIDTH, dtype=torch.int64)


def tensor(pixels: np.ndarray) -> Tensor:  # type: ignore[type-arg]
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float()[None]


@pytest.fixture
def photo() -> Tensor:
    rng = np.random.default_rng(0)
    return tensor(0.4 + 0.3 * rng.random((HEIGHT, WIDTH, 1)) + np.zeros(3))


def coloured(image: Tensor, a: Tensor) -> Tensor:
    """The image with `a` `(H, W)` added to a*."""
    values = lab(image[0].flatten(1).T)
    values[:, 1] += a.flatten()
    return rgb(values).T.reshape(image.shape)


ACROSS = torch.linspace(-6, 6, WIDTH).expand(HEIGHT, WIDTH)
"""A rainbow from side to side; its root mean square is 3.46."""


def test_a_map_of_colours_does_not_drift(photo: Tensor) -> None:
    term = DriftTerm(photo, photo, LABELS)
    for changed in (photo, 0.3 * photo + 0.2, coloured(photo, torch.full((HEIGHT, WIDTH), 20.0))):
        assert float(term(changed)) < 0.1 / UNIT


def test_a_rainbow_costs_about_its_size(photo: Tensor) -> None:
    found = float(DriftTerm(photo, photo, LABELS)(coloured(photo, ACROSS)))
    assert found == pytest.approx(3.46 / UNIT, rel=0.1)


def test_what_the_reference_has_is_free(photo: Tensor) -> None:
    rainbow = coloured(photo, ACROSS)
    assert float(DriftTerm(photo, rainbow, LABELS)(rainbow)) < 0.1 / UNIT


def test_regions_are_compared_with_themselves_only(photo: Tensor) -> None:
    halves = (torch.arange(WIDTH) >= WIDTH // 2).long().expand(HEIGHT, WIDTH)
    changed = coloured(photo, 12.0 * halves)
    assert float(DriftTerm(photo, photo, halves)(changed)) < 0.1 / UNIT
    assert float(DriftTerm(photo, photo, LABELS)(changed)) > 4 / UNIT


def grain(size: float) -> Tensor:
    return size * torch.from_numpy(np.random.default_rng(1).choice([-1.0, 1.0], (HEIGHT, WIDTH))).float()


def test_grain_in_flat_parts_costs_more_than_in_textured_ones(photo: Tensor) -> None:
    flat = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
    costs = [float(DriftTerm(p, p, LABELS)(coloured(p, grain(2)))) for p in (flat, photo)]
    # A second difference is 0 (in 3 of 8 cases), 4 (in 4) or 8 (in 1), and there are two: the mean is about 48.
    assert 0.7 * GRAIN * 48**0.5 / UNIT < costs[0] < GRAIN * 48**0.5 / UNIT
    assert costs[1] < 0.5 * costs[0]
    assert DriftTerm(photo, photo, LABELS).flat.mean() < 0.1
    assert float(DriftTerm(flat, coloured(flat, grain(2)), LABELS)(coloured(flat, grain(2)))) < 0.1 / UNIT


def test_grain_of_lightness_costs_and_smooth_shading_does_not() -> None:
    rng = np.random.default_rng(2)
    shading = tensor(np.linspace(0.45, 0.55, WIDTH)[None, :, None] + np.zeros((HEIGHT, 1, 3)))
    noisy = shading + 0.002 * tensor(rng.choice([-1.0, 1.0], (HEIGHT, WIDTH, 1)) + np.zeros(3))
    costs = [float(DriftTerm(p, p, LABELS)(0.5 + 3 * (p - 0.5))) for p in (shading, noisy)]
    assert costs[0] < 0.1 / UNIT
    assert costs[1] > 2 / UNIT


def test_its_gradient(photo: Tensor) -> None:
    term = DriftTerm(photo.double(), photo.double(), LABELS)
    start = coloured(photo.double(), ACROSS.double()).requires_grad_(True)
    term(start).backward()
    assert start.grad is not None
    direction = start.grad / start.grad.norm()
    with torch.no_grad():
        ahead, behind = (float(term(start + sign * 1e-5 * direction)) for sign in (1, -1))
    assert float((start.grad * direction).sum()) == pytest.approx((ahead - behind) / 2e-5, rel=1e-3)
