"""Which files of folders, lists and patterns belong to a set."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from photostyle.batch.inputs import find_photos, read_list
from photostyle.errors import InputError
from tests.fakes import write_photo


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(*words: str | Path, output: str = "nowhere") -> list[str]:
    return [name for _, name in find_photos([str(word) for word in words], output).photos]


def test_folder_stands_for_all_photos_below_it(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.png", "trip/day/c.webp", "trip/d.tif", "e.avif")
    assert names(tmp_path) == ["a.png", "b.JPG", "e.avif", "trip/d.tif", "trip/day/c.webp"]


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.mask.png", "a.overlay.jpg", "lone.mask.png", "notes.txt", ".hidden.jpg", ".trash/b.jpg")
    found = find_photos([str(tmp_path)], "nowhere")
    assert [name for _, name in found.photos] == ["a.jpg", "lone.mask.png"]
    assert found.skipped == {"hidden": 2, "masks and overlays": 2, "not photos": 1}


@pytest.mark.parametrize(
    "folder",
    ["@eaDir/a.jpg", "@Recycle", "#recycle", "#snapshot", ".@__thumb", ".AppleDouble", "$RECYCLE.BIN", "$Recycle.Bin",
     "System Volume Information", "lost+found", "Thumbs", "thumbs"],
)  # fmt: skip
def test_folders_of_the_system_are_left_out(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.jpg", f"{folder}/b.jpg", f"day/{folder}/b.jpg")
    found = find_photos([str(tmp_path)], "nowhere")
    assert [name for _, name in found.photos] == ["a.jpg"] and found.skipped == {"system files": 2}
    assert names(tmp_path / folder) == ["b.jpg"]
    monkeypatch.chdir(tmp_path)
    assert set(names("**/*.jpg")) == {"a.jpg"} or folder.startswith(".")
    assert set(names("*")) == {"a.jpg"}


def test_results_of_earlier_runs_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.out.jpg", "a.out.PNG", "a.out-2.jpg", "a.out (3).jpg", "a.out_4.jpg", "a.out.out.jpg",
          "lone.out.jpg", "fade.outer.jpg", "fade.jpg", "b.CR2", "b.out.tif", "day/a.out.jpg")  # fmt: skip
    found = find_photos([str(tmp_path)], "nowhere")
    expected = ["a.jpg", "b.CR2", "fade.jpg", "fade.outer.jpg", "lone.out.jpg", "day/a.out.jpg"]
    assert sorted(name for _, name in found.photos) == sorted(expected)
    assert found.skipped == {"results of earlier runs": 7}
    assert names(tmp_path / "a.out.jpg") == ["a.out.jpg"]


@pytest.mark.parametrize("ending", [".HIF", ".jfif", ".jpe", ".IIQ", ".3fr", ".nrw", ".rwl", ".x3f", ".gpr", ".raw"])
def test_endings_of_cameras_and_browsers(ending: str, tmp_path: Path) -> None:
    touch(tmp_path, f"a{ending}")
    assert names(tmp_path) == [f"a{ending}"]


def test_photos_are_known_by_their_content(tmp_path: Path) -> None:
    for name in ("IMG_1", "IMG_2.photo", "IMG_3.mpo"):
        write_photo(tmp_path / "a.jpg", 1).rename(tmp_path / name)
    for name in ("MVI_1.THM", "b.jpg_original", "c.jpg~", "d.jpg.part", "e.lrprev"):
        write_photo(tmp_path / "a.png", 1).rename(tmp_path / name)
    (tmp_path / "notes.txt").write_text("IMAGE 1 CR is a text")
    (tmp_path / "notes").write_text("notes 1 CR")
    (tmp_path / "damaged.jpg").write_bytes(b"no photo")
    found = find_photos([str(tmp_path)], "nowhere")
    assert [name for _, name in found.photos] == ["IMG_1", "IMG_2.photo", "IMG_3.mpo", "damaged.jpg"]
    assert found.skipped == {"not photos": 7}
    assert names(tmp_path / "IMG_1", tmp_path / "notes.txt", tmp_path / "damaged.jpg") == ["IMG_1", "damaged.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
def test_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert find_photos([str(tmp_path)], "nowhere").skipped == {"not photos": 1}


def test_output_folder_inside_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "out/a.jpg", "out/deep/b.jpg")
    assert names(tmp_path, output=str(tmp_path / "out")) == ["a.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_are_followed_but_not_round(tmp_path: Path) -> None:
    touch(tmp_path, "set/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "set/round").symlink_to(tmp_path / "set")
    (tmp_path / "set/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "set")
    assert names(tmp_path / "set") == ["a.jpg", "linked/b.jpg"]


def test_patterns_are_expanded_and_names_come_first(tmp_path: Path) -> None:
    touch(tmp_path, "a1.jpg", "a2.jpg", "b.jpg", "deep/c.jpg", "[b].jpg")
    assert names(tmp_path / "a?.jpg") == ["a1.jpg", "a2.jpg"]
    assert names(tmp_path / "**/c.jpg") == ["c.jpg"]
    assert names(tmp_path / "[b].jpg") == ["[b].jpg"]


def test_file_named_twice_is_one_photo(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    assert names(tmp_path / "a.jpg", tmp_path / "*.jpg") == ["a.jpg"]


@pytest.mark.parametrize("word", ["none.jpg", "*.gone"])
def test_word_that_names_nothing_is_an_error(word: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing with that name"):
        find_photos([str(tmp_path / word)], "nowhere")


def test_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "closed/a.jpg", "open/b.jpg")
    listed = os.scandir

    def refused(path: str) -> object:  # as the system does to all but the superuser
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(InputError, match="a folder that can be read"):
        find_photos([str(tmp_path)], "nowhere")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no Unicode")
def test_names_with_newlines_and_without_unicode(tmp_path: Path) -> None:
    odd = ["two\nlines.jpg", "sträßchen.jpg", os.fsdecode(b"\xff.jpg")]
    touch(tmp_path, *odd)
    assert sorted(names(tmp_path)) == sorted(odd)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a.jpg\n\nb c.jpg\r\n", ["a.jpg", "b c.jpg"]),
        (b"\xef\xbb\xbfa.jpg", ["a.jpg"]),
        (b"two\nlines.jpg\0b.jpg\0", ["two\nlines.jpg", "b.jpg"]),
        (b"#1.jpg\n", ["#1.jpg"]),
    ],
)
def test_lists(data: bytes, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list").write_bytes(data)
    assert read_list(str(tmp_path / "list")) == words
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert read_list("-") == words


def test_list_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a list of photos"):
        read_list(str(tmp_path / "none"))
