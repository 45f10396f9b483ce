"""A photo in, the probability of each class at every place out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segmentation.labels import CLASSES

if TYPE_CHECKING:
    from segmentation.network import Network

SHIPPED = Path(__file__).with_name("compact.safetensors")
SHA256 = "b12c7c047d8959555d97ff7aad6c88431f5db47ea6fc827a0cd280396bf29c11"
"""Of the file that ships."""
SIZE = 512
"""Longest side that the network looks at, in pixels."""


class NetworkError(Exception):
    """A network that cannot be had or is another: what was expected, what was found, where, and what to do next."""

    def __init__(self, expected: str, found: str, where: str, advice: str) -> None:
        super().__init__(f"{where}: expected {expected}, found {found}. {advice}")
        self.expected, self.found, self.where, self.advice = expected, found, where, advice


class Segmenter:
    """Says what is where in a photo.

    Args:
        network: as trained.
        sha256: of the file it came from, in hexadecimal; empty where it came from none.

    `names` is `{id: class}`, in the order of the network's outputs.
    """

    def __init__(self, network: Network, sha256: str = "") -> None:
        self.network, self.sha256 = network.eval().requires_grad_(False), sha256
        self.names = {label.id: label.name for label in CLASSES[:10]}

    @classmethod
    def load(cls, path: Path | None = None) -> Segmenter:
        """The network of a file that `save_network` wrote; the one that ships, by default.

        Raises:
            NetworkError: no such file, one that was cut or altered, or one of something else.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        from segmentation.network import Network

        path = path or SHIPPED
        advice = "Install photostyle again." if path == SHIPPED else "Write the file again."
        expected = "a network that save_network wrote"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise NetworkError(expected, error.strerror or str(error), str(path), advice) from error
        digest = hashlib.sha256(content).hexdigest()
        if path == SHIPPED and digest != SHA256:
            raise NetworkError(f"a file of sha256 {SHA256}", digest, str(path), advice)
        network = Network()
        try:
            network.load_state_dict({key: value.float() for key, value in load(content).items()})
        except (SafetensorError, RuntimeError) as error:
            raise NetworkError(expected, str(error).splitlines()[0], str(path), advice) from error
        return cls(network, digest)

    def probabilities(self, photo: NDArray[np.uint8], *, size: int = SIZE) -> NDArray[np.float32]:
        """Of each class at every place.

        Args:
            photo: `(H, W, 3) uint8`, sRGB-encoded.
            size: longest side that the network looks at, in pixels.

        Returns:
            `(10, h, w) float32`, sum 1 over the classes; h and w are at most `size` / 4 or so, in the photo's
            proportions to within a multiple of 32.

        Raises:
            ValueError: not a photo.
        """
        import torch

        image = torch.from_numpy(resized(photo, size))
        both = torch.cat([image, image.flip(3)])
        with torch.inference_mode():
            chances = self.network(both).softmax(1)
        mean: NDArray[np.float32] = ((chances[0] + chances[1].flip(2)) / 2).numpy()
        return mean


def resized(photo: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """A photo at the size that a network looks at.

    Args:
        photo: `(H, W, 3) uint8`, sRGB-encoded.
        size: longest side, in pixels.

    Returns:
        `(1, 3, h, w) float32`, sRGB-encoded, [0, 1]; h and w are the multiples of 32 nearest to the photo's
        proportions, at least 64.

    Raises:
        ValueError: not a photo.
    """
    from PIL import Image

    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise ValueError(f"expected a photo (H, W, 3) uint8, found {photo.shape} {photo.dtype}")
    scale = size / max(photo.shape[:2])
    rows, columns = (max(64, 32 * round(scale * extent / 32)) for extent in photo.shape[:2])
    smaller = Image.fromarray(photo).resize((columns, rows), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.array(smaller, np.float32).transpose(2, 0, 1)[None] / np.float32(255)


def save_network(path: Path, network: Network, *, training: str) -> str:
    """Writes the network in half precision and returns the file's sha256, in hexadecimal."""
    import torch
    from safetensors.torch import save_file

    state = {
        key: value.to(torch.float16 if value.is_floating_point() else value.dtype).contiguous()
        for key, value in network.state_dict().items()
    }
    save_file(state, path, {"training": training})
    return hashlib.sha256(path.read_bytes()).hexdigest()
