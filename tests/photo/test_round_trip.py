"""The table of docs/formats.md, as an independent reader sees it."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.benchmarks.formats import CASES, case, table
from tests.shared import missing

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("title", ["PNG, 16 bits", "TIFF, 16 bits", "JPEG, 8 bits", "WebP, 8 bits"])
def test_nothing_is_lost_at_strength_0(title: str) -> None:
    if not shutil.which("exiftool"):
        missing("needs exiftool: apt install libimage-exiftool-perl")
    row: dict[str, Any] = case(title, CASES[title])
    lossy = title.startswith(("JPEG", "WebP"))
    assert (row["pixels"]["mean"] < 1.5) if lossy else (row["pixels"]["most"] == 0)
    assert row["icc"] == [2, 2] and row["exif"] == [4, 4] and row["xmp"] == [3, 3]
    assert row["iptc"] == ([0, 0] if title.startswith("WebP") else [2, 2])
    assert row["orientation"] == [6, 1] and not row["thumbnail"]
    assert row["depth"][0] == row["depth"][1]
    assert row["history"].startswith("preset preview, strength 0, style style.png, weight 1, sha256 ")
    assert title in table({title: row})
