from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from segmentation.training.network import STAGES, Network
from segmentation.training.trunk import NORM_EPSILON, start_from
from tests.segmentation.weights import State, trunk_state


def normalised(state: State, x: Tensor, name: str, norm: str, stride: int = 1, groups: int = 1) -> Tensor:
    """A convolution whose outcome has ceil(extent / stride) rows and columns, and batch normalisation after it."""
    weight = state[f"{name}.weight"]
    margins = []
    for extent in (x.shape[3], x.shape[2]):
        total = max((-(-extent // stride) - 1) * stride + weight.shape[2] - extent, 0)
        margins += [total // 2, total - total // 2]
    x = functional.conv2d(functional.pad(x, margins), weight, stride=stride, groups=groups)
    gain, bias, mean, variance = (state[f"{norm}.{key}"] for key in ("weight", "bias", "running_mean", "running_var"))
    return functional.batch_norm(x, mean, variance, gain, bias, eps=NORM_EPSILON)


def unfolded(state: State, image: Tensor) -> list[Tensor]:
    """The trunk's features after each stage, computed as in training."""
    x = functional.relu6(normalised(state, 2 * image - 1, "_conv_stem", "_bn0", 2))
    index, results = 0, []
    for stage in STAGES:
        for repeat in range(stage.repeats):
            own, inner = f"_blocks.{index}", x
            if stage.expansion > 1:
                inner = functional.relu6(normalised(state, x, f"{own}._expand_conv", f"{own}._bn0"))
            stride = stage.stride if repeat == 0 else 1
            inner = normalised(state, inner, f"{own}._depthwise_conv", f"{own}._bn1", stride, inner.shape[1])
            inner = normalised(state, functional.relu6(inner), f"{own}._project_conv", f"{own}._bn2")
            x = x + inner if inner.shape == x.shape else inner
            index += 1
        results.append(x)
    return results


def test_folded_normalisation_gives_the_features_of_the_unfolded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network().eval()
    state = trunk_state(network)
    torch.save(state, tmp_path / "trunk.pth")
    start_from(network, tmp_path / "trunk.pth")
    image = torch.rand(1, 3, 96, 64)
    with torch.inference_mode():
        for stage, (expected, found) in enumerate(zip(unfolded(state, image), network.features(image), strict=True)):
            assert expected.std() > 0.05, stage
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("shape", "found"), [(None, "None"), ((24, 96, 1, 1), r"\(24, 96, 1, 1\)")])
def test_weights_of_something_else_are_refused(tmp_path: Path, shape: tuple[int, ...] | None, found: str) -> None:
    state = trunk_state(Network())
    name = "_blocks.5._project_conv.weight"
    if shape is None:
        del state[name]
    else:
        state[name] = torch.zeros(shape)
    torch.save(state, tmp_path / "trunk.pth")
    with pytest.raises(ValueError, match=rf"trunk\.pth: expected EfficientNet-Lite2, with {name} .*found {found}"):
        start_from(Network(), tmp_path / "trunk.pth")
