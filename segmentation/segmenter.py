"""The segmenter: it takes a photo and gives the probability of each class at every position."""

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
SHA256 = "e444eca23f46db86e95cb587b58311a23b2248af2c4b2129f87d4fc255af303a"
"""SHA-256 of the file `SHIPPED`, which comes with the package, in hexadecimal."""
SIZE = 512
"""Longest side of the photo as the network sees it, in pixels."""


class NetworkError(Exception):
    """A network is missing or is not the expected one.

    Args:
        expected: what was expected.
        found: what was found.
        where: the file or the name of the network.
        advice: what to do next.
    """

    def __init__(self, expected: str, found: str, where: str, advice: str) -> None:
        super().__init__(f"{where}: expected {expected}, found {found}. {advice}")
        self.expected, self.found, self.where, self.advice = expected, found, where, advice


class Segmenter:
    """Predicts the class of each part of a photo.

    Args:
        network: the trained network.
        sha256: SHA-256 of the file that the network was loaded from, in hexadecimal. Empty if there is no file.

    The attribute `names` is `{id: class}`, in the order of the network's outputs.
    """

    def __init__(self, network: Network, sha256: str = "") -> None:
        self.network, self.sha256 = network.eval().requires_grad_(False), sha256
        self.names = {label.id: label.name for label in CLASSES[:10]}

    @classmethod
    def load(cls, path: Path | None = None) -> Segmenter:
        """Loads a network from a file that `save_network` wrote.

        Args:
            path: the file. The default is the file that comes with the package.

        Raises:
            NetworkError: the file is missing, incomplete, changed, or does not contain such a network.
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
        """The probability of each class at every position.

        It is the mean of two predictions, one for the photo and one for its mirror image.

        Args:
            photo: `(H, W, 3) uint8`, sRGB-encoded.
            size: longest side of the photo as the network sees it, in pixels.

        Returns:
            `(10, h, w) float32`, sum 1 over the classes. h and w are 1/4 of the height and width that `resized` gives,
            so the longer of them is about `size` / 4.

        Raises:
            ValueError: the array is not a photo.
        """
        import torch

        image = torch.from_numpy(resized(photo, size))
        both = torch.cat([image, image.flip(3)])
        with torch.inference_mode():
            chances = self.network(both).softmax(1)
        mean: NDArray[np.float32] = ((chances[0] + chances[1].flip(2)) / 2).numpy()
        return mean


def resized(photo: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """The photo at the size at which a network sees it.

    Args:
        photo: `(H, W, 3) uint8`, sRGB-encoded.
        size: longest side, in pixels.

    Returns:
        `(1, 3, h, w) float32`, sRGB-encoded, [0, 1]. h and w are rounded to multiples of 32, and are at least 64, so
        the proportions of the photo may change a little.

    Raises:
        ValueError: the array is not a photo.
    """
    from PIL import Image

    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise ValueError(f"expected a photo (H, W, 3) uint8, found {photo.shape} {photo.dtype}")
    scale = size / max(photo.shape[:2])
    rows, columns = (max(64, 32 * round(scale * extent / 32)) for extent in photo.shape[:2])
    smaller = Image.fromarray(photo).resize((columns, rows), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.array(smaller, np.float32).transpose(2, 0, 1)[None] / np.float32(255)


def save_network(path: Path, network: Network, *, training: str) -> str:
    """Writes the network in half precision.

    Args:
        path: the file to write.
        network: the trained network.
        training: a text about the training, kept in the metadata of the file.

    Returns:
        SHA-256 of the file, in hexadecimal.
    """
    import torch
    from safetensors.torch import save_file

    state = {
        key: value.to(torch.float16 if value.is_floating_point() else value.dtype).contiguous()
        for key, value in network.state_dict().items()
    }
    save_file(state, path, {"training": training})
    return hashlib.sha256(path.read_bytes()).hexdigest()
