from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from photostyle.errors import SettingsError
from photostyle.presets import load_preset, load_settings, preset_names, preset_text
from photostyle.settings import EncoderSettings, Settings


def test_every_preset_loads_and_is_printed_whole() -> None:
    assert {"default", "paper", "gatys"} <= set(preset_names())
    for name in preset_names():
        assert load_preset(name).preset == name
        assert preset_text(name).startswith("#")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_means_what_it_meant(name: str) -> None:
    """`for name in default fast gatys paper preview; do photostyle presets $name --json; done` made the record."""
    recorded = json.loads((Path(__file__).parent / "presets_recorded.json").read_text())[name]
    found = load_preset(name).to_dict()
    for section, values in recorded.items():
        if isinstance(values, dict):
            assert {key: found[section][key] for key in values} == values
        else:
            assert found[section] == values


def test_settings_without_more_are_the_preset_default() -> None:
    assert Settings() == load_preset("default") == Settings.preset("default")


def test_a_preset_with_other_values() -> None:
    assert Settings.preset("default", strength=0.6) == load_preset("default").with_changes({"strength": 0.6})
    changed = Settings.preset(
        "paper", size=256, seed=3, segmenter="none", encoder="compact", device="cpu", strength=None,
        **{"solver.iterations": 5, "look.regions.sky": 0.5},
    )  # fmt: skip
    assert changed == load_preset("paper").with_changes(
        {
            "solver.size": 256, "seed": 3, "regions.segmenter": "none", "encoder.name": "compact", "device": "cpu",
            "solver.iterations": 5, "look.regions": {"sky": 0.5},
        }
    )  # fmt: skip
    assert Settings.preset("gatys", encoder=EncoderSettings()).encoder == EncoderSettings()
    assert (changed.preset, pickle.loads(pickle.dumps(changed))) == ("paper", changed)


@pytest.mark.parametrize("changes", [{"strenght": 0.5}, {"strength": 2}, {"solver.sise": 3}, {"encoder": "resnet"}])
def test_a_preset_with_a_wrong_value_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Settings.preset("default", **changes)


def test_the_paper_has_the_published_weights() -> None:
    paper = load_preset("paper")
    assert (paper.encoder.name, paper.objective.style, paper.objective.photorealism) == ("vgg19", 1e2, 1e4)
    assert (paper.solver.iterations, paper.solver.photorealistic_iterations) == (1000, 1000)
    assert (paper.smoothing.radius, paper.smoothing.edge) == (15, 0.01)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("seed = 4\n[objective]\nstyle = 50\n")
    settings = load_settings(path)
    assert (settings.preset, settings.seed, settings.objective.style) == ("custom", 4, 50.0)


def test_what_a_file_does_not_state_is_that_of_default(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("strength = 0.6\n")
    wanted = load_preset("default").with_changes({"preset": "custom", "strength": 0.6})
    assert load_settings(tmp_path / "mine.toml") == wanted


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    for name, text in (("mine.toml", "seed = 4\n"), ("run.json", '{"settings": {"seed": 4}}')):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        assert load_settings(tmp_path / name).seed == 4


def test_the_settings_of_a_report_come_back(tmp_path: Path) -> None:
    settings = load_preset("paper").with_changes({"seed": 9})
    (tmp_path / "run.json").write_text(json.dumps({"settings": settings.to_dict(), "seconds": {}}))
    assert load_settings(tmp_path / "run.json") == settings


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "seed ="), ("a.toml", "[objective]\nfoto = 1"), ("a.toml", "seed = nan"), ("a.toml", "colour = 1"),
        ("run.json", "{"), ("run.json", "{}"), ("run.json", "[]"), ("run.json", '{"settings": {"seed": -1}}'),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=name):
        load_settings(tmp_path / name)


def test_no_such_file_and_no_such_preset(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_settings(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="paper"):
        load_preset("papier")
