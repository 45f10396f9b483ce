"""Photos and results in an object store, held in memory, beside the same in folders."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from photostyle.batch import local_workers, storage
from photostyle.batch.inputs import find_photos
from photostyle.batch.output_folder import STATE_FOLDER
from photostyle.cli import main
from photostyle.errors import InputError, OutputError, SettingsError
from tests.batch import fakes

fsspec = pytest.importorskip("fsspec", reason="needs fsspec: pip install 'photostyle[cluster]'")
Captured = pytest.CaptureFixture[str]
QUICK = ("--preset", "preview", "--size", "64", "--segmenter", "none")
NAMES = ("trip/a.png", "trip/day/b.jpg", "trip/day/c.png")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_encoder: Path) -> Iterator[Path]:
    """A folder with a set and a style, the same in a store, and a worker in this process."""
    monkeypatch.setattr(local_workers, "LocalWorkers", fakes.real)
    monkeypatch.chdir(tmp_path)
    fakes.photos(tmp_path, *NAMES, "dusk.png")
    store = fsspec.filesystem("memory")
    store.store.clear()
    for name in (*NAMES, "dusk.png"):
        store.pipe_file(f"/in/{name}", (tmp_path / name).read_bytes())
    yield tmp_path
    store.store.clear()


def words(*more: str, output: str = "memory://out/evening") -> list[str]:
    manifest = ("--manifest", "kept") if "://" in output else ()
    return ["batch", "--content", "memory://in/trip", "--style", "memory://in/dusk.png", "-o", output, *manifest,
            *QUICK, *more]  # fmt: skip


def stored() -> dict[str, bytes]:
    """The results in the store by name."""
    found = storage.objects("memory://out/evening")
    return {name: storage.read(url) for url, name in found if STATE_FOLDER not in name}


@pytest.mark.parametrize("more", [(), ("--consistent",)])
def test_results_are_those_of_folders(here: Path, more: tuple[str, ...]) -> None:
    assert main(words(*more)) == 0
    assert main(["batch", "--content", "trip", "--style", "dusk.png", "-o", "out", *QUICK, *more]) == 0
    folder = {
        path.relative_to("out").as_posix(): path.read_bytes()
        for path in Path("out").rglob("*")
        if path.is_file() and STATE_FOLDER not in path.parts
    }
    assert stored() == folder and sorted(folder) == ["a.png", "day/b.jpg", "day/c.png"]
    assert not storage.objects(f"memory://out/evening/{STATE_FOLDER}/parts")


def test_same_command_again_does_what_is_missing_or_changed(here: Path, capsys: Captured) -> None:
    assert main(words()) == 0
    before = stored()
    store = fsspec.filesystem("memory")
    store.rm_file("/out/evening/a.png")
    store.pipe_file("/in/trip/day/c.png", (here / "trip/a.png").read_bytes())
    store.pipe_file("/out/evening/day/b.jpg", b"somebody else's")
    capsys.readouterr()
    assert main(words()) == 0
    err = capsys.readouterr().err
    assert all(reason in err for reason in ("1 missing", "1 changed", "1 altered"))
    after = stored()
    assert after["a.png"] == before["a.png"] == after["day/c.png"] and after["day/b.jpg"] == before["day/b.jpg"]
    capsys.readouterr()
    assert main(words()) == 0
    assert "3 done already; 0 to do" in capsys.readouterr().err


def test_result_that_a_kill_has_left_without_its_name_is_given_it(here: Path, capsys: Captured) -> None:
    assert main(words()) == 0
    key = hashlib.sha256(b"a.png").hexdigest()[:32]
    storage.move("memory://out/evening/a.png", f"memory://out/evening/{STATE_FOLDER}/parts/{key}.0123", overwrite=False)
    capsys.readouterr()
    assert main(words()) == 0
    assert "3 done already; 0 to do" in capsys.readouterr().err and "a.png" in stored()


def test_objects_of_others_are_kept(here: Path, capsys: Captured) -> None:
    storage.write("memory://out/evening/a.png", b"somebody else's")
    assert main(words()) == 6
    assert "found 1 file that was not written by photostyle" in capsys.readouterr().err
    assert stored() == {"a.png": b"somebody else's"}
    assert main(words("--overwrite")) == 0
    assert len(stored()) == 3


def test_photo_of_a_store_that_cannot_be_read_fails_alone(here: Path, capsys: Captured) -> None:
    storage.write("memory://in/trip/bad.jpg", b"no photo")
    assert main(words("--json")) == 5
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    failed = [event for event in told if event["event"] == "failed"]
    assert [(event["content"], event["error"]) for event in failed] == [("memory:///in/trip/bad.jpg", "InputError")]
    assert len(stored()) == 3


def test_store_that_takes_nothing_is_told_before_any_work(
    here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("no credentials")

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "pipe_file", refused)
    monkeypatch.setattr(local_workers, "LocalWorkers", lambda *_: pytest.fail("a worker was started"))
    assert main(words()) == 6
    assert "found RuntimeError: no credentials" in capsys.readouterr().err


def test_report_of_a_store(here: Path) -> None:
    assert main(words("--report", "page")) == 0
    assert len(list(Path("page/thumbnails").iterdir())) == 6


def test_dry_run_of_a_store(here: Path, capsys: Captured) -> None:
    assert main(words("--dry-run", "--workers", "1")) == 0
    out = capsys.readouterr().out
    assert "memory:///in/trip/a.png -> a.png" in out and "about" in out and not stored()


def test_urls_of_files_are_paths(here: Path) -> None:
    content, style, output = (f"file://{here}/{name}" for name in ("trip", "dusk.png", "out"))
    assert main(["batch", "--content", content, "--style", style, "-o", output, *QUICK]) == 0
    assert (here / "out/day/c.png").is_file()


def test_what_a_store_has(here: Path) -> None:
    for name in ("trip/.hidden.png", "trip/a.mask.png", "trip/notes.txt", "trip/done/x.png"):
        storage.write(f"memory://in/{name}", b"")
    found = find_photos(["memory://in/trip"], "memory://in/trip/done")
    assert [name for _, name in found.photos] == ["a.png", "day/b.jpg", "day/c.png"]
    assert found.skipped == {"hidden": 1, "masks and overlays": 1, "not photos": 1}
    found = find_photos(["memory://in/trip/day/*.png", "memory://in/trip/a.png"], "out")
    assert [name for _, name in found.photos] == ["c.png", "a.png"]
    with pytest.raises(InputError, match="nothing with that name"):
        find_photos(["memory://in/none"], "out")


def test_result_in_the_place_of_an_object_that_is_an_input(here: Path, capsys: Captured) -> None:
    assert main(words(output="memory:///in/trip")) == 6
    assert "results beside the inputs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "found"),
    [
        (("-o", "s3://bucket/out"), "--manifest with a folder on this machine, found no --manifest"),
        (
            ("-o", "s3://bucket/out", "--manifest", "s3://bucket"),
            "--manifest with a folder on this machine, found s3://",
        ),
        (("-o", "out", "--manifest", "kept"), "-o with the URL of an object store"),
        (("-o", "ftp://host/out"), "the URL of an object store such as s3:// or gs://, found ftp://"),
        (("--masks", "-o", "out"), "photos and styles in folders on this machine"),
    ],
)
def test_urls_that_make_no_sense(here: Path, more: tuple[str, ...], found: str, capsys: Captured) -> None:
    command = ["batch", "--content", "memory://in/trip", "--style", "memory://in/dusk.png", *QUICK]
    assert main([*command, *more]) == 2
    assert found in capsys.readouterr().err


def test_missing_extra_is_named(here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    assert main(words()) == 2
    assert "pip install 'photostyle[cluster]'" in capsys.readouterr().err


def test_errors_of_a_store_are_those_of_files(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read("memory://in/none.png")
    with pytest.raises(InputError, match="an object that can be fetched"), storage.fetched("memory://in/none.png"):
        pass
    with pytest.raises(OutputError), storage.fetched("memory://in/dusk.png") as path:
        storage.write(f"{path}/below/a/file", b"")
    with pytest.raises(SettingsError, match="such as s3://"):
        storage.plain("sftp://host/photo.jpg")
