from __future__ import annotations

import json
from pathlib import Path

import pytest

from photostyle.errors import SettingsError
from photostyle.presets import load_preset, load_settings, preset_names, preset_text


def test_every_preset_loads_and_is_printed_whole() -> None:
    assert {"default", "paper", "gatys"} <= set(preset_names())
    for name in preset_names():
        assert load_preset(name).preset == name
        assert preset_text(name).startswith("#")


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
