from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from skimage.color import rgb2lab
from torch import Tensor
from torch.autograd import gradcheck

from photostyle.objective.colours import DIRECTIONS, POINTS, Colours


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


ONE = torch.ones(1, 9, 8, dtype=torch.float64)


def test_value_is_that_of_scipys_distances() -> None:
    image, style = random(1, 3, 9, 8), random(1, 3, 9, 8, seed=1)
    term = Colours(style, ONE, ONE, seed=0)
    ours, theirs = (rgb2lab(photo[0].permute(1, 2, 0).numpy()).reshape(-1, 3) for photo in (image, style))
    naive = np.mean([
        wasserstein_distance(ours @ direction, theirs @ direction) for direction in term.directions.numpy().T
    ])  # fmt: skip
    assert len(term.directions.T) == DIRECTIONS
    assert float(term(image)) == pytest.approx(naive / 100, rel=1e-3)


def test_gradient() -> None:
    term = Colours(random(1, 3, 5, 6), torch.ones(1, 5, 6), ONE, seed=0)
    assert gradcheck(term, (random(1, 3, 9, 8, seed=1).requires_grad_(True),))


def test_a_photo_has_no_distance_from_itself_wherever_its_pixels_are() -> None:
    image = random(1, 3, 9, 8)
    term = Colours(image, ONE, ONE, seed=0)
    shuffled = image.flatten(2)[..., torch.randperm(72, generator=torch.Generator().manual_seed(0))]
    assert float(term(shuffled.reshape(image.shape))) < 1e-12
    assert float(term(image / 2)) > 0.05


def test_regions_count_by_area_and_only_inside() -> None:
    image, style = random(1, 3, 9, 8), random(1, 3, 9, 8, seed=1)
    parts = torch.zeros(2, 9, 8)
    parts[0, :3], parts[1, 3:] = 1, 1
    alone = [float(Colours(style, part[None], part[None], seed=0)(image)) for part in parts]
    assert float(Colours(style, parts, parts, seed=0)(image)) == pytest.approx((alone[0] + 2 * alone[1]) / 3)
    changed = image.clone()
    changed[:, :, 3:] = 0
    assert float(Colours(style, parts[:1], parts[:1], seed=0)(changed)) == pytest.approx(alone[0])


def test_a_region_that_one_side_lacks_is_left_out() -> None:
    masks = torch.zeros(2, 9, 8)
    masks[0] = 1
    image, style = random(1, 3, 9, 8), random(1, 3, 9, 8, seed=1)
    assert float(Colours(style, masks, masks, seed=0)(image)) == float(Colours(style, ONE, ONE, seed=0)(image))


def test_large_regions_are_sampled_the_same_way_for_a_seed() -> None:
    image, style = random(1, 3, 80, 90), random(1, 3, 80, 90, seed=1) ** 2
    masks = torch.ones(1, 80, 90)
    terms = [Colours(style, masks, masks, seed=seed) for seed in (0, 0, 1)]
    assert len(terms[0].inside[0]) == POINTS
    values = [float(term(image)) for term in terms]
    assert values[0] == values[1] != values[2]
    assert values[2] == pytest.approx(values[0], rel=0.4)
