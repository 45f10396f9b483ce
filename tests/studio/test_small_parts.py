"""The small parts of the studio: presets of sliders, commands, what was used last, the private folder, events."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from photostyle.errors import InputError, SettingsError
from photostyle.settings import Settings
from photostyle.studio import events as events_module
from photostyle.studio.answers import LimitError, MissingError
from photostyle.studio.command_words import run_words, setting_words, style_words
from photostyle.studio.events import Events
from photostyle.studio.private_folder import LOCK, PREFIX, PrivateFolder
from photostyle.studio.slider_presets import MOST, SliderPresets, default_path
from photostyle.studio.slider_settings import checked
from photostyle.studio.work.recent import Recent
from tests.studio.served import Served


def test_settings_that_are_as_in_the_preset_are_left_out() -> None:
    base = Settings()
    given = {
        "look.contrast": 1,
        "strength": 0.5,
        "look.regions": {"sky": 1, "water": 0.2},
        "look.keep_luminance": False,
    }
    assert checked(given, base) == {"strength": 0.5, "look.regions": {"water": 0.2}}
    assert list(checked({"look.skin": 0.1, "strength": 0.5}, base)) == ["strength", "look.skin"]


def test_words_of_a_command() -> None:
    settings = {
        "strength": 0.123456789, "look.contrast": 0.5, "look.keep_luminance": True, "look.regions": {"my sky": 0.25},
        "output.quality": 90, "output.depth": 16, "output.profile": "srgb", "output.metadata": "no gps",
    }  # fmt: skip
    assert setting_words(settings) == [
        "--strength", "0.123456789", "--set", "look.contrast=0.5", "--keep-luminance", "--region", "my sky=0.25",
        "--quality", "90", "--depth", "16", "--profile", "srgb", "--strip-gps",
    ]  # fmt: skip
    assert style_words([("a=b.jpg", 1, None), ("-c.jpg", 2.5, "sky")]) == [
        "--style", "./a=b.jpg", "--style", "sky=./-c.jpg", "--style-weights", "1,2.5",
    ]  # fmt: skip
    words = run_words("-a.jpg", [("/x=y/b.jpg", 1, None)], ["c.png", "s.png"], "preview", {}, "out.jpg")
    assert words == [
        "photostyle", "run", "--content", "./-a.jpg", "--style", "/x=y/b.jpg", "--content-mask", "c.png",
        "--style-mask", "s.png", "--preset", "preview", "-o", "out.jpg",
    ]  # fmt: skip


def test_presets_of_sliders_are_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "sliders.json"
    presets = SliderPresets(path)
    assert presets.all() == {}
    presets.put("  Soft   evening ", {"strength": 0.5, "look.colour": 1})
    presets.put("Sœur", {"look.keep_luminance": True})
    assert SliderPresets(path).all() == {"Soft evening": {"strength": 0.5}, "Sœur": {"look.keep_luminance": True}}
    presets.remove("Soft evening")
    with pytest.raises(MissingError, match="no such preset"):
        presets.remove("Soft evening")
    assert list(SliderPresets(path).all()) == ["Sœur"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\0b"])
def test_names_of_presets(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="a name of up to 60"):
        SliderPresets(tmp_path / "a.json").put(name, {})
    assert not (tmp_path / "a.json").exists()


def test_a_file_of_presets_that_somebody_has_edited(tmp_path: Path) -> None:
    path = tmp_path / "sliders.json"
    path.write_text(json.dumps({"good": {"strength": 0.5}, "bad": {"strength": 5}, "odd": 3, "other": {"seed": 1}}))
    assert SliderPresets(path).all() == {"good": {"strength": 0.5}}
    path.write_text("{")
    with pytest.raises(InputError, match="Mend the file"):
        SliderPresets(path).put("new", {})
    assert path.read_text() == "{"
    path.write_text(json.dumps({str(number): {} for number in range(MOST)}))
    with pytest.raises(LimitError, match=f"at most {MOST} presets"):
        SliderPresets(path).put("one more", {})
    SliderPresets(path).put("0", {"strength": 0.1})


def test_where_presets_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHOTOSTYLE_CONFIG", str(tmp_path))
    assert default_path() == tmp_path / "sliders.json"


def test_presets_over_the_wire(shared: Served, tmp_path: Path) -> None:
    shared.studio.sliders = SliderPresets(tmp_path / "sliders.json")
    answer = shared.client.put("/api/sliders/My%20look", json={"strength": 0.5})
    assert answer.json() == {"presets": {"My look": {"strength": 0.5}}}
    assert shared.client.get("/api/sliders").json() == answer.json()
    assert shared.client.put("/api/sliders/x", json={"device": "cuda"}).status_code == 400
    assert shared.client.delete("/api/sliders/My%20look").status_code == 204
    assert shared.client.get("/api/sliders").json() == {"presets": {}}


def test_what_was_used_last_is_kept() -> None:
    dropped: list[int] = []
    recent: Recent[int] = Recent(10, cost=float, dropped=dropped.append)
    for value in (4, 5, 4, 3):
        assert recent.get(value, lambda value=value: value) == value  # type: ignore[misc]
    assert dropped == [5] and recent.last() == 3
    assert recent.get(99, lambda: 99) == 99 and dropped == [5, 4, 3]
    with pytest.raises(ZeroDivisionError):
        recent.get(7, lambda: 1 // 0)
    assert recent.last() == 99


def test_folders_of_studios_that_were_killed_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    alive = PrivateFolder()
    killed, unlocked, link = (tmp_path / f"{PREFIX}{name}" for name in ("killed", "unlocked", "link"))
    for folder in (killed, unlocked):
        folder.mkdir()
        (folder / "a.jpg").write_bytes(b"1")
    (killed / LOCK).write_bytes(b"")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / LOCK).write_bytes(b"")
    link.symlink_to(precious)
    other = PrivateFolder()
    assert not killed.exists()
    assert alive.path.exists() and unlocked.exists() and precious.exists()
    other.remove()
    alive.remove()
    assert not alive.path.exists() and not other.path.exists()
    if os.name == "posix":
        assert FileLock(precious / LOCK).acquire(timeout=1)


def test_events_reach_every_listener_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "MOST_WAITING", 3)
    monkeypatch.setattr(events_module, "ALIVE_EVERY", 0.05)

    async def body() -> None:
        events = Events(2)
        streams = [aiter(events.stream()) for _ in range(2)]
        assert [await anext(stream) for stream in streams] == ["retry: 1000\n\n"] * 2
        with pytest.raises(LimitError, match="at most 2 pages"):
            events.stream()
        events.tell("photo", {"name": 'new\nline "é"'})
        for stream in streams:
            line = await anext(stream)
            assert line.startswith("data: ") and line.endswith("\n\n") and line.count("\n") == 2
            assert json.loads(line[6:]) == {"kind": "photo", "name": 'new\nline "é"'}
        assert await anext(streams[0]) == ": alive\n\n"
        for number in range(5):  # nobody reads: both are cut off, and their memory is bounded
            events.tell("photo", {"number": number})
        rest = [line async for line in streams[1]]
        assert len(rest) == 3
        events.close()
        assert [line async for line in streams[0]]

    asyncio.run(body())


def test_the_state_has_all_that_a_page_begins_with(shared: Served) -> None:
    state: dict[str, Any] = shared.state()
    assert {"version", "folder", "presets", "first_preset", "then_preset", "sliders", "switches", "classes", "formats",
            "limits", "photos", "transfers", "queue", "refused"} == set(state)  # fmt: skip
    assert state["presets"][0]["name"] == "default"
    assert not {"paper", "gatys"} & {preset["name"] for preset in state["presets"]}
    assert all(preset["description"] for preset in state["presets"])
    assert {slider["key"]: slider["default"] for slider in state["sliders"]} == {
        "strength": 1, "look.lightness": 1, "look.contrast": 1, "look.colour": 1, "look.skin": 0, "look.neutrals": 0,
    }  # fmt: skip
    assert state["classes"][0] == {"id": 0, "name": "sky", "colour": "#46a0ff"}
    assert str(shared.studio.private) not in json.dumps(state)
