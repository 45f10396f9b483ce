"""Finds, verifies, loads and writes encoder weights.

`compact` is in the package. `vgg19` is searched as `vgg19.safetensors` in the folder that the environment variable
PHOTOSTYLE_WEIGHTS names, and then in the cache. If neither has it, it is made from torchvision's file (see `fetch.py`)
and kept in the cache. The cache is $XDG_CACHE_HOME/photostyle or ~/.cache/photostyle on every system.

A weights file is safetensors, which cannot contain code. All its arrays are float32: `conv*.weight` and `conv*.bias` as
trained; `mean` and `std` of the input; and `factor.conv*`, the factors that make the mean activation of every filter
one (Gatys, Ecker and Bethge, CVPR 2016, section 2). Its metadata has `format`, `name`, `padding` and notes of the
maker.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of
from torch import Tensor

from photostyle.encoders import fetch as torchvision_weights
from photostyle.encoders.vgg import CONVOLUTIONS, Encoder, Padding, Pooling
from photostyle.errors import OutputError, SettingsError, WeightsError
from photostyle.files import atomic_write, check_target

FORMAT = "photostyle-encoder-1"
NAMES = ("compact", "vgg19")
SHIPPED = Path(__file__).with_name("compact.safetensors")
COMPACT_SHA256 = "2e552d78d0eea8a251cf24f8e0947deaf9a83f3485999ef6006e9da915854420"
"""sha256 of the file in the package, hexadecimal."""


@dataclass(frozen=True)
class WeightsStatus:
    """Where an encoder's weights are, and whether they can be used.

    Args:
        name: the name of the encoder.
        path: the file, or the place where it would be kept.
        present: whether the file exists.
        bytes: its size; 0 if it does not exist.
        sha256: the sha256 of the file as it is, hexadecimal; empty if it does not exist.
        ok: whether the file exists, is the right one, and loads.
        problem: what is wrong and what to do, in one to three lines without the path; empty if nothing is wrong.
    """

    name: str
    path: Path
    present: bool
    bytes: int
    sha256: str
    ok: bool
    problem: str


def load(name: str, pooling: Pooling = "max", *, progress: bool = True) -> Encoder:
    """The encoder called `name`, verified, with mean activations of one, on the CPU, float32 and frozen.

    Args:
        name: `compact` or `vgg19`.
        pooling: `max` or `average`.
        progress: whether a download shows its progress on standard error.

    Raises:
        SettingsError: there is no encoder of that name.
        WeightsError: the weights are missing and cannot be downloaded, or are the wrong ones.
        OutputError: downloaded weights cannot be kept in the cache.
    """
    path = find_weights(name, progress=progress)
    return load_encoder(path, pooling, recorded_sha256(path))


def find_weights(name: str, *, progress: bool = True) -> Path:
    """The file with the weights of `name`. It is made first if it does not exist and can be made. It is not verified.

    Raises:
        SettingsError, WeightsError, OutputError: see `load`.
    """
    path = _place(name)
    return path if path.is_file() or name == "compact" else fetch(name, progress=progress)


def fetch(name: str, *, progress: bool = True) -> Path:
    """Makes sure that the weights of `name` exist and are right. A damaged file in the cache is made again.

    Returns:
        The file.

    Raises:
        SettingsError, WeightsError, OutputError: see `load`.
    """
    path = _place(name)
    if path.is_file() or name == "compact":
        try:
            load_encoder(path, sha256=recorded_sha256(path))
            return path
        except WeightsError:
            if path.parent != cache_folder():
                raise
    path = cache_folder() / f"{name}.safetensors"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        advice = "Name a folder that can be written to in XDG_CACHE_HOME."
        raise OutputError("a cache folder", error.strerror or str(error), str(path.parent), advice) from error
    for target in (path, _record(path)):
        check_target(target, overwrite=True)
    encoder, factors = torchvision_weights.vgg19(_source_folders(), path.parent, progress)
    data = encoder_bytes(encoder, factors, name=name, source=torchvision_weights.FILE)
    with atomic_write(_record(path), overwrite=True) as file:
        file.write(f"{hashlib.sha256(data).hexdigest()}  {path.name}\n".encode())
    with atomic_write(path, overwrite=True) as file:
        file.write(data)
    return path


def available() -> list[WeightsStatus]:
    """The state of the weights of every encoder. Nothing is downloaded or made."""
    return [_status(name) for name in NAMES]


def verify() -> list[WeightsStatus]:
    """The state of the weights in the package, and of all other weights that exist."""
    return [status for status in available() if status.present or status.name == "compact" or status.problem]


def cache_folder() -> Path:
    """The folder where weights are kept. It may not exist yet."""
    root = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (root if root.is_absolute() else Path.home() / ".cache") / "photostyle"


def own_folder() -> Path | None:
    """The folder that PHOTOSTYLE_WEIGHTS names; None if it is not set.

    Raises:
        WeightsError: it names something that is not a folder.
    """
    named = os.environ.get("PHOTOSTYLE_WEIGHTS", "")
    if named and not Path(named).is_dir():
        found = "a file" if Path(named).exists() else "nothing there"
        raise WeightsError("a folder with weights", found, named, "Mend or unset PHOTOSTYLE_WEIGHTS, which names it.")
    return Path(named) if named else None


def recorded_sha256(path: Path) -> str:
    """The sha256 that the weights file must have. It is in this module for a file in the package, else in a record.

    Raises:
        WeightsError: there is no record beside the file, or it has no sha256.
    """
    if path == SHIPPED:
        return COMPACT_SHA256
    record = _record(path)
    try:
        digest = record.read_text(encoding="ascii").split()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        digest = ""
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        found = "something else" if record.exists() else "no such file"
        advice = f"Copy it together with {path.name}, or let `photostyle weights fetch` make both anew."
        raise WeightsError(f"the sha256 of {path.name}", found, str(record), advice)
    return digest


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
    advice = _advice(path)
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


def _status(name: str) -> WeightsStatus:
    try:
        path = _place(name)
    except WeightsError as error:
        return WeightsStatus(name, cache_folder() / f"{name}.safetensors", False, 0, "", False, str(error))
    if not path.is_file() and name != "compact":
        return WeightsStatus(name, path, False, 0, "", False, "")
    try:
        load_encoder(path, sha256=recorded_sha256(path))
        problem = ""
    except WeightsError as error:
        problem = str(error).removeprefix(f"{path}: ")
    try:
        data = path.read_bytes()
    except OSError:
        return WeightsStatus(name, path, path.is_file(), 0, "", False, problem)
    return WeightsStatus(name, path, True, len(data), hashlib.sha256(data).hexdigest(), not problem, problem)


def _place(name: str) -> Path:
    """Where the weights of `name` are, or would be."""
    if name not in NAMES:
        raise SettingsError(f"an encoder ({', '.join(NAMES)})", repr(name))
    if name == "compact":
        return SHIPPED
    places = [folder / f"{name}.safetensors" for folder in (own_folder(), cache_folder()) if folder]
    return next((place for place in places if place.is_file()), places[-1])


def _source_folders() -> list[Path]:
    """The folders that may have torchvision's own file, put there by hand or by torchvision."""
    return [folder for folder in (own_folder(), cache_folder(), Path(torch.hub.get_dir()) / "checkpoints") if folder]


def _record(path: Path) -> Path:
    """The file that has the sha256 of a weights file that was made, in the format of sha256sum."""
    return path.with_name(path.name + ".sha256")


def _header_length(data: bytes) -> int:
    return int.from_bytes(data[:8], "little")


def _not_an_encoder(path: Path, expected: str, found: str) -> WeightsError:
    return WeightsError(f"a photostyle encoder with {expected}", found, str(path), _advice(path))


def _advice(path: Path) -> str:
    if path == SHIPPED:
        return "Install photostyle anew: it ships with these weights."
    if path.parent == cache_folder():
        return f"Make it anew: photostyle weights fetch {path.stem}"
    return "Put the right file in its place, or remove it: photostyle weights list shows where weights are looked for."
