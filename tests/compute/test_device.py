from __future__ import annotations

from pathlib import Path

import pytest
import torch

from photostyle.compute import device
from photostyle.compute.device import chosen_device, chosen_dtype, enough_memory
from photostyle.errors import InputError, SettingsError

FULL = (
    "CUDA out of memory. Tried to allocate 1.25 GiB. GPU 0 has a total capacity of 8.00 GiB of which 1.00 GiB is free."
)


def test_the_processor_is_always_there() -> None:
    assert chosen_device("cpu") == torch.device("cpu")


def test_auto_prefers_a_graphics_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert chosen_device("auto").type == "cpu"
    assert chosen_device("mps").type == "mps"


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="cuda"):
        chosen_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert chosen_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(SettingsError, match="cuda:2"):
        chosen_device("cuda:2")


def test_the_refusal_lists_every_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(SettingsError, match="there are: auto, cuda:0, cuda:1, cpu") as caught:
        chosen_device("cuda:7")
    assert caught.value.exit_code == 2


def test_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    processor = torch.device("cpu")
    assert chosen_dtype("float32", processor) is torch.float32
    assert chosen_dtype("bfloat16", processor) is torch.bfloat16
    assert chosen_dtype("auto", torch.device("mps")) is torch.float32
    for told, dtype in (({}, torch.float32), ({"avx512_bf16": True}, torch.bfloat16)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda told=told: told, raising=False)
        assert chosen_dtype("auto", processor) is dtype


X86 = "processor\t: 0\nmodel name\t: A flags: processor\nflags\t\t: fpu avx512f avx512_bf16\nbugs\t\t: spectre_v1\n\n"
ARM = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd bf16\nCPU implementer\t: 0x41\n\n"


@pytest.mark.parametrize(
    ("text", "flags", "dtype"),
    [
        (X86 * 2, {"fpu", "avx512f", "avx512_bf16"}, torch.bfloat16),
        (X86.replace(" avx512_bf16", ""), {"fpu", "avx512f"}, torch.float32),
        (ARM, {"fp", "asimd", "bf16"}, torch.float32),
        ("", set(), torch.float32),
        (None, set(), torch.float32),
    ],
)
def test_where_torch_does_not_tell_linux_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, flags: set[str], dtype: torch.dtype
) -> None:
    """Torch 2.4 has neither `get_capabilities` nor a private name for it."""
    for name in ("get_capabilities", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    monkeypatch.setattr(device, "CPU_INFO", tmp_path / "cpuinfo")
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    assert device.cpu_flags() == flags
    assert chosen_dtype("auto", torch.device("cpu")) is dtype


@pytest.mark.skipif(not hasattr(torch.cpu, "get_capabilities"), reason="this torch does not tell: torch 2.11 does")
@pytest.mark.skipif(not device.CPU_INFO.exists(), reason="only Linux lists what its processors can do")
def test_linux_and_torch_say_the_same() -> None:
    assert ("avx512_bf16" in device.cpu_flags()) == bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def test_the_card_that_was_named_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old card beside a new one."""
    capabilities = {"cuda:0": (8, 0), "cuda:1": (7, 5)}
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)  # of the current card
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda card: capabilities[str(card)])
    assert chosen_dtype("auto", torch.device("cuda:0")) is torch.bfloat16
    assert chosen_dtype("auto", torch.device("cuda:1")) is torch.float32
    monkeypatch.setattr(torch.version, "hip", "6.1")
    assert chosen_dtype("auto", torch.device("cuda:1")) is torch.bfloat16


@pytest.mark.parametrize(
    ("error", "needed"),
    [
        (torch.cuda.OutOfMemoryError(FULL), "memory for 1.25 GiB more"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "more memory"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB). Tried to allocate 2 GB."), "for 2 GB more"),
    ],
)
def test_a_device_without_memory_left_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, error: RuntimeError, needed: str
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**30, 8 * 2**30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 6 * 2**30)
    with pytest.raises(InputError) as caught, enough_memory(torch.device("cuda:0")):
        raise error
    assert needed in caught.value.expected
    assert caught.value.found == "1.0 of 8.0 GiB free, and 6.0 GiB in use by this program"
    assert caught.value.where == "cuda:0"
    assert "--size" in caught.value.advice and "--device cpu" in caught.value.advice


def test_the_processor_without_memory_left_is_no_bug() -> None:
    def asked_for_too_much() -> None:
        torch.empty(2**52, dtype=torch.uint8)

    with pytest.raises(InputError, match="memory") as caught, enough_memory(torch.device("cpu")):
        asked_for_too_much()
    assert "--device" not in caught.value.advice


def test_other_errors_are_passed_on() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"), enough_memory(torch.device("cpu")):
        raise RuntimeError("shapes differ")
