"""Bad input gets a clear error with its exit code and leaves nothing behind; odd photos that can be used are."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from photostyle.cli import main
from photostyle.photo.photo import check_writable
from tests.fakes import QUICK, write_halves, write_photo
from tests.handmade import png

Captured = pytest.CaptureFixture[str]
BLUE, GREEN, ORANGE = (0, 0, 255), (0, 255, 0), (255, 128, 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds two good photos, `content.png` and `style.png`."""
    write_photo(tmp_path / "content.png", 1)
    write_photo(tmp_path / "style.png", 2)
    return tmp_path


def run(folder: Path, *words: str, content: str = "content.png", style: str = "style.png") -> int:
    """A quick transfer between files of `folder` to `result.png` there; `words` come last and so win."""
    photos = ("--content", str(folder / content), "--style", str(folder / style))
    return main(["run", *photos, "-o", str(folder / "result.png"), *QUICK, *words])


def assert_refused(
    capsys: Captured, code: int, message: str, folder: Path, *words: str, content: str = "content.png",
    style: str = "style.png",
) -> None:  # fmt: skip
    """The run ends with `code`, says `message` in one to three lines, and writes nothing."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert run(folder, *words, content=content, style=style) == code
    out, err = capsys.readouterr()
    told = err[err.rindex("photostyle: ") :]
    assert message in told
    assert len(told.splitlines()) <= 3
    assert "Traceback" not in err
    assert out == ""
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def truncated(folder: Path) -> bytes:
    whole = write_photo(folder / "whole.jpg", 3).read_bytes()
    return whole[: len(whole) // 2]


@pytest.mark.parametrize("role", ["content", "style"])
@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.jpg", lambda _: b"", "an empty file"),
        ("truncated.jpg", truncated, "a damaged one"),
        ("text.jpg", lambda _: b"Dear diary, today I took no photo at all.\n", "expected a JPEG, PNG, WebP, TIFF"),
        ("large.png", lambda _: png(30_000, 30_000, 8, 2, b""), "30,000 x 30,000"),
        ("point.png", lambda _: png(1, 1, 8, 2, b""), "1 x 1"),
        ("line.png", lambda _: png(1, 5000, 8, 2, b""), "5,000 x 1"),
    ],
)
def test_unusable_photo(
    role: str, name: str, data: Callable[[Path], bytes], message: str, folder: Path, capsys: Captured
) -> None:
    (folder / name).write_bytes(data(folder))
    names = {"content": "content.png", "style": "style.png"} | {role: name}
    assert_refused(capsys, 3, message, folder, **names)


@pytest.mark.parametrize("role", ["content", "style"])
def test_missing_photo_and_folder(role: str, folder: Path, capsys: Captured) -> None:
    (folder / "album").mkdir()
    for name, message in (("none.jpg", "no such file"), ("album", "a folder")):
        names = {"content": "content.png", "style": "style.png"} | {role: name}
        assert_refused(capsys, 3, message, folder, **names)


def test_missing_content_without_an_ending_is_missing(folder: Path, capsys: Captured) -> None:
    assert main(["run", "--content", str(folder / "none"), "--style", str(folder / "style.png")]) == 3
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "mode"),
    [("cmyk.jpg", "CMYK"), ("grey.jpg", "L"), ("palette.png", "P"), ("clear.png", "RGBA"), ("deep.png", "I;16")],
)
@pytest.mark.usefixtures("small_encoder")
def test_odd_photo_is_used(name: str, mode: str, folder: Path) -> None:
    write_photo(folder / name, 3, mode=mode)
    assert run(folder, content=name) == 0
    with Image.open(folder / "result.png") as result:
        assert result.size == (96, 72)
        assert result.mode == ("RGBA" if mode == "RGBA" else "RGB")


def masks(folder: Path, left: tuple[int, int, int] = BLUE, *, width: int = 96) -> list[str]:
    """The words for a content mask as told and a good style mask."""
    content = write_halves(folder / "content_mask.png", left, GREEN, width=width)
    return ["--content-mask", str(content), "--style-mask", str(write_halves(folder / "style_mask.png", BLUE, GREEN))]


@pytest.mark.usefixtures("small_encoder")
def test_unusable_masks(folder: Path, capsys: Captured) -> None:
    assert_refused(capsys, 3, "the photo's proportions", folder, *masks(folder, width=200))
    words = masks(folder)
    write_halves(folder / "content_mask.png", ORANGE, ORANGE)
    assert_refused(capsys, 3, "#ff8040", folder, *words)
    (folder / "style_mask.png").unlink()
    assert_refused(capsys, 3, "style_mask.png", folder, *words)
    (folder / "style_mask.png").write_bytes(b"no mask")
    assert_refused(capsys, 3, "style_mask.png", folder, *words)


@pytest.mark.usefixtures("small_encoder")
def test_masks_of_one_region_are_used(folder: Path) -> None:
    words = masks(folder, GREEN)
    write_halves(folder / "style_mask.png", GREEN, GREEN)
    assert run(folder, *words) == 0


@pytest.mark.usefixtures("small_encoder")
def test_inexact_colours_of_masks_are_told_everywhere(folder: Path, capsys: Captured) -> None:
    words = masks(folder, (26, 26, 255))
    assert run(folder, *words, "--report", str(folder / "report")) == 0
    err = " ".join(capsys.readouterr().err.split())
    assert "warning: content mask: 50% of it" in err and "#1a1aff" in err and "style mask" not in err
    told = json.loads((folder / "report/run.json").read_text())["warnings"]
    assert any(warning.startswith("content mask: 50% of it") for warning in told)
    (folder / "result.png").unlink()
    assert run(folder, "--content-mask", words[3], "--style-mask", words[1]) == 0
    assert "warning: style mask: 50% of it" in capsys.readouterr().err


def test_one_mask_of_two(folder: Path, capsys: Captured) -> None:
    first, second = masks(folder)[:2], masks(folder)[2:]
    assert_refused(capsys, 2, "found only --content-mask", folder, *first)
    assert_refused(capsys, 2, "found only --style-mask", folder, *second)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--preset", "sepia"], "expected a preset (default, fast, gatys, paper, preview), found 'sepia'"),
        (["--set", "solver.steps=3"], "'solver.steps'"),
        (["--set", "solver"], "expected KEY=VALUE"),
        (["--set", "objective.style=nan"], "objective.style"),
        (["--set", "objective.style=inf"], "objective.style"),
        (["--set", "objective.style=-1"], "objective.style"),
        (["--set", f"seed={'1' * 5000}"], "seed"),
        (["--set", f"seed={'[' * 100_000}"], "seed"),
        (["--strength", "nan"], "strength"),
        (["--strength", "1.5"], "strength"),
        (["--strength", "-1"], "strength"),
        (["--set", "look.colour=1.5"], "look.colour"),
        (["--set", "look.skin=-0.1"], "look.skin"),
        (["--region", "sky"], "--region sky=0.5"),
        (["--region", "sky=1.5"], "look.regions.sky"),
        (["--region", "sky=-1"], "look.regions.sky"),
        (["--region", "sky=blue"], "look.regions.sky"),
        (["--size", "1"], "solver.size"),
        (["--seed", "-1"], "seed"),
        (["--device", "abacus"], "device"),
        (["--device", "cuda:99"], "'cuda:99'"),
        (["--encoder", "resnet"], "'compact' or 'vgg19'"),
        (["--segmenter", "magic"], "a segmenter is compact, clusters, none"),
        (["--style", "second.jpg", "--style-weights", "1"], "one for each --style (2), found"),
        (["--style-weights", "0"], "expected numbers above 0 separated by commas, one for each --style (1), found '0'"),
        (["--style-weights", "-1"], "numbers above 0"),
        (["--style-weights", "nan"], "numbers above 0"),
        (["--style-weights", "one"], "numbers above 0"),
        (["--style", "sky="], "expected [REGION=]PHOTO"),
        (["--style", "-", "--style", "-"], "only one photo can come from standard input"),
        (["--save-look", "look.jpg"], "ends in .photostyle"),
        (["--config", "none.toml"], "none.toml"),
        (["-o", "result.xyz"], "'.xyz'"),
        (["--format", "gif"], "'GIF'"),
        (["--quality", "0"], "output.quality"),
        (["--quality", "101"], "output.quality"),
        (["--depth", "12"], "output.depth"),
        (["--format", "jpeg", "--depth", "16"], "a format that holds 16 bits a channel (PNG or TIFF), found JPEG"),
        (["--profile", "p3"], "output.profile"),
        (["--strip-gps", "--no-metadata"], "not allowed with"),
        (["-o", "-", "--json"], "--json"),
        (["--content", "-", "-o", "-", "--json"], "--json"),
        (["--siz", "64"], "--siz"),
    ],
)
def test_wrong_setting(words: list[str], message: str, folder: Path, capsys: Captured) -> None:
    assert_refused(capsys, 2, message, folder, *words)


@pytest.mark.usefixtures("small_encoder")
def test_region_that_is_not_there(folder: Path, capsys: Captured) -> None:
    assert_refused(capsys, 2, "(blue, green), found 'sky'", folder, *masks(folder), "--region", "sky=0.5")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("own.toml", "seed = ", "expected TOML"),
        ("own.toml", "seed = nan", "seed"),
        pytest.param("own.toml", f"seed = {'1' * 5000}", "expected TOML", id="long number"),
        pytest.param("own.toml", f"seed = {'[' * 100_000}", "expected TOML", id="deep TOML"),
        pytest.param("run.json", "[" * 100_000, "expected TOML", id="deep JSON"),
        ("run.json", '{"settings": []}', "run.json"),
        ("own.toml", "[solver]\nspeed = 3", "'solver.speed'"),
        ("run.json", "{", "run.json"),
        ("run.json", "{}", "JSON without settings"),
        ("run.json", '{"settings": {"seed": "x"}}', "seed"),
    ],
)
def test_wrong_config(name: str, text: str, message: str, folder: Path, capsys: Captured) -> None:
    (folder / name).write_text(text)
    assert_refused(capsys, 2, message, folder, "--config", str(folder / name))


@pytest.mark.parametrize("inputs", ["[]", '"a"', '{"content": 3}', '{"content": {}}', "{}"])
def test_run_json_without_usable_inputs(inputs: str, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "run.json").write_text(f'{{"settings": {{}}, "inputs": {inputs}}}')
    assert main(["run", "--config", str(tmp_path / "run.json")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_one_standard_input_for_two_photos(capsys: Captured) -> None:
    assert main(["run", "--content", "-", "--style", "-"]) == 2
    assert "only one photo can come from standard input" in capsys.readouterr().err


@pytest.mark.parametrize(("missing", "words"), [("--style", ["--content", "a"]), ("--content", ["--style", "b"])])
def test_missing_option(missing: str, words: list[str], capsys: Captured) -> None:
    assert main(["run", *words]) == 2
    assert f"{missing} PHOTO is missing" in capsys.readouterr().err


def test_output_that_cannot_be_written(folder: Path, capsys: Captured) -> None:
    assert_refused(capsys, 6, "Create the folder first", folder, "-o", str(folder / "none/deeper/result.png"))
    assert_refused(capsys, 6, "a file in its place", folder, "-o", str(folder / "style.png/result.png"))
    (folder / "album.png").mkdir()
    assert_refused(capsys, 6, "a folder", folder, "-o", str(folder / "album.png"), "--overwrite")


@pytest.mark.usefixtures("small_encoder")
def test_output_folders_are_made_where_their_parent_is_there(folder: Path) -> None:
    look, report = folder / "looks/evening.photostyle", folder / "report"
    assert run(folder, "-o", str(folder / "new/result.png"), "--save-look", str(look), "--report", str(report)) == 0
    assert (folder / "new/result.png").is_file() and look.is_file() and (report / "run.json").is_file()


@pytest.mark.usefixtures("small_encoder")
def test_a_refused_photo_leaves_no_folder(folder: Path, capsys: Captured) -> None:
    assert_refused(capsys, 3, "no such file", folder, "-o", str(folder / "new/result.png"), style="none.png")


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Permissions do not bind root. `os.access` asks for the real user, so root is nobody there, and root elsewhere."""
    root = os.geteuid() == 0
    if root:
        os.setreuid(65534, -1)
    yield
    if root:
        os.setreuid(0, -1)


@pytest.mark.usefixtures("ordinary_user")
def test_output_folder_without_permission(folder: Path, capsys: Captured) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        place = Path(name)
        place.chmod(0o777)
        check_writable(place / "result.png", overwrite=False)
        place.chmod(0o555)
        assert_refused(capsys, 6, "cannot be written to", folder, "-o", str(place / "result.png"))
        assert not list(place.iterdir())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to: Linux has /proc")
@pytest.mark.usefixtures("small_encoder")
def test_output_folder_that_refuses_late(folder: Path, capsys: Captured) -> None:
    assert_refused(capsys, 6, "/proc/result.png", folder, "-o", "/proc/result.png")


def test_look_that_cannot_be_written(folder: Path, capsys: Captured) -> None:
    lost, taken = str(folder / "none/deeper/a.photostyle"), folder / "taken.photostyle"
    assert_refused(capsys, 6, "Create the folder first", folder, "--save-look", lost)
    taken.write_bytes(b"mine")
    assert_refused(capsys, 6, "--overwrite", folder, "--save-look", str(taken))


def test_report_that_cannot_be_written(folder: Path, capsys: Captured) -> None:
    assert_refused(capsys, 6, "Create the folder first", folder, "--report", str(folder / "none/report"))
    assert_refused(capsys, 6, "expected a folder", folder, "--report", str(folder / "style.png"))
    (folder / "report").mkdir()
    (folder / "report/loss.csv").write_text("mine")
    assert_refused(capsys, 6, "loss.csv", folder, "--report", str(folder / "report"))
    (folder / "report/loss.csv").unlink()
    (folder / "report/run.json").write_text('{"settings": {}}')
    config = ("--config", str(folder / "report/run.json"), "--overwrite")
    assert_refused(capsys, 6, "one of the inputs", folder, "--report", str(folder / "report"), *config)


def test_names_beside_a_mask_are_an_input(folder: Path, capsys: Captured) -> None:
    (folder / "report").mkdir()
    (folder / "report/classes.json").write_text('{"0": "sand"}')
    words = masks(folder)
    Path(words[1]).rename(folder / "report/edited.png")
    words[1] = str(folder / "report/edited.png")
    assert_refused(capsys, 6, "one of the inputs", folder, *words, "--report", str(folder / "report"), "--overwrite")


class Trap:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def own_weights(folder: Path, small_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`vgg19.safetensors`, small, with its sha256, where PHOTOSTYLE_WEIGHTS points; no other weights are in sight."""
    place = folder / "weights"
    place.mkdir()
    monkeypatch.setenv("PHOTOSTYLE_WEIGHTS", str(place))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    data = small_weights.read_bytes()
    (place / "vgg19.safetensors").write_bytes(data)
    (place / "vgg19.safetensors.sha256").write_text(f"{hashlib.sha256(data).hexdigest()}  vgg19.safetensors\n")
    return place / "vgg19.safetensors"


def test_weights_cut_or_altered(own_weights: Path, folder: Path, capsys: Captured) -> None:
    whole = own_weights.read_bytes()
    altered = bytearray(whole)
    altered[-5] ^= 1
    for data in (b"", whole[: len(whole) // 2], bytes(altered)):
        own_weights.write_bytes(data)
        assert_refused(capsys, 4, "the file was altered or cut short", folder, "--encoder", "vgg19")


def test_weights_that_are_a_pickle_are_not_opened(own_weights: Path, folder: Path, capsys: Captured) -> None:
    own_weights.write_bytes(pickle.dumps(Trap(folder / "sprung")))
    assert_refused(capsys, 4, "was not opened", folder, "--encoder", "vgg19")
    own_weights.unlink()
    own_weights.with_name("vgg19-dcbb9e9d.pth").write_bytes(pickle.dumps(Trap(folder / "sprung")))
    assert run(folder, "--encoder", "vgg19") == 4
    assert not (folder / "sprung").exists()
    assert not (folder / "result.png").exists()


def test_traceback_with_verbose_only(folder: Path, capsys: Captured) -> None:
    assert run(folder, "-v", content="none.jpg") == 3
    assert "Traceback" in capsys.readouterr().err
