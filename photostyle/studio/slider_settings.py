"""The settings that the page may change after solving: strength, and the section `look`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from photostyle.errors import SettingsError
from photostyle.settings import Settings

KEYS = (
    "strength", "look.lightness", "look.contrast", "look.colour", "look.keep_luminance", "look.skin", "look.neutrals",
    "look.regions",
)  # fmt: skip


def checked(settings: Mapping[str, Any], base: Settings) -> dict[str, Any]:
    """The settings of a request that differ from those of `base`, in the order of `KEYS`, checked.

    Raises:
        SettingsError: another setting, or a value out of its range.
    """
    for key in settings:
        if key not in KEYS:
            raise SettingsError(f"one of {', '.join(KEYS)}", repr(key)[:60], "settings")
    changed = base.with_changes(settings)
    values = {key: _value(changed, key) for key in KEYS}
    if "look.regions" in values:
        values["look.regions"] = {name: share for name, share in values["look.regions"].items() if share != 1}
    return {key: value for key, value in values.items() if value != _value(base, key)}


def _value(settings: Settings, key: str) -> Any:
    section, _, name = key.rpartition(".")
    return getattr(settings.look if section else settings, name)
