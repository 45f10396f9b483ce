from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from photostyle.encoders.vgg import Encoder
from photostyle.objective.constants import SOFTENING
from photostyle.objective.style import RelativeStyleTerm, StyleTerm, mean_grams, region_grams, with_own_look
from tests.reference import style as reference


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_value_is_that_of_the_naive_twin() -> None:
    feature, masks, other = random(1, 3, 5, 4), random(2, 5, 4, seed=1), random(1, 3, 6, 7, seed=2)
    targets = region_grams(other, random(2, 6, 7, seed=3))
    loss = StyleTerm({"relu1_1": targets}, {"relu1_1": masks}, {"relu1_1": 1.0})({"relu1_1": feature})
    naive = reference.distance(feature[0].numpy(), masks.numpy(), targets.numpy())
    assert float(loss) == pytest.approx(naive, rel=1e-12)


def test_stated_gradient_is_the_gradient() -> None:
    masks = random(2, 5, 4, seed=1)
    masks[0, :2] = 0
    targets = region_grams(random(1, 3, 6, 7, seed=2), random(2, 6, 7, seed=3))
    term = StyleTerm({"a": targets}, {"a": masks}, {"a": 0.7})
    assert gradcheck(lambda x: term({"a": x}), (random(1, 3, 5, 4).requires_grad_(True),))


def test_layers_are_weighted_and_added() -> None:
    features = {"a": random(1, 3, 5, 4), "b": random(1, 2, 3, 2, seed=4)}
    masks = {"a": torch.ones(1, 5, 4).double(), "b": torch.ones(1, 3, 2).double()}
    targets = {"a": torch.zeros(1, 3, 3).double(), "b": torch.zeros(1, 2, 2).double()}
    alone = [float(StyleTerm({k: targets[k]}, masks, {k: 1.0})(features)) for k in "ab"]
    together = StyleTerm(targets, masks, {"a": 2.0, "b": 3.0})(features)
    assert float(together) == pytest.approx(2 * alone[0] + 3 * alone[1])


def test_a_photo_has_no_distance_from_itself_and_one_from_another() -> None:
    feature, masks = random(1, 3, 5, 4), random(2, 5, 4, seed=1)
    term = StyleTerm({"a": region_grams(feature, masks)}, {"a": masks}, {"a": 1.0})
    assert float(term({"a": feature})) < 1e-25
    assert float(term({"a": 1 - feature})) > 1e-6


def test_grams_of_a_partition_add_up_to_the_whole() -> None:
    feature = random(1, 4, 6, 5)
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, 3, (6, 5)))
    masks = torch.stack([labels == label for label in range(3)]).double()
    sums = masks.sum((1, 2))[:, None, None]
    parts = (region_grams(feature, masks) * sums).sum(0)
    whole = region_grams(feature, torch.ones(1, 6, 5).double())[0] * 30
    torch.testing.assert_close(parts, whole)


def test_pixels_may_trade_places_inside_a_region() -> None:
    """With 1x1 filters a pixel's feature is its own, and a Gram matrix has no order."""
    encoder = Encoder((4,) * 13).double()
    with torch.no_grad():
        weight = encoder.convolution("conv1_1").weight
        weight[:, :, [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2]] = 0
    image, left = random(1, 3, 32, 32), torch.zeros(1, 32, 32).double()
    left[:, :, :16] = 1
    masks = {"relu1_1": torch.cat([left, 1 - left])}
    targets = {"relu1_1": torch.zeros(2, 4, 4).double()}
    term = StyleTerm(targets, masks, {"relu1_1": 1.0})

    def loss(photo: Tensor) -> float:
        return float(term(encoder(photo, ["relu1_1"])).detach())

    inside, across = image.clone(), image.clone()
    inside[..., 3, 2], inside[..., 30, 15] = image[..., 30, 15], image[..., 3, 2]
    across[..., 3, 2], across[..., 3, 20] = image[..., 3, 20], image[..., 3, 2]
    assert loss(inside) == pytest.approx(loss(image), rel=1e-12)
    assert loss(across) != pytest.approx(loss(image), rel=1e-12)


def test_an_empty_region_does_not_pull() -> None:
    masks = torch.zeros(1, 5, 4).double()
    term = StyleTerm({"a": torch.ones(1, 3, 3).double()}, {"a": masks}, {"a": 1.0})
    feature = random(1, 3, 5, 4).requires_grad_(True)
    loss = term({"a": feature})
    loss.backward()
    assert float(loss.detach()) == 0
    assert feature.grad is not None
    assert not feature.grad.any()


def test_a_second_derivative_is_refused() -> None:
    """The gradient is stated, so that autograd would take it for a constant."""
    term = StyleTerm({"a": torch.zeros(1, 3, 3).double()}, {"a": torch.ones(1, 5, 4).double()}, {"a": 1.0})
    feature = random(1, 3, 5, 4).requires_grad_(True)
    (gradient,) = torch.autograd.grad(term({"a": feature}).square(), feature, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_what_is_in_no_region_has_its_own_look_as_target() -> None:
    feature = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    left = torch.zeros(1, 4, 4)
    left[:, :, :2] = 1
    masks, targets = with_own_look({"a": left}, {"a": torch.zeros(1, 3, 3)}, {"a": feature}, 0.001)
    assert torch.equal(masks["a"].sum(0), torch.ones(4, 4))
    assert targets["a"].shape == (2, 3, 3)
    whole, _ = with_own_look({"a": torch.ones(1, 4, 4)}, {"a": torch.zeros(1, 3, 3)}, {"a": feature}, 0.001)
    assert len(whole["a"]) == 1


def relative(feature: Tensor, masks: Tensor, targets: Tensor) -> float:
    """The naive twin of `RelativeStyleTerm` at one layer."""
    grams, total = region_grams(feature, masks), 0.0
    for gram, target, mask in zip(grams, targets, masks, strict=True):
        ratio = float((gram - target).square().sum() / target.square().sum())
        total += float(mask.sum() / masks.sum()) * (ratio + SOFTENING**2) ** 0.5
    return total


def test_the_relative_distance_is_that_of_the_naive_twin() -> None:
    masks, features = random(2, 5, 4, seed=1), {"a": random(1, 3, 5, 4), "b": random(1, 3, 5, 4, seed=5)}
    targets = {layer: region_grams(random(1, 3, 6, 7, seed=2), random(2, 6, 7, seed=3)) for layer in "ab"}
    value = RelativeStyleTerm(targets, {"a": masks, "b": masks})(features)
    wanted = sum(relative(features[layer], masks, targets[layer]) for layer in "ab") / 2
    assert float(value) == pytest.approx(wanted)


def test_the_relative_distances_stated_gradient_is_the_gradient() -> None:
    masks = random(2, 5, 4, seed=1)
    masks[0, :2] = 0
    term = RelativeStyleTerm({"a": region_grams(random(1, 3, 6, 7, seed=2), random(2, 6, 7, seed=3))}, {"a": masks})
    assert gradcheck(lambda x: term({"a": x}), (random(1, 3, 5, 4).requires_grad_(True),))


def test_the_relative_distance_does_not_know_the_scale_of_the_features() -> None:
    feature, masks, other = random(1, 3, 5, 4), random(2, 5, 4, seed=1), random(1, 3, 6, 7, seed=2)
    values = [
        float(
            RelativeStyleTerm({"a": region_grams(s * other, random(2, 6, 7, seed=3))}, {"a": masks})({"a": s * feature})
        )
        for s in (1.0, 50.0)
    ]
    assert values[0] == pytest.approx(values[1])


def test_the_relative_distance_of_a_photo_from_itself_is_the_softening() -> None:
    feature, masks = random(1, 3, 5, 4), random(2, 5, 4, seed=1)
    term = RelativeStyleTerm({"a": region_grams(feature, masks)}, {"a": masks})
    assert float(term({"a": feature})) == pytest.approx(SOFTENING)


ALL = torch.ones(1, 6, 4).double()


def moments(gram: Tensor, mean: Tensor) -> Tensor:
    """The covariance in a Gram matrix of 3 features of this mean."""
    return 3 * gram - torch.outer(mean, mean)


def test_between_two_styles_features_have_the_mean_of_means_and_of_deviations() -> None:
    """Where the axes are the same, as those of a photo and of the same one with more contrast."""
    first = random(1, 3, 6, 4)
    second = 3 * (first - first.mean((2, 3), keepdim=True)) + 5
    (gram,) = mean_grams([([0.25], first, ALL), ([0.75], second, ALL)])
    mean = 0.25 * first.mean((0, 2, 3)) + 0.75 * 5
    own = moments(region_grams(first, ALL)[0], first.mean((0, 2, 3)))
    torch.testing.assert_close(moments(gram, mean), (0.25 + 0.75 * 3) ** 2 * own)


def test_between_a_bright_and_a_dark_flat_style_lies_one_flat_one() -> None:
    """The mean of their Gram matrices would want contrast that neither has."""
    flat = [torch.full((1, 3, 6, 4), value).double() for value in (0.2, 1.0, 0.6)]
    (gram,) = mean_grams([([0.5], flat[0], ALL), ([0.5], flat[1], ALL)])
    torch.testing.assert_close(gram, region_grams(flat[2], ALL)[0])


def test_a_style_twice_has_its_gram_and_one_without_a_share_none() -> None:
    first, second, masks = random(1, 3, 6, 4), random(1, 3, 5, 5, seed=1), random(2, 6, 4, seed=2)
    wanted = region_grams(first, masks)
    torch.testing.assert_close(mean_grams([([0.5, 0.25], first, masks), ([0.5, 0.75], first, masks)]), wanted)
    none = [0.0, 0.0], second, torch.zeros(2, 5, 5).double()
    assert torch.equal(mean_grams([([1.0, 1.0], first, masks), none]), wanted)


def test_order_of_styles_does_not_matter_even_with_fewer_pixels_than_channels() -> None:
    styles = [([0.3], random(1, 9, 2, 2), random(1, 2, 2)), ([0.7], random(1, 9, 3, 2, seed=1), random(1, 3, 2))]
    torch.testing.assert_close(mean_grams(styles), mean_grams(styles[::-1]))
