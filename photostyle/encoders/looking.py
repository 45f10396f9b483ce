"""The encoder `compact` without PyTorch: its features, and the style term with its gradient, by ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photostyle.errors import WeightsError
from segmentation.onnx_network import Run, onnx_network

FEATURES = Path(__file__).with_name("compact_features.onnx")
STYLE_TERM = Path(__file__).with_name("compact_style_term.onnx")
SHA256 = {
    FEATURES: "5bc1e549b9edaabaf051bc7577f6213e8000eb34b85b0d97e125575fcc61c61b",
    STYLE_TERM: "759d79a64ef167f2b01f1d0b0007d839767ab7dde9ded2027a2d449653b6e5e1",
}
"""SHA-256 of the files, which come with the package, in hexadecimal. `photostyle.training.looking` writes them from
`compact.safetensors`."""
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""The layers of `default`'s style term."""
STRIDE = 8
"""Rows and columns of a photo must be multiples of this, and at least four times this."""
IMAGE = "image"
STYLE_INPUTS = (
    IMAGE,
    *(f"{name}_{layer}" for layer in LAYERS for name in ("squares", "divisors", "targets", "shares")),
)
STYLE_OUTPUTS = ("term", "gradient")

Pixels = NDArray[np.float32]
Features = Callable[[Pixels], Mapping[str, Pixels]]
StyleTerm = Callable[[Mapping[str, Pixels]], tuple[float, Pixels]]


def load_features() -> Features:
    """Loads the network of the features.

    Returns:
        A function of photos `(B, 3, H, W) float32`, sRGB-encoded, [0, 1], H and W multiples of `STRIDE`: their
        features, `{layer: (B, C, h, w) float32}`, with a mean activation of one.

    Raises:
        WeightsError: the file is missing or changed.
    """
    run = _load(FEATURES, (IMAGE,), LAYERS)
    return lambda image: dict(zip(LAYERS, run({IMAGE: image}), strict=True))


def load_style_term() -> StyleTerm:
    """Loads the network of the style term.

    Returns:
        A function of its inputs by the names in `STYLE_INPUTS`, see
        `photostyle.training.looking.StyleTermNetwork.forward`: the term, and its gradient `(B, 3, H, W) float32`.

    Raises:
        WeightsError: the file is missing or changed.
    """
    run = _load(STYLE_TERM, STYLE_INPUTS, STYLE_OUTPUTS)

    def term(inputs: Mapping[str, Pixels]) -> tuple[float, Pixels]:
        loss, gradient = run(inputs)
        return float(loss), gradient

    return term


class Networks:
    """Both networks, each loaded when it is first used."""

    @cached_property
    def features(self) -> Features:
        return load_features()

    @cached_property
    def style_term(self) -> StyleTerm:
        return load_style_term()


def _load(path: Path, inputs: Sequence[str], outputs: Sequence[str]) -> Run:
    expected, advice = f"a file of sha256 {SHA256[path]}", "Install photostyle again."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(expected, error.strerror or str(error), str(path), advice) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[path]:
        raise WeightsError(expected, digest, str(path), advice)
    return onnx_network(content, inputs, outputs)
