from __future__ import annotations

import torch
from torch import Tensor

from segmentation.training.network import Network

State = dict[str, Tensor]


def trunk_state(network: Network) -> State:
    """Weights drawn at random, in the shapes of the network's trunk, under the names of EfficientNet-Lite2's file."""
    state: State = {}

    def draw(name: str, norm: str, shape: torch.Size) -> None:
        state[f"{name}.weight"] = torch.randn(shape) / shape[1:].numel() ** 0.5
        for key, spread, mean in (("weight", 0.1, 1.0), ("bias", 0.3, 0.2), ("running_mean", 0.2, 0.0)):
            state[f"{norm}.{key}"] = mean + spread * torch.randn(shape[0])
        state[f"{norm}.running_var"] = 0.5 + torch.rand(shape[0])

    draw("_conv_stem", "_bn0", network.stem.weight.shape)
    for index, block in enumerate(block for stage in network.stages for block in stage):
        if block.expand is not None:
            draw(f"_blocks.{index}._expand_conv", f"_blocks.{index}._bn0", block.expand.weight.shape)
        draw(f"_blocks.{index}._depthwise_conv", f"_blocks.{index}._bn1", block.depthwise.weight.shape)
        draw(f"_blocks.{index}._project_conv", f"_blocks.{index}._bn2", block.project.weight.shape)
    return state
