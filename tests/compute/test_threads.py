from __future__ import annotations

import os

import pytest
import torch

from photostyle.compute.threads import LIBRARIES, use_threads


def test_libraries_and_torch_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in LIBRARIES:
        monkeypatch.setenv(library, "7")
    before = torch.get_num_threads()
    try:
        use_threads(3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert [os.environ[library] for library in LIBRARIES] == ["3"] * len(LIBRARIES)
