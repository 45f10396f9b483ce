"""Errors say a pair of what was expected and found, or one sentence; both survive a trip to another process."""

from __future__ import annotations

import pickle

import pytest

from photostyle.errors import InputError, PhotostyleError, SettingsError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InputError("a photo", "a poem", "a.txt", "Go on."), "a.txt: expected a photo, found a poem\nGo on."),
        (SettingsError.stating("--gpus-per-worker needs --cluster"), "--gpus-per-worker needs --cluster"),
        (InputError.stating("there is no such file", "a.jpg", "Go on."), "a.jpg: there is no such file\nGo on."),
    ],
)  # fmt: skip
def test_texts(error: PhotostyleError, text: str) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert str(error) == str(again) == text
    assert type(again) is type(error) and again.exit_code == error.exit_code
