"""Where a transfer is computed, and in which precision."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import torch

from photostyle.errors import InputError, SettingsError

_P = ParamSpec("_P")
_T = TypeVar("_T")
_FULL = re.compile(
    r"out of memory|_ALLOC_FAILED|can't allocate memory|unable to find an engine to execute", re.IGNORECASE
)
"""What PyTorch and the libraries under it say when a device has no memory left, mostly in a bare RuntimeError. The last
is said when there is no room for the workspace of any of cuDNN's algorithms."""
_NEEDED = re.compile(r"tried to allocate ([\d.]+ ?\w+)", re.IGNORECASE)


def chosen_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where it is there, else the CPU.

    MPS is taken by name only: nobody has tried it yet.

    Raises:
        SettingsError: a device that this machine lacks.
    """
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device("cuda" if found["cuda"] else "cpu")
    kind, _, index = name.partition(":")
    if not found[kind] or (index and int(index) >= torch.cuda.device_count()):
        there = ", ".join(kind for kind, there in found.items() if there)
        raise SettingsError("a device of this machine", repr(name), "--device", f"there are: auto, {there}")
    return torch.device(name)


def chosen_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 where the device multiplies it natively, else float32."""
    if name == "auto":
        native = (
            torch.cuda.is_bf16_supported(including_emulation=False)
            if device.type == "cuda"
            else device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
        )
        return torch.bfloat16 if native else torch.float32
    return torch.float32 if name == "float32" else torch.bfloat16


class _HasDevice(Protocol):
    @property
    def device(self) -> torch.device: ...


_Owner = TypeVar("_Owner", bound=_HasDevice)


@contextmanager
def enough_memory(device: torch.device) -> Iterator[None]:
    """What is computed within ends in an InputError, with advice, where the device has too little memory.

    Raises:
        InputError: too little memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) and not _FULL.search(str(error)):
            raise
        needed = _NEEDED.search(str(error))
        advice = "Choose a smaller --size, or close other programs."
        if device.type != "cpu":
            advice = "Choose a smaller --size, close other programs that use the device, or take --device cpu."
        raise InputError(
            f"memory for {needed[1]} more" if needed else "more memory", _memory_left(device), str(device), advice
        ) from error


def within_memory(method: Callable[Concatenate[_Owner, _P], _T]) -> Callable[Concatenate[_Owner, _P], _T]:
    """A method of what has a `device`, in `enough_memory`."""

    @wraps(method)
    def guarded(owner: _Owner, /, *arguments: _P.args, **named: _P.kwargs) -> _T:
        with enough_memory(owner.device):
            return method(owner, *arguments, **named)

    return guarded


def _memory_left(device: torch.device) -> str:
    if device.type != "cuda":
        return "too little left"
    free, total = torch.cuda.mem_get_info(device)
    used = torch.cuda.memory_reserved(device)
    return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free, and {used / 2**30:.1f} GiB in use by this program"
