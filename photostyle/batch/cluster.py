"""Workers on the machines of a Ray cluster: an actor each, that loads once and is called step by step.

Only names and outcomes travel through Ray; photos are read and results written where the workers are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from photostyle import __version__
from photostyle.batch.job import Fit, Job, Options, StyleSource
from photostyle.batch.ray_client import Ray
from photostyle.batch.remote import Loaded, Remote
from photostyle.batch.storage import absolute
from photostyle.batch.workers import Dropped, Finished, Lost, News, Ready, Started
from photostyle.errors import PhotostyleError, SettingsError

if TYPE_CHECKING:
    from ray import ObjectRef

MOST_JOBS = 3
"""Of a worker: one is read, one solved, one written."""
MOST_DEATHS = 3
"""Workers in a row that may die before they are ready: then none will ever be."""
START_SECONDS = 600
"""Without a single worker that is ready (our choice): a cluster may have to start machines first."""
LONGEST_REASON = 200
"""Characters of what Ray says of a death."""


@dataclass(frozen=True)
class Place:
    """What each worker is given of a cluster.

    Args:
        processors: whole ones; each is a thread.
        gpus: a share of one, or several; 0 to compute on the processors.
        memory: in bytes.
    """

    processors: int
    gpus: float
    memory: int


@dataclass(eq=False)
class Member:
    """One worker as its master sees it.

    Attributes:
        actor: of Ray.
        loaded: None until it is ready.
        jobs: those that are not over, the oldest first.
        reading, solving: the jobs that are, or have been and wait for the next step.
        is_read: whether the first of them waits.
        alone: whether it is to get no other.
    """

    actor: Any
    loaded: Loaded | None = None
    jobs: list[str] = field(default_factory=list)
    reading: str | None = None
    is_read: bool = False
    solving: str | None = None
    alone: bool = False


class ClusterWorkers:
    """Actors of a Ray cluster; see `workers.Workers` for what they do.

    Args:
        ray: the connection; closed at the end.
        count: of workers; those that the cluster has no room for yet join when it has.
        place: of each.
        options: of the jobs.
        folder: that all workers must find, see `Remote.load`.
        kind: of the actors.
    """

    def __init__(
        self, ray: Ray, count: int, place: Place, options: Options, folder: str = "", kind: type[Remote] = Remote
    ) -> None:
        self._connection, self._ray = ray, ray.ray
        self._deaths = (self._ray.exceptions.RayActorError, self._ray.exceptions.WorkerCrashedError,
                        self._ray.exceptions.OutOfMemoryError, self._ray.exceptions.NodeDiedError)  # fmt: skip
        self._make = self._ray.remote(kind).options(
            num_cpus=place.processors, num_gpus=place.gpus, memory=place.memory, max_concurrency=MOST_JOBS,
            max_restarts=0, max_task_retries=0,
        )  # fmt: skip
        self._load = (options, folder)
        self._calls: dict[ObjectRef[Any], tuple[Member, str, str]] = {}
        self._looks: dict[bytes, ObjectRef[bytes]] = {}
        self._early_deaths = 0
        self._stopped = False
        self._error: PhotostyleError | None = None
        self._last_ready = time.monotonic()
        self.members = [self._member() for _ in range(count)]

    def has_room(self, *, alone: bool = False) -> bool:
        return self._free(alone) is not None

    def give(self, job: Job | Fit, *, alone: bool = False) -> None:
        member = self._free(alone)
        if member is None:
            raise ValueError("no worker has room")
        member.jobs.append(job.output)
        member.reading, member.is_read, member.alone = job.output, False, alone
        if isinstance(job, Fit):
            self._call(member, "read", job.output, _fit_anywhere(job), None)
        else:
            self._call(member, "read", job.output, _anywhere(job), self._shared(job.look))

    def news(self, seconds: float) -> list[News]:
        if self._error:
            raise self._error
        self._check_ready()
        if not self._calls:
            return []
        try:
            ready, _ = self._ray.wait(list(self._calls), timeout=seconds)
            ready, _ = self._ray.wait(list(self._calls), num_returns=len(self._calls), timeout=0) if ready else ([], [])
        except (ConnectionError, self._ray.exceptions.RaySystemError) as error:
            raise PhotostyleError("a cluster that stays", _short(str(error)), "--cluster") from error
        news: list[News] = []
        for call in ready:
            if call in self._calls:  # those of a worker that was lost are not
                try:
                    news += self._heard(call)
                except PhotostyleError as error:
                    self._error = self._error or error
        if self._error and not news:
            raise self._error
        return news  # before the error, which the next call raises

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        for member in self.members:
            self._ray.kill(member.actor)
        self._connection.close()

    def _member(self) -> Member:
        member = Member(self._make.remote())
        self._call(member, "load", "", *self._load)
        return member

    def _call(self, member: Member, step: str, output: str, *given: object) -> None:
        self._calls[getattr(member.actor, step).remote(*given)] = (member, step, output)

    def _shared(self, look: bytes | None) -> ObjectRef[bytes] | None:
        """A look in Ray's store, where it is put once."""
        if look is None:
            return None
        if look not in self._looks:
            self._looks[look] = self._ray.put(look)
        return self._looks[look]

    def _free(self, alone: bool) -> Member | None:
        """One with the fewest jobs, of those that are ready and read nothing."""
        free = [
            member for member in self.members
            if member.loaded and member.reading is None and not member.alone
            and len(member.jobs) < (1 if alone else MOST_JOBS)
        ]  # fmt: skip
        return min(free, key=lambda member: len(member.jobs), default=None)

    def _heard(self, call: ObjectRef[Any]) -> list[News]:
        member, step, output = self._calls.pop(call)
        try:
            said = self._ray.get(call)
        except self._deaths as error:
            return self._replaced(member, str(error))
        news: list[News] = []
        if step == "load":
            news.append(self._ready(member, said))
        elif step == "read":
            member.is_read = True
        elif step == "solve":
            member.solving = None
            self._call(member, "write", output, output)
        elif step == "write":
            member.jobs.remove(output)
            member.alone = False
            news.append(Finished(*said))
        return [*news, *self._next(member)]

    def _next(self, member: Member) -> list[News]:
        """Begins to solve what has been read, if nothing else is solved; or drops it."""
        if not member.is_read or member.solving or member.reading is None:
            return []
        output, member.reading, member.is_read = member.reading, None, False
        if self._stopped:
            member.jobs.remove(output)
            self._call(member, "drop", output, output)
            return [Dropped(output)]
        member.solving = output
        self._call(member, "solve", output, output)
        return [Started(output)]

    def _ready(self, member: Member, said: Loaded | PhotostyleError) -> Ready:
        if isinstance(said, PhotostyleError):
            raise said
        if said.version != __version__:
            raise SettingsError(f"photostyle {__version__} on every machine", said.version, f"--cluster: {said.host}")
        member.loaded = said
        self._early_deaths = 0
        return Ready(said.seconds)

    def _replaced(self, member: Member, why: str) -> list[News]:
        place = f"process {member.loaded.pid} on {member.loaded.host}: " if member.loaded else ""
        reason = place + _short(why)
        self._ray.kill(member.actor)  # it may only be out of reach
        self._calls = {call: entry for call, entry in self._calls.items() if entry[0] is not member}
        if member.loaded is None:
            self._early_deaths += 1
            if self._early_deaths > MOST_DEATHS:
                found = f"{self._early_deaths} that died ({reason})"
                raise PhotostyleError("a worker that starts", found, "--cluster", "docs/cluster.md says what it needs.")
        self.members[self.members.index(member)] = self._member()
        return [Lost(tuple(member.jobs), reason)] if member.jobs else []

    def _check_ready(self) -> None:
        """Raises PhotostyleError where the cluster has had no worker for too long."""
        if any(member.loaded for member in self.members):
            self._last_ready = time.monotonic()
        elif time.monotonic() - self._last_ready > START_SECONDS:
            free = ", ".join(f"{name} {amount:g}" for name, amount in sorted(self._connection.free().items())
                             if name in ("CPU", "GPU", "memory"))  # fmt: skip
            advice = "Ask for less: --cpus-per-worker, --gpus-per-worker."
            raise PhotostyleError(
                f"a worker within {START_SECONDS} s", f"none (free: {free or 'nothing'})", "--cluster", advice
            )


def places(free: dict[str, float], place: Place) -> int:
    """How many workers the free part of a cluster has room for, at least one."""
    counts = [free.get("CPU", 0.0) // place.processors, free.get("memory", 0.0) // place.memory]
    if place.gpus:
        counts.append(free.get("GPU", 0.0) // place.gpus)
    return max(1, int(min(counts)))


def _anywhere(job: Job) -> Job:
    """The job with paths that mean the same wherever the worker is, and without the look of its set."""
    before, after = map(absolute, job.thumbnails)
    return replace(
        job, content=absolute(job.content), styles=_styles_anywhere(job.styles),
        content_mask=job.content_mask and absolute(job.content_mask), part=absolute(job.part),
        thumbnails=(before, after), look=None,
    )  # fmt: skip


def _fit_anywhere(job: Fit) -> Fit:
    together = tuple((absolute(path), mask and absolute(mask)) for path, mask in job.together)
    return replace(job, styles=_styles_anywhere(job.styles), together=together)


def _styles_anywhere(styles: tuple[StyleSource, ...]) -> tuple[StyleSource, ...]:
    return tuple(replace(s, path=absolute(s.path), mask=s.mask and absolute(s.mask)) for s in styles)


def _short(text: str) -> str:
    """What matters of Ray's words on a death: the detail it ends with, in its first sentence."""
    last = text.rpartition("Worker exit detail:")[2].strip().splitlines() or [""]
    return last[-1].partition(". ")[0].strip()[:LONGEST_REASON]
