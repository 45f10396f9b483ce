"""Results that are being made or have been made: jobs by their ids, and files by theirs."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photostyle.studio.answers import LimitError, MissingError, as_error, in_json

MOST_FILES = 5000
"""Files that can be downloaded again; older ones stay in the folder."""
MOST_JOBS = 100
"""Files that may be in the making at a time."""


@dataclass(frozen=True)
class MadeFile:
    """A file in the folder for results."""

    id: str
    path: Path
    bytes: int
    sha256: str


class Results:
    """Makes files in the background and tells when they are there.

    Args:
        tell: hears of every file.
    """

    def __init__(self, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self._tell = tell
        self._files: OrderedDict[str, MadeFile] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()

    def get(self, id: str) -> MadeFile:
        """The file of an id.

        Raises:
            MissingError: there is none, or it has been moved.
        """
        if id not in self._files or not self._files[id].path.is_file():
            raise MissingError.stating("this file is not here, or no longer", advice="Save it again.")
        return self._files[id]

    def made(self, written: dict[str, Any]) -> MadeFile:
        """Takes note of a file; see `work.files.save`."""
        file = MadeFile(secrets.token_hex(8), Path(written["path"]), written["bytes"], written["sha256"])
        self._files[file.id] = file
        while len(self._files) > MOST_FILES:
            self._files.popitem(last=False)
        return file

    def make(self, about: dict[str, Any], save: Callable[[], Awaitable[dict[str, Any]]]) -> str:
        """Makes a file in the background. Returns the id of the job, which the event "saved" has.

        Args:
            about: what the event says beside the file.
            save: see `work.files.save`.

        Raises:
            LimitError: too many are being made.
        """
        if len(self._running) >= MOST_JOBS:
            raise LimitError(f"at most {MOST_JOBS} files at a time", "one more", "the studio", "Wait for some of them.")
        job = secrets.token_hex(8)
        task = asyncio.create_task(self._make(job, about, save))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return job

    async def _make(self, job: str, about: dict[str, Any], save: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        try:
            written = await save()
        except Exception as error:
            self._tell("saved", {"job": job, **about, "error": in_json(as_error(error))})
            return
        file = self.made(written)
        self._tell("saved", {
            "job": job, **about, "file": file.id, "name": file.path.name, "bytes": file.bytes, "sha256": file.sha256,
            "folder": str(file.path.parent), "warnings": written["warnings"],
        })  # fmt: skip
