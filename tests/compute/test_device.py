from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from photostyle.compute import device
from photostyle.compute.device import chosen_device, chosen_dtype, enough_memory
from photostyle.errors import InputError, SettingsError

FULL = (
    "CUDA out of memory. Tried to allocate 1.25 GiB. GPU 0 has a total capacity of 8.00 GiB of which 1.00 GiB is free."
)


def test_the_processor_is_always_there() -> None:
    assert chosen_device("cpu") == "cpu"


def test_auto_prefers_a_graphics_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen_device("auto") == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert chosen_device("auto") == "cpu"
    assert chosen_device("mps") == "mps"


def test_without_a_card_torch_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where torch is not loaded yet, and where the system would show a card."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "sys", SimpleNamespace(modules={}, platform="linux"))
    monkeypatch.setattr(device, "has_nvidia_card", lambda: False)
    monkeypatch.setattr(device, "OTHER_CARDS", (str(tmp_path / "kfd"),))
    assert chosen_device("auto") == "cpu"
    (tmp_path / "kfd").touch()
    assert chosen_device("auto") == "cuda"
    (tmp_path / "kfd").unlink()
    monkeypatch.setattr(device, "has_nvidia_card", lambda: True)
    assert chosen_device("auto") == "cuda"
    monkeypatch.setattr(device, "has_nvidia_card", lambda: False)
    monkeypatch.setattr(device, "sys", SimpleNamespace(modules={}, platform="win32"))
    assert chosen_device("auto") == "cuda"


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="cuda"):
        chosen_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert chosen_device("cuda:1") == "cuda:1"
    with pytest.raises(SettingsError, match="cuda:2"):
        chosen_device("cuda:2")


def test_the_refusal_lists_every_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(SettingsError, match="there are: auto, cuda:0, cuda:1, cpu") as caught:
        chosen_device("cuda:7")
    assert caught.value.exit_code == 2


def test_precision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    processor = torch.device("cpu")
    monkeypatch.setattr(device, "CPU_INFO", tmp_path / "missing")  # as on Windows
    assert chosen_dtype("float32", processor) == "float32"
    assert chosen_dtype("bfloat16", processor) == "bfloat16"
    assert chosen_dtype("auto", torch.device("mps")) == "float32"
    for told, dtype in (({}, "float32"), ({"avx512_bf16": True}, "bfloat16")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda told=told: told, raising=False)
        assert chosen_dtype("auto", processor) == dtype


X86 = "processor\t: 0\nmodel name\t: A flags: processor\nflags\t\t: fpu avx512f avx512_bf16\nbugs\t\t: spectre_v1\n\n"
ARM = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd bf16\nCPU implementer\t: 0x41\n\n"


@pytest.mark.parametrize(
    ("text", "flags", "dtype"),
    [
        (X86 * 2, {"fpu", "avx512f", "avx512_bf16"}, "bfloat16"),
        (X86.replace(" avx512_bf16", ""), {"fpu", "avx512f"}, "float32"),
        (ARM, {"fp", "asimd", "bf16"}, "float32"),
        ("", set(), "float32"),
        (None, set(), "float32"),
    ],
)
def test_where_torch_does_not_tell_linux_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, flags: set[str], dtype: str
) -> None:
    """Torch 2.4 has neither `get_capabilities` nor a private name for it."""
    for name in ("get_capabilities", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    monkeypatch.setattr(device, "CPU_INFO", tmp_path / "cpuinfo")
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    assert device.cpu_flags() == flags
    assert chosen_dtype("auto", torch.device("cpu")) == dtype


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
    assert chosen_dtype("auto", torch.device("cuda:0")) == "bfloat16"
    assert chosen_dtype("auto", torch.device("cuda:1")) == "float32"
    monkeypatch.setattr(torch.version, "hip", "6.1")
    assert chosen_dtype("auto", torch.device("cuda:1")) == "bfloat16"


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
