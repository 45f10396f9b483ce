"""Runs a plan: hands jobs to the workers, writes the manifest, and gives the results their names."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from photostyle import __version__
from photostyle.batch import storage
from photostyle.batch.job import Failure, LookJob, Outcome, PhotoJob
from photostyle.batch.manifest import Manifest, Record
from photostyle.batch.output_folder import move_into_place, part_path, thumbnail_paths
from photostyle.batch.plan import Item
from photostyle.batch.resume import RESULT_EXISTS, Digests, digest_of
from photostyle.batch.worker_messages import JobDropped, JobFinished, JobStarted, WorkerLost, WorkerReady, Workers
from photostyle.errors import OutputError

MOST_TRIES = 2
"""Workers that may die over one photo. After that the photo is blamed and has failed."""
WAITING = 0.5
"""Longest time between two checks whether to stop, in seconds."""


@dataclass(frozen=True)
class PhotoStarted:
    """A worker has started to solve a photo."""

    item: Item


@dataclass(frozen=True)
class PhotoEnded:
    """A photo is done or has failed."""

    item: Item
    record: Record


@dataclass(frozen=True)
class Retrying:
    """A worker died over a photo or over the look of a set; another worker will try it."""

    item: Item | LookJob
    reason: str


@dataclass(frozen=True)
class LookStarted:
    """A worker has started to find the look of a set."""

    look_job: LookJob


@dataclass(frozen=True)
class LookFound:
    """The look of a set is found."""

    look_job: LookJob
    seconds: float
    warnings: tuple[str, ...]


BatchEvent: TypeAlias = WorkerReady | PhotoStarted | PhotoEnded | Retrying | LookStarted | LookFound


class Driver:
    """Does the items of a batch.

    Args:
        output: the output folder.
        manifest: the manifest of that folder.
        workers: they do the jobs, and are closed at the end.
        digests: digests of the inputs, for the records.
        tell: called with every event.
        stopping: asked again and again; once it returns true, no other photo is started.

    Attributes:
        peak_bytes: the most memory that any worker has used.
        ended: outputs of the items that are done or have failed.
    """

    def __init__(
        self,
        output: str,
        manifest: Manifest,
        workers: Workers,
        digests: Digests,
        tell: Callable[[BatchEvent], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._output, self._manifest, self._workers, self._digests = output, manifest, workers, digests
        self._tell, self._stopping = tell, stopping
        self._batch = secrets.token_hex(4)
        self._items: dict[str, Item] = {}
        self._look_job_of: dict[str, LookJob] = {}
        self._look_jobs: dict[str, LookJob] = {}
        self._looks: dict[str, bytes] = {}
        self._tries: dict[str, int] = {}
        self._replaceable: Collection[str] = ()
        self._waiting: deque[str] = deque()
        self._again: deque[str] = deque()
        self._at_hand: set[str] = set()
        self._stopped = False
        self.peak_bytes = 0
        self.ended: set[str] = set()

    def run(self, items: Sequence[Item], replaceable: Collection[str] = ()) -> None:
        """Does all items, or those that have been started when `stopping` returns true. Looks of sets come first.

        Args:
            items: the items to do.
            replaceable: names of results that may replace a file. A file that has the name of another result, made by
                another program in the meantime, is kept, and the photo has failed.

        Raises:
            PhotostyleError: an error that concerns every photo: the disk is full, the output folder is gone, no worker
                starts. Photos at work are finished first if possible.
            Exception: an error that `tell` raised. Photos at work are finished first, too.
        """
        self._items, self._replaceable = {item.output: item for item in items}, replaceable
        self._look_job_of = look_jobs(items)
        self._look_jobs = {look_job.output: look_job for look_job in self._look_job_of.values()}
        self._waiting = deque((*self._look_jobs, *self._items))
        fatal: Exception | None = None
        try:
            while self._goes_on():
                if not self._stopped and (fatal or self._stopping()):
                    self._stopped = True
                    self._workers.stop()
                self._hand_out()
                for message in self._workers.messages(WAITING):
                    try:
                        self._handle(message)
                    except Exception as error:  # `tell` may raise anything: record first what else has arrived
                        fatal = fatal or error
        finally:
            self._workers.close()
        if fatal:
            raise fatal

    def _goes_on(self) -> bool:
        """Whether there is something to wait for. After a stop nobody waits for the look of a set."""
        if self._stopped:
            return not self._at_hand <= self._look_jobs.keys()
        return bool(self._at_hand or self._waiting or self._again)

    def _hand_out(self) -> None:
        while not self._stopped and self._again and self._workers.has_room(alone=True):
            self._give(self._again.popleft(), alone=True)
        while not self._stopped and not self._again and self._can_begin() and self._workers.has_room():
            self._give(self._waiting.popleft(), alone=False)

    def _can_begin(self) -> bool:
        """Whether the next item can start: if it needs the look of its set, the look is there."""
        look_job = self._look_job_of.get(self._waiting[0]) if self._waiting else None
        return bool(self._waiting) and (look_job is None or look_job.output in self._looks)

    def _give(self, output: str, *, alone: bool) -> None:
        self._at_hand.add(output)
        self._tries[output] = self._tries.get(output, 0) + 1
        self._workers.give(self._look_jobs.get(output) or self._job(self._items[output]), alone=alone)

    def _job(self, item: Item) -> PhotoJob:
        part, thumbnails = part_path(self._output, item.output, self._batch), thumbnail_paths(self._output, item.output)
        look_job = self._look_job_of.get(item.output)
        look = self._looks[look_job.output] if look_job else None
        return PhotoJob(item.content, item.output, item.styles, item.content_mask, part, thumbnails, look)

    def _handle(self, message: object) -> None:
        if isinstance(message, WorkerReady):
            self._tell(message)
        elif isinstance(message, JobStarted):
            look_job = self._look_jobs.get(message.output)
            self._tell(LookStarted(look_job) if look_job else PhotoStarted(self._items[message.output]))
        elif isinstance(message, JobDropped):
            self._at_hand.discard(message.output)
            self._tries[message.output] -= 1
            (self._again if self._tries[message.output] else self._waiting).appendleft(message.output)
        elif isinstance(message, WorkerLost):
            self._at_hand -= set(message.outputs)
            for output in message.outputs:
                self._retry(output, message.reason)
        elif isinstance(message, JobFinished):
            self.peak_bytes = max(self.peak_bytes, message.peak_bytes)
            self._at_hand.discard(message.outcome.output)
            if message.outcome.output in self._look_jobs:
                self._settle_look(self._look_jobs[message.outcome.output], message.outcome)
            else:
                self._settle(message.outcome)

    def _retry(self, output: str, reason: str) -> None:
        look_job = self._look_jobs.get(output)
        if self._tries[output] < MOST_TRIES:
            self._tell(Retrying(look_job or self._items[output], reason))
            self._again.append(output)
            return
        message = f"its worker died {MOST_TRIES} times (last: {reason})"
        outcome = Outcome(output, Failure("WorkerDied", message))
        if look_job:
            self._settle_look(look_job, outcome)
        else:
            self._settle(outcome)

    def _settle_look(self, look_job: LookJob, outcome: Outcome) -> None:
        """Lets the photos of a set start. If no look was found, all of them have failed.

        Raises:
            PhotostyleError: the error concerns every photo.
        """
        if outcome.look is not None:
            self._looks[look_job.output] = outcome.look
            self._tell(LookFound(look_job, (outcome.seconds or {})["total"], outcome.warnings))
        elif failure := outcome.failure:
            _check_fatal(failure, self._output)
            shared = replace(failure, message=f"no look for the set: {failure.message}")
            for output in [output for output in self._waiting if self._look_job_of.get(output) is look_job]:
                self._waiting.remove(output)
                self._settle(Outcome(output, shared))

    def _settle(self, outcome: Outcome) -> None:
        """Records an outcome, then renames the result. After a kill between the two, the next batch finds the finished
        result through its record and renames it.

        Raises:
            PhotostyleError: the error concerns every photo; nothing is recorded.
        """
        failure, item = outcome.failure, self._items[outcome.output]
        if failure:
            _check_fatal(failure, self._output)
        record = self._record(item, outcome)
        self._manifest.add(record)
        if failure is None:
            part, path = part_path(self._output, item.output, self._batch), storage.join(self._output, item.output)
            try:
                move_into_place(part, path, overwrite=item.output in self._replaceable)
            except FileExistsError:
                message = f"{path} exists already: another program made it in the meantime, and it is kept"
                kept = Outcome(item.output, Failure(RESULT_EXISTS, message), outcome.content_sha256)
                record = self._record(item, kept)
                self._manifest.add(record)
        self.ended.add(item.output)
        self._tell(PhotoEnded(item, record))

    def _record(self, item: Item, outcome: Outcome) -> Record:
        before = self._manifest.records.get(item.output)
        failure = outcome.failure
        return Record(
            output=item.output, content=storage.absolute(item.content),
            content_sha256=outcome.content_sha256 or digest_of(item.content),
            settings=self._digests.settings, styles=self._digests.of_look(item),
            mask=self._digests.of_mask(item.content_mask), status="failed" if failure else "done",
            sha256=outcome.sha256, height=outcome.height, width=outcome.width, seconds=dict(outcome.seconds or {}),
            warnings=outcome.warnings, figures=dict(outcome.figures or {}),
            error=failure.kind if failure else None, message=failure.message if failure else None,
            attempts=(before.attempts if before else 0) + self._tries.get(item.output, 0),
            finished=datetime.now(UTC).isoformat(timespec="seconds"), version=__version__,
        )  # fmt: skip


def look_jobs(items: Iterable[Item]) -> dict[str, LookJob]:
    """For each item's output the look that it waits for. Items with the same styles and the same set share one."""
    keys = dict.fromkeys((item.styles, item.photo_set) for item in items if item.photo_set)
    fits = {key: LookJob(f"look {place}", *key) for place, key in enumerate(keys)}
    return {item.output: fits[item.styles, item.photo_set] for item in items if item.photo_set}


def _check_fatal(failure: Failure, output: str) -> None:
    """Raises the error of a failure that concerns every photo."""
    if isinstance(failure.fatal, OutputError):
        advice = "When that is solved, run the same command again: it continues where it stopped."
        raise OutputError("an output folder that can be written to", failure.fatal.found, output, advice)
    if failure.fatal:
        raise failure.fatal
