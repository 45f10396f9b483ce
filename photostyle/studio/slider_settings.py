"""The settings that the page may change after solving: strength, the section `look`, and how files are written."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from photostyle.errors import SettingsError
from photostyle.presets import load_preset
from photostyle.settings import Settings

KEYS = (
    "strength", "look.lightness", "look.contrast", "look.colour", "look.keep_luminance", "look.skin", "look.neutrals",
    "look.regions",
)  # fmt: skip

OUTPUT_KEYS = ("output.quality", "output.depth", "output.profile", "output.metadata")
"""How a file is written. A picture on the screen does not depend on it."""


@cache
def preset_settings(name: str) -> Settings:
    """The settings of a preset, read once.

    Raises:
        SettingsError: there is no such preset.
    """
    return load_preset(name)


def checked(settings: Mapping[str, Any], base: Settings) -> dict[str, Any]:
    """The settings of a request that differ from those of `base`, in a fixed order, checked.

    Raises:
        SettingsError: another setting, or a value out of its range.
    """
    every = (*KEYS, *OUTPUT_KEYS)
    for key in settings:
        if key not in every:
            raise SettingsError(f"one of {', '.join(every)}", repr(key)[:60], "settings")
    changed = base.with_changes(settings)
    values = {key: _value(changed, key) for key in every}
    if "look.regions" in values:
        values["look.regions"] = {name: share for name, share in values["look.regions"].items() if share != 1}
    return {key: value for key, value in values.items() if value != _value(base, key)}


def shown_only(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a picture on the screen depends on."""
    return {key: value for key, value in settings.items() if key in KEYS}


def _value(settings: Settings, key: str) -> Any:
    section, _, name = key.rpartition(".")
    return getattr(getattr(settings, section) if section else settings, name)
