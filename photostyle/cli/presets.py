"""`photostyle presets`: list the presets, or print one in full."""

from __future__ import annotations

import argparse
import json
import textwrap

from photostyle.cli.common import Commands, add_output_options, put


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "presets",
        help="list the presets, or print one in full",
        description="Lists the presets, or prints every setting of one as the TOML that --config reads.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the preset to print; all are listed without it")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Prints the list or the preset; returns the exit code.

    Raises:
        SettingsError: no preset of that name.
    """
    from photostyle.presets import load_preset, preset_names, preset_text, to_toml

    if arguments.name:
        settings = load_preset(arguments.name)
        if arguments.json:
            put(json.dumps(settings.to_dict(), indent=2))
        else:
            meaning = textwrap.fill(first_paragraph(preset_text(arguments.name)), 118, initial_indent="# ",
                                    subsequent_indent="# ")  # fmt: skip
            put(f"{meaning}\n\n{to_toml(settings)}")
        return 0
    meanings = {name: first_paragraph(preset_text(name)) for name in preset_names()}
    if arguments.json:
        put(json.dumps(meanings, indent=2))
    else:
        width = max(len(name) for name in meanings)
        for name, meaning in meanings.items():
            put(f"{name:{width}}  {meaning}")
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
