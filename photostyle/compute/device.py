"""Where a transfer is computed, and in which precision.

On CUDA, TF32 stays as PyTorch sets it: on in convolutions, off in matrix products, through which colours pass. Two runs
of the grid solver on CUDA do not give the same bytes, even with PyTorch's deterministic algorithms, so these stay off.
docs/performance.md has the measurements.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Literal, ParamSpec, Protocol, TypeVar

from photostyle.compute.nvidia import has_nvidia_card
from photostyle.errors import InputError, SettingsError

if TYPE_CHECKING:
    import torch

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
OTHER_CARDS = ("/dev/kfd", "/dev/nvmap", "/dev/nvhost-gpu")
"""Device files of cards that PyTorch may use as CUDA, beside NVIDIA's: AMD's, and those of NVIDIA's Jetson boards."""


def chosen_device(name: str) -> str:
    """The name, in PyTorch, of the device of that name. `auto` is CUDA if this machine has it, else the CPU.

    MPS is only used if it is named, because nobody has tried it yet. PyTorch is not loaded for `cpu`, nor for `auto` if
    the system shows no card.

    Raises:
        SettingsError: this machine does not have the device.
    """
    if name == "cpu" or (name == "auto" and not _may_have_card()):
        return "cpu"
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    counts = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    kind, _, index = name.partition(":")
    if int(index or 0) >= counts[kind]:
        there = [f"{kind}:{i}" if kind == "cuda" else kind for kind, count in counts.items() for i in range(count)]
        raise SettingsError("a device of this machine", repr(name), "--device", f"there are: auto, {', '.join(there)}")
    return name


def first_of_its_kind(name: str) -> str:
    """The name of a device with its number: `cuda` is `cuda:0`."""
    return name if ":" in name else f"{name}:0"


def _may_have_card() -> bool:
    """Whether PyTorch is to be asked for a card: it is loaded anyway, or the system shows one or does not say."""
    if "torch" in sys.modules or sys.platform not in ("linux", "darwin"):
        return True
    return sys.platform == "linux" and (has_nvidia_card() or any(Path(card).exists() for card in OTHER_CARDS))


def chosen_dtype(name: str, device: torch.device | str) -> Literal["bfloat16", "float32"]:
    """The number format of that name. `auto` is bfloat16 if the device multiplies it natively, else float32."""
    if name == "auto":
        kind = str(device).partition(":")[0]
        native = _cuda_multiplies_bfloat16(device) if kind == "cuda" else kind == "cpu" and _cpu_multiplies_bfloat16()
        return "bfloat16" if native else "float32"
    return "float32" if name == "float32" else "bfloat16"


def _cuda_multiplies_bfloat16(device: torch.device | str) -> bool:
    """Whether the card multiplies bfloat16: all AMD cards do, and NVIDIA cards from compute capability 8.0 (Ampere)."""
    import torch

    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)


def _cpu_multiplies_bfloat16() -> bool:
    """Whether the processor has AVX-512 BF16, according to Linux, or to torch on other systems.

    An older torch does not say it. Then the answer is no, and float32 is used.
    """
    if CPU_INFO.exists():
        return "avx512_bf16" in cpu_flags()
    import torch

    if hasattr(torch.cpu, "get_capabilities"):
        return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
    return False


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
    def device(self) -> str: ...


_Owner = TypeVar("_Owner", bound=_HasDevice)


@contextmanager
def enough_memory(device: torch.device | str) -> Iterator[None]:
    """Raises an InputError with advice if the block needs more memory than the device has.

    Raises:
        InputError: the device has too little memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not _FULL.search(str(error)):
            raise
        needed = _NEEDED.search(str(error))
        advice = "Choose a smaller --size, or close other programs."
        if str(device) != "cpu":
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


def _memory_left(device: torch.device | str) -> str:
    if not str(device).startswith("cuda"):
        return "too little left"
    import torch

    free, total = torch.cuda.mem_get_info(device)
    used = torch.cuda.memory_reserved(device)
    return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free, and {used / 2**30:.1f} GiB in use by this program"
