"""`photostyle segment` writes masks that `run` reads."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photostyle.cli import main
from photostyle.cli.segment import region_shares
from photostyle.regions.correspondence import Correspondence
from photostyle.regions.mask_files import read_mask
from photostyle.regions.region_map import RegionMap
from photostyle.styles.matching import find_correspondence
from segmentation.labels import CLASSES
from tests.fakes import QUICK, write_photo

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "city.jpg", 1)


def test_a_mask_of_the_photos_size_with_names_beside_it(photo: Path, capsys: Captured) -> None:
    assert main(["segment", str(photo)]) == 0
    mask = photo.with_name("city.mask.png")
    with Image.open(mask) as picture:
        assert picture.size == (96, 72) and picture.mode == "L"
    regions = read_mask(mask, 72, 96)
    assert set(regions.names.values()) <= {label.name for label in CLASSES}
    names = json.loads(photo.with_name("classes.json").read_text())
    assert names == {str(label.id): label.name for label in CLASSES if label.id < 10}
    assert not photo.with_name("city.overlay.jpg").exists()
    out, err = capsys.readouterr()
    assert out == "" and "city.mask.png" in err


def test_overlays_into_a_folder_as_json(photo: Path, tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "masks"
    other = write_photo(tmp_path / "lake.png", 2)
    assert main(["segment", str(photo), str(other), "-o", str(folder), "--overlay", "--json", "-q"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    report = json.loads(out)
    assert [Path(entry["mask"]).name for entry in report["masks"]] == ["city.mask.png", "lake.mask.png"]
    for entry in report["masks"]:
        assert sum(entry["regions"].values()) == pytest.approx(1)
    with Image.open(folder / "lake.overlay.jpg") as picture:
        assert picture.width == 800 and picture.height > 600 + 14  # the photo, enlarged, and the legend


def test_the_regions_of_a_large_photo_are_counted_at_once() -> None:
    labels = np.zeros((4000, 6000), np.uint8)
    labels[:1000], labels[1000:1500] = 7, 3
    regions = RegionMap(labels, {0: "sky", 3: "water", 7: "person", 9: "nowhere"})
    started = time.process_time()
    shares = region_shares(regions)
    assert time.process_time() - started < 1  # one by one: 2.5 s
    assert list(shares.items()) == [("sky", 0.625), ("person", 0.25), ("water", 0.125)]


@pytest.mark.usefixtures("small_encoder")
def test_run_reads_the_masks(photo: Path, tmp_path: Path) -> None:
    other = write_photo(tmp_path / "lake.png", 2)
    assert main(["segment", str(photo), str(other)]) == 0
    for mask in ("city.mask.png", "lake.mask.png"):
        labels = np.array(Image.open(tmp_path / mask))
        labels[:, :48], labels[:, 48:] = 0, 1
        Image.fromarray(labels).save(tmp_path / mask)
    masks = ("--content-mask", str(tmp_path / "city.mask.png"), "--style-mask", str(tmp_path / "lake.mask.png"))
    words = ["run", "--content", str(photo), "--style", str(other), *masks, *QUICK, "--report", str(tmp_path / "out")]
    assert main(words) == 0
    run = json.loads((tmp_path / "out/run.json").read_text())
    assert [region["name"] for region in run["regions"]["regions"]] == ["sky", "building"]


@pytest.fixture
def lake(tmp_path: Path, small_encoder: Path) -> Path:
    """A style. What is measured of it needs an encoder."""
    return write_photo(tmp_path / "lake.png", 2)


def test_a_style_is_shown_beside_the_photo_and_what_was_matched_is_said(
    photo: Path, lake: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["segment", str(photo)]) == 0
    mask = photo.with_name("city.mask.png").read_bytes()
    folder = tmp_path / "out"
    assert main(["segment", str(photo), "--style", str(lake), "--overlay", "-o", str(folder), "--json"]) == 0
    out, err = capsys.readouterr()
    (entry,) = json.loads(out)["masks"]
    found = entry["correspondence"]
    assert [region["sureness"] <= 1 for region in found["regions"]] == [True] * len(found["regions"])
    assert sum(line.startswith("photostyle: regions: ") for line in err.splitlines()) == 1
    with Image.open(folder / "city.overlay.jpg") as picture:
        assert picture.width == 2 * 800 + 10 and picture.height > 600
    assert sorted(path.name for path in folder.iterdir()) == ["city.mask.png", "city.overlay.jpg", "classes.json"]
    assert (folder / "city.mask.png").read_bytes() == mask


def test_what_is_shown_is_what_run_matches(
    photo: Path, lake: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(*words: Any) -> Correspondence:
        return replace(find_correspondence(*words), messages=("a thing to know",))

    monkeypatch.setattr("photostyle.pipeline.session.find_correspondence", found)
    quick = [word for word in QUICK if word not in ("--segmenter", "none", "--size", "64")]
    settings = ["--set", "solver.size=64", *quick]
    files = ["--content", str(photo), "--style", str(lake), "-o", str(tmp_path / "out.jpg")]
    assert main(["run", *files, *settings, "--report", str(tmp_path / "report")]) == 0
    of_run = capsys.readouterr().err.splitlines()
    assert main(["segment", str(photo), "--style", str(lake), *settings, "--json"]) == 0
    out, err = capsys.readouterr()
    run = json.loads((tmp_path / "report/run.json").read_text())
    (entry,) = json.loads(out)["masks"]
    assert entry["correspondence"] == run["regions"] and entry["warnings"] == ["a thing to know"]
    (line,) = [line for line in err.splitlines() if line.startswith("photostyle: regions: ")]
    assert of_run.count(line) == 1
    assert [line for line in err.splitlines() if "warning" in line] == ["photostyle: warning: a thing to know"]
    assert "photostyle: warning: a thing to know" in of_run


def test_without_an_overlay_a_style_is_said_only_and_quiet_says_nothing(
    photo: Path, lake: Path, capsys: Captured
) -> None:
    assert main(["segment", str(photo), "--style", str(lake)]) == 0
    assert "photostyle: regions: " in capsys.readouterr().err
    assert not photo.with_name("city.overlay.jpg").exists()
    assert main(["segment", str(photo), "--style", str(lake), "--overwrite", "-q"]) == 0
    assert "photostyle: regions: " not in capsys.readouterr().err


def test_a_saved_look_is_a_style_with_its_own_settings(
    photo: Path, lake: Path, tmp_path: Path, capsys: Captured
) -> None:
    look, out = tmp_path / "evening.photostyle", str(tmp_path / "out.jpg")
    quick = [word for word in QUICK if word not in ("--segmenter", "none")]
    assert (
        main(["run", "--content", str(photo), "--style", str(lake), *quick, "-o", out, "--save-look", str(look)]) == 0
    )
    lake.unlink()
    of_run = capsys.readouterr().err.splitlines()
    assert main(["segment", str(photo), "--style", str(look), "--overlay"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "regions: " in line]
    assert len(lines) == 1 and lines[0] in of_run
    assert photo.with_name("city.overlay.jpg").is_file()


def test_several_styles_and_those_of_a_region(photo: Path, lake: Path, tmp_path: Path, capsys: Captured) -> None:
    other = write_photo(tmp_path / "hill.png", 3)
    styles = ["--style", str(lake), "--style", str(other), "--style", f"background={other}"]
    assert main(["segment", str(photo), *styles, "--overlay"]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("photostyle: regions: ")]
    assert "background from background of hill.png" in line
    with Image.open(photo.with_name("city.overlay.jpg")) as picture:
        assert picture.width == 3 * 800 + 20 and picture.height > 2 * 600  # four photos, three in a row


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nowhere.jpg"], 3, "nowhere.jpg"),
        (["city.jpg", "--segmenter", "clusters"], 2, "cannot find the regions of a single photo"),
        (["city.jpg", "--segmenter", "magic"], 2, "magic"),
        (["city.jpg", "-o", "missing/deeper"], 6, "Create the folder first"),
        (["city.jpg", "-o", "city.jpg"], 6, "found a file"),
        (["city.jpg", "./city.jpg"], 6, "several photos"),
        (["city.jpg", "--style", "nowhere.jpg", "--overlay"], 3, "nowhere.jpg"),
        (["city.jpg", "--style", "fog=city.jpg", "--overlay"], 2, "expected a region of the content"),
        (["city.jpg", "--style", "=city.jpg"], 2, "[REGION=]PHOTO"),
        (["city.jpg", "--preset", "gatys"], 2, "cannot find the regions of a single photo"),
    ],
)
def test_refusals(
    words: list[str], code: int, message: str, photo: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    assert main(["segment", *words]) == code
    out, err = capsys.readouterr()
    assert out == "" and message in err and "Traceback" not in err
    assert [path.name for path in photo.parent.iterdir()] == ["city.jpg"]


@pytest.mark.parametrize("taken", ["classes.json", "city.overlay.jpg"])
def test_every_place_is_looked_at_before_the_work(
    taken: str, photo: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo.with_name(taken).mkdir()
    monkeypatch.setattr("photostyle.regions.found_regions.RegionFinder", None)
    assert main(["segment", str(photo), "--overlay"]) == 6
    assert taken in capsys.readouterr().err
    assert not photo.with_name("city.mask.png").exists()


def test_a_style_is_never_written_to(photo: Path, capsys: Captured) -> None:
    style = photo.rename(photo.with_name("city.overlay.jpg"))
    content = write_photo(photo, 2)
    before = style.read_bytes()
    assert main(["segment", str(content), "--style", str(style), "--overlay", "--overwrite"]) == 6
    assert "one of the inputs" in capsys.readouterr().err
    assert style.read_bytes() == before


def test_a_missing_photo_leaves_no_folder(tmp_path: Path) -> None:
    assert main(["segment", str(tmp_path / "none.jpg"), "-o", str(tmp_path / "masks")]) == 3
    assert not list(tmp_path.iterdir())


def test_an_existing_mask_is_kept_unless_told(photo: Path, capsys: Captured) -> None:
    mask = photo.with_name("city.mask.png")
    mask.write_bytes(b"mine")
    assert main(["segment", str(photo)]) == 6
    assert "--overwrite" in capsys.readouterr().err
    assert mask.read_bytes() == b"mine"
    assert main(["segment", str(photo), "--overwrite"]) == 0
    assert mask.read_bytes() != b"mine"
