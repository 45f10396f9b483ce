"""VGG-19 by layer names: against torchvision's own, and the laws of its rescaling."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from photostyle.encoders.fetch import calibration_photos, encoder_of
from photostyle.encoders.vgg import (
    CONVOLUTIONS,
    LAYERS,
    VGG19_WIDTHS,
    Encoder,
    Padding,
    Pooling,
    level,
    mean_activation_factors,
)
from photostyle.training.distill import WIDTHS as COMPACT_WIDTHS

NARROW = (4, 4, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 10)


def narrow(padding: Padding = "zeros", pooling: Pooling = "max") -> Encoder:
    """Of random weights that keep the activations at one scale from layer to layer."""
    torch.manual_seed(0)
    encoder = Encoder(NARROW, padding=padding, pooling=pooling).eval().requires_grad_(False)
    for name in CONVOLUTIONS:
        nn.init.kaiming_normal_(encoder.convolution(name).weight, nonlinearity="relu")
    return encoder


def image(rows: int, columns: int, batch: int = 1) -> Tensor:
    return torch.rand(batch, 3, rows, columns, generator=torch.Generator().manual_seed(1))


def positive_factors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {
        name: 0.1 + 3 * torch.rand(width, generator=generator) for name, width in zip(CONVOLUTIONS, NARROW, strict=True)
    }


def mean_activations(encoder: Encoder, photos: list[Tensor]) -> dict[str, Tensor]:
    """`{layer: (C,)}` over photos and positions."""
    features = [encoder(photo, LAYERS) for photo in photos]
    return {layer: torch.stack([each[layer].mean((0, 2, 3)) for each in features]).mean(0) for layer in LAYERS}


def test_layers_are_those_of_configuration_e_up_to_relu5_1() -> None:
    blocks = [[layer for layer in LAYERS if level(layer) == block] for block in range(5)]
    assert [len(block) for block in blocks] == [2, 2, 4, 4, 1]
    assert LAYERS[0] == "relu1_1"
    assert "relu4_2" in LAYERS
    assert LAYERS[-1] == "relu5_1"


@pytest.mark.parametrize(("rows", "columns"), [(32, 32), (33, 47), (95, 64)])
def test_every_level_halves_the_grid_rounding_down(rows: int, columns: int) -> None:
    for layer, feature in narrow()(image(rows, columns), LAYERS).items():
        width = NARROW[LAYERS.index(layer)]
        assert feature.shape == (1, width, rows // 2 ** level(layer), columns // 2 ** level(layer))
        assert feature.min() >= 0


def test_computes_no_deeper_than_asked() -> None:
    encoder, called = narrow(), []
    for name in CONVOLUTIONS:
        encoder.convolution(name).register_forward_hook(lambda *_, name=name: called.append(name))
    features = encoder(image(32, 32), ["relu2_1", "relu1_1"])
    assert list(features) == ["relu1_1", "relu2_1"]
    assert called == ["conv1_1", "conv1_2", "conv2_1"]


def test_unknown_layer() -> None:
    with pytest.raises(KeyError, match="relu5_2"):
        narrow()(image(32, 32), ["relu1_1", "relu5_2"])


def test_unfit_number_of_widths() -> None:
    with pytest.raises(ValueError, match="13 widths, found 2"):
        Encoder((4, 4))


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_pooling_takes_the_maximum_or_the_mean_of_two_by_two(pooling: Pooling) -> None:
    encoder = narrow(pooling=pooling)
    features = encoder(image(32, 32), ["relu1_2", "relu2_1"])
    blocks = features["relu1_2"].reshape(1, 4, 16, 2, 16, 2)
    pooled = blocks.amax((3, 5)) if pooling == "max" else blocks.mean((3, 5))
    torch.testing.assert_close(features["relu2_1"], encoder.convolution("conv2_1")(pooled).relu())


@pytest.mark.parametrize(("padding", "mode"), [("zeros", "constant"), ("reflect", "reflect")])
def test_padding_fills_the_borders(padding: Padding, mode: str) -> None:
    encoder = narrow(padding=padding)
    first = encoder.convolution("conv1_1")
    normalised = nn.functional.pad((image(32, 40) - encoder.mean) / encoder.std, (1, 1, 1, 1), mode=mode)
    expected = nn.functional.conv2d(normalised, first.weight, first.bias).relu()
    torch.testing.assert_close(encoder(image(32, 40), ["relu1_1"])["relu1_1"], expected)


def test_batch_of_two_equals_two_batches_of_one() -> None:
    encoder, pair = narrow(), image(40, 36, batch=2)
    together = encoder(pair, LAYERS)
    for index in range(2):
        for layer, feature in encoder(pair[index : index + 1], LAYERS).items():
            torch.testing.assert_close(together[layer][index : index + 1], feature)


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_rescaling_multiplies_the_features_and_changes_nothing_else(padding: Padding, pooling: Pooling) -> None:
    encoder, factors = narrow(padding, pooling), positive_factors()
    before = encoder(image(48, 33), LAYERS)
    encoder.rescale(factors)
    after = encoder(image(48, 33), LAYERS)
    for name, layer in zip(CONVOLUTIONS, LAYERS, strict=True):
        torch.testing.assert_close(after[layer] / factors[name].view(1, -1, 1, 1), before[layer])


def test_mean_activations_are_one_after_rescaling() -> None:
    encoder, photos = narrow(), list(calibration_photos())
    assert len(photos) == 8
    usual = mean_activations(encoder, photos)
    encoder.rescale(mean_activation_factors(encoder, photos, floor=0.05))
    for layer, mean in mean_activations(encoder, photos).items():
        often = usual[layer] > 0.05 * usual[layer].mean()
        assert often.sum() >= 3
        torch.testing.assert_close(mean[often], torch.ones(int(often.sum())), rtol=1e-3, atol=0)
        assert (mean[~often] < 1).all()


def test_a_filter_that_never_fires_is_not_blown_up() -> None:
    encoder = narrow()
    bias = encoder.convolution("conv1_1").bias
    assert bias is not None
    bias[0] = -1e6
    mean = encoder(image(32, 32), ["relu1_1"])["relu1_1"].mean()
    factors = mean_activation_factors(encoder, [image(32, 32)], floor=0.05)
    torch.testing.assert_close(factors["conv1_1"][0], 1 / (0.05 * mean))


def test_mean_activations_need_a_photo() -> None:
    with pytest.raises(ValueError, match="at least one photo"):
        mean_activation_factors(narrow(), [])


def test_agrees_with_torchvision_layer_by_layer() -> None:
    from torchvision.models import VGG19_Weights
    from torchvision.models.vgg import cfgs, make_layers

    torch.manual_seed(3)
    features = make_layers(cfgs["E"]).requires_grad_(False)
    for module in features:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    ours = encoder_of({f"features.{key}": value for key, value in features.state_dict().items()})
    assert ours.widths == VGG19_WIDTHS
    photo = image(64, 64)
    x = VGG19_Weights.IMAGENET1K_V1.transforms(crop_size=64, resize_size=64)(photo)
    theirs = []
    for module in features:
        x = nn.functional.relu(x) if isinstance(module, nn.ReLU) else module(x)
        if isinstance(module, nn.ReLU):
            theirs.append(x)
    for (layer, feature), expected in zip(ours(photo, LAYERS).items(), theirs, strict=False):
        assert (feature - expected).abs().max() <= 1e-4 * expected.abs().max(), layer


def test_multiplications() -> None:
    full = Encoder(VGG19_WIDTHS).multiplications()
    assert full == pytest.approx(3.6e5, rel=0.02)
    assert Encoder(COMPACT_WIDTHS).multiplications() <= full / 12
