"""A set of four files, an output folder, and the deaths of workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from photostyle.batch.plan import Item
from tests.batch import fakes


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Four photos, 00.jpg to 03.jpg."""
    (tmp_path / "set").mkdir()
    return fakes.items(tmp_path / "set", 4)


@pytest.fixture
def deaths() -> list[str]:
    """The jobs at which a worker has died."""
    return []
