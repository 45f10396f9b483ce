"""A transfer as tables: what they are worth, and their files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from photostyle.cli import main
from photostyle.colour.lut import Lut
from photostyle.errors import OutputError
from photostyle.export.lut_files import LutError, file_names, region_luts, whole_lut, write_lut, write_region_luts
from photostyle.photo.photo import Photo
from photostyle.pipeline.result import Result
from photostyle.pipeline.session import transfer
from photostyle.settings import Settings
from tests.fakes import QUICK, write_halves, write_photo

Pixels = NDArray[np.float32]
Captured = pytest.CaptureFixture[str]
PREVIEW = Settings().with_changes({"encoder.dtype": "float32", "solver.method": "closed form", "solver.size": 128})


@pytest.fixture
def result(small_encoder: Path, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]) -> Result:
    return transfer(scene, dusk, settings=PREVIEW, content_mask=masks[0], style_mask=masks[1])


def test_the_identity_makes_no_error(scene: Pixels, result: Result) -> None:
    same = replace(result, photo=Photo(scene))
    for _, error in (whole_lut(Photo(scene), same, 17), region_luts(Photo(scene), same, 17)):
        assert error.mean < 1e-4 and error.p95 < 1e-4


def test_a_table_for_each_region_is_closer_where_they_share_colours(scene: Pixels, result: Result) -> None:
    """Grey in the sky becomes bright, and in the building dark: no one table can do both."""
    content = scene.copy()
    content[10:30, 20:110] = content[60:80, 20:110] = np.linspace(0.3, 0.7, 90, dtype=np.float32)[None, :, None]
    changed = content.copy()
    changed[:48] = 0.3 + 0.7 * content[:48]
    changed[48:] = 0.5 * content[48:]
    made = replace(result, photo=Photo(changed))
    _, whole = whole_lut(Photo(content), made, 17)
    looks, apart = region_luts(Photo(content), made, 17)
    assert [look.name for look in looks] == ["sky", "building"]
    assert apart.mean < 0.5 * whole.mean and apart.p95 < whole.p95
    assert [look.mask.shape for look in looks] == [(96, 128)] * 2
    assert looks[0].mask[:40].min() == 255 and looks[0].mask[60:].max() == 0


def test_what_is_in_no_region_keeps_its_colours(scene: Pixels, result: Result) -> None:
    bare = replace(result, correspondence=replace(result.correspondence, regions=result.correspondence.regions[:1]))
    kept = scene.copy()
    kept[:45] = 0.8 * scene[:45]
    looks, error = region_luts(Photo(scene), replace(bare, photo=Photo(kept)), 17)
    assert len(looks) == 1
    assert error.mean < 2


def test_the_file_says_what_it_is_worth(tmp_path: Path) -> None:
    write_lut(tmp_path / "a.cube", Lut(np.zeros((5, 5, 5, 3))), LutError(1.234, 5.678), "city")
    head = (tmp_path / "a.cube").read_text().splitlines()[:4]
    assert "CIEDE2000 mean 1.23, 95th percentile 5.68" in head[2]
    assert "regions or places" in head[3]


def test_the_title_of_any_name_is_one_line(tmp_path: Path) -> None:
    write_lut(tmp_path / "a.cube", Lut(np.zeros((5, 5, 5, 3))), LutError(1, 5), 'été "q"\nnew with the look of 山')
    lines = (tmp_path / "a.cube").read_text(encoding="ascii").splitlines()
    assert [line for line in lines if line.startswith("TITLE")] == ["TITLE \"ete 'q' new with the look of U+5C71\""]
    assert all(line[0] in "#TLD0123456789" for line in lines)


def test_a_lut_never_replaces_another_unless_told(tmp_path: Path) -> None:
    path, lut, error = tmp_path / "a.cube", Lut(np.zeros((5, 5, 5, 3))), LutError(1, 5)
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="this file exists already"):
        write_lut(path, lut, error, "city")
    assert path.read_bytes() == b"mine"
    write_lut(path, lut, error, "city", overwrite=True)
    assert path.read_bytes() != b"mine"


def test_names_of_files_are_plain_and_differ(tmp_path: Path, scene: Pixels, result: Result) -> None:
    assert file_names(["light blue", "../x", "X", "é", "  ", "a/b", "light-blue"]) == {
        "light blue": "light-blue", "../x": "x", "X": "x-2", "é": "é", "  ": "region", "a/b": "a-b",
        "light-blue": "light-blue-2",
    }  # fmt: skip
    looks, error = region_luts(Photo(scene), result, 5)
    write_region_luts(tmp_path / "regions", looks, error, "scene")
    found = sorted(path.name for path in (tmp_path / "regions").iterdir())
    assert found == ["building.cube", "building.mask.png", "sky.cube", "sky.mask.png"]
    with Image.open(tmp_path / "regions/sky.mask.png") as mask:
        assert (mask.mode, mask.size) == ("L", (128, 96))


@pytest.fixture
def words(tmp_path: Path, small_encoder: Path) -> list[str]:
    """Of a quick look at two small photos with masks of two halves."""
    content, style = write_photo(tmp_path / "city.png", 1), write_photo(tmp_path / "sunset.png", 2)
    masks = [write_halves(tmp_path / f"{name}_mask.png", (0, 0, 255), (0, 255, 0)) for name in ("city", "sunset")]
    return ["look", "--content", str(content), "--style", str(style), "--content-mask", str(masks[0]), "--style-mask",
            str(masks[1]), *QUICK, "--points", "17"]  # fmt: skip


def test_look_tells_its_error_everywhere(words: list[str], tmp_path: Path, capsys: Captured) -> None:
    output, folder = tmp_path / "look.cube", tmp_path / "regions"
    assert main([*words, "-o", str(output), "--per-region", str(folder), "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["output"], told["points"]) == (str(output), 17)
    assert f"CIEDE2000 mean {told['error']['mean']:.2f}, 95th percentile {told['error']['p95']:.2f}" in err
    assert f"CIEDE2000 mean {told['error']['mean']:.2f}" in output.read_text()
    assert told["regions_error"]["mean"] < told["error"]["mean"]
    assert [region["name"] for region in told["regions"]] == ["blue", "green"]
    assert all(Path(region[kind]).is_file() for region in told["regions"] for kind in ("lut", "mask"))
    assert "regions or places" in err and "regions or places" in told["limit"]


def test_look_as_a_haldclut(words: list[str], tmp_path: Path) -> None:
    assert main([*words, "-o", str(tmp_path / "look.png"), "-q"]) == 0
    with Image.open(tmp_path / "look.png") as image:
        assert image.size == (512, 512)


def test_a_folder_of_regions_never_holds_an_input(words: list[str], tmp_path: Path, capsys: Captured) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    mask = write_halves(masks / "blue.mask.png", (0, 0, 255), (0, 255, 0))
    data = mask.read_bytes()
    more = ["--content-mask", str(mask), "-o", str(tmp_path / "look.cube"), "--per-region", str(masks), "--overwrite"]
    assert main([*words, *more]) == 6
    assert "found the input blue.mask.png" in capsys.readouterr().err
    assert mask.read_bytes() == data and not (tmp_path / "look.cube").exists()


def test_look_takes_the_sliders(words: list[str], tmp_path: Path) -> None:
    assert main([*words, "-o", str(tmp_path / "new/look.cube"), "--strength", "0", "-q"]) == 0
    rows = [line for line in (tmp_path / "new/look.cube").read_text().splitlines() if line[0].isdigit()]
    assert rows[:2] == ["0.000000 0.000000 0.000000", "0.062500 0.000000 0.000000"]


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["-o", "look.jpg"], 2, "expected a file name that ends in .cube or .png"),
        (["-o", "none/deeper/look.cube"], 6, "Create the folder first"),
        (["-o", "taken.cube"], 6, "--overwrite"),
        (["-o", "city.png", "--overwrite"], 6, "one of the inputs"),
        (["-o", "a.cube", "--per-region", "none/regions"], 6, "Create the folder first"),
        (["-o", "a.cube", "--per-region", "taken.cube"], 6, "expected a folder, found a file"),
        (["-o", "a.cube", "--per-region", "."], 6, "found a folder with files"),
        (["-o", "a.cube", "--points", "32"], 2, "--points"),
        (["-o", "a.cube", "--region", "sea=0.5"], 2, "(blue, green), found 'sea'"),
        (["-o", "a.cube", "--region", "sea"], 2, "--region sky=0.5"),
        ([], 2, "--output"),
    ],
)
def test_what_is_wrong_is_refused(
    more: list[str], code: int, message: str, words: list[str], tmp_path: Path, capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.cube").write_text("mine")
    before = sorted(tmp_path.iterdir())
    assert main([*words, *more]) == code
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "taken.cube").read_text() == "mine"


def test_look_warns_of_a_table_that_did_not_converge(
    words: list[str], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photostyle.colour.lut.ITERATIONS", 1)
    monkeypatch.setattr("photostyle.colour.lut.TOLERANCE", 1e-9)
    output, folder = tmp_path / "look.cube", tmp_path / "regions"
    assert main([*words, "-o", str(output), "--per-region", str(folder), "--json", "-q"]) == 0
    out, err = capsys.readouterr()
    warnings = [warning for warning in json.loads(out)["warnings"] if "did not converge" in warning]
    assert len(warnings) == 3 and all(f"photostyle: warning: {warning}" in err for warning in warnings)
    for path in (output, *folder.glob("*.cube")):
        assert "# the table's fit did not converge" in path.read_text()
