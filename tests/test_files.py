"""Files appear whole or not at all; what cannot be written is refused before any work."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from photostyle.errors import OutputError
from photostyle.files import atomic_write, check_folder, check_target, make_folder


def test_the_file_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with atomic_write(path, overwrite=True) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b"old")

    def fill() -> None:
        with atomic_write(path, overwrite=True) as file:
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
    with (
        pytest.raises(OutputError, match=r"run\.json: .*No space left") as caught,
        atomic_write(tmp_path / "run.json", overwrite=True),
    ):
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
    with atomic_write(tmp_path / "run.json", overwrite=True) as file:
        file.write(b"whole")
    assert steps == ["fsync", "replace"]


def test_the_file_gets_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with atomic_write(tmp_path / "atomic", overwrite=True) as file:
        file.write(b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with atomic_write(link, overwrite=True) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    with atomic_write(tmp_path / ("n" * 255), overwrite=True) as file:
        file.write(b"")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="a device or a pipe"), atomic_write(pipe, overwrite=True):
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


def write(path: Path, data: bytes, *, overwrite: bool) -> None:
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(data)


NO_LINKS = [None, errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK]


@pytest.fixture(params=NO_LINKS, ids=lambda code: "links" if code is None else errno.errorcode[code])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system with hard links, and some without."""

    def link(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    if request.param is not None:
        monkeypatch.setattr(os, "link", link)


def test_a_new_file_is_made_only_once(disk: None, tmp_path: Path) -> None:
    path = tmp_path / "new.png"
    plain = tmp_path / "plain"
    plain.touch()
    write(path, b"first", overwrite=False)
    assert path.stat().st_mode == plain.stat().st_mode
    with pytest.raises(OutputError, match=r"new\.png: this file exists already: another program made it"):
        write(path, b"second", overwrite=False)
    assert path.read_bytes() == b"first"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new.png", "plain"]


def test_a_file_that_appears_while_another_is_written_is_kept(disk: None, tmp_path: Path) -> None:
    path = tmp_path / "new.png"

    def write_late() -> None:
        with atomic_write(path, overwrite=False) as file:
            file.write(b"mine")
            path.write_bytes(b"theirs")

    with pytest.raises(OutputError, match="in the meantime") as caught:
        write_late()
    assert caught.value.exit_code == 6
    assert path.read_bytes() == b"theirs" and list(tmp_path.iterdir()) == [path]


def test_of_many_that_write_one_name_at_once_one_wins(disk: None, tmp_path: Path) -> None:
    path, start = tmp_path / "new.png", threading.Barrier(8)

    def attempt(number: int) -> bool:
        start.wait()
        try:
            write(path, bytes([number]) * 100_000, overwrite=False)
        except OutputError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(8)))
    assert sum(won) == 1 and path.read_bytes() == bytes([won.index(True)]) * 100_000
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_is_free_again_when_the_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "refused")

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(OutputError, match="refused"):
        write(tmp_path / "new.png", b"", overwrite=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o604, 0o666])
def test_a_file_that_is_replaced_keeps_its_permissions_and_was_never_more_readable(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "private.png"
    path.write_bytes(b"old")
    path.chmod(mode)
    with atomic_write(path, overwrite=True) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
        file.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode and path.read_bytes() == b"new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_group_that_cannot_be_kept_gets_the_rights_of_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, told = tmp_path / "shared.png", os.stat
    path.write_bytes(b"old")
    path.chmod(0o664)

    def of_another_group(name: str, **options: Any) -> os.stat_result:
        found = list(told(name, **options))
        found[stat.ST_GID] += 1 if str(name) == str(path) else 0
        return os.stat_result(found)

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "stat", of_another_group)
    monkeypatch.setattr(os, "chown", refused)
    write(path, b"new", overwrite=True)
    monkeypatch.undo()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="extended attributes are copied on Linux only")
def test_extended_attributes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "rated.png"
    path.write_bytes(b"old")
    try:
        os.setxattr(path, "user.rating", b"5")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    write(path, b"new", overwrite=True)
    assert os.getxattr(path, "user.rating") == b"5"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "theirs.png"
    path.write_bytes(b"old")
    os.chown(path, 1234, 1235)
    path.chmod(0o640)
    write(path, b"new", overwrite=True)
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 1235, 0o640)
