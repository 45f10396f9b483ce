"""Workers on the machines of a Ray cluster. Each is an actor that loads once and is called step by step.

Only names and outcomes travel through Ray. The workers read the photos and write the results themselves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from photostyle import __version__
from photostyle.batch.cluster_actor import ActorInfo, WorkerActor
from photostyle.batch.job import LookJob, PhotoJob, StyleSource, WorkerOptions
from photostyle.batch.ray_connection import RayConnection
from photostyle.batch.storage import absolute
from photostyle.batch.worker_messages import JobDropped, JobFinished, JobStarted, WorkerLost, WorkerMessage, WorkerReady
from photostyle.errors import PhotostyleError, SettingsError

if TYPE_CHECKING:
    from ray import ObjectRef

MOST_JOBS = 3
"""Jobs of one worker at a time: one is read, one solved, one written."""
MOST_DEATHS = 3
"""Workers in a row that may stop before they are ready. After that we give up."""
START_SECONDS = 600
"""Longest time without any worker (our choice): a cluster may have to start machines first."""
LONGEST_REASON = 200
"""Characters that are kept of Ray's explanation why a worker stopped."""


@dataclass(frozen=True)
class WorkerResources:
    """What each worker gets of a cluster.

    Args:
        processors: how many; each runs one thread.
        gpus: a fraction of a GPU, or several GPUs; 0 to compute on processors.
        memory: in bytes.
    """

    processors: int
    gpus: float
    memory: int


@dataclass(eq=False)
class ActorHandle:
    """What the main process knows about one worker.

    Attributes:
        actor: the Ray actor.
        loaded: None until it is ready.
        jobs: the jobs that it has not finished, oldest first.
        reading: the job that it is reading, or has read and will solve next.
        is_read: whether that job has been read.
        solving: the job that it is solving.
        alone: whether it gets no other job until its job is finished.
    """

    actor: Any
    loaded: ActorInfo | None = None
    jobs: list[str] = field(default_factory=list)
    reading: str | None = None
    is_read: bool = False
    solving: str | None = None
    alone: bool = False


class ClusterWorkers:
    """Actors of a Ray cluster; `worker_messages.Workers` describes the methods.

    Args:
        ray: the connection; closed at the end.
        count: how many workers. If the cluster has no room for some yet, they join later.
        resources: what each worker gets.
        options: what all jobs share.
        folder: the folder that all machines must share, see `WorkerActor.load`.
        kind: the class of the actors.
    """

    def __init__(
        self,
        ray: RayConnection,
        count: int,
        resources: WorkerResources,
        options: WorkerOptions,
        folder: str = "",
        kind: type[WorkerActor] = WorkerActor,
    ) -> None:
        self._connection, self._ray = ray, ray.ray
        self._deaths = (self._ray.exceptions.RayActorError, self._ray.exceptions.WorkerCrashedError,
                        self._ray.exceptions.OutOfMemoryError, self._ray.exceptions.NodeDiedError)  # fmt: skip
        self._make = self._ray.remote(kind).options(
            num_cpus=resources.processors, num_gpus=resources.gpus, memory=resources.memory, max_concurrency=MOST_JOBS,
            max_restarts=0, max_task_retries=0,
        )  # fmt: skip
        self._load = (options, folder)
        self._calls: dict[ObjectRef[Any], tuple[ActorHandle, str, str]] = {}
        self._looks: dict[bytes, ObjectRef[bytes]] = {}
        self._early_deaths = 0
        self._stopped = False
        self._error: PhotostyleError | None = None
        self._last_ready = time.monotonic()
        self.workers = [self._start_worker() for _ in range(count)]

    def has_room(self, *, alone: bool = False) -> bool:
        return self._free(alone) is not None

    def give(self, job: PhotoJob | LookJob, *, alone: bool = False) -> None:
        worker = self._free(alone)
        if worker is None:
            raise ValueError("no worker has room")
        worker.jobs.append(job.output)
        worker.reading, worker.is_read, worker.alone = job.output, False, alone
        if isinstance(job, LookJob):
            self._call(worker, "read", job.output, _look_job_anywhere(job), None)
        else:
            self._call(worker, "read", job.output, _anywhere(job), self._shared(job.look))

    def messages(self, seconds: float) -> list[WorkerMessage]:
        if self._error:
            raise self._error
        self._check_ready()
        if not self._calls:
            return []
        try:
            ready, _ = self._ray.wait(list(self._calls), timeout=seconds)
            ready, _ = self._ray.wait(list(self._calls), num_returns=len(self._calls), timeout=0) if ready else ([], [])
        except (ConnectionError, self._ray.exceptions.RaySystemError) as error:
            raise PhotostyleError("a cluster that keeps the connection", _short(str(error)), "--cluster") from error
        messages: list[WorkerMessage] = []
        for call in ready:
            if call in self._calls:  # the calls of a lost worker are forgotten
                try:
                    messages += self._handle_message(call)
                except PhotostyleError as error:
                    self._error = self._error or error
        if self._error and not messages:
            raise self._error
        return messages  # before the error, which the next call raises

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        for worker in self.workers:
            self._ray.kill(worker.actor)
        self._connection.close()

    def _start_worker(self) -> ActorHandle:
        worker = ActorHandle(self._make.remote())
        self._call(worker, "load", "", *self._load)
        return worker

    def _call(self, worker: ActorHandle, step: str, output: str, *given: object) -> None:
        self._calls[getattr(worker.actor, step).remote(*given)] = (worker, step, output)

    def _shared(self, look: bytes | None) -> ObjectRef[bytes] | None:
        """Puts a look into Ray's store, once."""
        if look is None:
            return None
        if look not in self._looks:
            self._looks[look] = self._ray.put(look)
        return self._looks[look]

    def _free(self, alone: bool) -> ActorHandle | None:
        """The worker with the fewest jobs among those that can take another."""
        free = [
            worker for worker in self.workers
            if worker.loaded and worker.reading is None and not worker.alone
            and len(worker.jobs) < (1 if alone else MOST_JOBS)
        ]  # fmt: skip
        return min(free, key=lambda worker: len(worker.jobs), default=None)

    def _handle_message(self, call: ObjectRef[Any]) -> list[WorkerMessage]:
        worker, step, output = self._calls.pop(call)
        try:
            message = self._ray.get(call)
        except self._deaths as error:
            return self._replaced(worker, str(error))
        messages: list[WorkerMessage] = []
        if step == "load":
            messages.append(self._ready(worker, message))
        elif step == "read":
            worker.is_read = True
        elif step == "solve":
            worker.solving = None
            self._call(worker, "write", output, output)
        elif step == "write":
            worker.jobs.remove(output)
            worker.alone = False
            messages.append(JobFinished(*message))
        return [*messages, *self._next(worker)]

    def _next(self, worker: ActorHandle) -> list[WorkerMessage]:
        """Starts to solve the job that has been read, unless another is being solved. Drops it after `stop`."""
        if not worker.is_read or worker.solving or worker.reading is None:
            return []
        output, worker.reading, worker.is_read = worker.reading, None, False
        if self._stopped:
            worker.jobs.remove(output)
            self._call(worker, "drop", output, output)
            return [JobDropped(output)]
        worker.solving = output
        self._call(worker, "solve", output, output)
        return [JobStarted(output)]

    def _ready(self, worker: ActorHandle, message: ActorInfo | PhotostyleError) -> WorkerReady:
        if isinstance(message, PhotostyleError):
            raise message
        if message.version != __version__:
            raise SettingsError(
                f"photostyle {__version__} on every machine", message.version, f"--cluster: {message.host}"
            )
        worker.loaded = message
        self._early_deaths = 0
        return WorkerReady(message.seconds)

    def _replaced(self, worker: ActorHandle, why: str) -> list[WorkerMessage]:
        place = f"process {worker.loaded.pid} on {worker.loaded.host}: " if worker.loaded else ""
        reason = place + _short(why)
        self._ray.kill(worker.actor)  # it may be alive but out of reach
        self._calls = {call: entry for call, entry in self._calls.items() if entry[0] is not worker}
        if worker.loaded is None:
            self._early_deaths += 1
            if self._early_deaths > MOST_DEATHS:
                found = f"{self._early_deaths} crashes in a row ({reason})"
                raise PhotostyleError(
                    "a worker that starts", found, "--cluster", "docs/cluster.md lists what a worker needs."
                )
        self.workers[self.workers.index(worker)] = self._start_worker()
        return [WorkerLost(tuple(worker.jobs), reason)] if worker.jobs else []

    def _check_ready(self) -> None:
        """Raises PhotostyleError if the cluster has had no worker for too long."""
        if any(worker.loaded for worker in self.workers):
            self._last_ready = time.monotonic()
        elif time.monotonic() - self._last_ready > START_SECONDS:
            free = ", ".join(f"{name} {amount:g}" for name, amount in sorted(self._connection.free().items())
                             if name in ("CPU", "GPU", "memory"))  # fmt: skip
            advice = "Ask for less with --cpus-per-worker and --gpus-per-worker."
            raise PhotostyleError(
                f"a worker within {START_SECONDS} s", f"none (free: {free or 'nothing'})", "--cluster", advice
            )


def workers_that_fit(free: dict[str, float], resources: WorkerResources) -> int:
    """How many workers fit into the free part of a cluster; at least one."""
    counts = [free.get("CPU", 0.0) // resources.processors, free.get("memory", 0.0) // resources.memory]
    if resources.gpus:
        counts.append(free.get("GPU", 0.0) // resources.gpus)
    return max(1, int(min(counts)))


def _anywhere(job: PhotoJob) -> PhotoJob:
    """The job with absolute paths, and without the look of its set."""
    before, after = map(absolute, job.thumbnails)
    return replace(
        job, content=absolute(job.content), styles=_styles_anywhere(job.styles),
        content_mask=job.content_mask and absolute(job.content_mask), part=absolute(job.part),
        thumbnails=(before, after), look=None,
    )  # fmt: skip


def _look_job_anywhere(job: LookJob) -> LookJob:
    photo_set = tuple((absolute(path), mask and absolute(mask)) for path, mask in job.photo_set)
    return replace(job, styles=_styles_anywhere(job.styles), photo_set=photo_set)


def _styles_anywhere(styles: tuple[StyleSource, ...]) -> tuple[StyleSource, ...]:
    return tuple(replace(s, path=absolute(s.path), mask=s.mask and absolute(s.mask)) for s in styles)


def _short(text: str) -> str:
    """The important part of Ray's explanation why a worker stopped: the first sentence of its last detail."""
    last = text.rpartition("Worker exit detail:")[2].strip().splitlines() or [""]
    return last[-1].partition(". ")[0].strip()[:LONGEST_REASON]
