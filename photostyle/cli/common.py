"""What the commands' parsers share."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn, TypeAlias

from photostyle.errors import OutputError, SettingsError

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

INTERRUPTED = 130
"""Exit code of a command that the user stopped."""


class Parser(argparse.ArgumentParser):
    """Takes options by their whole names alone, so that a new one changes no command, and complains in two lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False} | options)

    def error(self, message: str) -> NoReturn:
        self.exit(SettingsError.exit_code, f"photostyle: {message}\n{self.prog} --help lists what there is\n")


def put(text: str) -> None:
    """What was asked for, to standard output, at once.

    Raises:
        OutputError: it cannot be written, for another reason than that its reader has gone.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError("output that can be written", error.strerror or str(error), "standard output") from error


def add_output_options(parser: argparse.ArgumentParser, printed: str = "one JSON object") -> None:
    """`--json`, `--quiet` and `--verbose`, which every command has."""
    parser.add_argument("--json", action="store_true", help=f"print {printed} on standard output and nothing else")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    amount.add_argument(
        "-v", "--verbose", action="store_true", help="show more progress, and a traceback with an error"
    )
