from __future__ import annotations

import pytest
import torch

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


def test_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    processor = torch.device("cpu")
    assert chosen_dtype("float32", processor) is torch.float32
    assert chosen_dtype("bfloat16", processor) is torch.bfloat16
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert chosen_dtype("auto", processor) is torch.float32
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert chosen_dtype("auto", processor) is torch.bfloat16


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
