"""Standard input, output and error of the process: a command does its work even if some of them are missing.

Services, `pythonw` on Windows and shells (`>&-`) start programs without them. Python then has None in their place, and
the next file that is opened gets their number. Text for a missing standard error would go to standard output.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from photostyle.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Nowhere(io.TextIOWrapper):
    """In the place of a standard stream that is closed."""

    def __init__(self, mode: str) -> None:
        super().__init__(open(os.devnull, mode), encoding="utf-8", errors="backslashreplace")  # noqa: SIM115


class _NeverFailing(io.RawIOBase):
    """Standard error without its errors: what cannot be written (its reader has gone, the disk is full) is lost."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        with suppress(OSError, ValueError):
            while len(rest) and (written := self._raw.write(rest)):
                rest = rest[written:]
        return size

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()


def prepare_streams() -> None:
    """Makes the standard streams of this process usable. Call it once, before any file is opened.

    Closed ones are opened on the null device, for this process and for those that it starts. Standard output prints any
    character. Writing to standard error never fails.
    """
    for number in range(3):
        _reserve(number)
    if sys.stdin is None:
        sys.stdin = _Nowhere("rb")
    if sys.stdout is None:
        sys.stdout = _Nowhere("wb")
    if sys.stderr is None:
        sys.stderr = _Nowhere("wb")
    elif isinstance(sys.stderr, io.TextIOWrapper):
        binary = sys.stderr.buffer
        sys.stderr = io.TextIOWrapper(
            cast("BinaryIO", _NeverFailing(cast("io.RawIOBase", getattr(binary, "raw", binary)))),
            encoding=sys.stderr.encoding,
            errors="backslashreplace",
            line_buffering=True,
            write_through=True,
        )


def print_any_character() -> None:
    """Characters that the terminal's encoding lacks, in file names for example, are printed escaped: no error."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def check_standard_output(purpose: str) -> None:
    """Refuses, before any work is done, a result that nobody would get.

    Args:
        purpose: what standard output is for, for the message.

    Raises:
        OutputError: standard output is closed.
    """
    if sys.stdout is None or isinstance(sys.stdout, _Nowhere):
        raise OutputError.stating(f"it is closed, so it cannot take {purpose}", "standard output")


def _reserve(number: int) -> None:
    """Opens the null device as this file descriptor if it is closed, so that no file gets its number."""
    try:
        os.fstat(number)
    except OSError:
        with suppress(OSError):  # without a null device the stream stays closed
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
