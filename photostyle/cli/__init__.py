"""The command line: one module a command, nothing heavy imported before a command runs."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from photostyle import __version__
from photostyle.cli import batch, doctor, look, presets, run, segment, weights
from photostyle.cli.common import INTERRUPTED, Parser
from photostyle.errors import OutputError, PhotostyleError

COMMANDS = (run, batch, look, segment, presets, weights, doctor)
REPORT_A_BUG = "this is a bug in photostyle: please report it with the lines above and what `photostyle doctor` prints"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after `photostyle`; those of the process where None.

    Returns:
        the exit code: 0 done, 1 a bug, 2 wrong command or settings, 3 unusable input, 4 weights missing or wrong,
        5 some photos of a batch failed, 6 output cannot be written, 130 interrupted.
    """
    _print_any_character()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parser().parse_args(words, argparse.Namespace(words=words))
    except SystemExit as stop:  # argparse has printed the help, the version or what is wrong
        return int(stop.code or 0)
    code = _executed(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        # Whoever read our output has gone, or `put` has told why it fails: none from the flush at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OutputError.exit_code
    return code


def _executed(arguments: argparse.Namespace) -> int:
    try:
        return int(arguments.execute(arguments))
    except PhotostyleError as error:
        if arguments.verbose:
            traceback.print_exc()
        print(f"photostyle: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("photostyle: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the flush that follows meets it, too
        return OutputError.exit_code
    except Exception:
        traceback.print_exc()
        print(f"photostyle: {REPORT_A_BUG}", file=sys.stderr)
        return PhotostyleError.exit_code


def _parser() -> Parser:
    parser = Parser(
        prog="photostyle",
        description="Gives a photo the look of another and keeps it a photo.",
        epilog="photostyle COMMAND --help says more about each. Exit codes: 0 done, 1 a bug, 2 wrong command or "
        "settings, 3 unusable input, 4 weights missing or wrong, 5 some photos of a batch failed, 6 output cannot be "
        "written, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"photostyle {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def _print_any_character() -> None:
    """A file name that the terminal's encoding lacks is printed escaped instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
