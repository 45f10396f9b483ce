"""Files of saved looks: what was written comes back, and what is none is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from photostyle.errors import InputError, OutputError, SettingsError
from photostyle.presets import load_preset
from photostyle.regions.region_map import RegionMap
from photostyle.styles import look_file
from photostyle.styles.look_file import Look, StoredStyle, read_look, write_look

SETTINGS = load_preset("default").with_changes({"seed": 3})


def pixels(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


@pytest.fixture
def look() -> Look:
    labels = np.repeat(np.array([[0, 255]], np.uint8), 40, 0).repeat(30, 1)
    first = StoredStyle("sunset ünd.jpg", "a" * 64, 2.0, None, (pixels(32, 40), pixels(40, 60)), None)
    second = StoredStyle("night.jpg", None, 0.1, "sky", (pixels(40, 60, 1),), RegionMap(labels, {0: "sky"}))
    return Look(SETTINGS, (first, second))


@pytest.fixture
def path(look: Look, tmp_path: Path) -> Path:
    write_look(tmp_path / "evening.photostyle", look, overwrite=False)
    return tmp_path / "evening.photostyle"


def altered(
    path: Path, text: dict[str, Any] | None = None, *, drop: str = "", tensors: Any = None, **header: Any
) -> None:
    """Replaces parts of a look, its sum made anew."""
    data = path.read_bytes()
    arrays = load(data) | (tensors or {})
    arrays.pop(drop, None)
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    meta = json.loads(metadata[look_file.FORMAT])
    meta["look"] = json.dumps(json.loads(meta["look"]) | (text or {}))
    meta |= {"sha256": look_file._checksum(meta["look"], arrays)} | header
    path.write_bytes(save(arrays, {look_file.FORMAT: json.dumps(meta)}))


def version_of(path: Path) -> int:
    data = path.read_bytes()
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    return int(json.loads(metadata[look_file.FORMAT])["version"])


def test_what_was_written_comes_back_to_the_bit(look: Look, path: Path, tmp_path: Path) -> None:
    found = read_look(path)
    assert found.settings == look.settings
    for one, other in zip(found.photos, look.photos, strict=True):
        assert (one.name, one.sha256, one.weight, one.region) == (other.name, other.sha256, other.weight, other.region)
        assert all(np.array_equal(a, b) for a, b in zip(one.pixels, other.pixels, strict=True))
    regions = found.photos[1].regions
    assert found.photos[0].regions is None and regions is not None
    assert regions.names == {0: "sky"} and look.photos[1].regions is not None
    assert np.array_equal(regions.labels, look.photos[1].regions.labels)
    write_look(tmp_path / "again.photostyle", found, overwrite=False)
    assert (tmp_path / "again.photostyle").read_bytes() == path.read_bytes()


def test_the_name_of_a_file_may_be_no_unicode(look: Look, tmp_path: Path) -> None:
    odd = dataclasses.replace(look.photos[0], name="sunset\udcff.jpg")
    write_look(tmp_path / "a.photostyle", dataclasses.replace(look, photos=(odd,)), overwrite=False)
    assert read_look(tmp_path / "a.photostyle").photos[0].name == r"sunset\udcff.jpg"


def test_every_cut_and_every_flipped_bit_is_noticed(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    rng, other = np.random.default_rng(0), tmp_path / "other.photostyle"
    for cut in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        other.write_bytes(whole[:cut])
        with pytest.raises(InputError):
            read_look(other)
    for place in (*rng.integers(0, 1500, 40), *rng.integers(1500, len(whole), 40)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        other.write_bytes(flipped)
        with pytest.raises(InputError):
            read_look(other)


def test_a_newer_version_says_so(path: Path) -> None:
    altered(path, version=3, mood="new")
    with pytest.raises(InputError, match="version 3\nA newer photostyle made this file"):
        read_look(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "one"}, "version"),
        ({"text": {"photos": []}}, "photos"),
        ({"text": {"photos": [{"name": "a"}]}}, "photos.0"),
        ({"text": {"settings": {"seed": -1}}}, "settings.seed"),
        ({"text": {"settings": {"speed": 1}}}, "settings.speed"),
        ({"text": {"camera": 1}}, "camera"),
        ({"drop": "0.pixels.1"}, "lacks a part"),
        ({"drop": "1.labels"}, "lacks a part"),
        ({"tensors": {"0.pixels.1": pixels(40, 60).astype(np.float64)}}, "float64"),
        ({"tensors": {"0.pixels.1": pixels(40, 60) * 2}}, "outside"),
        ({"tensors": {"0.pixels.1": np.full((40, 60, 3), np.nan, np.float32)}}, "outside"),
        ({"tensors": {"0.pixels.1": pixels(40, 8)}}, r"\(40, 8, 3\)"),
        ({"tensors": {"0.pixels.0": pixels(90, 90)}}, "out of order"),
        ({"tensors": {"1.labels": np.zeros((3, 3), np.uint8)}}, r"\(3, 3\)"),
        ({"tensors": {"1.labels": np.ones((40, 60), np.uint8)}}, "a name for every label"),
    ],
)
def test_what_is_no_look_is_refused(change: dict[str, Any], message: str, path: Path) -> None:
    altered(path, **change)
    with pytest.raises(InputError, match=message) as refused:
        read_look(path)
    assert refused.value.where == str(path)
    assert len(str(refused.value).splitlines()) <= 2


@pytest.mark.parametrize("data", [b"", b"PK\3\4 a zip", b"\x80\4 a pickle", b"\xff" * 100, b"[" * 100_000])
def test_other_files_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.photostyle").write_bytes(data)
    with pytest.raises(InputError, match="expected a saved look"):
        read_look(tmp_path / "a.photostyle")


def test_weights_of_an_encoder_are_no_look(tmp_path: Path) -> None:
    (tmp_path / "a.photostyle").write_bytes(save({"a": np.zeros(3)}, {"format": "photostyle encoder"}))
    with pytest.raises(InputError, match="something else"):
        read_look(tmp_path / "a.photostyle")


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_look(tmp_path / "none.photostyle")
    with pytest.raises(InputError, match="directory"):
        read_look(tmp_path)


def test_the_name_is_checked(look: Look, path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(SettingsError, match=r"ends in \.photostyle, found '\.jpg'"):
        write_look(tmp_path / "look.jpg", look, overwrite=True)
    with pytest.raises(OutputError, match="this file exists already"):
        write_look(path, look, overwrite=False)
    with pytest.raises(OutputError, match="Create the folder first"):
        write_look(tmp_path / "none/look.photostyle", look, overwrite=True)
    assert path.read_bytes() == before


def test_coverage_is_kept_in_files_of_version_2(look: Look, path: Path, tmp_path: Path) -> None:
    labels = np.zeros((40, 60), np.uint8)
    seen = np.random.default_rng(3).random((40, 60), np.float32)
    seen[:, :10] = 0
    regions = RegionMap(labels, {0: "sky"}).seen(seen)
    covered = dataclasses.replace(look.photos[0], regions=regions, coverage=seen)
    other = tmp_path / "covered.photostyle"
    write_look(other, Look(SETTINGS, (covered,)), overwrite=False)
    found = read_look(other).photos[0]
    assert found.coverage is not None and found.regions is not None
    assert np.array_equal(found.coverage, seen)
    assert np.array_equal(found.regions.labels, regions.labels)
    assert [version_of(path), version_of(other)] == [1, 2]  # what older versions can read stays readable for them
    half = read_look(other).photos_for("a", (16, 32), 1.0, None)[0]
    assert half.coverage is not None
    assert half.coverage.shape == half.pixels[-1].shape[:2]


@pytest.mark.parametrize("wrong", [np.zeros((40, 60), np.float32), np.ones((40, 59), np.float32)])
def test_a_coverage_that_is_none_is_refused(path: Path, wrong: NDArray[np.float32]) -> None:
    altered(path, tensors={"0.coverage": wrong}, version=2)
    with pytest.raises(InputError, match="coverage"):
        read_look(path)
