"""Reads and writes the files of encoder weights.

A weights file is safetensors, which cannot contain code. All its arrays are float32: `conv*.weight` and `conv*.bias` as
trained; `mean` and `std` of the input; and `factor.conv*`, the factors that make the mean activation of every filter
one (Gatys, Ecker and Bethge, CVPR 2016, section 2). Its metadata has `format`, `name`, `padding` and notes of the
maker.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of
from torch import Tensor

from photostyle.encoders.vgg import CONVOLUTIONS, Encoder, Padding, Pooling
from photostyle.encoders.weights import advice_on
from photostyle.errors import WeightsError
from photostyle.files import atomic_write

FORMAT = "photostyle-encoder-1"


def load_encoder(path: Path, pooling: Pooling = "max", sha256: str | None = None) -> Encoder:
    """An encoder from a file that `save_encoder` wrote, with mean activations of one, on the CPU, frozen.

    Args:
        path: a safetensors file. Other files are refused and not opened; nothing is ever unpickled.
        pooling: `max` or `average`.
        sha256: the sha256 that the file must have, hexadecimal; None if it is not known.

    Raises:
        WeightsError: the file is missing, unreadable, cut short, altered or a pickle, or has no such encoder.
    """
    tensors, metadata = _read(path, sha256)
    try:
        widths = [len(tensors[f"{name}.bias"]) for name in CONVOLUTIONS]
    except (KeyError, TypeError) as error:
        raise _not_an_encoder(path, "tensors conv1_1.bias to conv5_1.bias", f"{error} missing or a scalar") from error
    _check(path, tensors, widths)
    padding = metadata.get("padding")
    if padding not in get_args(Padding):
        raise _not_an_encoder(path, f"a padding of {' or '.join(get_args(Padding))}", repr(padding))
    factors = {name: tensors.pop(f"factor.{name}") for name in CONVOLUTIONS}
    with torch.device("meta"):  # weights that are replaced at once need no memory and no random numbers
        encoder = Encoder(widths, padding=cast(Padding, padding), pooling=pooling)
    encoder.load_state_dict(tensors, assign=True)
    encoder.rescale(factors)
    return encoder.eval().requires_grad_(False)


def save_encoder(path: Path, encoder: Encoder, factors: Mapping[str, Tensor], **notes: str) -> None:
    """Writes an encoder as trained, not yet rescaled, whole or not at all.

    Args:
        path: the file to write.
        encoder: the encoder, with any dtype and on any device.
        factors: the result of `mean_activation_factors`, `{convolution: (C,) positive}`.
        notes: metadata, such as the name of the encoder and how it was trained.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_write(path, overwrite=True) as file:
        file.write(encoder_bytes(encoder, factors, **notes))


def encoder_bytes(encoder: Encoder, factors: Mapping[str, Tensor], **notes: str) -> bytes:
    """The bytes of the file that `save_encoder` writes. They are the same for the same encoder, factors and notes."""
    tensors = encoder.state_dict() | {f"factor.{name}": factors[name] for name in CONVOLUTIONS}
    tensors = {key: value.detach().float().cpu().contiguous() for key, value in tensors.items()}
    data = bytes_of(tensors, {"format": FORMAT, "padding": encoder.padding} | notes)
    # safetensors writes its header in a random order
    header = json.loads(data[8 : 8 + _header_length(data)])
    ordered = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ordered = ordered.ljust(-len(ordered) % 8 + len(ordered))
    return len(ordered).to_bytes(8, "little") + ordered + data[8 + _header_length(data) :]


def _read(path: Path, sha256: str | None) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file in our format."""
    advice = advice_on(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        raise WeightsError("the weights of an encoder", found, str(path), advice) from error
    if data[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        found = "a pickle or an archive of pickles, which may hold code and was not opened"
        raise WeightsError("a safetensors file", found, str(path), advice)
    if sha256 is not None and (digest := hashlib.sha256(data).hexdigest()) != sha256:
        found = f"{digest}: the file was altered or cut short"
        raise WeightsError(f"a file of sha256 {sha256}", found, str(path), advice)
    try:
        tensors = tensors_of(data)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        found = f"{len(data)} bytes that are none, or are cut short ({error})"
        raise WeightsError("a whole safetensors file", found, str(path), advice) from error
    metadata = json.loads(data[8 : 8 + _header_length(data)]).get("__metadata__", {})
    if metadata.get("format") != FORMAT:
        raise _not_an_encoder(path, f"the format {FORMAT}", repr(metadata.get("format")))
    return tensors, metadata


def _check(path: Path, tensors: Mapping[str, Tensor], widths: list[int]) -> None:
    """Raises WeightsError unless the tensors are all those of an encoder of `widths`, with finite numbers."""
    shapes: dict[str, tuple[int, ...]] = {"mean": (1, 3, 1, 1), "std": (1, 3, 1, 1)}
    for name, before, after in zip(CONVOLUTIONS, (3, *widths), widths, strict=False):
        shapes |= {f"{name}.weight": (after, before, 3, 3), f"{name}.bias": (after,), f"factor.{name}": (after,)}
    if unlike := sorted(shapes.keys() ^ tensors.keys()):
        kind = "missing" if unlike[0] in shapes else "one too many"
        raise _not_an_encoder(path, f"{len(shapes)} tensors by the names of VGG-19's layers", f"{unlike[0]} {kind}")
    for key, shape in shapes.items():
        tensor = tensors[key]
        if tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
            raise _not_an_encoder(path, f"{key} as float32 {shape}", f"{tensor.dtype} {tuple(tensor.shape)}")
        if not tensor.isfinite().all():
            raise _not_an_encoder(path, f"{key} of finite numbers", "NaN or infinity")
        if (key == "std" or key.startswith("factor.")) and not (tensor > 0).all():
            raise _not_an_encoder(path, f"{key} above 0", f"{float(tensor.min()):g}")


def _header_length(data: bytes) -> int:
    return int.from_bytes(data[:8], "little")


def _not_an_encoder(path: Path, expected: str, found: str) -> WeightsError:
    return WeightsError(f"a photostyle encoder with {expected}", found, str(path), advice_on(path))
