"""A batch that is killed at random moments: every photo done once, whole, and the same as without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from photostyle.batch.output_folder import STATE_FOLDER
from photostyle.cli import main
from tests.batch import fakes
from tests.batch.killed import OPTIONS
from tests.fakes import write_photo

PHOTOS, KILLS = 48, 20
"""More than two photos for each kill: a fast machine finishes that many before it."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_killed_twenty_times_a_batch_ends_as_if_never(tmp_path: Path) -> None:
    names = [f"{number % 3}/{number:02}.png" for number in range(PHOTOS)]
    fakes.photos(tmp_path / "set", *names, height=150, width=200)
    style = write_photo(tmp_path / "style.png", 99)
    paths = [str(tmp_path / "set"), str(style), str(tmp_path / "out")]
    command = [sys.executable, "-m", "tests.batch.killed", *paths, "--kills", str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == KILLS and told["exit_code"] == 0
    assert told["half_written"] == 0 and told["left_over"] == [] and told["twice"] == []
    assert told["records"] == PHOTOS
    clean = ["batch", "--content", paths[0], "--style", paths[1], "-o", str(tmp_path / "clean"), *OPTIONS, "-q"]
    assert main(clean) == 0
    assert results(tmp_path / "out") == results(tmp_path / "clean")
    assert len(results(tmp_path / "out")) == PHOTOS


def results(out: Path) -> dict[str, bytes]:
    files = [path for path in out.rglob("*") if path.is_file() and STATE_FOLDER not in path.parts]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}
