"""Reads settings from presets, from files and from `KEY=VALUE` words, and writes settings as TOML."""

from __future__ import annotations

import json
import math
import re
import textwrap
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from photostyle.errors import SettingsError
from photostyle.preset_files import preset_names, preset_text
from photostyle.settings import Section, Settings, validated

__all__ = ["load_preset", "load_settings", "parse_changes", "preset_names", "preset_text", "to_toml"]


def load_preset(name: str) -> Settings:
    """The settings of the preset with this name. `Settings.preset` gives the same.

    Raises:
        SettingsError: no preset has that name.
    """
    return Settings.preset(name)


def load_settings(path: str | Path) -> Settings:
    """Settings from a TOML file, or from the run.json in the report of an earlier run.

    Settings that are not in the file have their values in the preset `default`.

    Raises:
        SettingsError: the file cannot be read, is neither TOML nor a run.json, or has an unknown key or a value out of
            its range.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
        tree = json.loads(text)["settings"] if path.suffix == ".json" else {"preset": "custom"} | tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError("a readable settings file", reason, str(path)) from error
    except (ValueError, RecursionError) as error:  # thousands of digits: ValueError, not TOMLDecodeError
        raise SettingsError("TOML, or the run.json of a report", str(error), str(path)) from error
    except (KeyError, TypeError) as error:
        raise SettingsError("the run.json of a report", "JSON without settings", str(path)) from error
    return validated(tree, str(path))


def parse_changes(assignments: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """`KEY=VALUE` words of the command line as dotted names and values. If a name occurs twice, the last value counts.

    Args:
        assignments: the words.
        option: the option that they belong to, for errors.

    Raises:
        SettingsError: a word has no equals sign, or its name is empty.
    """
    changes: dict[str, Any] = {}
    for word in assignments:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            example = {"--region": "--region sky=0.5"}.get(option, "--set objective.photorealism=1e4")
            raise SettingsError("KEY=VALUE", repr(word), option, f"for example: {example}")
        changes[name.strip()] = _toml_value(value.strip())
    return changes


def to_toml(settings: Settings) -> str:
    """All settings as TOML that `load_settings` can read. A comment above each setting says what it means."""
    lines: list[str] = []
    sections = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Section):
            sections.append((name, value))
        else:
            lines += _toml_lines(name, field.description, value)
    for name, section in sections:
        lines += ["", f"[{name}]"]
        for inner, field in type(section).model_fields.items():
            lines += _toml_lines(inner, field.description, getattr(section, inner))
    return "\n".join(lines)


def _toml_lines(name: str, meaning: str | None, value: object) -> list[str]:
    if isinstance(value, dict):
        shown = "{ " + ", ".join(f"{_toml_key(key)} = {json.dumps(part)}" for key, part in value.items()) + " }"
    else:
        shown = json.dumps(value)
    return [*textwrap.wrap(meaning or "", 118, initial_indent="# ", subsequent_indent="# "), f"{name} = {shown}"]


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _toml_value(text: str) -> Any:
    """The value of a text in TOML. A text that is not TOML, or that is NaN, is the value itself.

    So `encoder.name=compact` needs no quotes.
    """
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
    return value if not (isinstance(value, float) and math.isnan(value)) else text
