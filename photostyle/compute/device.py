"""Where a transfer is computed, and in which precision.

On CUDA, TF32 stays as PyTorch sets it: on in convolutions, off in matrix products, through which colours pass. Two runs
of the grid solver on CUDA do not give the same bytes, even with PyTorch's deterministic algorithms, so these stay off.
docs/performance.md has the measurements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import torch

from photostyle.errors import InputError, SettingsError

_P = ParamSpec("_P")
_T = TypeVar("_T")
_FULL = re.compile(
    r"out of memory|_ALLOC_FAILED|can't allocate memory|unable to find an engine to execute", re.IGNORECASE
)
"""Messages of PyTorch and the libraries below it when a device has no memory left, mostly in a plain RuntimeError. The
last one means that there is no memory for the workspace of any cuDNN algorithm."""
_NEEDED = re.compile(r"tried to allocate ([\d.]+ ?\w+)", re.IGNORECASE)

CPU_INFO = Path("/proc/cpuinfo")
"""Where Linux lists what its processors can do."""


def chosen_device(name: str) -> torch.device:
    """The device of that name. `auto` is CUDA if this machine has it, else the CPU.

    MPS is only used if it is named, because nobody has tried it yet.

    Raises:
        SettingsError: this machine does not have the device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    counts = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    kind, _, index = name.partition(":")
    if int(index or 0) >= counts[kind]:
        there = [f"{kind}:{i}" if kind == "cuda" else kind for kind, count in counts.items() for i in range(count)]
        raise SettingsError("a device of this machine", repr(name), "--device", f"there are: auto, {', '.join(there)}")
    return torch.device(name)


def chosen_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format of that name. `auto` is bfloat16 if the device multiplies it natively, else float32."""
    if name == "auto":
        native = (
            _cuda_multiplies_bfloat16(device)
            if device.type == "cuda"
            else device.type == "cpu" and _cpu_multiplies_bfloat16()
        )
        return torch.bfloat16 if native else torch.float32
    return torch.float32 if name == "float32" else torch.bfloat16


def _cuda_multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the card multiplies bfloat16: all AMD cards do, and NVIDIA cards from compute capability 8.0 (Ampere)."""
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)


def _cpu_multiplies_bfloat16() -> bool:
    """Whether the processor has AVX-512 BF16, according to torch or to Linux.

    An older torch on another system does not say it. Then the answer is no, and float32 is used.
    """
    if hasattr(torch.cpu, "get_capabilities"):
        return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
    return "avx512_bf16" in cpu_flags()


def cpu_flags() -> set[str]:
    """Features of the first processor in `CPU_INFO`, by their names in Linux; empty on other systems.

    Linux lists it as "flags" on x86 and as "Features" on ARM.
    """
    try:
        text = CPU_INFO.read_text("utf-8", "replace")
    except OSError:
        return set()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(value.split())
    return set()


class _HasDevice(Protocol):
    @property
    def device(self) -> torch.device: ...


_Owner = TypeVar("_Owner", bound=_HasDevice)


@contextmanager
def enough_memory(device: torch.device) -> Iterator[None]:
    """Raises an InputError with advice if the block needs more memory than the device has.

    Raises:
        InputError: the device has too little memory.
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
    """Runs a method of an object with a `device` inside `enough_memory`."""

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
