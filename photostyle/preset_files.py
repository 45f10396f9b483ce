"""The files of the presets. They are TOML files that people and `photostyle.settings` can read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from photostyle.errors import SettingsError


def preset_folder() -> Path:
    """The folder of the presets. It is inside the installed package, or next to the package in a checkout."""
    packaged = Path(__file__).parent / "configs"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "configs"


def preset_names() -> list[str]:
    return sorted(path.stem for path in preset_folder().glob("*.toml"))


def preset_text(name: str) -> str:
    """The TOML of a preset as it ships, with its comments.

    Raises:
        SettingsError: no preset has that name.
    """
    if name not in preset_names():
        raise SettingsError(f"a preset ({', '.join(preset_names())})", repr(name), "--preset")
    return (preset_folder() / f"{name}.toml").read_text(encoding="utf-8")


def preset_tree(name: str) -> dict[str, Any]:
    """The settings in the file of a preset, with sections by name, and the name of the preset as `preset`.

    Raises:
        SettingsError: no preset has that name.
    """
    return {"preset": name} | tomllib.loads(preset_text(name))
