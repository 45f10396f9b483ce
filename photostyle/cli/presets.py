"""`photostyle presets`: lists the presets, or prints all settings of one."""

from __future__ import annotations

import argparse
import json
import textwrap

from photostyle.cli.common import Commands, add_output_options, put


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "presets",
        help="list the presets, or print all settings of one",
        description="Lists the presets. With NAME, it prints all settings of that preset as TOML. Save that text to a "
        "file, change it, and give the file to `photostyle run` with --config.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the preset to print (default: list all presets)")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Prints the list or the preset; returns the exit code.

    Raises:
        SettingsError: no preset has that name.
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
    """The first paragraph of the comment at the start of a TOML text, as one line without the comment marks."""
    words: list[str] = []
    for line in toml.splitlines():
        comment = line.removeprefix("#").strip()
        if not line.startswith("#") or not comment:
            break
        words.append(comment)
    return " ".join(words)
