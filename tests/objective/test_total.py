from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from photostyle.encoders.vgg import Encoder
from photostyle.objective.constants import REFERENCE_PIXELS
from photostyle.objective.content import ContentTerm
from photostyle.objective.laplacian import matting_laplacian
from photostyle.objective.photorealism import PhotorealismTerm
from photostyle.objective.smoothness import total_variation
from photostyle.objective.style import StyleTerm, region_grams
from photostyle.objective.total import FEATURE_SCALE, Objective, Weights

LAYERS = ("relu1_1", "relu2_1")


def whole(size: int = 32, weights: Weights | None = None) -> tuple[Objective, Tensor]:
    torch.manual_seed(0)
    encoder = Encoder((4,) * 13).double().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    photo, style = torch.rand(2, 1, 3, size, size, generator=generator, dtype=torch.float64)
    masks = {
        name: torch.ones(1, size // step, size // step).double() for name, step in zip(LAYERS, (1, 2), strict=True)
    }
    features, other = encoder(photo, LAYERS), encoder(style, LAYERS)
    matrix = matting_laplacian(np.ascontiguousarray(photo[0].permute(1, 2, 0).numpy()))
    objective = Objective(
        encoder, LAYERS, weights or Weights(5, 100, 1e4, 1e-3),
        content=ContentTerm({"relu2_1": features["relu2_1"]}),
        style=StyleTerm({n: region_grams(other[n], masks[n]) for n in LAYERS}, masks, dict.fromkeys(LAYERS, 1.0)),
        photorealism=PhotorealismTerm(matrix, device=torch.device("cpu"), dtype=torch.float64),
        total_variation=total_variation,
    )  # fmt: skip
    return objective, torch.rand(1, 3, size, size, generator=generator, dtype=torch.float64)


def test_gradient_of_the_whole() -> None:
    objective, image = whole()
    assert gradcheck(
        lambda x: torch.stack(list(objective.terms(x).values())).sum(), (image.requires_grad_(True),), fast_mode=True
    )


def test_the_call_gives_the_sum_its_gradient_and_its_parts() -> None:
    objective, image = whole()
    loss, gradient, terms = objective(image)
    assert set(terms) == {"content", "style", "photorealism", "total_variation"}
    assert loss == pytest.approx(sum(terms.values()))
    ahead = 1e-7 * torch.randn(image.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    difference = (objective(image + ahead)[0] - objective(image - ahead)[0]) / 2
    assert float((gradient * ahead).sum()) == pytest.approx(difference, rel=1e-5)


def test_units() -> None:
    """Content is quadratic in the features' scale, style of fourth order, the sums are per reference photo."""
    one = whole(weights=Weights(1, 1, 1, 1))
    terms = one[0](one[1])[2]
    features = one[0].features(one[1], LAYERS)
    assert terms["content"] == pytest.approx(FEATURE_SCALE**2 * float(one[0].content(features)))
    assert terms["style"] == pytest.approx(FEATURE_SCALE**4 * float(one[0].style(features)))
    assert terms["total_variation"] == pytest.approx(REFERENCE_PIXELS / 32**2 * float(total_variation(one[1])))


def test_a_term_without_weight_is_not_computed() -> None:
    def refuse(_: Tensor | Mapping[str, Tensor]) -> Tensor:
        raise AssertionError("computed")

    def features(image: Tensor, layers: tuple[str, ...]) -> Mapping[str, Tensor]:
        raise AssertionError("computed")

    objective = Objective(
        features, LAYERS, Weights(0, 0, 0, 2.0), content=refuse, style=refuse, photorealism=refuse,
        total_variation=lambda image: image.sum(),
    )  # fmt: skip
    image = torch.ones(1, 3, 4, 4)
    loss, gradient, terms = objective(image)
    assert list(terms) == ["total_variation"]
    assert loss == pytest.approx(2 * 48 * REFERENCE_PIXELS / 16)
    assert bool((gradient > 0).all())


class _RefuseFloat64(TorchDispatchMode):
    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        assert not (isinstance(result, Tensor) and result.dtype == torch.float64), function
        return result


def test_a_float32_objective_needs_no_float64_which_mps_lacks() -> None:
    generator = torch.Generator().manual_seed(0)
    image, other = torch.rand(2, 1, 3, 8, 8, generator=generator)
    masks = torch.ones(1, 8, 8)
    objective = Objective(
        lambda photo, layers: {"relu1_1": photo}, ("relu1_1",), Weights(1, 1, 1, 1),
        content=ContentTerm({"relu1_1": other}),
        style=StyleTerm({"relu1_1": region_grams(other, masks)}, {"relu1_1": masks}, {"relu1_1": 1.0}),
        photorealism=lambda photo: photo.square().sum(), total_variation=total_variation,
    )  # fmt: skip
    with _RefuseFloat64():
        loss, gradient, terms = objective(image)
    assert loss == pytest.approx(sum(terms.values()))
    assert gradient.dtype == torch.float32


def test_a_term_that_is_constant_takes_no_part_in_the_gradient() -> None:
    objective = Objective(
        lambda photo, layers: {}, (), Weights(0, 0, 1.0, 0), content=lambda _: torch.zeros(()),
        style=lambda _: torch.zeros(()), photorealism=lambda image: image.new_zeros(()),
        total_variation=total_variation,
    )  # fmt: skip
    loss, gradient, terms = objective(torch.ones(1, 3, 4, 4))
    assert (loss, terms) == (0, {"photorealism": 0})
    assert not gradient.any()
