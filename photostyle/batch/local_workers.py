"""Workers on this machine. Each is a process with a thread that reads the next photo and one that writes the last one.

A process that dies does not affect the others. All of them end when the process that started them ends, in any way.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, NoReturn

from photostyle.batch.job import LookJob, PhotoJob, WorkerOptions
from photostyle.batch.worker_messages import JobDropped, JobFinished, JobStarted, WorkerLost, WorkerMessage, WorkerReady
from photostyle.compute.threads import use_threads
from photostyle.errors import PhotostyleError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from photostyle.batch.worker import ReadJob, SolvedJob, Worker

START_METHOD = "spawn"
"""A fork would copy the locks of threads, but not the threads."""
MOST_DEATHS = 3
"""Workers in a row that may die before they are ready. After that we give up."""


class WorkerProcess:
    """What the main process knows about one worker.

    Attributes:
        jobs: the jobs that it has not finished, oldest first.
        waiting: the jobs among them that it has not started to solve.
        ready: whether it has loaded what it needs.
        alone: whether it gets no other job until its job is finished.
    """

    def __init__(self, options: WorkerOptions) -> None:
        context: Any = multiprocessing.get_context(START_METHOD)
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.pipe, options), daemon=True)
        self.process.start()
        theirs.close()
        self.jobs: list[str] = []
        self.waiting: set[str] = set()
        self.ready = False
        self.alone = False

    def end(self) -> str:
        """Kills the process, and says how it ended if it had ended before."""
        self.process.join(0.2)
        code = self.process.exitcode
        self.process.kill()
        self.process.join()
        self.pipe.close()
        return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


class LocalWorkers:
    """Worker processes; `worker_messages.Workers` describes the methods."""

    def __init__(self, count: int, options: WorkerOptions) -> None:
        self._options = options
        self._deaths = 0
        self._error: PhotostyleError | None = None
        self._processes = [WorkerProcess(options) for _ in range(count)]

    def has_room(self, *, alone: bool = False) -> bool:
        return self._free(alone) is not None

    def give(self, job: PhotoJob | LookJob, *, alone: bool = False) -> None:
        process = self._free(alone)
        if process is None:
            raise ValueError("no worker has room")
        process.jobs.append(job.output)
        process.waiting.add(job.output)
        process.alone = alone
        try:
            process.pipe.send(job)
        except OSError:
            return  # it has died; `messages` will notice

    def messages(self, seconds: float) -> list[WorkerMessage]:
        if self._error:
            raise self._error
        messages: list[WorkerMessage] = []
        pipes = {process.pipe: process for process in self._processes}
        for ready in connection.wait(list(pipes), seconds):
            process = pipes[ready]
            try:
                while process.pipe.poll():
                    messages.append(self._handle_message(process, process.pipe.recv()))
            except (EOFError, OSError):
                messages += self._ended(process)
            except PhotostyleError as error:
                self._error = self._error or error
        if self._error and not messages:
            raise self._error
        return messages  # before the error, which the next call raises

    def stop(self) -> None:
        for process in self._processes:
            try:
                process.pipe.send(None)
            except OSError:
                continue  # it has died; `messages` will notice

    def close(self) -> None:
        for process in self._processes:
            process.process.kill()
        for process in self._processes:
            process.end()

    def _free(self, alone: bool) -> WorkerProcess | None:
        """The worker with the fewest jobs among those that can take another."""
        free = [p for p in self._processes if not (p.alone or p.waiting or (alone and p.jobs))]
        return min(free, key=lambda process: len(process.jobs), default=None)

    def _handle_message(self, process: WorkerProcess, message: WorkerMessage | PhotostyleError) -> WorkerMessage:
        if isinstance(message, PhotostyleError):
            raise message
        if isinstance(message, WorkerReady):
            self._deaths, process.ready = 0, True
        elif isinstance(message, JobStarted):
            process.waiting.discard(message.output)
        elif isinstance(message, JobFinished | JobDropped):
            output = message.outcome.output if isinstance(message, JobFinished) else message.output
            process.waiting.discard(output)
            process.jobs.remove(output)
            process.alone = False
        return message

    def _ended(self, process: WorkerProcess) -> list[WorkerMessage]:
        """Replaces a worker that has died, unless too many died before they were ready."""
        reason = process.end()
        self._deaths += 1
        if self._deaths > MOST_DEATHS:
            advice = "Perhaps there is too little memory: fewer --workers need less."
            found = f"{self._deaths} crashes in a row ({reason})"
            self._error = self._error or PhotostyleError("a worker that starts", found, "--workers", advice)
            self._processes.remove(process)
        else:
            self._processes[self._processes.index(process)] = WorkerProcess(self._options)
        if not process.ready:  # the jobs did not cause it
            return [JobDropped(output) for output in process.jobs]
        return [WorkerLost(tuple(process.jobs), reason)]


def _serve(pipe: Connection, other_end: Connection, options: WorkerOptions) -> None:
    """Runs in the worker's process: takes jobs from the pipe until the main process closes its end or dies.

    Args:
        pipe: this process's end.
        other_end: the main process's end, which a fork inherits; closed here.
        options: what all jobs share.
    """
    for name in (signal.SIGINT, signal.SIGTERM):  # a terminal sends them to all processes; the main process decides
        signal.signal(name, signal.SIG_IGN)
    use_threads(options.threads)
    other_end.close()
    given: queue.SimpleQueue[PhotoJob | LookJob] = queue.SimpleQueue()
    stopped = threading.Event()
    telling = threading.Lock()

    def listen() -> None:
        try:
            while True:
                job = pipe.recv()
                if job is None:
                    stopped.set()
                else:
                    given.put(job)
        except (EOFError, OSError):
            os._exit(0)  # the main process, which would rename the results, is gone

    def tell(message: WorkerMessage | PhotostyleError) -> None:
        with telling:
            try:
                pipe.send(message)
            except OSError:
                os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    began = time.perf_counter()
    try:
        from photostyle.batch.worker import Worker

        worker = Worker(options)
    except PhotostyleError as error:
        tell(error)
        return
    tell(WorkerReady(time.perf_counter() - began))
    _work(worker, given, stopped, tell)


def _work(
    worker: Worker,
    given: queue.SimpleQueue[PhotoJob | LookJob],
    stopped: threading.Event,
    tell: Callable[[WorkerMessage], None],
) -> NoReturn:
    """Reads the next photo, solves one and writes the last one, each on its own thread."""
    read: queue.SimpleQueue[ReadJob] = queue.SimpleQueue()
    solved: queue.SimpleQueue[SolvedJob] = queue.SimpleQueue()
    ahead = threading.Semaphore(1)

    def reading() -> None:
        while True:
            job = given.get()
            ahead.acquire()
            read.put(worker.read(job))

    def writing() -> None:
        while True:
            outcome = worker.write(solved.get())
            tell(JobFinished(outcome, peak_bytes()))

    for step in (reading, writing):
        threading.Thread(target=step, daemon=True).start()
    while True:
        photo = read.get()
        ahead.release()
        if stopped.is_set():
            tell(JobDropped(photo.job.output))
            continue
        tell(JobStarted(photo.job.output))
        solved.put(worker.solve(photo))


def peak_bytes() -> int:
    """The most memory that this process has used; 0 if the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
