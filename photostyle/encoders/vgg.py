"""VGG-19 up to relu5_1, at any width, addressed by layer name.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
configuration E. Every convolution is 3x3 with stride 1 and is followed by a ReLU. A 2x2 pooling with stride 2 comes
before each of the blocks 2 to 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

CONVOLUTIONS = (
    "conv1_1", "conv1_2",
    "conv2_1", "conv2_2",
    "conv3_1", "conv3_2", "conv3_3", "conv3_4",
    "conv4_1", "conv4_2", "conv4_3", "conv4_4",
    "conv5_1",
)  # fmt: skip
LAYERS = tuple(name.replace("conv", "relu") for name in CONVOLUTIONS)
VGG19_WIDTHS = (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512)

Pooling = Literal["max", "average"]
Padding = Literal["zeros", "reflect"]


def level(layer: str) -> int:
    """The number of poolings before `layer`, a name such as `relu4_2` or `conv4_2`: 0 to 4."""
    return int(layer[4]) - 1


class Encoder(nn.Module):
    """The convolutions of VGG-19 up to conv5_1.

    Args:
        widths: number of filters of each of the 13 convolutions, in the order of `CONVOLUTIONS`.
        mean, std: per-channel RGB normalisation of the input, in [0, 1].
        padding: how the borders are filled before each convolution.
        pooling: `max` as in VGG-19, or `average`, which Gatys et al. 2016 found to give smoother pictures.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        padding: Padding = "zeros",
        pooling: Pooling = "max",
    ) -> None:
        super().__init__()
        if len(widths) != len(CONVOLUTIONS):
            raise ValueError(f"expected {len(CONVOLUTIONS)} widths, found {len(widths)}")
        self.widths = tuple(widths)
        self.padding: Padding = padding
        self.pooling: Pooling = pooling
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        for name, before, after in zip(CONVOLUTIONS, (3, *widths), widths, strict=False):
            self.add_module(name, nn.Conv2d(before, after, 3, padding=1, padding_mode=padding))

    def convolution(self, name: str) -> nn.Conv2d:
        """The convolution called `name`, such as `conv4_2`."""
        module = self.get_submodule(name)
        assert isinstance(module, nn.Conv2d)
        return module

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Features of `image` at `layers`.

        Args:
            image: `(B, 3, H, W)`, sRGB-encoded, [0, 1], in the encoder's dtype and on its device; H and W of
                at least 32, so that every layer has two rows and columns to pad.
            layers: names such as `relu4_2`.

        Returns:
            `{layer: (B, C, H // 2^level, W // 2^level)}`, non-negative. Nothing is computed beyond the deepest layer.

        Raises:
            KeyError: VGG-19 up to conv5_1 does not have a layer of that name.
        """
        wanted = set(layers)
        if unknown := wanted - set(LAYERS):
            raise KeyError(f"no layer {sorted(unknown)}; there are {', '.join(LAYERS)}")
        features: dict[str, Tensor] = {}
        x = ((image - self.mean) / self.std).to(self.dtype)
        for name, layer in zip(CONVOLUTIONS, LAYERS, strict=True):
            if len(features) == len(wanted):
                break
            if name.endswith("_1") and level(name) > 0:
                x = functional.max_pool2d(x, 2) if self.pooling == "max" else functional.avg_pool2d(x, 2)
            x = functional.relu(self.convolution(name)(x), inplace=True)
            if layer in wanted:
                features[layer] = x
        return features

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the convolutions."""
        return self.convolution("conv1_1").weight.dtype

    def compute_in(self, dtype: torch.dtype) -> Encoder:
        """Converts the convolutions. The input is still normalised in its own dtype, so that 8 bits stay 8 bits."""
        for name in CONVOLUTIONS:
            self.convolution(name).to(dtype)
        return self

    @torch.no_grad()
    def rescale(self, factors: Mapping[str, Tensor]) -> None:
        """Multiplies the activation of every filter by its factor. Otherwise the function stays the same.

        ReLU, both poolings and both paddings are positively homogeneous. A factor on the output of a convolution can
        therefore be undone in the input of the next one (Gatys, Ecker and Bethge, CVPR 2016, section 2).

        Args:
            factors: `{convolution: (C,) positive}` for all of `CONVOLUTIONS`.
        """
        before = torch.ones(3)
        for name in CONVOLUTIONS:
            convolution, after = self.convolution(name), factors[name].to(torch.float32)
            convolution.weight.mul_(after.view(-1, 1, 1, 1) / before.view(1, -1, 1, 1))
            assert convolution.bias is not None
            convolution.bias.mul_(after)
            before = after

    def multiplications(self) -> float:
        """Multiplications for one pixel of the input, up to relu5_1."""
        before, total = 3, 0.0
        for name, after in zip(CONVOLUTIONS, self.widths, strict=True):
            total += 9 * before * after / 4 ** level(name)
            before = after
        return total


@torch.no_grad()
def mean_activation_factors(encoder: Encoder, photos: Iterable[Tensor], *, floor: float = 0.05) -> dict[str, Tensor]:
    """Factors that make the mean activation of every filter, over photos and positions, one.

    Gatys, Ecker and Bethge, CVPR 2016, section 2. One departure:

    1. A filter that almost never fires is scaled as if its mean were `floor` times the mean of its layer, so that noise
       does not become a feature.

    Args:
        encoder: as trained, not yet rescaled.
        photos: each `(1, 3, H, W)`, sRGB-encoded, [0, 1].
        floor: the least mean of a filter, as a share of the mean of its layer.

    Returns:
        `{convolution: (C,) float32}`, for `Encoder.rescale`.
    """
    sums = {layer: torch.zeros(width, dtype=torch.float64) for layer, width in zip(LAYERS, encoder.widths, strict=True)}
    count = 0
    for photo in photos:
        count += 1
        for layer, feature in encoder(photo, LAYERS).items():
            sums[layer] += feature.mean((0, 2, 3)).double()
    if not count:
        raise ValueError("expected at least one photo to measure the mean activations on, found none")
    factors = {}
    for name, layer in zip(CONVOLUTIONS, LAYERS, strict=True):
        means = sums[layer] / count
        factors[name] = (1 / means.clamp_min(floor * float(means.mean()))).float()
    return factors
