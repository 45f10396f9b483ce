"""The manifest: a file in the output folder that records the outcome of every photo.

Each line is a checksum and a JSON object, and lines are only appended. After a kill at any byte all lines are whole,
except perhaps the last. A damaged byte costs one line. Such a file is easier to read, repair and test than a database,
and it works on file systems whose locks a database cannot trust.
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
"""File with the name of the process that has the lock: on Windows others cannot read the lock file itself."""
VERSION = 1


@dataclass(frozen=True)
class Record:
    """The outcome of one photo.

    Args:
        output: path of the result relative to the output folder, with /. A later record replaces an earlier one.
        content: path of the photo.
        content_sha256: digest of its bytes; None if they could not be read.
        settings, styles, mask: digests of the settings; of the styles with their weights and masks (and of the photos
            of the set, if they share one look); of the photo's mask, None if it has none.
        status: "done" or "failed".
        sha256: digest of the result; None if there is none.
        height, width: size of the result in pixels.
        seconds: duration of every step by name, and `total`.
        warnings: one line each.
        figures: quality figures of the result by name.
        error, message: class and text of the error; None if there is none.
        attempts: how often the photo has been started.
        finished: time in UTC, ISO 8601.
        version: version of photostyle.
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
    """The records of an output folder. Only one batch at a time can have them: a lock keeps others out.

    Args:
        output: the output folder; its hidden folder is made if it is missing.

    Attributes:
        records: by their `output`.
        damaged: how many lines could not be read; they are not in `records`.

    Raises:
        OutputError: another batch is using the folder, the folder cannot be written to, or a newer version of
            photostyle wrote the manifest.
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
        """Adds a record. It is safe on the disk when this returns.

        Raises:
            OutputError: it cannot be written; the file is unchanged.
        """
        before = os.fstat(self._file.fileno()).st_size
        line = _line(asdict(record))
        try:
            if not os.path.exists(self.path):
                raise FileNotFoundError(errno.ENOENT, "the output folder is gone")
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            os.ftruncate(self._file.fileno(), before)
            raise _unwritable(error, self.path) from error
        self.records[record.output] = record

    def close(self) -> None:
        """Closes the file and releases the lock."""
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
        """Rewrites the file with the records that could be read. Keeps a copy of a damaged file."""
        if self.damaged:
            with atomic_write(os.path.join(self.folder, DAMAGED), overwrite=True) as file:
                file.write(data)
        with atomic_write(self.path, overwrite=True) as file:
            file.write(_line({"photostyle batch": VERSION}))
            file.writelines(_line(asdict(record)) for record in self.records.values())


def read_records(output: str) -> dict[str, Record]:
    """The records of an output folder, without the lock: only to look at them.

    Raises:
        OutputError: a newer version of photostyle wrote them.
    """
    path = Path(state_folder(output), NAME)
    return _parsed(path.read_bytes() if path.exists() else b"", str(path))[0]


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":")).encode("ascii")  # names that are not Unicode are escaped, too
    return _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=8).hexdigest().encode("ascii")


def _parsed(data: bytes, path: str) -> tuple[dict[str, Record], int]:
    """The records, and how many lines are damaged."""
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
                advice = "A newer version of photostyle wrote it. Use that version, or choose another output folder."
                raise OutputError(f"a manifest of version {VERSION}", str(entry["photostyle batch"]), path, advice)
            continue
        records[entry["output"]] = Record(**{**entry, "warnings": tuple(entry["warnings"])})
    return records, damaged


def _locked(folder: str, output: str) -> FileLock:
    """Takes the lock of a hidden folder. The system releases it when the process ends in any way.

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
        raise OutputError("a folder that no other batch is using", found, output, advice) from error
    try:
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
    except OSError:
        lock.release()
        raise
    return lock


def _unwritable(error: OSError | NotImplementedError, where: str) -> OutputError:
    found = error.strerror if isinstance(error, OSError) else None
    return OutputError("an output folder that can be written to", found or str(error), where)
