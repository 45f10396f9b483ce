from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import write_photo
from tests.studio.served import Served, served


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A studio for all tests of a module: starting its processes takes seconds."""
    with served(tmp_path_factory.mktemp("shared") / "results") as studio:
        yield studio


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Path]:
    """A content and a style."""
    return write_photo(tmp_path / "city.jpg", 1), write_photo(tmp_path / "dusk.jpg", 2, height=64, width=80)
