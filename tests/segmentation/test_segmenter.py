from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from segmentation.segmenter import SHIPPED, NetworkError, Segmenter
from segmentation.threads import threads


@pytest.fixture(scope="module")
def shipped() -> Segmenter:
    return Segmenter.load()


def test_probabilities_keep_the_photos_proportions(shipped: Segmenter) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    chances = shipped.probabilities(photo, size=192)
    assert chances.shape == (10, 32, 48) and chances.dtype == np.float32
    np.testing.assert_allclose(chances.sum(0), 1, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (3000, 2, 3)])
def test_any_shape_of_photo(shipped: Segmenter, shape: tuple[int, int, int]) -> None:
    chances = shipped.probabilities(np.zeros(shape, np.uint8), size=128)
    assert np.isfinite(chances).all()


def test_what_is_no_photo_is_refused(shipped: Segmenter) -> None:
    for wrong in (np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            shipped.probabilities(wrong)


def test_the_network_that_ships_is_one_small_file() -> None:
    assert SHIPPED.stat().st_size <= 12e6


@pytest.mark.parametrize("part", [0, 9, 100_000])
def test_a_damaged_file_is_refused(tmp_path: Path, part: int, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(SHIPPED.read_bytes()[:part])
    with pytest.raises(NetworkError, match=r"network\.onnx: expected a network that save_network wrote, found .*ONNX"):
        Segmenter.load(path)
    assert capfd.readouterr() == ("", "")  # ONNX Runtime says nothing itself


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="No such file"):
        Segmenter.load(tmp_path / "network.onnx")


def test_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    data = SHIPPED.read_bytes()
    assert data.count(b"\x06logits") == 2  # the name of the last node's output, and of the graph's
    path.write_bytes(data.replace(b"\x06logits", b"\x06chance"))
    with pytest.raises(NetworkError, match="'chance'"):
        Segmenter.load(path)


LOADED = """
import json, sys
from segmentation.segmenter import Segmenter
from segmentation.threads import threads
from segmentation.threads import threads
import numpy as np
Segmenter.load().probabilities(np.zeros((64, 64, 3), np.uint8), size=64)
print(json.dumps([threads(), "torch" in sys.modules]))
"""


@pytest.mark.parametrize(("set_to", "wanted"), [("3", 3), ("2,1", 2), ("0", None), ("many", None), (None, None)])
def test_threads_without_torch(set_to: str | None, wanted: int | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if set_to is not None:
        environment["OMP_NUM_THREADS"] = set_to
    words = [sys.executable, "-c", LOADED]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert json.loads(done.stdout) == [wanted or cores, False]
    assert done.stderr == ""


def test_threads_as_torch_has_them() -> None:
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(5)
        assert threads() == 5
    finally:
        torch.set_num_threads(before)


CONFINED = """
import resource
import numpy as np
from segmentation.segmenter import Segmenter
from segmentation.threads import threads

segmenter = Segmenter.load()
segmenter.probabilities(np.zeros((64, 64, 3), np.uint8), size=64)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**24, used + 2**24))
try:
    segmenter.probabilities(np.zeros((512, 512, 3), np.uint8))
except MemoryError as error:
    print("MemoryError")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says in /proc how much memory a process uses")
def test_too_little_memory_is_said() -> None:
    done = subprocess.run([sys.executable, "-c", CONFINED], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("MemoryError\n", "")
