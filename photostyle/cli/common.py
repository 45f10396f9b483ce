"""What all commands share: the parser, the printing of results, and the options --json, --quiet and --verbose."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn, TypeAlias

from photostyle.errors import OutputError, SettingsError

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

INTERRUPTED = 130
"""Exit code of a command that the user stopped."""


class Parser(argparse.ArgumentParser):
    """A parser that accepts only full option names, so that a new option never changes an old command.

    It reports an error in two lines.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False} | options)

    def error(self, message: str) -> NoReturn:
        self.exit(SettingsError.exit_code, f"photostyle: {message}\n{self.prog} --help lists the options\n")


def put(text: str) -> None:
    """Prints a result on standard output at once.

    Raises:
        OutputError: the text cannot be written.
        BrokenPipeError: the reader of standard output has gone.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError("output that can be written", error.strerror or str(error), "standard output") from error


def add_output_options(parser: argparse.ArgumentParser, printed: str = "one JSON object") -> None:
    """Adds `--json`, `--quiet` and `--verbose`, which every command has.

    Args:
        printed: what `--json` prints, for its help.
    """
    parser.add_argument("--json", action="store_true", help=f"print only {printed} on standard output")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="do not show progress")
    amount.add_argument(
        "-v", "--verbose", action="store_true", help="show more details; after an error, also a traceback"
    )
