"""`photostyle presets`: list the presets, or print one in full."""

from __future__ import annotations

import argparse
import json

from photostyle.cli.common import Commands, add_output_options


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "presets",
        help="list the presets, or print one in full",
        description="Lists the presets, or prints one as the TOML that --config reads (with --json: every setting).",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the preset to print; all are listed without it")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Prints the list or the preset; returns the exit code.

    Raises:
        SettingsError: no preset of that name.
    """
    from photostyle.settings import load_preset, preset_names, preset_text

    if arguments.name:
        text = preset_text(arguments.name)
        print(json.dumps(load_preset(arguments.name).to_dict(), indent=2) if arguments.json else text.rstrip())
        return 0
    meanings = {name: first_paragraph(preset_text(name)) for name in preset_names()}
    if arguments.json:
        print(json.dumps(meanings, indent=2))
    else:
        width = max(len(name) for name in meanings)
        for name, meaning in meanings.items():
            print(f"{name:{width}}  {meaning}")
    return 0


def first_paragraph(toml: str) -> str:
    """The comment that a TOML text opens with, up to its first line that is none, as one line without the marks."""
    words: list[str] = []
    for line in toml.splitlines():
        comment = line.removeprefix("#").strip()
        if not line.startswith("#") or not comment:
            break
        words.append(comment)
    return " ".join(words)
