from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from skimage.color import rgb2lab
from torch import Tensor
from torch.autograd import gradcheck

from photostyle.objective.colours import ColourTerm
from photostyle.objective.constants import DIRECTIONS, POINTS


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


ONE = torch.ones(1, 9, 8, dtype=torch.float64)


def test_value_is_that_of_scipys_distances() -> None:
    image, style = random(1, 3, 9, 8), random(1, 3, 9, 8, seed=1)
    term = ColourTerm([([1.0], style, ONE)], ONE, seed=0)
    ours, theirs = (rgb2lab(photo[0].permute(1, 2, 0).numpy()).reshape(-1, 3) for photo in (image, style))
    naive = np.mean([
        wasserstein_distance(ours @ direction, theirs @ direction) for direction in term.directions.numpy()
    ])  # fmt: skip
    assert len(term.directions) == DIRECTIONS
    assert float(term(image)) == pytest.approx(naive / 100, rel=1e-3)


def test_gradient() -> None:
    term = ColourTerm([([1.0], random(1, 3, 5, 6), torch.ones(1, 5, 6))], ONE, seed=0)
    assert gradcheck(term, (random(1, 3, 9, 8, seed=1).requires_grad_(True),))


def test_a_photo_has_no_distance_from_itself_wherever_its_pixels_are() -> None:
    image = random(1, 3, 9, 8)
    term = ColourTerm([([1.0], image, ONE)], ONE, seed=0)
    shuffled = image.flatten(2)[..., torch.randperm(72, generator=torch.Generator().manual_seed(0))]
    assert float(term(shuffled.reshape(image.shape))) < 1e-12
    assert float(term(image / 2)) > 0.05


def test_regions_count_by_area_and_only_inside() -> None:
    image, style = random(1, 3, 9, 8), random(1, 3, 9, 8, seed=1)
    parts = torch.zeros(2, 9, 8)
    parts[0, :3], parts[1, 3:] = 1, 1
    alone = [float(ColourTerm([([1.0], style, part[None])], part[None], seed=0)(image)) for part in parts]
    assert float(ColourTerm([([1.0, 1.0], style, parts)], parts, seed=0)(image)) == pytest.approx(
        (alone[0] + 2 * alone[1]) / 3
    )
    changed = image.clone()
    changed[:, :, 3:] = 0
    assert float(ColourTerm([([1.0], style, parts[:1])], parts[:1], seed=0)(changed)) == pytest.approx(alone[0])


def test_a_region_that_one_side_lacks_is_left_out() -> None:
    masks = torch.zeros(2, 9, 8)
    masks[0] = 1
    image, style = random(1, 3, 9, 8), random(1, 3, 9, 8, seed=1)
    assert float(ColourTerm([([1.0, 1.0], style, masks)], masks, seed=0)(image)) == float(
        ColourTerm([([1.0], style, ONE)], ONE, seed=0)(image)
    )


def test_large_regions_are_sampled_the_same_way_for_a_seed() -> None:
    image, style = random(1, 3, 80, 90), random(1, 3, 80, 90, seed=1) ** 2
    masks = torch.ones(1, 80, 90)
    terms = [ColourTerm([([1.0, 1.0], style, masks)], masks, seed=seed) for seed in (0, 0, 1)]
    assert len(terms[0].regions[0][0]) == POINTS
    values = [float(term(image)) for term in terms]
    assert values[0] == values[1] != values[2]
    assert values[2] == pytest.approx(values[0], rel=0.4)


def test_the_target_of_two_styles_is_the_mean_of_their_quantiles() -> None:
    first, second = random(1, 3, 9, 8, seed=1), random(1, 3, 9, 8, seed=2)
    image = random(1, 3, 9, 8)
    both = ColourTerm([([0.25], first, ONE), ([0.75], second, ONE)], ONE, seed=0)
    sorted_ones = [
        np.sort(rgb2lab(photo[0].permute(1, 2, 0).numpy()).reshape(-1, 3) @ both.directions.numpy().T, axis=0)
        for photo in (image, first, second)
    ]
    naive = np.abs(sorted_ones[0] - 0.25 * sorted_ones[1] - 0.75 * sorted_ones[2]).mean() / 100
    assert float(both(image)) == pytest.approx(naive, rel=1e-3)


def test_a_style_twice_is_the_style_and_one_without_a_share_is_none() -> None:
    image, style, other = (random(1, 3, 9, 8, seed=seed) for seed in range(3))
    once = float(ColourTerm([([1.0], style, ONE)], ONE, seed=0)(image))
    assert float(ColourTerm([([0.5], style, ONE)] * 2, ONE, seed=0)(image)) == pytest.approx(once, rel=1e-12)
    assert float(ColourTerm([([1.0], style, ONE), ([0.0], other, ONE)], ONE, seed=0)(image)) == once
