"""The queue is a real batch: it goes on where it was, tells the errors of each photo, and never mixes up names."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from photostyle.cli import main
from tests.fakes import write_photo
from tests.studio.served import Served, served
from tests.studio.test_transfers import mended


def ended(studio: Served, seconds: float = 180) -> dict[str, Any]:
    """Waits for the end of the queue."""

    def queue() -> dict[str, Any]:
        return dict(studio.client.get("/api/queue").json()["queue"])

    return dict(studio.until(queue, lambda queue: queue["status"] != "working", seconds))


def start(studio: Served, contents: list[str], style: str, **more: Any) -> Any:
    body = {"contents": contents, "styles": [{"photo": style}], "preset": "preview", "format": "jpeg", **more}
    return studio.client.post("/api/queue", json=body)


def test_before_anything_is_queued(shared: Served, photos: tuple[Path, Path]) -> None:
    assert shared.client.get("/api/queue").json()["queue"]["status"] == "empty"
    for path in ("/api/queue/zip", "/api/queue/contact-sheet"):
        assert shared.client.get(path).status_code == 404
    for path in ("/api/queue/stop", "/api/queue/resume"):
        assert shared.client.post(path).status_code == 404
    style = shared.add(photos[1], "style")
    for body, words in (
        ({"contents": []}, "no photo was given"),
        ({"contents": "all"}, "a list of ids"),
        ({"contents": ["nobody"]}, "not here"),
        ({"preset": "gatys"}, "default"),
        ({"format": "exe"}, "jpeg"),
        ({"settings": {"strength": 3}}, "strength"),
        ({"settings": []}, "an object of settings"),
    ):
        asked = {"contents": [style], "styles": [{"photo": style}], "preset": "preview", "format": "jpeg"} | body
        answer = shared.client.post("/api/queue", json=asked)
        assert answer.status_code in (400, 404) and words in answer.json()["error"]["text"], body
    assert not shared.folder.exists()


@pytest.mark.slow
def test_a_set_from_photos_to_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write_photo(tmp_path / "a.jpg", 1), write_photo(tmp_path / "b.jpg", 2)
    style, results = write_photo(tmp_path / "dusk.jpg", 3), tmp_path / "results"
    with served(results) as studio:
        contents = [studio.add(first), studio.add(second), studio.add(second, name="a.jpg")]
        damaged = studio.add(first, name="gone.jpg")
        studio.studio.photos.get(damaged).file.path.write_bytes(b"no photo any more")
        settings = {"strength": 0.5, "look.regions": {"sky": 0.1}, "output.quality": 80}
        answer = start(studio, [*contents, damaged], studio.add(style, "style"), settings=settings)
        assert answer.status_code == 202, answer.text
        assert start(studio, contents, contents[0]).status_code == 413
        queue = ended(studio)
        assert [photo["status"] for photo in queue["photos"]] == ["done", "done", "done", "failed"]
        assert "photo" in queue["photos"][3]["error"] and queue["status"] == "done"
        folder = results / queue["folder"]
        assert sorted(path.name for path in folder.glob("*.jpg")) == ["a.jpg", "a_2.jpg", "b.jpg"]
        assert (folder / ".photostyle-batch" / "manifest.jsonl").exists()
        assert (folder / "report" / "report.html").exists()
        archive = zipfile.ZipFile(io.BytesIO(studio.client.get("/api/queue/zip").content))
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            path.name: path.read_bytes() for path in folder.glob("*.jpg")
        }
        sheet = studio.client.get("/api/queue/contact-sheet")
        with Image.open(io.BytesIO(sheet.content)) as picture:
            assert picture.format == "JPEG" and picture.width > 3 * 240
        download = studio.client.get(f"/api/files/{queue['photos'][0]['file']}")
        assert download.content == (folder / "a.jpg").read_bytes()
    monkeypatch.chdir(tmp_path)
    words = ["run", "--content", "b.jpg", "--style", "dusk.jpg", "--preset", "preview", "--strength", "0.5"]
    assert main([*words, "--quality", "80", "-q", "-o", "alone.jpg"]) == 0
    assert Path("alone.jpg").read_bytes() == (folder / "b.jpg").read_bytes()
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.jpg")}
    with served(results) as studio:  # another start of the program: the same set goes on where it was
        contents = [studio.add(first), studio.add(second), studio.add(second, name="a.jpg")]
        assert start(studio, contents, studio.add(style, "style"), settings=settings).status_code == 202
        queue = ended(studio)
        assert [photo["status"] for photo in queue["photos"]] == ["done"] * 3
        assert results / queue["folder"] == folder
        assert {path: path.stat().st_mtime_ns for path in folder.glob("*.jpg")} == before
        assert start(studio, contents, contents[0], settings=settings).status_code == 202
        assert ended(studio)["folder"] != folder.name


@pytest.mark.slow
def test_a_set_that_is_stopped_goes_on_and_masks_come_along(tmp_path: Path) -> None:
    import numpy as np

    style = write_photo(tmp_path / "dusk.jpg", 9)
    with served(tmp_path / "results") as studio:
        contents = [studio.add(write_photo(tmp_path / f"{n}.png", n)) for n in range(6)]
        for id in contents[:2]:
            size = studio.client.get(f"/api/photos/{id}/regions").json()["size"]
            assert mended(studio, id, np.full(size, 40, np.uint8), {40: f"mine {id}"}).status_code == 200
        assert start(studio, contents, studio.add(style, "style"), format="png").status_code == 202
        queue = lambda: studio.client.get("/api/queue").json()["queue"]  # noqa: E731
        studio.until(queue, lambda q: any(photo["status"] != "waiting" for photo in q["photos"]), 120)
        assert studio.client.post("/api/queue/stop").status_code == 200
        stopped = ended(studio)
        assert stopped["status"] == "stopped", json.dumps(stopped)
        assert any(photo["status"] == "waiting" for photo in stopped["photos"])
        assert studio.client.post("/api/queue/resume").status_code == 200
        done = ended(studio)
        assert done["status"] == "done" and {photo["status"] for photo in done["photos"]} == {"done"}
        assert "--masks" in studio.studio.queue._queue.words  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_batch_that_cannot_run_says_why(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.jpg")
    (tmp_path / "results").write_bytes(b"a file in the place of the folder")
    with served(tmp_path / "results") as studio:
        id = studio.add(photo, "both")
        assert start(studio, [id], id).status_code == 202
        queue = ended(studio)
        assert queue["status"] == "failed" and "results" in queue["error"]["text"]
        transfer = studio.transfer(id, id)
        told: list[dict[str, Any]] = []
        studio.studio.results._tell = lambda kind, content: told.append({"kind": kind, **content})
        studio.client.post(f"/api/transfers/{transfer['id']}/save", json={})
        event = studio.until(lambda: told, bool)[0]
        assert event["kind"] == "saved" and "results" in event["error"]["text"]
