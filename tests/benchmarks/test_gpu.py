"""The benchmark of graphics cards, on the processor and on small photos."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.benchmarks import gpu

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _few_cases(monkeypatch: pytest.MonkeyPatch, small_encoder: Path) -> None:
    assert small_encoder
    monkeypatch.setattr(gpu, "CASES", {"preview": ("preview", {}, ("masks",)), "default": ("default", {}, ("found",))})
    monkeypatch.setattr(gpu, "QUICK", {**gpu.QUICK, "regions.segmenter": "none", "grid.rows": 2, "grid.warmths": 2})
    monkeypatch.setattr(gpu, "TIMED", ("preview",))
    monkeypatch.setattr(gpu, "FORMATS", gpu.FORMATS[:1])
    monkeypatch.setattr(gpu, "TWICE", (("preview", {}),))
    monkeypatch.setattr(gpu, "random_vgg19", lambda folder: {"PHOTOSTYLE_WEIGHTS": str(folder)})


def test_without_such_a_device_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 2
    assert "expected a CUDA device, found none" in capsys.readouterr().out


def test_every_section_runs_on_the_processor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--device", "cpu", "--quick", "-o", str(tmp_path / "gpu.json")]) == 0
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert [(row["preset"], row["regions"]) for row in found["table"]] == [
        ("preview", "masks"), ("default", "found"), ("preview", "found"),
    ]  # fmt: skip
    assert all(row["mean"] == row["largest"] == 0 for row in found["table"][:2])
    assert {"device 700", "processor 700", "device 24", "processor 24"} <= set(found["table"][2])
    assert sum("tf32" in line for line in found["lines"]) == 4
    assert sum("the same bytes" in line for line in found["lines"]) == 3
    out = capsys.readouterr().out
    assert out.count("| preset |") == 1
    assert "| default | found | 0.00 | 0.00 |" in out


def test_what_fails_is_told_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "CASES", {"another": ("unheard-of", {}, ("masks",)), **gpu.CASES})
    monkeypatch.delitem(gpu.CASES, "default")
    assert gpu.main(["--device", "cpu", "--quick", "--sections", "results"]) == 1
    out = capsys.readouterr().out
    assert "FAILED results, another, masks: SettingsError" in out
    assert "| preview | masks | 0.00 | 0.00 |" in out


def test_no_step_begins_once_the_time_is_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--device", "cpu", "--quick", "--sections", "results", "--minutes", "0"]) == 1
    assert "results, preview, masks: left out, the time was up" in capsys.readouterr().out


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(SystemExit):
        gpu.main(["--device", "cpu", "--sections", "speed,colour"])


@pytest.mark.parametrize(("code", "failed"), [(3, 0), (1, 9)])
def test_too_little_memory_must_end_in_an_unusable_input(
    code: int, failed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shares = [1.0]
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=8 * 2**30))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, device: shares.append(share))

    def run(words: list[str]) -> int:
        print("photostyle: cuda: expected memory for 2 GiB more, found ...", file=sys.stderr)
        return code if shares[-1] < 1 else 0

    monkeypatch.setattr(gpu, "photostyle", run)
    monkeypatch.setitem(gpu.CASES, gpu.PAPER, ("paper", gpu.FEW, ("masks",)))
    bench = gpu.Bench("cuda", True, math.inf, tmp_path)
    gpu.memory(bench)
    assert len(bench.failures) == failed
    assert shares[1] == pytest.approx((1 + 16 / 1024) / 8)
    assert shares[-1] == 1
    assert sum(f"exit code {code}" in line for line in bench.lines) == 9
    assert sum("all memory again: exit code 0" in line for line in bench.lines) == 2
