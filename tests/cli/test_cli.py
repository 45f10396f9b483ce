"""The command line: what each command prints, writes and returns."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from photostyle import __version__
from photostyle.cli import main
from photostyle.cli.doctor import PACKAGES
from photostyle.cli.presets import first_paragraph
from photostyle.cli.progress import ProgressBar
from photostyle.encoders import weights
from photostyle.encoders.weights import WeightsStatus
from photostyle.pipeline.result import Progress
from photostyle.pipeline.session import Session
from photostyle.presets import load_preset, load_settings, preset_names, preset_text
from photostyle.settings import describe
from segmentation import segmenter
from tests.fakes import QUICK, write_halves, write_photo

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def photos(tmp_path: Path, small_encoder: Path) -> list[str]:
    """The words of a quick run on two small photos in `tmp_path`."""
    content, style = write_photo(tmp_path / "city.png", 1), write_photo(tmp_path / "sunset.png", 2)
    return ["run", "--content", str(content), "--style", str(style), *QUICK]


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Which weights seem to be there and right; a test may change it."""
    ok = {"compact": True, "vgg19": False}

    def available() -> list[WeightsStatus]:
        return [
            WeightsStatus(name, Path(f"{name}.safetensors"), there, 10 * there, "f" * 64 * there, there, "")
            for name, there in ok.items()
        ]

    monkeypatch.setattr(weights, "available", available)
    return ok


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a photo's file, in pixels."""
    with Image.open(path) as image:
        return image.size


def test_version(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"photostyle {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [[], ["paint"], ["run", "--size", "large"], ["run", "-q", "-v"], ["run", "--strengt", "1"], ["weights"]],
)
def test_wrong_words_give_two_lines_and_2(words: list[str], capsys: Captured) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    problem, advice = err.splitlines()
    assert out == "" and problem.startswith("photostyle: ") and advice.startswith("photostyle ")
    assert advice.endswith("--help lists the options")


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["run", "--content", "-photo.jpg"], "--content=-photo.jpg or ./-photo.jpg"),
        (["run", "--content", "-none.jpg"], "--content=-none.jpg or ./-none.jpg"),
        (["run", "--content", "-ocean.jpg"], "--content=-ocean.jpg or ./-ocean.jpg"),
        (["run", "-o", "-photo.jpg"], "--output=-photo.jpg or ./-photo.jpg"),
        (["look", "--style", "-photo.jpg"], "--style=-photo.jpg or ./-photo.jpg"),
        (["batch", "--content", "-photo.jpg", "-o", "out"], "--content=-photo.jpg or ./-photo.jpg"),
        (["segment", "-photo.jpg", "-o", "out"], "./-photo.jpg"),
        (["segment", "a.jpg", "-photo.jpg"], "./-photo.jpg"),
        (["run", "--content", "-q"], None),
        (["run", "--content", "--style", "-photo.jpg"], "./-photo.jpg"),
        (["run", "--content", "-onone.jpg"], None),
        (["run", "--content"], None),
        (["segment", "-none.jpg"], None),
        (["segment", "-x", "--", "-photo.jpg"], None),
    ],
)
def test_names_that_begin_with_a_hyphen_get_a_hint(
    words: list[str], advice: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-photo.jpg", "-ocean.jpg"):
        Path(name).touch()
    assert main(words) == 2
    first, *hints, last = capsys.readouterr().err.splitlines()
    assert first.startswith("photostyle: ") and last.endswith("--help lists the options")
    assert hints == ([f"a file name that begins with - is given as {advice}"] if advice else [])


def test_module_runs_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "photostyle", "presets"], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == preset_names()


def test_reader_that_has_gone_is_met_silently() -> None:
    command = [sys.executable, "-m", "photostyle", "presets", "paper"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full: Linux has /dev/full")
@pytest.mark.parametrize("words", [["presets"], ["presets", "--json"], ["doctor"], ["weights", "list"]])
@pytest.mark.slow
def test_full_standard_output_is_an_output_error(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "photostyle", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 6
    assert done.stderr.decode().startswith("photostyle: standard output: expected output that can be written")
    assert len(done.stderr.splitlines()) == 1


def test_run_writes_beside_the_content(photos: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert main(photos) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "solve, fine" in err and f"wrote {tmp_path / 'city.out.png'} in" in err
    assert size_of(tmp_path / "city.out.png") == (96, 72)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["city.out.png", "city.png", "sunset.png"]


def test_run_says_in_one_line_what_was_matched(photos: list[str], capsys: Captured) -> None:
    assert main(photos) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines.count("photostyle: regions: whole photo from whole photo") == 1
    assert sum("regions: " in line for line in lines) == 1


def test_quiet_run_says_nothing_but_warnings(photos: list[str], capsys: Captured) -> None:
    assert main([*photos, "-q"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert all(line.startswith("photostyle: warning: ") for line in err.splitlines())


def test_verbose_run_tells_how_each_stage_ended(photos: list[str], capsys: Captured) -> None:
    assert main([*photos, "-v"]) == 0
    err = capsys.readouterr().err
    assert "photostyle: solve, coarse: 2 iterations, " in err
    assert "photostyle: solve, fine: 2 iterations, " in err


def test_json_is_all_there_is_on_standard_output(photos: list[str], tmp_path: Path, capsys: Captured) -> None:
    output = tmp_path / "sträßchen.jpg"
    assert main([*photos, "--json", "-o", str(output)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output"] == str(output)
    assert told["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    assert (told["width"], told["height"], told["preset"]) == (96, 72, "default")
    assert [stage["name"] for stage in told["stages"]] == ["solve, coarse", "solve, fine"]
    assert set(told) >= {"seconds", "terms", "warnings", "interrupted"}


def test_standard_input_to_standard_output(
    photos: list[str], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_photo(tmp_path / "piped.jpg", 3).read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    photos[photos.index("--content") + 1] = "-"
    assert main(photos) == 0
    with Image.open(io.BytesIO(capsysbinary.readouterr().out)) as result:
        assert result.format == "JPEG" and result.size == (96, 72)


def test_transparency_that_jpeg_lacks_is_warned_of(photos: list[str], tmp_path: Path, capsys: Captured) -> None:
    with Image.open(tmp_path / "city.png") as image:
        opaque = image.convert("RGBA")
    for alpha, told in ((255, False), (100, True)):
        opaque.putalpha(alpha)
        opaque.save(tmp_path / "city.png")
        assert main([*photos, "--json", "-o", str(tmp_path / "out.jpg"), "--overwrite"]) == 0
        warnings = json.loads(capsys.readouterr().out)["warnings"]
        assert any("transparency is lost" in warning for warning in warnings) == told
    assert main([*photos, "--json", "-o", str(tmp_path / "out.png")]) == 0
    assert "transparency is lost" not in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no Unicode")
def test_file_name_that_is_no_unicode(photos: list[str], tmp_path: Path) -> None:
    content = write_photo(tmp_path / "city.png", 1).rename(tmp_path / "city\udcff.png")
    photos[photos.index("--content") + 1] = str(content)
    assert main([*photos, "--report", str(tmp_path / "report")]) == 0
    assert r"city\udcff.png" in (tmp_path / "report/report.html").read_text(encoding="utf-8")
    (tmp_path / "city\udcff.out.png").unlink()
    assert main(["run", "--config", str(tmp_path / "report/run.json")]) == 0


def test_existing_output_is_kept_unless_told(photos: list[str], tmp_path: Path, capsys: Captured) -> None:
    output = tmp_path / "city.out.png"
    output.write_bytes(b"mine")
    assert main(photos) == 6
    assert "--overwrite" in capsys.readouterr().err
    assert output.read_bytes() == b"mine"
    assert main([*photos, "--overwrite"]) == 0
    assert size_of(output) == (96, 72)


@pytest.mark.parametrize("name", ["city.png", "sunset.png"])
def test_input_is_never_written_to(name: str, photos: list[str], tmp_path: Path, capsys: Captured) -> None:
    before = (tmp_path / name).read_bytes()
    assert main([*photos, "--overwrite", "-o", str(tmp_path / name)]) == 6
    assert "one of the inputs" in capsys.readouterr().err
    assert (tmp_path / name).read_bytes() == before


def test_named_options_win_over_set_and_set_over_the_preset(photos: list[str], tmp_path: Path) -> None:
    changes = ["--set", "seed=4", "--set", "solver.size=80", "--set", "objective.content=3", "--strength", "0.5"]
    assert main([*photos, *changes, "--segmenter", "none", "--report", str(tmp_path / "report")]) == 0
    settings = json.loads((tmp_path / "report/run.json").read_text())["settings"]
    assert settings["solver"]["size"] == 64
    assert settings["seed"] == 4 and settings["strength"] == 0.5
    assert settings["objective"]["content"] == 3.0
    assert settings["regions"]["segmenter"] == "none"


def test_report_repeats_its_run_to_the_byte(photos: list[str], tmp_path: Path) -> None:
    masks = []
    for option in ("--content-mask", "--style-mask"):
        masks += [option, str(write_halves(tmp_path / f"{option[2:]}.png", (0, 0, 255), (0, 255, 0)))]
    output, report = tmp_path / "result.jpg", tmp_path / "report"
    assert main([*photos, *masks, "-o", str(output), "--report", str(report), "--seed", "7"]) == 0
    first = output.read_bytes()
    output.unlink()
    assert main(["run", "--config", str(report / "run.json")]) == 0
    assert output.read_bytes() == first


def test_interrupted_solver_leaves_the_best_photo(
    photos: list[str], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(bar: ProgressBar, progress: Progress) -> None:
        if progress.iteration == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "__call__", stop)
    assert main([*photos, "--json"]) == 130
    out, err = capsys.readouterr()
    assert json.loads(out)["interrupted"] is True
    assert "interrupted" in err and "has the best result so far" in err
    assert size_of(tmp_path / "city.out.png") == (96, 72)


def test_interrupt_elsewhere_leaves_nothing(
    photos: list[str], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "style", stop)
    assert main([*photos, "-q"]) == 130
    assert capsys.readouterr() == ("", "photostyle: interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["city.png", "sunset.png"]


def test_bug_shows_its_traceback_and_how_to_report_it(
    photos: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the roof is on fire")

    monkeypatch.setattr(Session, "transfer", fail)
    assert main(photos) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "the roof is on fire" in err and "Please report it" in err


def test_presets_are_listed_with_a_line_each(capsys: Captured) -> None:
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == preset_names()
    assert all(len(line.split()) > 5 for line in lines)


@pytest.mark.parametrize("name", preset_names())
def test_preset_in_full_is_a_config(name: str, tmp_path: Path, capsys: Captured) -> None:
    assert main(["presets", name]) == 0
    text = capsys.readouterr().out
    (tmp_path / "mine.toml").write_text(text)
    assert load_settings(tmp_path / "mine.toml") == load_preset(name)
    assert preset_text(name).split()[1] in text.splitlines()[0]
    for dotted, _, meaning in describe():
        assert f"{dotted.rpartition('.')[2]} = " in text
        assert meaning in " ".join(line.removeprefix("# ") for line in text.splitlines())


def test_presets_as_json(capsys: Captured) -> None:
    assert main(["presets", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == preset_names()
    assert main(["presets", "gatys", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == load_preset("gatys").to_dict()


@pytest.mark.parametrize(
    ("toml", "line"),
    [("# One,\n# two.\n#\n# Three.\n", "One, two."), ("# One.\n\n# Two.\n", "One."), ("a = 1\n# One.\n", "")],
)
def test_first_paragraph(toml: str, line: str) -> None:
    assert first_paragraph(toml) == line


def test_weights_list(statuses: dict[str, bool], capsys: Captured) -> None:
    assert main(["weights", "list"]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["compact", "ok"] and "f" * 64 in first
    assert second.split() == ["vgg19", "missing", "vgg19.safetensors"]
    assert third.split()[:2] == ["segmenter", "ok"] and segmenter.SHA256 in third
    assert main(["weights", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: entry["ok"] for name, entry in told.items()} == {"compact": True, "vgg19": False, "segmenter": True}


def test_weights_verify_returns_4_where_one_is_wrong(statuses: dict[str, bool], capsys: Captured) -> None:
    assert main(["weights", "verify"]) == 0
    statuses["compact"] = False
    assert main(["weights", "verify"]) == 4


def test_an_altered_segmenter_is_told(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenter, "SHA256", "0" * 64)
    assert main(["weights", "verify"]) == 4
    assert "expected a file of sha256 0000" in capsys.readouterr().out
    assert main(["doctor"]) == 4
    assert any(line.split()[:3] == ["missing", "weights", "segmenter"] for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(("words", "names"), [(["compact"], ["compact"]), ([], ["compact", "vgg19"])])
def test_weights_fetch(words: list[str], names: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str, **_: Any) -> Path:
        return Path("folder") / name

    monkeypatch.setattr(weights, "fetch", fetch)
    assert main(["weights", "fetch", *words]) == 0
    assert capsys.readouterr().out.split() == [word for name in names for word in (name, str(Path("folder") / name))]
    assert main(["weights", "fetch", *words, "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == names


def test_doctor_is_content_where_default_can_run(statuses: dict[str, bool], capsys: Captured) -> None:
    assert main(["doctor", "--json"]) == 0
    findings = {finding["topic"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert set(findings) >= {"python", "torch", "memory", "bfloat16", "AVIF", "weights compact", "cache"}
    assert findings["weights vgg19"]["status"] == "advice"
    assert "weights fetch vgg19" in findings["weights vgg19"]["advice"]


@pytest.mark.parametrize("card", [False, True])
def test_doctor_tells_of_a_card_that_torch_does_not_use(
    statuses: dict[str, bool], capsys: Captured, monkeypatch: pytest.MonkeyPatch, card: bool
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr("photostyle.compute.nvidia.has_nvidia_card", lambda: card)
    assert main(["doctor", "--json"]) == 0
    findings = {finding["topic"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}
    accelerator = findings["accelerator"]
    assert (accelerator["status"], "torch with CUDA" in accelerator["advice"]) == (
        ("advice", True) if card else ("ok", False)
    )


def test_doctor_looks_for_what_the_package_needs() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[^\w-]", requirement)[0].lower() for requirement in project["dependencies"]}
    assert {name.lower() for name in PACKAGES} == needed


def test_doctor_returns_4_where_the_weights_of_default_are_missing(statuses: dict[str, bool], capsys: Captured) -> None:
    statuses["compact"] = False
    assert main(["doctor"]) == 4
    assert any(line.split()[:3] == ["missing", "weights", "compact"] for line in capsys.readouterr().out.splitlines())


def test_doctor_survives_a_broken_installation(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("libtorch.so: cannot open shared object file")

    monkeypatch.setattr(weights, "available", fail)
    assert main(["doctor"]) == 1
    assert "libtorch.so" in capsys.readouterr().out
