"""The segmenter: it takes a photo and gives the probability of each class at every position.

ONNX Runtime computes its network. `segmentation/training/network.py` describes the network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segmentation.labels import CLASSES
from segmentation.onnx_network import onnx_network

SHIPPED = Path(__file__).with_name("compact.onnx")
SHA256 = "b679b2a7605fe9500565792c9f1910fe0a6bd4652833d4b00cb41b8df43ea591"
"""SHA-256 of the file `SHIPPED`, which comes with the package, in hexadecimal."""
SIZE = 512
"""Longest side of the photo as the network sees it, in pixels."""
INPUT, OUTPUT = "image", "logits"
"""The names of the input and the output in the network's file."""


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
        logits: the trained network. It takes photos `(B, 3, H, W) float32`, sRGB-encoded, [0, 1], with H and W
            multiples of 32 and at least 64. It gives the logits of the ten classes, `(B, 10, H / 4, W / 4) float32`.
        sha256: SHA-256 of the file that the network was loaded from, in hexadecimal. Empty if there is no file.

    The attribute `names` is `{id: class}`, in the order of the network's outputs.
    """

    def __init__(self, logits: Callable[[NDArray[np.float32]], NDArray[np.float32]], sha256: str = "") -> None:
        self.logits, self.sha256 = logits, sha256
        self.names = {label.id: label.name for label in CLASSES[:10]}

    @classmethod
    def load(cls, path: Path | None = None) -> Segmenter:
        """Loads a network from a file that `segmentation.training.network_file.save_network` wrote.

        Args:
            path: the file. The default is the file that comes with the package.

        Raises:
            NetworkError: the file is missing, incomplete, changed, or does not contain such a network.
        """
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
        try:
            return cls(_network(content), digest)
        except Exception as error:  # ONNX Runtime has a class of its own for each kind of damage
            raise NetworkError(expected, str(error).partition("\n")[0].rstrip("."), str(path), advice) from error

    def probabilities(self, photo: NDArray[np.uint8], *, size: int = SIZE) -> NDArray[np.float32]:
        """The probability of each class at every position.

        Args:
            photo: `(H, W, 3) uint8`, sRGB-encoded.
            size: longest side of the photo as the network sees it, in pixels.

        Returns:
            `(10, h, w) float32`, sum 1 over the classes. h and w are 1/4 of the height and width that `resized` gives,
            so the longer of them is about `size` / 4.

        Raises:
            ValueError: the array is not a photo.
            MemoryError: there is too little memory.
        """
        logits = self.logits(resized(photo, size))[0]
        chances = np.exp(logits - logits.max(0))
        found: NDArray[np.float32] = chances / chances.sum(0)
        return found


def _network(content: bytes) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The network in the bytes of a file, for `Segmenter`. For its errors, see `onnx_network`."""
    run = onnx_network(content, (INPUT,), (OUTPUT,))
    return lambda photos: run({INPUT: photos})[0]


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
