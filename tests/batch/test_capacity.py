"""How many workers a machine is given, and what a set is estimated to cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from photostyle.batch import capacity
from photostyle.batch.capacity import TrialResult, estimate, worker_bytes, worker_count
from photostyle.presets import load_preset
from tests.handmade import dng

SETTINGS = load_preset("default").with_changes({"device": "cpu"})
PIXELS = 12_000_000


def sample(pixels: int = 1_000_000, look_seconds: float = 0.0) -> TrialResult:
    seconds = {"read": 1.0, "regions": 1.0, "solve": 5.0, "apply": 2.0, "write": 1.0, "total": 10.0}
    return TrialResult(3.0, seconds, pixels, 1_500_000_000, look_seconds)


@pytest.mark.parametrize(
    ("processors", "workers_that_fit", "photos", "expected"),
    [(4, 100, 100, 4), (4, 2, 100, 2), (4, 100, 3, 3), (4, 0, 100, 1)],
)
def test_as_many_workers_as_processors_memory_and_photos(
    processors: int, workers_that_fit: int, photos: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = (workers_that_fit + 0.5) * worker_bytes(SETTINGS, PIXELS) / capacity.USABLE_SHARE
    monkeypatch.setattr(capacity, "available_cores", lambda: processors)
    monkeypatch.setattr(capacity, "free_bytes", lambda: int(free))
    assert worker_count(SETTINGS, PIXELS, photos) == expected


def test_a_raw_photo_counts_with_its_own_pixels_and_not_with_its_previews(tmp_path: Path) -> None:
    path = tmp_path / "photo.dng"
    path.write_bytes(dng(96, 128, preview=True))
    assert capacity.pixels_of(str(path)) == 96 * 128
    path.write_bytes(b"no photo")
    assert capacity.pixels_of(str(path)) == capacity.UNKNOWN_PIXELS


def test_where_the_free_memory_is_unknown_the_processors_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "available_cores", lambda: 4)
    monkeypatch.setattr(capacity, "free_bytes", lambda: None)
    assert worker_count(SETTINGS, PIXELS, 100) == 4
    assert worker_count(SETTINGS.with_changes({"device": "cuda"}), PIXELS, 100) == 1


def test_estimate_grows_with_photos_and_their_pixels_and_is_shared_by_workers() -> None:
    assert estimate([sample()], [1_000_000] * 5, 1).seconds == pytest.approx(3 + 5 * 10)
    two = estimate([sample(), sample()], [1_000_000] * 6, 2)
    assert (two.seconds, two.peak_bytes) == (pytest.approx(3 + 3 * 10), 3_000_000_000)
    assert estimate([sample()], [3_000_000], 1).seconds == pytest.approx(3 + 6 + 3 * 4)
    assert estimate([sample(), sample()], [1_000_000], 2).seconds == pytest.approx(3 + 10)


def test_looks_of_sets_are_found_first_side_by_side() -> None:
    samples = [sample(look_seconds=7.0), sample(look_seconds=7.0)]
    for looks, rounds in ((0, 0), (1, 1), (2, 1), (3, 2)):
        assert estimate(samples, [1_000_000] * 2, 2, looks).seconds == pytest.approx(3 + 7 * rounds + 10)
