"""The network that predicts the class of each part of a photo.

The trunk is EfficientNet-Lite2 (Tan, Le, "EfficientNet", ICML 2019), with the changes of its authors' Lite variants: no
squeeze-and-excitation, and ReLU6. Its batch normalisation is folded into the convolutions. Two parts follow the trunk:
pooling over the whole photo for context (Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017), and a pyramid of
features from stride 32 down to stride 4 (Lin et al., "Feature Pyramid Networks", CVPR 2017).
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class TrunkStage(NamedTuple):
    """A sequence of blocks with the same number of output channels."""

    repeats: int
    """The number of blocks."""
    size: int
    """Size of the depthwise kernel, in pixels."""
    stride: int
    """The stride of the first block. The other blocks have stride 1."""
    expansion: int
    """The depthwise convolution of a block has this many times the channels of the block's input."""
    width: int
    """The number of output channels of each block."""


STEM = 32
"""The number of channels after the first convolution."""
STAGES = (
    TrunkStage(1, 3, 1, 1, 16),
    TrunkStage(3, 3, 2, 6, 24),
    TrunkStage(3, 5, 2, 6, 48),
    TrunkStage(4, 3, 2, 6, 88),
    TrunkStage(4, 5, 1, 6, 120),
    TrunkStage(5, 5, 2, 6, 208),
    TrunkStage(1, 3, 1, 6, 352),
)
LEVELS = (1, 2, 4)
"""Indices of the stages whose outputs the pyramid uses, at strides 4, 8 and 16."""
CLASSES = 10
"""The number of classes: ids 0 to 9 of `segmentation.labels.CLASSES`."""
STRIDE = 4
"""One row or column of the output covers this many pixels of the photo."""
NARROW, POOLED = 96, 64
"""The number of channels of each level of the pyramid, and of each pooled feature."""
BINS = (1, 2, 3, 6)
"""The photo is pooled into 1x1, 2x2, 3x3 and 6x6 cells."""


class Network(nn.Module):
    """Computes the logits of the ten classes at every position."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, STEM, 3, 2)
        before = STEM
        self.stages = nn.ModuleList()
        for stage in STAGES:
            blocks = nn.Sequential()
            for index in range(stage.repeats):
                blocks.append(InvertedResidual(before, stage, stage.stride if index == 0 else 1))
                before = stage.width
            self.stages.append(blocks)
        self.pooled = nn.ModuleList(_block(before, POOLED, size=1) for _ in BINS)
        self.deepest = _block(before + POOLED * len(BINS), NARROW)
        self.lateral = nn.ModuleList(_block(STAGES[level].width, NARROW, size=1) for level in LEVELS)
        self.smooth = nn.ModuleList(_block(NARROW, NARROW) for _ in LEVELS)
        self.fuse = _block(NARROW, NARROW)
        self.drop = nn.Dropout2d(0.1)
        self.classify = nn.Conv2d(NARROW, CLASSES, 1)

    def forward(self, image: Tensor) -> Tensor:
        """The logits of the classes.

        Args:
            image: `(B, 3, H, W) float32`, sRGB-encoded, [0, 1]. H and W must be multiples of 32, and at least 64.

        Returns:
            `(B, 10, H / 4, W / 4)`.

        Raises:
            ValueError: the image has another size.
        """
        height, width = image.shape[-2:]
        if height % 32 or width % 32 or min(height, width) < 64:
            raise ValueError(f"expected height and width to be multiples of 32, at least 64, found {height} x {width}")
        features = self.features(image)
        x = features[-1]
        extent = x.shape[-2:]
        pools = [
            functional.interpolate(block(means_of_cells(x, size)), extent, mode="bilinear")
            for block, size in zip(self.pooled, BINS, strict=True)
        ]
        x = self.deepest(torch.cat([x, *pools], 1))
        levels = [features[level] for level in LEVELS]
        finest = levels[0].shape[-2:]
        total = functional.interpolate(x, finest, mode="bilinear")
        for level, lateral, smooth in zip(levels[::-1], self.lateral[::-1], self.smooth[::-1], strict=True):
            x = lateral(level) + functional.interpolate(x, level.shape[-2:], mode="bilinear")
            total = total + functional.interpolate(smooth(x), finest, mode="bilinear")
        return cast(Tensor, self.classify(self.drop(self.fuse(total))))

    def features(self, image: Tensor) -> list[Tensor]:
        """The features of the trunk after each stage, at strides 2, 4, 8, 16, 16, 32 and 32."""
        x = functional.relu6(self.stem(functional.pad(2 * image - 1, (0, 1, 0, 1))))
        results = []
        for stage in self.stages:
            x = stage(x)
            results.append(x)
        return results


class InvertedResidual(nn.Module):
    """The block from Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018."""

    def __init__(self, before: int, stage: TrunkStage, stride: int) -> None:
        super().__init__()
        inner = before * stage.expansion
        self.expand = nn.Conv2d(before, inner, 1) if stage.expansion > 1 else None
        margin = 0 if stride > 1 else stage.size // 2
        self.depthwise = nn.Conv2d(inner, inner, stage.size, stride, margin, groups=inner)
        self.project = nn.Conv2d(inner, stage.width, 1)
        low = (stage.size - 1) // 2
        self.margin = (low - 1, low, low - 1, low) if stride > 1 else None
        """Padding of a strided convolution (left, right, top, bottom), for inputs of even height and width. It is one
        pixel smaller at the left and top, as when the trunk was trained. None if the stride is 1."""
        self.skips = stride == 1 and before == stage.width

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else functional.relu6(self.expand(x))
        if self.margin is not None:
            inner = functional.pad(inner, self.margin)
        inner = self.project(functional.relu6(self.depthwise(inner)))
        return x + inner if self.skips else cast(Tensor, inner)


def means_of_cells(x: Tensor, cells: int) -> Tensor:
    """The means over the cells of a grid: `torch.nn.functional.adaptive_avg_pool2d` as two matrix products.

    Cell i of n covers the places floor(i h / n) to ceil((i + 1) h / n) - 1 of h. With the products, the network can be
    written as ONNX for photos of any size; ONNX has no such pooling.

    Args:
        x: `(B, C, h, w)`.
        cells: the number of cells along each axis.

    Returns:
        `(B, C, cells, cells)`.
    """

    def shares(extent: int) -> Tensor:
        cell, place = torch.arange(cells, device=x.device)[:, None], torch.arange(extent, device=x.device)
        inside = ((cell * extent < (place + 1) * cells) & ((cell + 1) * extent > place * cells)).to(x.dtype)
        return inside / inside.sum(1, keepdim=True)

    return shares(x.shape[2]) @ x @ shares(x.shape[3]).T


def _block(before: int, after: int, *, size: int = 3) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, size, padding=size // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )
