"""The manifest: what became of every photo of a batch, kept in the output folder while it goes on.

A text file of lines, each a checksum and a JSON object, that is only ever added to. A kill at any byte leaves whole
lines and at most one torn one, at the end; a byte gone wrong costs its own line. That is easier to see, to mend and to
hold to a test than a database's pages, and works on file systems whose locks a database cannot rely on.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from photostyle.batch.output_folder import PARTS, THUMBNAILS, state_folder
from photostyle.errors import OutputError
from photostyle.files import atomic_write

NAME, DAMAGED, LOCK = "manifest.jsonl", "manifest.damaged.jsonl", "lock"
HOLDER = "lock.holder"
"""File that says which process has the lock: on Windows others cannot read the lock itself."""
VERSION = 1


@dataclass(frozen=True)
class Record:
    """What became of one photo.

    Args:
        output: path of the result relative to the output folder, with /; a later record of it replaces an earlier one.
        content: path of the photo.
        content_sha256: of its bytes as read; None where they could not be.
        settings, styles, mask: digests of the settings, of the styles with their weights and masks (and, where it has
            one look, of the set), and of the photo's mask; the last is None where there is none.
        status: "done" or "failed".
        sha256: of the result; None where there is none.
        height, width: of the result in pixels.
        seconds: of every part of the work by name, and `total`.
        warnings: a line each.
        figures: of the result by name.
        error, message: the class of the error and what it says; None where there is none.
        attempts: how often the photo has been begun.
        finished: when, as ISO 8601 in UTC.
        version: of photostyle.
    """

    output: str
    content: str
    content_sha256: str | None
    settings: str
    styles: str
    mask: str | None
    status: str
    sha256: str | None
    height: int
    width: int
    seconds: Mapping[str, float]
    warnings: tuple[str, ...]
    figures: Mapping[str, float]
    error: str | None
    message: str | None
    attempts: int
    finished: str
    version: str


class Manifest:
    """The records of an output folder, read and added to under a lock that another batch there cannot have.

    Args:
        output: the output folder; its hidden folder is made where it is missing.

    Attributes:
        records: by their `output`.
        damaged: how many lines could not be read, and are left out of `records`.

    Raises:
        OutputError: another batch is at work there, the folder cannot be written to, or a newer photostyle wrote the
            manifest.
    """

    def __init__(self, output: str) -> None:
        self.folder = state_folder(output)
        self.path = os.path.join(self.folder, NAME)
        try:
            for name in (PARTS, THUMBNAILS):
                os.makedirs(os.path.join(self.folder, name), exist_ok=True)
            self._lock = _locked(self.folder, output)
        except (OSError, NotImplementedError) as error:
            raise _unwritable(error, output) from error
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, record: Record) -> None:
        """Adds a record, safe on the disk when this returns.

        Raises:
            OutputError: it cannot be written; the file is as it was.
        """
        before = os.fstat(self._file.fileno()).st_size
        line = _line(asdict(record))
        try:
            if not os.path.exists(self.path):
                raise FileNotFoundError(errno.ENOENT, "the output folder has gone")
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            os.ftruncate(self._file.fileno(), before)
            raise _unwritable(error, self.path) from error
        self.records[record.output] = record

    def close(self) -> None:
        """Closes the file and lets go of the lock."""
        self._file.close()
        self._lock.release()

    def _open(self) -> None:
        try:
            data = Path(self.path).read_bytes() if os.path.exists(self.path) else b""
            self.records, self.damaged = _parsed(data, self.path)
            if self.damaged or not data.endswith(b"\n"):
                self._begin(data)
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise _unwritable(error, self.path) from error

    def _begin(self, data: bytes) -> None:
        """Writes the file anew with the records that could be read; a damaged one is kept beside it."""
        if self.damaged:
            with atomic_write(os.path.join(self.folder, DAMAGED)) as file:
                file.write(data)
        with atomic_write(self.path) as file:
            file.write(_line({"photostyle batch": VERSION}))
            file.writelines(_line(asdict(record)) for record in self.records.values())


def read_records(output: str) -> dict[str, Record]:
    """The records of an output folder, for who only looks at them.

    Raises:
        OutputError: a newer photostyle wrote them.
    """
    path = Path(state_folder(output), NAME)
    return _parsed(path.read_bytes() if path.exists() else b"", str(path))[0]


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":")).encode("ascii")  # names that are no Unicode are escaped, too
    return _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=8).hexdigest().encode("ascii")


def _parsed(data: bytes, path: str) -> tuple[dict[str, Record], int]:
    """Records and how many lines are none."""
    records: dict[str, Record] = {}
    damaged = 0
    for line in filter(None, data.split(b"\n")):
        checksum, _, text = line.partition(b" ")
        if _checksum(text) != checksum:
            damaged += 1
            continue
        entry = json.loads(text)
        if "photostyle batch" in entry:
            if entry["photostyle batch"] > VERSION:
                advice = "A newer photostyle wrote it: use that one, or another output folder."
                raise OutputError(f"a manifest of version {VERSION}", str(entry["photostyle batch"]), path, advice)
            continue
        records[entry["output"]] = Record(**{**entry, "warnings": tuple(entry["warnings"])})
    return records, damaged


def _locked(folder: str, output: str) -> FileLock:
    """Takes the lock of a hidden folder; the system gives it back when the process ends, however it ends.

    Raises:
        OutputError: another process has it.
        OSError, NotImplementedError: the file system has no locks.
    """
    lock, holder = FileLock(os.path.join(folder, LOCK)), Path(folder, HOLDER)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        found = f"another batch ({holder.read_text(errors='replace') if holder.exists() else 'unknown process'})"
        advice = "Wait for it, stop it, or choose another output folder."
        raise OutputError("a folder for this batch alone", found, output, advice) from error
    try:
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
    except OSError:
        lock.release()
        raise
    return lock


def _unwritable(error: OSError | NotImplementedError, where: str) -> OutputError:
    found = error.strerror if isinstance(error, OSError) else None
    return OutputError("an output folder that can be written to", found or str(error), where)
