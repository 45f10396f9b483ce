from __future__ import annotations

from pathlib import Path

import pytest

from tests import browser
from tests.shared import shared


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_what_is_missing_fails_in_ci_and_is_skipped_elsewhere(
    ci: str, outcome: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PHOTOSTYLE_SHARED", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(outcome, match="PHOTOSTYLE_SHARED"):
        shared("encoder")
    with pytest.raises(outcome, match="no Chromium"), browser.opened(tmp_path):
        pass
