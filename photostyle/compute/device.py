"""Where a transfer is computed, and in which precision."""

from __future__ import annotations

from pathlib import Path

import torch

from photostyle.errors import SettingsError

CPU_INFO = Path("/proc/cpuinfo")
"""Where Linux lists what its processors can do."""


def chosen_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where it is there, else the CPU.

    MPS is taken by name only: nobody has tried it yet.

    Raises:
        SettingsError: a device that this machine lacks.
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
    """`auto` is bfloat16 where the device multiplies it natively, else float32."""
    if name == "auto":
        native = (
            _cuda_multiplies_bfloat16(device)
            if device.type == "cuda"
            else device.type == "cpu" and _cpu_multiplies_bfloat16()
        )
        return torch.bfloat16 if native else torch.float32
    return torch.float32 if name == "float32" else torch.bfloat16


def _cuda_multiplies_bfloat16(device: torch.device) -> bool:
    """AMD's cards all do, and NVIDIA's from compute capability 8.0 (Ampere) on."""
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)


def _cpu_multiplies_bfloat16() -> bool:
    """Whether the processor has AVX-512 BF16: by torch where it tells, else by Linux's list; older
    ones on other systems do not say, and get float32."""
    if hasattr(torch.cpu, "get_capabilities"):
        return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
    return "avx512_bf16" in cpu_flags()


def cpu_flags() -> set[str]:
    """What the first processor of `CPU_INFO` can do, in Linux's names; empty on other systems.

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
