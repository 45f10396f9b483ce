"""Writes what ONNX Runtime computes of the encoder `compact`: its features, and the style term with its gradient.

    python -m photostyle.training.looking

The weights are those of `compact.safetensors`, in half precision. Run it again whenever that file changes, and put the
sha256 that it prints into `photostyle/encoders/looking.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from photostyle.encoders import weights
from photostyle.encoders.looking import (
    FEATURES,
    IMAGE,
    LAYERS,
    SHORTEST,
    STRIDE,
    STYLE_OUTPUTS,
    STYLE_TERMS,
    style_inputs,
)
from photostyle.encoders.vgg import CONVOLUTIONS, Encoder, level
from photostyle.objective.constants import SOFTENING
from segmentation.training.network_file import OPSET, halve_weights, without_notes

EXAMPLE = (2, 3, 64, 96)
"""Shape of the photos with which the networks are exported. The files are for any number and size."""
REGIONS = 3
LARGE = 1e30
"""Features, which are not negative, times this are 0 or more than 1."""


class Features(nn.Module):
    """The features of photos `(B, 3, H, W)` at `LAYERS`."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        found = self.encoder(image, LAYERS)
        return tuple(found[layer] for layer in LAYERS)


class StyleTermNetwork(nn.Module):
    """The style term of `default` and its gradient for the photos; see `photostyle.objective.style.RelativeStyleTerm`.

    The gradient is written out, so that it is part of the network. The gradient of a convolution for its input is a
    convolution with the same weights, turned round. Where several of four values that are pooled are the largest, they
    share the gradient; in PyTorch the first one gets all of it.
    """

    def __init__(self, encoder: Encoder, layers: Sequence[str]) -> None:
        super().__init__()
        if encoder.padding != "reflect" or encoder.pooling != "max":
            raise ValueError(f"expected reflection padding and max pooling, found {encoder.padding}, {encoder.pooling}")
        last = CONVOLUTIONS.index(layers[-1].replace("relu", "conv"))
        self.encoder, self.layers, self.names = encoder, tuple(layers), CONVOLUTIONS[: last + 1]
        for name in self.names:
            turned = encoder.convolution(name).weight.detach().flip(2, 3).transpose(0, 1).contiguous()
            self.register_buffer(f"turned_{name}", turned)

    def forward(self, image: Tensor, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The term, and its gradient `(B, 3, H, W)`.

        Args:
            image: `(B, 3, H, W)`.
            inputs: for each layer the squared masks `(R, B, h, w)`, the divisors of the Gram matrices `(R,)`, the
                targets `(R, C, C)`, and the shares of the regions `(R,)`.
        """
        x, kept = (image - self.encoder.mean) / self.encoder.std, []
        for name in self.names:
            before = x
            if name.endswith("_1") and level(name) > 0:
                x = functional.max_pool2d(x, 2)
            kept.append((before, x))
            x = functional.relu(self.encoder.convolution(name)(x))
        outputs = [*(after for _, after in kept[1:]), x]
        term, slope = image.new_zeros(()), torch.zeros_like(x)
        for place in reversed(range(len(self.names))):
            name = self.names[place]
            # What the next convolution saw is this one's output, unless there was a pooling between them.
            feature = kept[place + 1][0] if place + 1 < len(kept) else outputs[-1]
            layer = name.replace("conv", "relu")
            if layer in self.layers:
                at = 4 * self.layers.index(layer)
                loss, own = _relative_distance(feature, *inputs[at : at + 4])
                term, slope = term + loss / len(self.layers), slope + own / len(self.layers)
            slope = slope * (LARGE * feature).clamp_max(1)  # faster in ONNX Runtime than `where`
            slope = _folded(functional.conv2d(functional.pad(slope, (2, 2, 2, 2)), self.get_buffer(f"turned_{name}")))
            before, pooled = kept[place]
            if name.endswith("_1") and level(name) > 0:
                largest = (_doubled(pooled) == before).to(slope.dtype)
                slope = largest * _doubled(slope / (4 * functional.avg_pool2d(largest, 2)))
        return term, slope / self.encoder.std


def _relative_distance(
    feature: Tensor, squares: Tensor, divisors: Tensor, targets: Tensor, shares: Tensor
) -> tuple[Tensor, Tensor]:
    """The distance at one layer, and its gradient for the features; see `objective.style._RelativeDistance`."""
    pixels = feature.transpose(0, 1).flatten(1)  # (C, N)
    weighted = pixels[None] * squares.flatten(1)[:, None]  # (R, C, N)
    difference = weighted @ pixels.T / divisors[:, None, None] - targets
    norms = targets.square().sum((1, 2)).clamp_min(1e-20)
    distances = (difference.square().sum((1, 2)) / norms + SOFTENING**2).sqrt()
    factors = difference * (2 * shares / (divisors * distances * norms))[:, None, None]
    batch, channels, height, width = feature.shape
    slope = factors.transpose(0, 1).reshape(channels, -1) @ weighted.flatten(0, 1)
    return (shares * distances).sum(), slope.reshape(channels, batch, height, width).transpose(0, 1)


def _folded(slope: Tensor) -> Tensor:
    """The gradient of reflection padding by one pixel."""
    for axis in (2, 3):
        size = slope.shape[axis]
        first, second, third, last, last_but_one, last_but_two = (
            slope.narrow(axis, place, 1) for place in (0, 1, 2, size - 1, size - 2, size - 3)
        )
        middle = slope.narrow(axis, 3, size - 6)
        slope = torch.cat([second, third + first, middle, last_but_two + last, last_but_one], axis)
    return slope


def _doubled(planes: Tensor) -> Tensor:
    """Every value four times, in a square."""
    return functional.interpolate(planes, scale_factor=2.0, mode="nearest")


def save_features(encoder: Encoder, path: Path) -> str:
    """Writes the network of the features. Returns the SHA-256 of the file, in hexadecimal."""
    photos, rows, columns = _free_sizes()
    free = {0: photos, 2: STRIDE * rows, 3: STRIDE * columns}
    return _export(Features(encoder), [torch.rand(EXAMPLE)], [free], (IMAGE,), LAYERS, path)


def save_style_term(encoder: Encoder, layers: Sequence[str], path: Path) -> str:
    """Writes the network of the style term at these layers. Returns the SHA-256 of the file, in hexadecimal."""
    regions, (photos, rows, columns) = torch.export.Dim("regions", min=1), _free_sizes()
    free = {0: photos, 2: STRIDE * rows, 3: STRIDE * columns}
    image, (batch, _, height, width) = torch.rand(EXAMPLE), EXAMPLE
    arguments: list[Tensor] = [image]
    shapes: list[Mapping[int, Any]] = [free]
    for place, layer in enumerate(layers):
        channels = encoder.convolution(layer.replace("relu", "conv")).out_channels
        side = STRIDE // 2**place
        arguments += [
            torch.rand(REGIONS, batch, height // 2**place, width // 2**place), torch.rand(REGIONS) + 1,
            torch.rand(REGIONS, channels, channels), torch.rand(REGIONS),
        ]  # fmt: skip
        shapes += [{0: regions, 1: photos, 2: side * rows, 3: side * columns}, {0: regions}, {0: regions}, {0: regions}]
    network, inputs = StyleTermNetwork(encoder, layers), style_inputs(layers)
    return _export(network, arguments, shapes, inputs, STYLE_OUTPUTS, path)


def _free_sizes() -> tuple[Any, Any, Any]:
    """What is not fixed: the number of photos, and their rows and columns, in multiples of `STRIDE`."""
    rows, columns = (torch.export.Dim(name, min=SHORTEST // STRIDE) for name in ("rows", "columns"))
    return torch.export.Dim("photos", min=1), rows, columns


def _export(
    network: nn.Module, arguments: Sequence[Tensor], shapes: Sequence[Mapping[int, Any]], inputs: Sequence[str],
    outputs: Sequence[str], path: Path,
) -> str:  # fmt: skip
    program = torch.onnx.export(
        network.eval(), tuple(arguments), dynamo=True, optimize=False, verbose=False, opset_version=OPSET,
        input_names=list(inputs), output_names=list(outputs),
        dynamic_shapes=tuple(shapes) if len(shapes) == 1 else (shapes[0], tuple(shapes[1:])),
    )  # fmt: skip
    assert program is not None
    model = program.model_proto
    halve_weights(model.graph)
    without_notes(model)
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    own = weights.load("compact")
    print(FEATURES.name, save_features(own, FEATURES))
    for chosen, file in STYLE_TERMS.items():
        print(file.name, save_style_term(own, chosen, file))
