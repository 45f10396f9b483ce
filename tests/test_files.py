"""Files appear whole or not at all; what cannot be written is refused before any work."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from photostyle.errors import OutputError
from photostyle.files import atomic_write, check_folder, check_target, make_folder


def test_the_file_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with atomic_write(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b"old")

    def fill() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise failure

    with pytest.raises(failure):
        fill()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OutputError, match=r"run\.json: .*No space left") as caught, atomic_write(tmp_path / "run.json"):
        pass
    assert caught.value.exit_code == 6
    assert list(tmp_path.iterdir()) == []


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def noted(name: str) -> Callable[..., None]:
        step = getattr(os, name)

        def call(*arguments: object) -> None:
            steps.append(name)
            step(*arguments)

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name))
    with atomic_write(tmp_path / "run.json") as file:
        file.write(b"whole")
    assert steps == ["fsync", "replace"]


def test_the_file_gets_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with atomic_write(tmp_path / "atomic") as file:
        file.write(b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    with atomic_write(tmp_path / ("n" * 255)) as file:
        file.write(b"")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="a device or a pipe"), atomic_write(pipe):
        pass
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("missing/out.png", "expected the folder .*missing, found none"),
        ("file/out.png", "expected the folder .*file, found a file in its place"),
        ("folder", "found a folder"),
        ("pipe", "found a device or a pipe"),
        ("file", "this file exists already"),
    ],
)
def test_what_cannot_be_written_is_refused_and_named(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match=found) as caught:
        check_target(tmp_path / name, overwrite=False)
    assert caught.value.where == str(tmp_path / name)


@pytest.mark.parametrize(("locked", "found"), [("out.png", "write-protected"), ("", "cannot be written to")])
def test_permissions_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: str, found: str) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"")
    refused = str(tmp_path / locked) if locked else str(tmp_path)
    monkeypatch.setattr(os, "access", lambda asked, mode: str(asked) != refused)
    with pytest.raises(OutputError, match=found):
        check_target(path, overwrite=True)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_an_input_is_refused_under_any_name(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    photo, other = tmp_path / "photo.png", tmp_path / "other.png"
    photo.write_bytes(b"photo")
    link(photo, other)
    for path in (photo, other, tmp_path / "." / "photo.png"):
        with pytest.raises(OutputError, match="one of the inputs"):
            check_target(path, overwrite=True, inputs=[tmp_path / "absent", photo])


def test_what_can_be_written_passes(tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"")
    check_target(tmp_path / "new.png", overwrite=False, inputs=[tmp_path / "old.png"])
    check_target(tmp_path / "old.png", overwrite=True, inputs=[tmp_path / "new.png"])
    check_target(tmp_path / "new/new.png", overwrite=False, new_folder=True)
    assert [path.name for path in tmp_path.iterdir()] == ["old.png"]


def test_folders_are_checked_and_made_one_deep(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder, found in (("none/deeper", "Create the folder first"), ("file", "found a file"), ("file/new", "place")):
        with pytest.raises(OutputError, match=found):
            check_folder(tmp_path / folder)
        with pytest.raises(OutputError):
            make_folder(tmp_path / folder)
        with pytest.raises(OutputError, match=found):
            check_target(tmp_path / folder / "new.png", overwrite=False, new_folder=True)
    for _ in range(2):
        check_folder(tmp_path / "new")
        make_folder(tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "new"]


def test_a_folder_must_be_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(tmp_path))
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(OutputError, match="written to"):
            check_folder(folder)
