from __future__ import annotations

import pytest
import torch

from photostyle.compute.device import chosen_device, chosen_dtype
from photostyle.errors import SettingsError


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
