from __future__ import annotations

import pytest
import torch
from torch import Tensor

from photostyle.objective.constants import PHOTOREALISM_UNIT, REFERENCE_PIXELS
from photostyle.objective.regional import RegionalObjective, RegionalWeights


def features(image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
    return dict.fromkeys(layers, 2 * image)


def objective(*weights: float) -> RegionalObjective:
    return RegionalObjective(
        features, ("a",), RegionalWeights(*weights),
        style=lambda found: found["a"].square().sum(), colours=lambda image: image.sum(),
        structure=lambda image: image.mean(), edges=lambda image: image[..., 0].mean(),
        photorealism=lambda image: image.square().sum(), drift=lambda image: image[..., 1].mean(),
    )  # fmt: skip


def test_terms_are_weighted_and_add_up_and_the_gradient_is_theirs() -> None:
    image = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    value, gradient, terms = objective(2.0, 3.0, 5.0, 4.0, 7.0, 9.0)(image)
    unit = 7 * PHOTOREALISM_UNIT * REFERENCE_PIXELS / 20
    wanted = {
        "style": 8 * float(image.square().sum()), "colours": 3 * float(image.sum()),
        "structure": 5 * float(image.mean()), "edges": 4 * float(image[..., 0].mean()),
        "photorealism": unit * float(image.square().sum()), "drift": 9 * float(image[..., 1].mean()),
    }  # fmt: skip
    assert terms == pytest.approx(wanted)
    assert value == pytest.approx(sum(wanted.values()))
    by_column = torch.tensor([4 / 12, 9 / 12, 0, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(gradient, (16 + 2 * unit) * image + 3 + 5 / 60 + by_column)


def test_a_term_without_weight_is_not_computed() -> None:
    def never(*_: object) -> Tensor:
        raise AssertionError

    none = RegionalObjective(
        never, (), RegionalWeights(0, 1, 0, 0, 0, 0), style=never, colours=lambda image: image.sum(), structure=never,
        edges=never, photorealism=never, drift=never,
    )  # fmt: skip
    assert set(none(torch.ones(1, 3, 2, 2))[2]) == {"colours"}
