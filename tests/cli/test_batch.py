"""`photostyle batch`: what it prints, writes and returns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from photostyle.batch import local_workers
from photostyle.batch.manifest import Manifest
from photostyle.batch.output_folder import STATE_FOLDER, part_path
from photostyle.cli import main
from photostyle.cli.batch import StopSignals
from tests.batch import fakes
from tests.fakes import write_photo

Captured = pytest.CaptureFixture[str]
QUICK = ("--preset", "preview", "--size", "64", "--segmenter", "none")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_encoder: Path) -> Path:
    """A folder with a set of three photos and two styles, and a worker in this process."""
    monkeypatch.setattr(local_workers, "LocalWorkers", fakes.real)
    monkeypatch.chdir(tmp_path)
    fakes.photos(tmp_path, "trip/a.png", "trip/day/b.jpg", "trip/day/c.png", "looks/dusk.png", "looks/noon.png")
    return tmp_path


def words(*more: str, style: str = "looks/dusk.png") -> list[str]:
    return ["batch", "--content", "trip", "--style", style, "-o", "out", *QUICK, *more]


def results(folder: str = "out") -> list[str]:
    root = Path(folder)
    files = [path for path in root.rglob("*") if path.is_file() and STATE_FOLDER not in path.parts]
    return sorted(path.relative_to(root).as_posix() for path in files)


def told(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_folders_are_mirrored(here: Path, capsys: Captured) -> None:
    assert main(words()) == 0
    out, err = capsys.readouterr()
    assert out == "" and "3 photos; 3 to do" in err and "3 of 3 done in" in err
    assert results() == ["a.png", "day/b.jpg", "day/c.png"]


def test_result_is_that_of_a_run(here: Path) -> None:
    assert main(words()) == 0
    assert main(["run", "--content", "trip/a.png", "--style", "looks/dusk.png", "-o", "one.png", *QUICK]) == 0
    assert Path("out/a.png").read_bytes() == Path("one.png").read_bytes()


def test_same_command_again_does_what_is_missing(here: Path, capsys: Captured) -> None:
    assert main(words()) == 0
    times = {name: Path("out", name).stat().st_mtime_ns for name in results()}
    Path("out/a.png").unlink()
    capsys.readouterr()
    assert main(words()) == 0
    assert "2 done already; 1 to do (1 missing)" in capsys.readouterr().err
    assert {name for name in results() if Path("out", name).stat().st_mtime_ns != times[name]} == {"a.png"}
    assert main(words("--force", "-q")) == 0
    assert capsys.readouterr().err == ""


def test_photo_that_fails_gives_5_and_its_cause(here: Path, capsys: Captured) -> None:
    for name in ("x.jpg", "y.png"):
        Path("trip", name).write_bytes(b"torn")
    assert main(words()) == 5
    err = capsys.readouterr().err
    assert "failed: InputError: expected a JPEG" in err and "trip/x.jpg, " in err
    assert "3 of 5 done" in err and "2 failed (--retry-failed tries them again)" in err
    assert len(results()) == 3
    assert main(words()) == 5
    assert "2 failed before" in capsys.readouterr().err
    write_photo(here / "trip/x.jpg", 7)
    Path("trip/y.png").unlink()
    assert main(words("--retry-failed")) == 0
    assert len(results()) == 4


def test_json_lines(here: Path, capsys: Captured) -> None:
    Path("trip/x.jpg").write_bytes(b"torn")
    assert main(words("--json")) == 5
    out, err = capsys.readouterr()
    events = told(out)
    assert err == ""
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["plan", "workers"] and kinds[-1] == "summary"
    assert sorted(set(kinds[2:-1])) == ["done", "failed", "started"]
    assert events[0] == {
        "event": "plan", "photos": 4, "todo": 4, "done": 0, "failed": 0, "reasons": {"new": 4}, "skipped": {},
    }  # fmt: skip
    done = next(event for event in events if event["event"] == "done")
    assert {"content", "output", "sha256", "seconds", "warnings", "figures", "height", "width", "attempts"} <= set(done)
    summary = events[-1]
    assert (summary["photos"], summary["done"], summary["failed"], summary["left"]) == (4, 3, 1, 0)
    assert [len(cause["photos"]) for cause in summary["causes"]] == [1]


def test_dry_run_lists_and_estimates_and_leaves_nothing(here: Path, capsys: Captured) -> None:
    assert main(words("--dry-run", "--workers", "1")) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "trip/a.png -> a.png  (looks/dusk.png; new)" and len(lines) == 4
    assert lines[3].startswith("about ") and "GB of memory" in lines[3]
    assert "trying the largest photo" in err and not Path("out").exists()
    assert main(words("-q")) == 0
    assert main(words("--dry-run", "--json")) == 0
    assert told(capsys.readouterr().out) == [
        {"event": "plan", "photos": 3, "todo": 0, "done": 3, "failed": 0, "reasons": {}, "skipped": {}}
    ]


def test_dry_run_beside_a_working_batch_changes_nothing(here: Path, capsys: Captured) -> None:
    assert main(words()) == 0
    part = Path(part_path("out", "a.png", "working"))
    Path("out/a.png").rename(part)  # as a batch leaves it for a moment
    with Manifest("out"):
        before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*")}
        assert main(words("--dry-run")) == 0
        assert {path: path.stat().st_mtime_ns for path in Path("out").rglob("*")} == before
    assert "3 done already; 0 to do" in capsys.readouterr().err and part.exists()


def test_folder_of_styles(here: Path) -> None:
    assert main(words(style="looks")) == 0
    assert len(results()) == 6 and results()[:2] == ["a.dusk.png", "a.noon.png"]


def test_pairs_by_name(here: Path) -> None:
    fakes.photos(here, "pairs/a.jpg", "pairs/day/b.png", "pairs/day/c.jpg")
    assert main(words("--pair-by-name", style="pairs")) == 0
    assert results() == ["a.png", "day/b.jpg", "day/c.png"]


def test_several_styles_are_blended(here: Path) -> None:
    assert main(words("--style", "looks/noon.png", "--style-weights", "1,3")) == 0
    assert main([*words("-o", "other")]) == 0
    assert Path("out/a.png").read_bytes() != Path("other/a.png").read_bytes()


def test_masks_beside_photos_and_style(here: Path) -> None:
    masks = [*Path("trip").rglob("*.[pj]*g"), Path("looks/dusk.png")]
    assert main(["segment", *map(str, masks), "-q"]) == 0
    assert main(words("--masks")) == 0
    assert results() == ["a.png", "day/b.jpg", "day/c.png"]


def test_format_of_the_results(here: Path) -> None:
    assert main(words("--format", "webp", "--quality", "80")) == 0
    assert results() == ["a.webp", "day/b.webp", "day/c.webp"]
    assert Path("out/a.webp").read_bytes()[8:12] == b"WEBP"


def test_saved_look_as_style(here: Path) -> None:
    look = ["--style", "looks/dusk.png", "--save-look", "dusk.photostyle", *QUICK]
    assert main(["run", "--content", "trip/a.png", "-o", "one.png", *look]) == 0
    assert main(["batch", "--content", "trip", "--style", "dusk.photostyle", "-o", "out"]) == 0
    assert len(results()) == 3


def test_lists_and_patterns(here: Path) -> None:
    Path("list").write_text("trip/a.png\n")
    command = ["batch", "--list", "list", "--content", "trip/day/*.png", "--style", "looks/dusk.png", "-o", "out"]
    assert main([*command, *QUICK]) == 0
    assert results() == ["a.png", "c.png"]


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--content", "gone"], 3, "nothing with that name"),
        (["--style", "gone.png"], 3, "gone.png"),
        (["--workers", "0"], 2, "1 or more"),
        (["--list", "gone"], 3, "a list of photos"),
        (["--style-mask", "m.png"], 2, "--masks"),
        (["-o", "trip/a.png"], 6, "expected a folder, found a file"),
        (["-o", "none/out"], 6, "Create the folder first"),
        (["-o", "trip"], 6, "results beside the inputs"),
        (["--masks"], 3, "beside the style"),
        (["--pair-by-name"], 2, "a folder as --style"),
        (["--depth", "16"], 2, "a format that holds 16 bits"),
        (["--report", "none/page"], 6, "Create the folder first"),
    ],
)
def test_refused_before_any_work(more: list[str], code: int, says: str, here: Path, capsys: Captured) -> None:
    assert main(words(*more)) == code
    assert says in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_what_is_in_the_way_of_a_result_is_told_before_any_work(
    more: tuple[str, ...], here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_workers, "LocalWorkers", lambda *_: pytest.fail("a worker was started"))
    Path("out").mkdir()
    Path("out/day").write_bytes(b"a file")
    assert main(words("--overwrite", *more)) == 6
    assert "out/day: expected a folder for results, found a file" in capsys.readouterr().err
    Path("out/day").unlink()
    Path("out/a.png").mkdir()
    assert main(words("--overwrite", *more)) == 6
    assert "found a folder that has the name of a result" in capsys.readouterr().err
    assert not Path("out", STATE_FOLDER).exists()


def test_output_folder_is_checked_before_the_styles_are_read(here: Path, capsys: Captured) -> None:
    Path("looks/torn.png").write_bytes(b"torn")
    assert main(words("-o", "none/out", style="looks")) == 6
    assert "Create the folder first" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["--content", "trip"], ["--style", "looks/dusk.png"], ["--content"]])
def test_content_and_style_are_needed(command: list[str], here: Path, capsys: Captured) -> None:
    assert main(["batch", *command, "-o", "out"]) == 2
    assert "expected" in capsys.readouterr().err


def test_empty_set_is_an_input_error(here: Path, capsys: Captured) -> None:
    Path("empty").mkdir()
    Path("empty/notes.txt").touch()
    assert main(["batch", "--content", "empty", "--style", "looks/dusk.png", "-o", "out"]) == 3
    assert "left out: 1 not photos" in capsys.readouterr().err


def test_style_that_is_torn_stops_before_any_work(here: Path) -> None:
    Path("looks/torn.png").write_bytes(b"torn")
    assert main(words(style="looks")) == 3
    assert not Path("out").exists()


def test_damaged_manifest_is_told(here: Path, capsys: Captured) -> None:
    assert main(words()) == 0
    manifest = Path("out", STATE_FOLDER, "manifest.jsonl")
    manifest.write_bytes(manifest.read_bytes() + b"torn")
    capsys.readouterr()
    assert main(words()) == 0
    err = capsys.readouterr().err
    assert "damaged lines in the manifest: 1. " in err and "3 done already" in err


def test_full_disk_gives_6_and_says_how_far_it_came(
    here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_workers, "LocalWorkers", lambda *_: fakes.Inline(fakes.full_disk))
    assert main(words()) == 6
    told = capsys.readouterr().err
    assert "0 of 3 done" in told and "3 left: run the same command again to continue" in told
    assert "out: expected an output folder that can be written to, found No space left on device" in told


def test_second_signal_stops_at_once() -> None:
    class Told:
        count = 0

        def stopping(self) -> None:
            self.count += 1

        def tick(self) -> None:
            return

    teller, before = Told(), signal.getsignal(signal.SIGINT)
    with StopSignals(teller) as stopping:  # type: ignore[arg-type]
        assert not stopping()
        signal.raise_signal(signal.SIGTERM)
        assert stopping() and teller.count == 1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_stopped_when_all_are_done_anew_tells_what_is_left(
    here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(words("-q")) == 0

    def stopped(self: StopSignals) -> bool:
        self.asked = True
        return True

    monkeypatch.setattr(StopSignals, "__call__", stopped)
    assert main(words("--force")) == 130
    assert "0 of 3 done" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_interrupt_finishes_what_is_at_hand_and_a_second_call_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.photos(tmp_path / "trip", *(f"{number:02}.png" for number in range(12)))
    style, out = write_photo(tmp_path / "dusk.png", 99), tmp_path / "out"
    command = [sys.executable, "-m", "photostyle", "batch", "--content", str(tmp_path / "trip"), "--style", str(style),
               "-o", str(out), *QUICK, "--workers", "1", "--json"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout
        events = []
        for line in process.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] == "started" and len(events) < 5:
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
        process.wait()
    assert process.returncode == 130
    done = [event["output"] for event in events if event["event"] == "done"]
    started = [event["output"] for event in events if event["event"] == "started"]
    assert sorted(done) == sorted(started) == results(str(out)) and 1 <= len(done) < 12
    assert {"event": "stopping"} in events and events[-1]["left"] == 12 - len(done)
    monkeypatch.setattr(local_workers, "LocalWorkers", fakes.real)
    assert main([*command[3:], "-q"]) == 0
    assert len(results(str(out))) == 12


def test_reader_of_events_that_goes_away_ends_the_batch(tmp_path: Path) -> None:
    fakes.photos(tmp_path / "trip", "a.png", "b.png")
    style = write_photo(tmp_path / "dusk.png", 9)
    command = [sys.executable, "-m", "photostyle", "batch", "--content", str(tmp_path / "trip"), "--style", str(style),
               "-o", str(tmp_path / "out"), *QUICK, "--json"]  # fmt: skip
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.close()
        process.wait(60)
    assert process.returncode == 6 and time.monotonic() - began < 60


class TestOneLook:
    def test_equal_colours_are_equal_and_the_set_is_done_again_when_it_changes(
        self, here: Path, capsys: Captured
    ) -> None:
        with Image.open("trip/a.png") as photo:
            photo.transpose(Image.Transpose.ROTATE_180).save("trip/turned.png")
        assert main(words("--consistent")) == 0
        with Image.open("out/a.png") as first, Image.open("out/turned.png") as second:
            extremes = ImageChops.difference(first, second.transpose(Image.Transpose.ROTATE_180)).getextrema()
        assert all(most <= 1 for _, most in extremes)  # of the dither
        before = Path("out/a.png").read_bytes()
        assert main(words("--consistent")) == 0
        assert "4 done already" in capsys.readouterr().err
        write_photo(Path("trip/new.png"), 9)
        assert main(words("--consistent")) == 0
        assert "5 to do (4 changed)" in capsys.readouterr().err
        assert Path("out/a.png").read_bytes() != before

    def test_finding_it_is_told_and_part_of_the_estimate(self, here: Path, capsys: Captured) -> None:
        assert main(words("--consistent", "--dry-run")) == 0
        assert "about" in capsys.readouterr().out and not Path("out").exists()
        assert main(words("--consistent")) == 0
        told = capsys.readouterr().err
        assert all(f"{verb} one look from looks/dusk.png for 3 photos" in told for verb in ("finding", "found"))
        assert main(words("--consistent", "--force", "--json")) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["event"] for line in lines[:4]] == ["plan", "workers", "fitting", "fitted"]
        assert (lines[3]["photos"], lines[3]["styles"]) == (3, ["looks/dusk.png"]) and lines[3]["seconds"] > 0

    @pytest.mark.parametrize(
        ("more", "found"),
        [
            (("--set", "solver.method=pixels"), "solver.method"),
            (("--segmenter", "clusters"), "regions.segmenter"),
            (("--pair-by-name",), "--consistent"),
        ],
    )
    def test_what_has_no_look_for_a_set_is_refused_at_once(
        self, here: Path, capsys: Captured, more: tuple[str, ...], found: str
    ) -> None:
        assert main(words("--consistent", *more, style="looks")) == 2
        assert found in capsys.readouterr().err
        assert not Path("out").exists()
