from __future__ import annotations

import json
from pathlib import Path

import pytest

from photostyle.errors import SettingsError
from photostyle.presets import load_settings, parse_changes, to_toml
from photostyle.settings import Settings, describe


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().seed = 3  # type: ignore[misc]


def test_changes_by_dotted_name_last_wins() -> None:
    words = ["objective.photorealism=1e5", "seed=1", "encoder.name=vgg19", "seed=2", "objective.style_layers.relu5_1=0"]
    changed = Settings().with_changes(parse_changes(words))
    assert changed.objective.photorealism == 1e5
    assert changed.seed == 2
    assert changed.encoder.name == "vgg19"
    assert changed.objective.style_layers["relu5_1"] == 0
    assert Settings().seed == 0


def test_strengths_of_regions_by_any_name(tmp_path: Path) -> None:
    changes = parse_changes(["sky=0.5", "light blue=0", "a.b=1"], "--region")
    changed = Settings().with_changes({f"look.regions.{name}": value for name, value in changes.items()})
    assert changed.look.regions == {"sky": 0.5, "light blue": 0.0, "a.b": 1.0}
    (tmp_path / "mine.toml").write_text(to_toml(changed))
    assert load_settings(tmp_path / "mine.toml") == changed


@pytest.mark.parametrize(
    "word",
    [
        "look.regions.sky=2", "look.colour=-1", "look.skins=1",
        "objective.photorealism=nan", "objective.photorealism=inf", "objective.photorealism=-1", "strength=1.5",
        "strength=-1", "solver.size=3", "solver.size=a", "solver.sise=700", "solver=3", "nothing=1", "a.b.c=1",
        "encoder.name=resnet", "device=tpu", "objective.style_layers={}", "objective.content_layers=['relu9_1']",
        "objective.style_layers.relu9_1=1", "seed=-1", "solver", "=3",
    ],
)  # fmt: skip
def test_a_wrong_change_is_refused(word: str) -> None:
    with pytest.raises(SettingsError):
        Settings().with_changes(parse_changes([word]))


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(SettingsError, match=r"objective\.photorealism"):
        Settings().with_changes({"objective.foto": 1})


def test_every_setting_is_described() -> None:
    rows = describe()
    assert all(meaning for _, _, meaning in rows)
    assert ("objective.photorealism", "10000.0", rows[[r[0] for r in rows].index("objective.photorealism")][2]) in rows
    for name, default, _ in rows:
        assert Settings().with_changes({name: json.loads(default)}) == Settings()


def test_only_methods_with_maps_let_regions_follow() -> None:
    assert Settings().unmatched_follow
    assert not Settings().with_changes({"regions.unmatched": "keep"}).unmatched_follow
    assert not Settings().with_changes({"solver.method": "pixels"}).unmatched_follow
    assert [Settings.preset(name).regions.unmatched for name in ("default", "preview", "paper", "gatys")] == [
        "follow", "follow", "keep", "keep",
    ]  # fmt: skip
    with pytest.raises(SettingsError, match=r"regions\.unmatched"):
        Settings().with_changes({"regions.unmatched": "grey"})
