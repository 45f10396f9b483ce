"""The command that makes the same file, to copy."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from photostyle.studio.photo_store import StoredPhoto

SHORT = {
    "strength": "--strength", "output.quality": "--quality", "output.depth": "--depth", "output.profile": "--profile",
}  # fmt: skip
"""Settings that have an option of their own; the others are given with --set."""


def setting_words(settings: Mapping[str, Any]) -> list[str]:
    """The options for settings by dotted names, as `slider_settings.checked` gives them."""
    words: list[str] = []
    for key, value in settings.items():
        if key == "look.regions":
            for name, share in value.items():
                words += ["--region", f"{name}={share:.10g}"]
        elif key == "look.keep_luminance":
            words += ["--keep-luminance"] if value else ["--set", f"{key}=false"]
        elif key == "output.metadata":
            words += [{"no gps": "--strip-gps", "none": "--no-metadata"}[value]]
        else:
            shown = value if isinstance(value, str) else f"{value:.10g}"
            words += [SHORT[key], shown] if key in SHORT else ["--set", f"{key}={shown}"]
    return words


def style_words(styles: Sequence[tuple[str, float, str | None]]) -> list[str]:
    """The options for styles: the path, the weight and the region of each."""
    words: list[str] = []
    for path, _, region in styles:
        words += ["--style", f"{region}={_plain(path)}" if region else _plain(path)]
    if any(weight != 1 for _, weight, _ in styles):
        words += ["--style-weights", ",".join(f"{weight:.10g}" for _, weight, _ in styles)]
    return words


def run_words(
    content: str,
    styles: Sequence[tuple[str, float, str | None]],
    masks: Sequence[str],
    preset: str,
    settings: Mapping[str, Any],
    output: str,
) -> list[str]:
    """The words of `photostyle run`.

    Args:
        content: path of the content.
        styles: see `style_words`.
        masks: paths of the masks of the content and of each style; empty without masks.
        preset: its name.
        settings: see `setting_words`.
        output: path of the result.
    """
    words = ["photostyle", "run", "--content", _plain(content), *style_words(styles)]
    if masks:
        words += ["--content-mask", _plain(masks[0])]
        for mask in masks[1:]:
            words += ["--style-mask", _plain(mask)]
    return [*words, "--preset", preset, *setting_words(settings), "-o", _plain(output)]


def in_one_line(words: Sequence[str]) -> str:
    """The words as a line for the shell of this system."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def path_of(photo: StoredPhoto) -> str:
    """What the user calls a photo: the path of a file that is read in place, the name of an upload."""
    return photo.name if photo.uploaded else str(photo.file.path)


def _plain(path: str) -> str:
    """A path that is not taken for an option, nor for a region with its style."""
    return f"./{path}" if path.startswith("-") or ("=" in path and "/" not in path.partition("=")[0]) else path
