"""Features of photos: an encoder on its device, and a photo with its features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Encode = Callable[["Tensor", tuple[str, ...]], dict[str, "Tensor"]]
"""`(image (1, 3, H, W), layers) -> {layer: (1, C, h, w)}`."""


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
        encoder: the encoder.
        device_name: the name, in PyTorch, of the device of the images.
    """

    encoder: Encode
    device_name: str

    @property
    def device(self) -> torch.device:
        """The device of the images."""
        import torch

        return torch.device(self.device_name)

    def tensor(self, pixels: NDArray[np.float32]) -> Tensor:
        """`(H, W, 3)` as `(1, 3, H, W)` on the device."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].to(self.device)

    def __call__(self, image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        import torch

        return self.encoder(image.contiguous(memory_format=torch.channels_last), layers)

    def encoded(self, pixels: NDArray[np.float32], layers: tuple[str, ...]) -> EncodedPhoto:
        """A photo with its features at some layers, or at none, without gradients.

        Args:
            pixels: `(H, W, 3) float32, sRGB-encoded, [0, 1]`.
        """
        if not layers:
            return EncodedPhoto(pixels, {})
        import torch

        with torch.inference_mode():
            return EncodedPhoto(pixels, self(self.tensor(pixels), layers))


class LazyEncoder:
    """An encoder that is loaded when it is used for the first time.

    Args:
        load: loads the encoder.
    """

    def __init__(self, load: Callable[[], Encode]) -> None:
        self._load = load
        self._encoder: Encode | None = None

    def load(self) -> Encode:
        """The encoder, which is loaded unless it has been."""
        if self._encoder is None:
            self._encoder = self._load()
        return self._encoder

    def __call__(self, image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        return self.load()(image, layers)
