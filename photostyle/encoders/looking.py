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
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""The layers of `default`'s style term at half the size of the solve."""
FINE_LAYERS = LAYERS[:3]
"""Those at the size of the solve: the layer that is left out would take half of the time."""
STYLE_TERMS = {
    LAYERS: Path(__file__).with_name("compact_style_term.onnx"),
    FINE_LAYERS: Path(__file__).with_name("compact_style_term_fine.onnx"),
}
SHA256 = {
    FEATURES: "5bc1e549b9edaabaf051bc7577f6213e8000eb34b85b0d97e125575fcc61c61b",
    STYLE_TERMS[LAYERS]: "30eaef3674e06f2dce3ce0f93de5d7aec7b2e1a4ed57dbc9c942d4d5eed51964",
    STYLE_TERMS[FINE_LAYERS]: "639af1987fe4c6ddb06dd8a409485dd78467af6c4088504f664fe1a1f12d57d4",
}
"""SHA-256 of the files, which come with the package, in hexadecimal. `photostyle.training.looking` writes them from
`compact.safetensors`."""
STRIDE = 8
"""Rows and columns of a photo must be multiples of this."""
SHORTEST = 4 * STRIDE
"""Fewest rows and columns of a photo."""
IMAGE = "image"
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


def style_inputs(layers: Sequence[str]) -> tuple[str, ...]:
    """The names of the inputs of the network of the style term at these layers."""
    return (
        IMAGE,
        *(f"{name}_{layer}" for layer in layers for name in ("squares", "divisors", "targets", "shares")),
    )


def load_style_term(layers: tuple[str, ...] = LAYERS) -> StyleTerm:
    """Loads the network of the style term.

    Args:
        layers: one of the keys of `STYLE_TERMS`.

    Returns:
        A function of its inputs by the names of `style_inputs`, see
        `photostyle.training.looking.StyleTermNetwork.forward`: the term, and its gradient `(B, 3, H, W) float32`.

    Raises:
        WeightsError: the file is missing or changed.
    """
    run = _load(STYLE_TERMS[layers], style_inputs(layers), STYLE_OUTPUTS)

    def term(inputs: Mapping[str, Pixels]) -> tuple[float, Pixels]:
        loss, gradient = run(inputs)
        return float(loss), gradient

    return term


class Networks:
    """The networks, each loaded when it is first used."""

    def __init__(self) -> None:
        self._style_terms: dict[tuple[str, ...], StyleTerm] = {}

    @cached_property
    def features(self) -> Features:
        return load_features()

    def style_term(self, layers: tuple[str, ...]) -> StyleTerm:
        """See `load_style_term`."""
        if layers not in self._style_terms:
            self._style_terms[layers] = load_style_term(layers)
        return self._style_terms[layers]


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
