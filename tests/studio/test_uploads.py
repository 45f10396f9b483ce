"""Uploads: what is refused leaves nothing behind, and says why."""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from photostyle.errors import InputError, SettingsError
from photostyle.studio.limits import Limits
from photostyle.studio.photo_file import PhotoFile
from photostyle.studio.photo_store import PhotoStore, harmless_name
from tests.fakes import write_photo
from tests.handmade import png
from tests.studio.served import Served, served

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A studio that takes little."""
    limits = Limits(bytes=200_000, all_bytes=300_000, pixels=100_000, files=3, json_bytes=1000)
    with served(tmp_path_factory.mktemp("small") / "results", limits) as studio:
        yield studio


def kept(studio: Served) -> list[str]:
    folder = studio.studio.private / "photos"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def refused(studio: Served, answer: Any, status: int, *words: str) -> None:
    """The answer says why, and nothing is kept."""
    assert answer.status_code == status, answer.text
    text = answer.json()["error"]["text"]
    assert all(word in text for word in words), text
    assert str(studio.studio.private) not in text
    assert kept(studio) == sorted(photo["id"] for photo in studio.state()["photos"])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.svg", SVG), ("a.jpg", SVG), ("a.html", HTML), ("a.png", HTML), ("a.jpg", b""), ("a.jpg", b"\xff\xd8\xff"),
        ("a.gif", b"GIF89a" + bytes(50)), ("a.photostyle", pickle.dumps(os.getcwd)),
        ("a.photostyle", b"\x08" + bytes(99)),
        ("a.zip", b"PK\x03\x04" + bytes(99)), ("a.jpg", bytes(5000)),
    ],
    ids=["svg", "svg as jpg", "html", "html as png", "empty", "cut", "gif", "pickle", "look", "zip", "zeros"],
)  # fmt: skip
def test_what_is_no_photo_is_refused_and_never_served(small: Served, name: str, data: bytes) -> None:
    answer = small.upload(data, name)
    refused(small, answer, 422, name)


def test_too_many_bytes(small: Served) -> None:
    refused(small, small.upload(bytes(200_001), "big.jpg"), 413, "big.jpg", "at most 0 MiB")


def test_bytes_are_counted_and_not_believed(small: Served) -> None:
    """The client says nothing about the length, and never ends by itself."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 100_000
            yield bytes(100_000)

    refused(small, small.upload(endless(), "big.jpg"), 413, "big.jpg")


@pytest.mark.parametrize("sides", [(400, 400), (60_000, 60_000)])
def test_too_many_pixels_are_known_before_they_are_decoded(small: Served, sides: tuple[int, int]) -> None:
    """A few bytes that would be 11 GB of pixels."""
    rows, columns = sides
    bomb = png(rows, columns, 8, 2, bytes(8 * (1 + 3 * 8)))
    if sides == (400, 400):
        buffer = io.BytesIO()
        Image.new("RGB", sides).save(buffer, "PNG")
        bomb = buffer.getvalue()
    answer = small.upload(bomb, "bomb.png")
    refused(small, answer, 422, "bomb.png", "pixels" if rows > 1000 else "megapixels")


def test_too_many_files_and_too_many_bytes_together(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.png")
    with served(tmp_path / "results", Limits(files=2)) as studio:
        for _ in range(2):
            studio.add(photo)
        refused(studio, studio.upload(photo.read_bytes()), 413, "at most 2 photos", "Remove some")
        studio.client.delete(f"/api/photos/{studio.state()['photos'][0]['id']}")
        studio.add(photo)
    size = photo.stat().st_size
    with served(tmp_path / "results", Limits(all_bytes=size + 10)) as studio:
        studio.add(photo)
        refused(studio, studio.upload(photo.read_bytes()), 413, "of photos", "Remove some")


def test_a_broken_or_slow_upload_leaves_nothing(tmp_path: Path) -> None:
    async def about(_: PhotoFile) -> dict[str, Any]:
        raise AssertionError("not all of it has arrived")

    async def broken() -> AsyncIterator[bytes]:
        yield b"\xff\xd8"
        raise InputError.stating("the connection ended in the middle", "the upload")

    async def slow() -> AsyncIterator[bytes]:
        yield b"\xff\xd8"
        await asyncio.sleep(30)

    store = PhotoStore(tmp_path, Limits(upload_seconds=0.1), about)
    for chunks, words in ((broken(), "ended in the middle"), (slow(), "none for 0 seconds")):
        with pytest.raises(InputError, match=words):
            asyncio.run(store.upload("a.jpg", "content", chunks))
        assert not list(tmp_path.iterdir()) and not len(store)


@pytest.mark.parametrize(
    ("given", "harmless"),
    [
        ("city.jpg", "city.jpg"), ("été à la mer.JPG", "été à la mer.JPG"), ("../../etc/passwd.jpg", "passwd.jpg"),
        ("..\\..\\a.jpg", "a.jpg"), ("/etc/a.jpg", "a.jpg"), ("-rf.jpg", "rf.jpg"), (".hidden.jpg", "hidden.jpg"),
        ("a\0b\n.jpg", "a_b_.jpg"), ("a<script>.jpg", "a_script_.jpg"), ("CON.jpg", "_CON.jpg"), ("a.jpg. .", "a.jpg"),
        ("\u202egpj.exe", "_gpj.exe"), ("x" * 400 + ".jpg", "x" * 116 + ".jpg"),
        ("山" * 200 + ".jpg", "山" * 78 + ".jpg"),
    ],
)  # fmt: skip
def test_names_of_files_are_made_harmless(given: str, harmless: str) -> None:
    assert harmless_name(given) == harmless


@pytest.mark.parametrize("given", ["", "/", "..", ".", "...", "-", "a/", "x." + "y" * 40])
def test_a_name_of_which_nothing_is_left_is_refused(small: Served, given: str) -> None:
    with pytest.raises(SettingsError, match="name of a file"):
        harmless_name(given)
    refused(small, small.upload(b"1", given), 400, "name of a file")


def test_uploads_are_private_and_removed_at_the_end(tmp_path: Path) -> None:
    with served(tmp_path / "results") as studio:
        studio.add(write_photo(tmp_path / "a.jpg"), name="../../../a.jpg")
        private = studio.studio.private
        assert [path.name for path in private.rglob("a.jpg")] == ["a.jpg"]
        if os.name == "posix":
            assert private.stat().st_mode & 0o077 == 0
    assert not private.exists()
    assert not (tmp_path / "results").exists()


def test_photos_of_the_command_line_are_read_in_place_and_never_removed(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.jpg")
    before = photo.read_bytes()
    with served(tmp_path / "results", None, photo, tmp_path / "missing.jpg") as studio:
        studio.until(studio.state, lambda state: state["photos"] and state["refused"])
        shown = studio.state()
        assert [p["name"] for p in shown["photos"]] == ["a.jpg"]
        assert "missing.jpg" in shown["refused"][0]["text"]
        assert not list(studio.studio.private.rglob("a.jpg"))
        assert studio.client.delete(f"/api/photos/{shown['photos'][0]['id']}").status_code == 204
    assert photo.read_bytes() == before


def test_a_request_that_is_too_long_is_refused(small: Served) -> None:
    answer = small.client.post("/api/transfers", json={"content": "x" * 2000})
    refused(small, answer, 413, "at most 1,000 bytes")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"1", b'{"a": ' * 5 + b"1", b"[" * 999, b"\xff\xfe"])
def test_what_is_no_json_object_is_refused(small: Served, body: bytes) -> None:
    answer = small.client.post("/api/transfers", content=body, headers={"Content-Type": "application/json"})
    refused(small, answer, 400, "a JSON object")


def test_a_photo_has_its_copies_its_role_and_its_end(small: Served, tmp_path: Path) -> None:
    id = small.add(write_photo(tmp_path / "a.png", height=120, width=400, mode="RGBA"))
    photo = small.state()["photos"][0]
    assert photo | {"bytes": 0} == {
        "id": id, "name": "a.png", "width": 400, "height": 120, "bytes": 0, "is_style": False, "is_content": True,
        "is_look": False, "warnings": [], "view": f"/api/photos/{id}/view?longest=", "masked": False,
    }  # fmt: skip
    for longest, size in ((100, (320, 96)), (321, (400, 120)), (2000, (400, 120))):
        answer = small.client.get(f"/api/photos/{id}/view", params={"longest": longest})
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.format == "JPEG" and picture.size == size
    for longest in ("0", "-1", "99999", "x", "1e9", "٣٢"):
        refused(small, small.client.get(f"/api/photos/{id}/view", params={"longest": longest}), 400, "whole number")
    assert small.client.post(f"/api/photos/{id}", json={"role": "both"}).json()["photo"]["is_style"]
    refused(small, small.client.post(f"/api/photos/{id}", json={"role": "admin"}), 400, "content, style or both")
    answer = small.client.get(f"/api/photos/{id}/part", params={"top": 20, "left": 30, "height": 40, "width": 50})
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (50, 40)
    part = {"top": 120, "left": 0, "height": 10, "width": 10}
    refused(small, small.client.get(f"/api/photos/{id}/part", params=part), 422, "a part inside")
    assert small.client.delete(f"/api/photos/{id}").status_code == 204
    refused(small, small.client.get(f"/api/photos/{id}/view"), 404, "not here")


def test_a_mask_archive_is_a_download(small: Served, tmp_path: Path) -> None:
    id = small.add(write_photo(tmp_path / "a.jpg"))
    answer = small.client.get(f"/api/photos/{id}/mask")
    assert answer.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["a.mask.png", "classes.json"]
    small.client.delete(f"/api/photos/{id}")
