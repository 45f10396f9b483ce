"""The command line. Each command has its own module, and nothing heavy is imported before a command runs."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from photostyle import __version__
from photostyle.cli import batch, doctor, look, presets, run, segment, studio, weights
from photostyle.cli.common import INTERRUPTED, Parser
from photostyle.cli.streams import check_standard_output, prepare_streams, print_any_character
from photostyle.errors import OutputError, PhotostyleError

COMMANDS = (run, batch, studio, look, segment, presets, weights, doctor)
REPORT_A_BUG = (
    "this is a bug in photostyle. Please report it, with the lines above and the output of `photostyle doctor`"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after `photostyle`. None means the words that this process was started with; its standard
            streams are then prepared for it, see `photostyle.cli.streams`.

    Returns:
        the exit code: 0 done, 1 a bug, 2 wrong command or settings, 3 unusable input, 4 weights missing or wrong,
        5 some photos of a batch failed, 6 output cannot be written, 130 interrupted.
    """
    if argv is None:
        prepare_streams()
    print_any_character()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _execute(_parser().parse_args(words, argparse.Namespace(words=words)))
    except SystemExit as stop:  # argparse has printed the help, the version or the error
        code = int(stop.code or 0)
    try:
        sys.stdout.flush()
    except OSError:
        # The reader of our output has gone, or `put` has already reported the error. Python flushes once more at exit:
        # that must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OutputError.exit_code
    return code


def _execute(arguments: argparse.Namespace) -> int:
    try:
        if arguments.json:
            check_standard_output("the JSON of --json")
        return int(arguments.execute(arguments))
    except PhotostyleError as error:
        if arguments.verbose:
            traceback.print_exc()
        print(f"photostyle: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("photostyle: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the flush that follows fails in the same way and is handled there
        return OutputError.exit_code
    except Exception:
        traceback.print_exc()
        print(f"photostyle: {REPORT_A_BUG}", file=sys.stderr)
        return PhotostyleError.exit_code


def _parser() -> Parser:
    parser = Parser(
        prog="photostyle",
        description="Gives a photo the look of another photo. The result still looks like a photo.",
        epilog="For the options of a command: photostyle COMMAND --help. Exit codes: 0 done, 1 a bug, 2 wrong command "
        "or settings, 3 unusable input, 4 weights missing or wrong, 5 some photos of a batch failed, 6 output cannot "
        "be written, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"photostyle {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser
