"""The network that says which class each part of a photo is of.

A trunk of VGG-19's shape at an eighth of its widths, with the layer names of Simonyan and Zisserman, ICLR 2015; a
block at stride 32 and pooling over the whole photo for context (Zhao et al., "Pyramid Scene Parsing Network", CVPR
2017); a pyramid of features from stride 32 down to stride 4 (Lin et al., "Feature Pyramid Networks", CVPR 2017).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

TRUNK = (
    ("conv1_1", 18), ("conv1_2", 18),
    ("conv2_1", 40), ("conv2_2", 40),
    ("conv3_1", 72), ("conv3_2", 72), ("conv3_3", 72), ("conv3_4", 72),
    ("conv4_1", 136), ("conv4_2", 136), ("conv4_3", 136), ("conv4_4", 136),
    ("conv5_1", 136),
)  # fmt: skip
"""Names and widths of the trunk's convolutions; 3x3, each with a ReLU after it, a pooling before blocks 2 to 5."""
LEVELS = ("conv3_4", "conv4_4", "conv5_1")
"""The trunk's outputs that the pyramid takes, at strides 4, 8 and 16."""
CLASSES = 10
"""Ids 0 to 9 of `segmentation.labels.CLASSES`."""
STRIDE = 4
"""Pixels of the photo to a row or column of the network's answer."""
WIDE, NARROW, POOLED = 256, 96, 64
BINS = (1, 2, 3, 6)

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class Network(nn.Module):
    """Logits of the ten classes."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)
        before = 3
        self.trunk = nn.ModuleDict()
        for name, width in TRUNK:
            self.trunk[name] = nn.Conv2d(before, width, 3, padding=1, padding_mode="reflect")
            before = width
        self.context = nn.Sequential(_block(before, WIDE, stride=2), _Residual(WIDE), _Residual(WIDE))
        self.pooled = nn.ModuleList(_block(WIDE, POOLED, size=1) for _ in BINS)
        self.deepest = _block(WIDE + POOLED * len(BINS), NARROW)
        widths = dict(TRUNK)
        self.lateral = nn.ModuleList(_block(widths[name], NARROW, size=1) for name in LEVELS)
        self.smooth = nn.ModuleList(_block(NARROW, NARROW) for _ in LEVELS)
        self.fuse = _block(NARROW, NARROW)
        self.drop = nn.Dropout2d(0.1)
        self.classify = nn.Conv2d(NARROW, CLASSES, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of `image`.

        Args:
            image: `(B, 3, H, W) float32`, sRGB-encoded, [0, 1]; H and W multiples of 32, at least 64.

        Returns:
            `(B, 10, H / 4, W / 4)`.

        Raises:
            ValueError: an image of another size.
        """
        height, width = image.shape[-2:]
        if height % 32 or width % 32 or min(height, width) < 64:
            raise ValueError(f"expected height and width to be multiples of 32, at least 64, found {height} x {width}")
        levels = self._levels(image)
        x = self.context(levels[-1])
        extent = x.shape[-2:]
        pools = [
            functional.interpolate(block(functional.adaptive_avg_pool2d(x, size)), extent, mode="bilinear")
            for block, size in zip(self.pooled, BINS, strict=True)
        ]
        x = self.deepest(torch.cat([x, *pools], 1))
        finest = levels[0].shape[-2:]
        total = functional.interpolate(x, finest, mode="bilinear")
        for level, lateral, smooth in zip(levels[::-1], self.lateral[::-1], self.smooth[::-1], strict=True):
            x = lateral(level) + functional.interpolate(x, level.shape[-2:], mode="bilinear")
            total = total + functional.interpolate(smooth(x), finest, mode="bilinear")
        return cast(Tensor, self.classify(self.drop(self.fuse(total))))

    def _levels(self, image: Tensor) -> list[Tensor]:
        """The trunk's features at `LEVELS`."""
        x, features = (image - self.mean) / self.std, []
        for name, _ in TRUNK:
            if name.endswith("_1") and name != "conv1_1":
                x = functional.max_pool2d(x, 2)
            x = functional.relu(self.trunk[name](x))
            if name in LEVELS:
                features.append(x)
        return features


class _Residual(nn.Module):
    """He et al., "Deep Residual Learning", CVPR 2016."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _block(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


def _block(before: int, after: int, *, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )
