from __future__ import annotations

from pathlib import Path

import pytest

from photostyle.compute.nvidia import has_nvidia_card


@pytest.mark.parametrize(
    ("files", "there"),
    [
        ([], False),
        (["dev/nvidia0"], True),
        (["dev/nvidia3", "dev/nvidiactl"], True),  # a container that was given the fourth card alone
        (["dev/nvidiactl", "dev/nvidia-uvm"], False),  # the driver without a card
        (["dev/dxg", "usr/lib/wsl/lib/libcuda.so.1"], True),  # WSL2
        (["dev/dxg"], False),  # WSL2 with another maker's card
    ],
)
def test_a_card_is_seen_by_its_files(tmp_path: Path, files: list[str], there: bool) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert has_nvidia_card(tmp_path) is there
