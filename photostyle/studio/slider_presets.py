"""Presets of sliders, kept in a file in the user's folder for settings."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from photostyle.errors import InputError, SettingsError
from photostyle.files import atomic_write
from photostyle.settings import Settings
from photostyle.studio.answers import LimitError, MissingError
from photostyle.studio.slider_settings import checked

MOST, LONGEST_NAME = 200, 60


def default_path() -> Path:
    """The file: `PHOTOSTYLE_CONFIG/sliders.json`, or in the folder that the system has for this."""
    if own := os.environ.get("PHOTOSTYLE_CONFIG"):
        return Path(own) / "sliders.json"
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "photostyle" / "sliders.json"


class SliderPresets:
    """Presets of sliders by their names, in a file that is read each time: two studios may run.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, dict[str, Any]]:
        """All presets. What is wrong in the file is left out.

        Raises:
            InputError: the file cannot be read, or is no JSON.
        """
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            advice = "Mend the file, or move it away."
            raise InputError("presets of sliders", str(error)[:200], str(self._path), advice) from error
        presets = {}
        for name, values in found.items() if isinstance(found, dict) else ():
            try:
                presets[name] = checked(values, Settings())
            except (SettingsError, TypeError, AttributeError):
                continue
        return presets

    def put(self, name: str, values: Mapping[str, Any]) -> None:
        """Keeps a preset; one of the same name is replaced.

        Raises:
            SettingsError: the name is empty or too long, or a value is out of its range.
            LimitError: there are too many.
            OutputError: the file cannot be written.
        """
        shown = " ".join(name.split())
        if not 0 < len(shown) <= LONGEST_NAME or not shown.isprintable():
            raise SettingsError(f"a name of up to {LONGEST_NAME} characters", repr(name)[:80], "name")
        presets = self.all()
        if shown not in presets and len(presets) >= MOST:
            raise LimitError(f"at most {MOST} presets", "one more", "the presets", "Remove some of them first.")
        self._write(presets | {shown: checked(values, Settings())})

    def remove(self, name: str) -> None:
        """Removes a preset.

        Raises:
            MissingError: there is none of that name.
        """
        presets = self.all()
        if name not in presets:
            raise MissingError.stating("there is no such preset", name[:80])
        del presets[name]
        self._write(presets)

    def _write(self, presets: Mapping[str, Mapping[str, Any]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path, overwrite=True) as file:
            file.write(json.dumps(presets, indent=1, ensure_ascii=False).encode())
