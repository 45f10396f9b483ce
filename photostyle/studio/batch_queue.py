"""The queue: a real `photostyle batch` in a process of its own, with its manifest in the folder of its results.

The same photos with the same styles and settings go into the same folder, so that a queue that was stopped, even by the
end of the program, goes on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from photostyle.errors import PhotostyleError, SettingsError
from photostyle.files import make_folder
from photostyle.studio.answers import LimitError, MissingError, as_error, in_json
from photostyle.studio.photo_store import StoredPhoto
from photostyle.studio.queued_set import MaskOf, Queue, QueuedPhoto, SetOrder, make_set
from photostyle.studio.results import MadeFile, Results

SOME_FAILED, STOPPED = 5, 130
"""Exit codes of a batch in which photos failed, and of one that was stopped."""
STDERR_LINES = 20
LONGEST_LINE = 1 << 20
"""Bytes of a line of the batch's JSON."""
END_SECONDS = 2.0
"""How long a batch has to end when the program does."""


class BatchQueue:
    """Runs one set at a time.

    Args:
        folder: where results go; each set gets a folder in it.
        private: the studio's private folder.
        results: takes note of the files.
        mask_of: gives a mask to a photo that has none, if others of the set have one.
        tell: hears of every change.
    """

    def __init__(
        self,
        folder: Path,
        private: Path,
        results: Results,
        mask_of: MaskOf,
        tell: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._folder, self._private, self._results = folder, private, results
        self._mask_of, self._tell = mask_of, tell
        self._queue: Queue | None = None
        self._running: asyncio.Task[None] | None = None

    def shown(self) -> dict[str, Any]:
        """What the page knows of the queue."""
        queue = self._queue
        if queue is None:
            return {"id": None, "status": "empty", "photos": [], "contact_sheet": False, "folder": None, "error": None}
        return {
            "id": queue.id,
            "status": queue.status,
            "photos": [photo.shown() for photo in queue.photos],
            "contact_sheet": any(photo.status == "done" for photo in queue.photos),
            "folder": queue.output.name,
            "error": queue.error,
        }

    async def start(
        self,
        contents: Sequence[StoredPhoto],
        styles: Sequence[tuple[StoredPhoto, float, str | None]],
        preset: str,
        settings: Mapping[str, Any],
        format: str,
        most: int,
    ) -> None:
        """Starts a set.

        Args:
            contents: the photos.
            styles: each with its weight and region.
            preset, settings, format: see `photostyle batch`.
            most: photos in a set.

        Raises:
            LimitError: another set is at work, or there are too many photos.
            SettingsError: there is no photo.
        """
        if self._queue is not None and self._queue.status == "working":
            advice = "Wait for it, or stop it first."
            raise LimitError.stating("the queue is at work on another set", "the queue", advice)
        if not contents:
            raise SettingsError.stating("no photo was given", "contents")
        if len(contents) > most:
            raise LimitError(f"at most {most} photos", f"{len(contents)}", "the queue", "Queue them in several sets.")
        wanted = SetOrder(contents, styles, preset, settings, format)
        self._queue = await make_set(wanted, self._folder, self._private / "queue", self._mask_of)
        self._begin()

    def stop(self) -> None:
        """Stops after the photos at work; a second call stops at once.

        Raises:
            MissingError: nothing is at work.
        """
        process = self._queue.process if self._queue else None
        if process is None or process.returncode is not None:
            raise MissingError.stating("the queue is not at work", "the queue")
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)

    def resume(self) -> None:
        """Goes on with what is left and what failed.

        Raises:
            MissingError: there is no set, or it is at work.
        """
        if self._queue is None or self._queue.status == "working":
            raise MissingError.stating("there is no stopped queue to go on with", "the queue")
        for photo in self._queue.photos:
            if photo.status != "done":
                photo.status, photo.error = "waiting", None
        self._begin()

    def done(self) -> list[tuple[MadeFile, QueuedPhoto]]:
        """The results that are done.

        Raises:
            MissingError: there are none.
        """
        found = [(photo.file, photo) for photo in (self._queue.photos if self._queue else []) if photo.file]
        if not found:
            raise MissingError.stating("no photo of the queue is done yet", "the queue")
        return found

    @property
    def output(self) -> Path:
        """The folder of the results.

        Raises:
            MissingError: there is no set.
        """
        if self._queue is None:
            raise MissingError.stating("the queue is empty", "the queue")
        return self._queue.output

    async def close(self) -> None:
        """Ends the batch. What is finished stays, and the same set goes on from there."""
        process = self._queue.process if self._queue else None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), END_SECONDS)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        if self._running is not None:
            self._running.cancel()

    def _begin(self) -> None:
        assert self._queue is not None
        self._queue.status, self._queue.error = "working", None
        self._running = asyncio.create_task(self._run(self._queue))
        self._tell("queue", self.shown())

    async def _run(self, queue: Queue) -> None:
        try:
            make_folder(self._folder)
            queue.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "photostyle", *queue.words, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=LONGEST_LINE,
                start_new_session=True,
            )  # fmt: skip
            errors = asyncio.create_task(_last_lines(queue.process.stderr))
            assert queue.process.stdout is not None
            async for line in queue.process.stdout:
                self._hear(queue, json.loads(line))
            code = await queue.process.wait()
            told = await errors
            queue.status = (
                "stopped" if code == STOPPED or code < 0 else "done" if code in (0, SOME_FAILED) else "failed"
            )
            if queue.status == "failed":
                text = "\n".join(line.removeprefix("photostyle: ") for line in told) or f"exit code {code}"
                queue.error = in_json(PhotostyleError.stating(text, "the queue"))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            queue.status, queue.error = "failed", in_json(as_error(error))
        for photo in queue.photos:
            if photo.status == "working":
                photo.status = "waiting"
        self._tell("queue", self.shown())

    def _hear(self, queue: Queue, event: Mapping[str, Any]) -> None:
        """Takes note of an event of the batch; docs/batch.md lists them."""
        kind = event.get("event")
        if kind == "plan" and event.get("done"):
            self._note_done_before(queue)
        photo = next((p for p in queue.photos if p.path == event.get("content")), None)
        if photo is not None:
            if kind == "started":
                photo.status = "working"
            elif kind == "failed":
                photo.status, photo.error = "failed", str(event.get("message"))
            elif kind == "done":
                self._note_done(queue, photo, event)
        if photo is not None or kind in ("plan", "stopping"):
            self._tell("queue", self.shown())

    def _note_done(self, queue: Queue, photo: QueuedPhoto, record: Mapping[str, Any]) -> None:
        path = queue.output / str(record["output"])
        photo.status, photo.error, photo.output = "done", None, str(record["output"])
        photo.seconds = record["seconds"].get("total")
        with contextlib.suppress(OSError):
            written = {"path": str(path), "bytes": path.stat().st_size, "sha256": record["sha256"]}
            photo.file = self._results.made(written)

    def _note_done_before(self, queue: Queue) -> None:
        """Takes note of photos that an earlier run has done: the batch does not name them."""
        from photostyle.batch.manifest import read_records

        done = {r.content_sha256: r for r in read_records(str(queue.output)).values() if r.status == "done"}
        for photo in queue.photos:
            with contextlib.suppress(OSError):
                with open(photo.path, "rb") as file:
                    record = done.get(hashlib.file_digest(file, "sha256").hexdigest())
                if record is not None:
                    about = {"output": record.output, "seconds": record.seconds, "sha256": record.sha256}
                    self._note_done(queue, photo, about)


async def _last_lines(stream: asyncio.StreamReader | None) -> list[str]:
    """The last lines of a text, and all of it on standard error as it comes."""
    lines: list[str] = []
    assert stream is not None
    while data := await stream.readline():
        lines = [*lines, data.decode(errors="replace").rstrip()][-STDERR_LINES:]
        print(lines[-1], file=sys.stderr, flush=True)
    return lines
