"""What the commands' parsers share."""

from __future__ import annotations

import argparse
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

INTERRUPTED = 130
"""Exit code of a command that the user stopped."""


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """`--json`, `--quiet` and `--verbose`, which every command has."""
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else there")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="no progress")
    amount.add_argument("-v", "--verbose", action="store_true", help="more progress, and a traceback with an error")
