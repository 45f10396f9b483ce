"""`photostyle run` with several styles, with styles of a region, and with saved looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from photostyle.cli import main
from photostyle.cli.styles import StyleFile, styles_of
from photostyle.errors import SettingsError
from tests.fakes import QUICK, write_halves, write_photo

Captured = pytest.CaptureFixture[str]
BLUE, GREEN = (0, 0, 255), (0, 255, 0)


@pytest.fixture
def folder(tmp_path: Path, small_encoder: Path) -> Path:
    """Holds three photos and painted masks of all."""
    for seed, name in enumerate(("city", "sunset", "night"), start=1):
        write_photo(tmp_path / f"{name}.png", seed)
        write_halves(tmp_path / f"{name}_mask.png", BLUE, GREEN)
    return tmp_path


def words(folder: Path, *styles: str, masks: bool = True) -> list[str]:
    found = ["run", "--content", str(folder / "city.png"), *QUICK]
    for style in styles:
        region, equals, name = style.rpartition("=")
        found += ["--style", f"{region}{equals}{folder / name}"]
        if masks:
            found += ["--style-mask", str(folder / name.replace(".png", "_mask.png"))]
    return [*found, "--content-mask", str(folder / "city_mask.png")] if masks else found


@pytest.mark.parametrize(
    ("word", "region", "path"),
    [
        ("sunset.jpg", None, "sunset.jpg"),
        ("sky=sunset.jpg", "sky", "sunset.jpg"),
        ("light blue=a=b.jpg", "light blue", "a=b.jpg"),
        ("./a=b.jpg", None, "./a=b.jpg"),
        ("sky=./a=b.jpg", "sky", "./a=b.jpg"),
        (r"C:\a=b.jpg", None, r"C:\a=b.jpg"),
        ("sky=-", "sky", "-"),
    ],
)
def test_region_and_path(word: str, region: str | None, path: str) -> None:
    assert styles_of([word], None, [], None) == (StyleFile(path, 1.0, region),)


def test_weights_and_masks_go_by_order_and_looks_have_no_mask_of_their_own() -> None:
    found = styles_of(["a.jpg", "b.photostyle", "sky=c.jpg"], "2,0.5,1e-3", ["a.png", "c.png"], "content.png")
    assert found == (
        StyleFile("a.jpg", 2.0, None, "a.png"), StyleFile("b.photostyle", 0.5), StyleFile("c.jpg", 1e-3, "sky", "c.png")
    )  # fmt: skip


@pytest.mark.parametrize("masks", [["a.png"], ["a.png", "b.png", "c.png"]])
def test_masks_for_some_of_the_photos(masks: list[str]) -> None:
    with pytest.raises(SettingsError, match=f"one mask for each style photo, or none, found {len(masks)} for 2 photos"):
        styles_of(["a.jpg", "b.jpg"], None, masks, "content.png")


def test_one_line_says_which_style_a_region_takes_from(folder: Path, capsys: Captured) -> None:
    assert main(words(folder, "sunset.png", "blue=night.png")) == 0
    line = "photostyle: regions: blue from blue of night.png; green from green of sunset.png"
    assert capsys.readouterr().err.splitlines().count(line) == 1


def test_report_repeats_a_blend_to_the_byte(folder: Path) -> None:
    report, output = folder / "report", folder / "out.jpg"
    command = words(folder, "sunset.png", "night.png", "blue=night.png")
    assert main([*command, "--style-weights", "2,1,1", "-o", str(output), "--report", str(report)]) == 0
    first = output.read_bytes()
    run = json.loads((report / "run.json").read_text())
    assert run["styles"] == [
        {"weight": 2, "region": None},
        {"weight": 1, "region": None},
        {"weight": 1, "region": "blue"},
    ]
    assert set(run["inputs"]) == {
        "content", "content_mask", "style", "style_mask", "style_2", "style_mask_2", "style_3", "style_mask_3",
    }  # fmt: skip
    assert run["inputs"]["style_2"]["path"] == str(folder / "night.png")
    assert (report / "style_mask_3.png").is_file()
    output.unlink()
    assert main(["run", "--config", str(report / "run.json")]) == 0
    assert output.read_bytes() == first


def test_run_json_of_one_style_that_does_not_list_it_is_repeated(folder: Path) -> None:
    report, output = folder / "report", folder / "out.png"
    assert main([*words(folder, "sunset.png"), "-o", str(output), "--report", str(report)]) == 0
    run = json.loads((report / "run.json").read_text())
    assert set(run["inputs"]) == {"content", "style", "content_mask", "style_mask"}
    first = output.read_bytes()
    output.unlink()
    del run["styles"]
    (report / "run.json").write_text(json.dumps(run))
    assert main(["run", "--config", str(report / "run.json")]) == 0
    assert output.read_bytes() == first


@pytest.mark.parametrize("styles", ['"sky"', "[3]", "[{}]", '[{"weight": "heavy", "region": null}]', "[{}, {}]"])
def test_run_json_with_broken_styles(styles: str, tmp_path: Path, capsys: Captured) -> None:
    inputs = '{"content": {"path": "a.jpg"}, "style": {"path": "b.jpg"}}'
    (tmp_path / "run.json").write_text(f'{{"settings": {{}}, "inputs": {inputs}, "styles": {styles}}}')
    assert main(["run", "--config", str(tmp_path / "run.json")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_saved_look_stands_in_for_its_photos_and_brings_its_settings(folder: Path) -> None:
    look, first, again = folder / "evening.photostyle", folder / "first.png", folder / "again.png"
    command = words(folder, "sunset.png", "night.png", masks=False)
    changes = ["--seed", "5", "--preset", "preview", "--style-weights", "3,1"]
    assert main([*command, *changes, "-o", str(first), "--save-look", str(look)]) == 0
    for name in ("sunset.png", "night.png"):
        (folder / name).unlink()
    content = ["--content", str(folder / "city.png")]
    report = folder / "report"
    assert main(["run", *content, "--style", str(look), "-o", str(again), "--report", str(report)]) == 0
    assert again.read_bytes() == first.read_bytes()
    run = json.loads((report / "run.json").read_text())
    assert (run["settings"]["preset"], run["settings"]["seed"]) == ("preview", 5)
    assert run["inputs"]["style"]["path"] == str(look)
    assert [style["name"] for style in run["regions"]["styles"]] == ["sunset.png", "night.png"]
    again.unlink()
    assert main(["run", "--config", str(report / "run.json")]) == 0
    assert again.read_bytes() == first.read_bytes()


def test_a_look_is_an_input_and_no_output_by_chance(folder: Path, capsys: Captured) -> None:
    look = folder / "evening.photostyle"
    command = words(folder, "sunset.png", masks=False)
    assert main([*command, "--save-look", str(look), "-o", str(folder / "out.png")]) == 0
    assert main([*command, "--save-look", str(look), "-o", str(folder / "other.png")]) == 6
    assert "this file exists already" in capsys.readouterr().err
    command[command.index("--style") + 1] = str(look)
    assert main([*command, "--save-look", str(look), "-o", str(folder / "other.png"), "--overwrite"]) == 6
    assert "one of the inputs" in capsys.readouterr().err
    assert not (folder / "other.png").exists()


@pytest.mark.parametrize(
    ("data", "code", "message"), [(b"no look", 3, "expected a saved look"), (None, 3, "No such file")]
)
def test_a_look_that_cannot_be_used(
    data: bytes | None, code: int, message: str, folder: Path, capsys: Captured
) -> None:
    if data is not None:
        (folder / "bad.photostyle").write_bytes(data)
    command = words(folder, "bad.photostyle", masks=False)
    for more in ([], ["--preset", "preview"]):
        assert main([*command, *more]) == code
        assert message in capsys.readouterr().err


def test_a_look_of_another_size_and_looks_of_other_settings(folder: Path, capsys: Captured) -> None:
    for seed in ("1", "2"):
        command = words(folder, "sunset.png", masks=False)
        saved = ["--save-look", str(folder / f"{seed}.photostyle"), "-o", str(folder / f"{seed}.png")]
        assert main([*command, "--preset", "preview", "--seed", seed, *saved]) == 0
    content = ["run", "--content", str(folder / "city.png")]
    first, second = (["--style", str(folder / f"{seed}.photostyle")] for seed in ("1", "2"))
    assert main([*content, *first, "--size", "96"]) == 0
    assert "the look was saved at 64 px" in capsys.readouterr().err
    assert main([*content, *first, *second]) == 2
    assert "these saved looks have different settings" in capsys.readouterr().err
    assert main([*content, *first, *second, "--preset", "preview", "--size", "64", "--overwrite"]) == 0


def test_an_unknown_region_lists_those_there_are(folder: Path, capsys: Captured) -> None:
    assert main(words(folder, "sky=sunset.png")) == 2
    err = capsys.readouterr().err
    assert "sunset.png: expected a region of the content (blue, green), found sky" in err
    assert "./NAME" in err
    write_halves(folder / "sunset_mask.png", BLUE, BLUE)
    assert main(words(folder, "green=sunset.png")) == 3
    assert "of green or more in both photos" in capsys.readouterr().err
