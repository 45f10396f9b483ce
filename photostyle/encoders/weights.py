"""Finds, verifies and loads encoder weights. `encoder_file.py` reads and writes their files.

`compact` is in the package. `vgg19` is searched as `vgg19.safetensors` in the folder that the environment variable
PHOTOSTYLE_WEIGHTS names, and then in the cache. If neither has it, it is made from torchvision's file (see `fetch.py`)
and kept in the cache. The cache is $XDG_CACHE_HOME/photostyle or ~/.cache/photostyle on every system.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from photostyle.errors import OutputError, SettingsError, WeightsError
from photostyle.files import atomic_write, check_target

if TYPE_CHECKING:
    from photostyle.encoders.vgg import Encoder, Pooling

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
    from photostyle.encoders.encoder_file import load_encoder

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
    from photostyle.encoders import fetch as torchvision_weights
    from photostyle.encoders.encoder_file import encoder_bytes, load_encoder

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


def _status(name: str) -> WeightsStatus:
    from photostyle.encoders.encoder_file import load_encoder

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
    import torch

    return [folder for folder in (own_folder(), cache_folder(), Path(torch.hub.get_dir()) / "checkpoints") if folder]


def _record(path: Path) -> Path:
    """The file that has the sha256 of a weights file that was made, in the format of sha256sum."""
    return path.with_name(path.name + ".sha256")


def advice_on(path: Path) -> str:
    if path == SHIPPED:
        return "Install photostyle anew: it ships with these weights."
    if path.parent == cache_folder():
        return f"Make it anew: photostyle weights fetch {path.stem}"
    return "Put the right file in its place, or remove it: photostyle weights list shows where weights are looked for."
