"""Where a transfer is computed, and in which precision."""

from __future__ import annotations

import torch

from photostyle.errors import SettingsError


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
