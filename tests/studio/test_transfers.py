"""Transfers: what is shown is about what is saved, and what is saved is, to the byte, what the command line gives."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photostyle.cli import main
from tests.fakes import write_photo
from tests.studio.served import BYTES, Served, pixels, served

SLIDERS: list[dict[str, Any]] = [
    {},
    {"strength": 0.6},
    {"look.lightness": 0.3, "look.contrast": 0.8, "look.skin": 0.5},
    {"look.keep_luminance": True, "look.colour": 0.7, "look.neutrals": 1.0, "strength": 0.9},
]


def command_of(studio: Served, transfer: str, settings: dict[str, Any], format: str = "jpeg") -> list[str]:
    parameters = {"settings": json.dumps(settings), "format": format}
    answer = studio.client.get(f"/api/transfers/{transfer}/command", params=parameters).json()
    assert shlex.split(answer["command"]) == answer["words"]
    return list(answer["words"])


def run(words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Runs a command that was copied from the page, in the folder of the photos. Returns the bytes of its result."""
    assert words[:2] == ["photostyle", "run"]
    monkeypatch.chdir(folder)
    assert main([*words[1:], "--quiet"]) == 0
    return Path(words[-1]).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("settings", SLIDERS, ids=str)
def test_a_saved_file_has_the_bytes_of_the_copied_command(
    shared: Served, photos: tuple[Path, Path], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    content, style = (shared.add(photo, role) for photo, role in zip(photos, ("content", "style"), strict=True))
    transfer = shared.transfer(content, style)
    assert transfer["status"] == "done", transfer
    saved = shared.saved(transfer["id"], settings)
    assert saved.name.startswith("city.dusk")
    words = command_of(shared, transfer["id"], settings)
    assert run(words, photos[0].parent, monkeypatch) == saved.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("format", ["png", "tiff", "webp"])
def test_formats_and_how_they_are_written(
    shared: Served, photos: tuple[Path, Path], format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    id = shared.transfer(content, style)["id"]
    settings: dict[str, Any] = {"output.metadata": "none", "strength": 0.5}
    settings |= {"output.quality": 70} if format == "webp" else {"output.depth": 16}
    saved = shared.saved(id, settings, format=format, name="a/../my result.jpg")
    assert saved.stem == "my result" and saved.suffix in (".png", ".tif", ".webp")
    words = command_of(shared, id, settings, format)
    assert run(words, photos[0].parent, monkeypatch) == saved.read_bytes()


def test_a_file_that_is_there_is_never_replaced(shared: Served, photos: tuple[Path, Path]) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    id = shared.transfer(content, style)["id"]
    first = shared.saved(id, name="same.jpg")
    before = first.read_bytes()
    second = shared.saved(id, {"strength": 0.2}, name="same.jpg")
    assert (first.name, second.name) == ("same.jpg", "same_2.jpg") and first.read_bytes() == before
    made = list(shared.studio.results._files.values())[-1]
    answer = shared.client.get(f"/api/files/{made.id}")
    assert answer.content == second.read_bytes()
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.slow
def test_an_input_in_the_folder_for_results_is_not_written_to(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    content, style = write_photo(results / "city.jpg", 1), write_photo(tmp_path / "dusk.jpg", 2)
    before = content.read_bytes()
    with served(results, None, content) as studio:
        studio.until(lambda: studio.state()["photos"], bool)
        id = studio.transfer(studio.state()["photos"][0]["id"], studio.add(style, "style"))["id"]
        assert studio.saved(id, name="city.jpg").name == "city_2.jpg"
    assert content.read_bytes() == before


def test_the_same_request_is_the_same_transfer(shared: Served, photos: tuple[Path, Path]) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    first = shared.transfer(content, style)
    body = {"content": content, "styles": [{"photo": style}], "preset": "preview"}
    again = shared.client.post("/api/transfers", json=body)
    assert again.status_code == 200 and again.json()["transfer"]["id"] == first["id"]
    other = shared.transfer(content, style, matches={})
    assert other["id"] == first["id"]
    weighted = shared.client.post(
        "/api/transfers", json=body | {"styles": [{"photo": style, "weight": 2}, {"photo": content, "region": None}]}
    )
    assert weighted.status_code == 201 and weighted.json()["transfer"]["id"] != first["id"]


def test_what_is_shown_is_about_what_is_saved(shared: Served, photos: tuple[Path, Path]) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    id = shared.transfer(content, style)["id"]
    for settings in SLIDERS:
        saved = pixels(shared.saved(id, settings, format="png").read_bytes())
        shown = shared.view(id, 1200, **settings)
        assert np.abs(shown - saved).mean() < 2.5  # JPEG
        part = {"top": 10, "left": 20, "height": 30, "width": 40, "settings": json.dumps(settings)}
        cut = pixels(shared.client.get(f"/api/transfers/{id}/part", params=part).content)
        assert np.abs(cut - saved[10:40, 20:60]).mean() < 2.5


@pytest.mark.slow
def test_a_look_and_a_lut_are_those_of_the_command_line(
    shared: Served, photos: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    id = shared.transfer(content, style)["id"]
    monkeypatch.chdir(photos[0].parent)
    given = ["--content", "city.jpg", "--style", "dusk.jpg", "--preset", "preview", "--strength", "0.5", "--quiet"]
    assert main(["run", *given, "-o", "out.jpg", "--save-look", "dusk.photostyle"]) == 0
    settings = {"settings": json.dumps({"strength": 0.5})}
    look = shared.client.get(f"/api/transfers/{id}/look", params=settings)
    assert look.content == Path("dusk.photostyle").read_bytes()
    for kind, name in (("cube", "a.cube"), ("hald", "a.png")):
        assert main(["look", *given, "-o", name]) == 0
        lut = shared.client.get(f"/api/transfers/{id}/lut", params={"kind": kind, **settings})
        assert lut.content == Path(name).read_bytes()
        assert "attachment" in lut.headers["content-disposition"]
    stated = next(line for line in Path("a.cube").read_text().splitlines() if "error:" in line)
    assert f"mean {lut.headers['X-Photostyle-Error']}," in stated
    assert shared.client.get(f"/api/transfers/{id}/lut", params={"kind": "exe"}).status_code == 400
    again = shared.add(Path("dusk.photostyle"), "style")
    assert shared.transfer(content, again)["status"] == "done"
    refused = shared.client.post(f"/api/photos/{again}", json={"role": "content"})
    assert "only be used as a style" in refused.json()["error"]["text"]


@pytest.mark.slow
def test_mended_regions_and_other_matches_are_those_of_the_copied_command(
    shared: Served, photos: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    plain = shared.transfer(content, style)
    for id, names in ((content, ("hat", "coat")), (style, ("hat", "shoe"))):
        size = shared.client.get(f"/api/photos/{id}/regions").json()["size"]
        labels = np.zeros(size, np.uint8)
        labels[size[0] // 2 :] = 1
        answer = mended(shared, id, labels, dict(enumerate(names)))
        assert answer.status_code == 200 and answer.json()["photo"]["masked"]
        assert [region["name"] for region in answer.json()["regions"]["regions"]] == list(names)
        kept = Image.open(io.BytesIO(shared.client.get(f"/api/photos/{id}/labels").content))
        assert (np.asarray(kept) == labels).all() and kept.mode == "L"
    transfer = shared.transfer(content, style)
    assert transfer["id"] != plain["id"]
    assert {region["name"]: region["follows"] for region in transfer["regions"]} == {"hat": False, "coat": True}
    matched = shared.transfer(content, style, matches={"coat": "shoe"})
    assert {region["name"]: region["follows"] for region in matched["regions"]} == {"hat": False, "coat": False}
    assert matched["choices"] == {"content": ["hat", "coat"], "styles": [["hat", "shoe"]]}
    joined = shared.transfer(content, style, matches={"coat": "hat"})
    assert [region["name"] for region in joined["regions"]] == ["hat and coat"]
    for each, settings in ((transfer, {"look.regions": {"hat": 0.4}}), (matched, {"look.regions": {"coat": 0.4}})):
        saved = shared.saved(each["id"], settings)
        archive = shared.client.get(f"/api/transfers/{each['id']}/masks")
        zipfile.ZipFile(io.BytesIO(archive.content)).extractall(photos[0].parent)
        assert run(command_of(shared, each["id"], settings), photos[0].parent, monkeypatch) == saved.read_bytes()
        Path(command_of(shared, each["id"], settings)[-1]).unlink()
    wrong = shared.transfer(content, style, matches={"nose": "hat"})
    assert wrong["status"] == "failed" and "hat, coat" in wrong["error"]["text"]
    assert shared.client.delete(f"/api/photos/{content}/labels").json()["photo"]["masked"] is False


def mended(studio: Served, id: str, labels: Any, names: dict[int, str]) -> Any:
    buffer = io.BytesIO()
    Image.fromarray(labels).save(buffer, "PNG")
    parameters = {"names": json.dumps({str(label): name for label, name in names.items()})}
    return studio.client.put(
        f"/api/photos/{id}/labels", params=parameters, content=buffer.getvalue(), headers=BYTES
    )  # fmt: skip


def test_labels_that_do_not_fit_are_refused(shared: Served, photos: tuple[Path, Path]) -> None:
    id = shared.add(photos[0])
    height, width = shared.client.get(f"/api/photos/{id}/regions").json()["size"]
    fitting = np.zeros((height, width), np.uint8)
    cases = [
        (np.zeros((height, width + 1), np.uint8), {0: "a"}, "8-bit grey PNG"),
        (np.zeros((height, width, 3), np.uint8), {0: "a"}, "8-bit grey PNG"),
        (fitting, {1: "a"}, "a name for every region"),
        (fitting, {0: ""}, "ids 0 to 254"),
        (fitting, {0: "a" * 61}, "ids 0 to 254"),
        (fitting, {255: "a"}, "ids 0 to 254"),
    ]
    for labels, names, words in cases:
        answer = mended(shared, id, labels, names)
        assert answer.status_code in (400, 422) and words in answer.json()["error"]["text"]
    answer = shared.client.put(f"/api/photos/{id}/labels?names={{}}", content=b"<svg/>", headers=BYTES)
    assert answer.status_code == 422
    assert not shared.studio.photos.get(id).shown()["masked"]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"content": "nobody"}, 404, "not here"),
        ({"content": 1}, 400, "the id of a photo"),
        ({"preset": "paper"}, 400, "default"),
        ({"preset": "../../x"}, 400, "default"),
        ({"styles": []}, 400, "a list such as"),
        ({"styles": "all"}, 400, "a list such as"),
        ({"styles": [{"photo": "nobody"}]}, 404, "not here"),
        ({"styles": [{"photo": "X", "weight": 0}]}, 400, "a weight above 0"),
        ({"styles": [{"photo": "X", "weight": True}]}, 400, "a weight above 0"),
        ({"styles": [{"photo": "X", "region": 3}]}, 400, "the name of a region"),
        ({"styles": [{"photo": "X"}] * 9}, 400, "a list such as"),
        ({"matches": ["sky"]}, 400, "names of regions"),
    ],
    ids=str,
)
def test_a_wrong_request_says_what_is_wrong(
    shared: Served, photos: tuple[Path, Path], change: dict[str, Any], status: int, words: str
) -> None:
    id = shared.add(photos[0], "both")
    body = {"content": id, "styles": [{"photo": id}], "preset": "preview"} | change
    body = json.loads(json.dumps(body).replace('"X"', f'"{id}"'))
    answer = shared.client.post("/api/transfers", json=body)
    assert answer.status_code == status and words in answer.json()["error"]["text"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('{"strength": 2}', "strength"),
        ('{"seed": 3}', "one of strength"),
        ('{"device": "cuda"}', "one of strength"),
        ('{"look.regions": {"nose": 0.5}}', "the name of a region"),
        ('{"look.regions": {"whole": "x"}}', "settings"),
        ("[]", "a JSON object"),
        ("{", "a JSON object"),
        ('{"strength": NaN}', "strength"),
    ],
)
def test_wrong_sliders_say_what_is_wrong(shared: Served, photos: tuple[Path, Path], settings: str, words: str) -> None:
    id = shared.transfer(shared.add(photos[0]), shared.add(photos[1], "style"))["id"]
    for path in ("view", "part", "command", "look", "lut"):
        answer = shared.client.get(f"/api/transfers/{id}/{path}", params={"settings": settings})
        assert answer.status_code == 400 and words in answer.json()["error"]["text"], path


def test_a_transfer_that_cannot_be_solved_says_why(shared: Served, photos: tuple[Path, Path]) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    body = {"content": content, "styles": [{"photo": style, "region": "nose"}], "preset": "preview"}
    transfer = shared.ended(shared.client.post("/api/transfers", json=body).json()["transfer"]["id"])
    assert transfer["status"] == "failed" and "nose" in transfer["error"]["text"]
    answer = shared.client.get(f"/api/transfers/{transfer['id']}/view")
    assert answer.status_code == 400 and "failed" in answer.json()["error"]["text"]
    assert shared.client.delete(f"/api/transfers/{transfer['id']}").status_code == 204
    assert shared.client.delete(f"/api/transfers/{transfer['id']}").status_code == 404


def test_a_photo_that_is_removed_takes_its_transfers_along(shared: Served, photos: tuple[Path, Path]) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    transfer = shared.transfer(content, style)
    path = shared.studio.transfers.get(transfer["id"]).path
    assert path.exists()
    shared.client.delete(f"/api/photos/{style}")
    assert not path.exists() and shared.client.get(f"/api/transfers/{transfer['id']}/view").status_code == 404


@pytest.mark.slow
def test_default_saves_the_bytes_of_the_copied_command(
    shared: Served, photos: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    first = shared.transfer(content, style)
    transfer = shared.transfer(content, style, preset="default")
    assert transfer["status"] == "done" and transfer["replaces"] == first["id"]
    settings = {"strength": 0.8, "look.contrast": 0.5}
    saved = shared.saved(transfer["id"], settings)
    words = command_of(shared, transfer["id"], settings)
    assert run(words, photos[0].parent, monkeypatch) == saved.read_bytes()
