"""The presets as they ship: TOML files, read by hand and by `photostyle.settings`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from photostyle.errors import SettingsError


def preset_folder() -> Path:
    """Where the presets lie: inside the installed package, or beside it in a checkout."""
    packaged = Path(__file__).parent / "configs"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "configs"


def preset_names() -> list[str]:
    return sorted(path.stem for path in preset_folder().glob("*.toml"))


def preset_text(name: str) -> str:
    """The preset's TOML as shipped, comments included.

    Raises:
        SettingsError: no preset of that name.
    """
    if name not in preset_names():
        raise SettingsError(f"a preset ({', '.join(preset_names())})", repr(name), "--preset")
    return (preset_folder() / f"{name}.toml").read_text(encoding="utf-8")


def preset_tree(name: str) -> dict[str, Any]:
    """The settings that the preset's file states, sections by name, and `preset`, its name.

    Raises:
        SettingsError: no preset of that name.
    """
    return {"preset": name} | tomllib.loads(preset_text(name))
