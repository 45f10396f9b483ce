"""Features of photos: an encoder on its device, and a photo with its features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class EncodedPhoto:
    """A photo and its features.

    Args:
        pixels: `(H, W, 3) float32, sRGB-encoded, [0, 1]`.
        features: features of `pixels`, `{layer: (1, C, h, w)}`, in the encoder's dtype and on its device.
    """

    pixels: NDArray[np.float32] = field(repr=False)
    features: Mapping[str, Tensor] = field(repr=False)


@dataclass(frozen=True)
class FeatureExtractor:
    """An encoder on its device.

    Args:
        encoder: `(image (1, 3, H, W), layers) -> {layer: (1, C, h, w)}`.
        device: the device of the images.
    """

    encoder: Callable[[Tensor, tuple[str, ...]], dict[str, Tensor]]
    device: torch.device

    def tensor(self, pixels: NDArray[np.float32]) -> Tensor:
        """`(H, W, 3)` as `(1, 3, H, W)` on the device."""
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].to(self.device)

    def __call__(self, image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        return self.encoder(image.contiguous(memory_format=torch.channels_last), layers)

    def encoded(self, pixels: NDArray[np.float32], layers: tuple[str, ...]) -> EncodedPhoto:
        """A photo with its features at some layers, or at none, without gradients.

        Args:
            pixels: `(H, W, 3) float32, sRGB-encoded, [0, 1]`.
        """
        with torch.inference_mode():
            return EncodedPhoto(pixels, self(self.tensor(pixels), layers) if layers else {})
