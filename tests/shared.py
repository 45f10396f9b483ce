"""Where the data that no repository may hold is found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skips the test, or with CI=true fails it, so that no check is left out unnoticed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def shared(*parts: str) -> Path:
    """A file or folder of the shared data: below `PHOTOSTYLE_SHARED`, else `../shared` beside the repository.

    Where it is absent the test is skipped; with CI=true it fails.
    """
    root = Path(os.environ.get("PHOTOSTYLE_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    path = root.joinpath(*parts)
    if not path.exists():
        missing(f"{path} is missing: set PHOTOSTYLE_SHARED to the folder that holds the project's shared data")
    return path
