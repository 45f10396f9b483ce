"""What all commands share: the parser, the printing of results, and the options --json, --quiet and --verbose."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any, NoReturn, TypeAlias

from photostyle.errors import OutputError, SettingsError

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

INTERRUPTED = 130
"""Exit code of a command that the user stopped."""


class Parser(argparse.ArgumentParser):
    """A parser that accepts only full option names, so that a new option never changes an old command.

    It reports an error in two lines, and in one more if a file name that begins with - may be the cause.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False} | options)
        self._words: list[str] = []

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if args is not None:
            self._words = list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        lines = [f"photostyle: {message}", *self._advice(message), f"{self.prog} --help lists the options"]
        self.exit(SettingsError.exit_code, "".join(f"{line}\n" for line in lines))

    def _advice(self, message: str) -> list[str]:
        """How to name a file that begins with a hyphen, if the words of the command have such a name."""
        words = self._words[: self._words.index("--")] if "--" in self._words else self._words
        for before, word in zip(["", *words], words, strict=False):
            option = _needs_a_value(before, message)
            if self._is_file_name(word, expected=bool(option)):
                ways = f"{option}={word} or ./{word}" if option else f"./{word}"
                return [f"a file name that begins with - is given as {ways}"]
        return []

    def _is_file_name(self, word: str, *, expected: bool) -> bool:
        """Whether a word with one hyphen is the name of a file, and not an option.

        Args:
            expected: whether it stands where a value should be. Elsewhere the file must exist.
        """
        if not word.startswith("-") or word.startswith("--") or word == "-" or word in self._option_string_actions:
            return False
        is_option = word[:2] in self._option_string_actions  # with its value, as in -oFILE
        return os.path.isfile(word) or (expected and not is_option)


def _needs_a_value(option: str, message: str) -> str:
    """The long name of this option if argparse says that its value is missing; empty otherwise."""
    found = re.match(r"argument (\S+): expected (?:one|at least one) argument", message)
    names = found[1].split("/") if found else []
    return names[-1] if option in names else ""


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
