"""A worker's process: takes one job after another from a pipe, and sends back what comes of it."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
import traceback
from typing import TYPE_CHECKING

from photostyle.errors import PhotostyleError
from photostyle.studio.worker_messages import Failed, Finished, Job, Ready, Report, Stop, Told

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from photostyle.studio.work.tasks import Tasks

TOLD_EVERY = 0.1
"""Seconds between two reports of how far a job is."""

IDLE = 0.4
"""Seconds without a job after which a worker prepares what the next one may need."""


class StoppedJob(BaseException):
    """The job at work was asked to stop. No task catches it: it is no `Exception`."""


def serve(pipe: Connection, other_end: Connection, kept_pixels: float) -> None:
    """Runs in the worker's process until the server closes its end of the pipe or dies.

    Args:
        pipe: this process's end.
        other_end: the server's end, which a fork inherits; closed here.
        kept_pixels: see `photostyle.studio.work.photos.Photos`.
    """
    for name in (signal.SIGINT, signal.SIGTERM):  # a terminal sends them to all processes; the server decides
        signal.signal(name, signal.SIG_IGN)
    other_end.close()
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    stopped: set[int] = set()

    def listen() -> None:
        try:
            while True:
                message = pipe.recv()
                if isinstance(message, Stop):
                    stopped.add(message.number)
                else:
                    jobs.put(message)
        except (EOFError, OSError):
            os._exit(0)  # the server is gone

    threading.Thread(target=listen, daemon=True).start()
    tasks = load_tasks(kept_pixels)
    _send(pipe, Ready())
    more = False
    while True:
        try:
            job = jobs.get(timeout=IDLE if more else None)
        except queue.Empty:
            more = tasks.use_idle_time()
            continue
        _send(pipe, _done(tasks, job, pipe, stopped))
        stopped.discard(job.number)
        more = True


def load_tasks(kept_pixels: float) -> Tasks:
    """Loads all that the tasks need. It takes about a second, so that the server does not do it."""
    from photostyle.studio.work.tasks import Tasks

    return Tasks(kept_pixels)


def _done(tasks: object, job: Job, pipe: Connection, stopped: set[int]) -> Report:
    """Does a job."""
    told_at, told_stage = 0.0, ""

    def tell(stage: str, done: float | None = None) -> None:
        nonlocal told_at, told_stage
        if job.number in stopped:
            raise StoppedJob
        now = time.monotonic()
        if stage != told_stage or now - told_at >= TOLD_EVERY:
            told_at, told_stage = now, stage
            _send(pipe, Told(job.number, stage, done))

    try:
        return Finished(job.number, getattr(tasks, job.task)(tell, **job.arguments))
    except StoppedJob:
        return Failed(job.number, None, stopped=True)
    except PhotostyleError as error:
        return Failed(job.number, error)
    except Exception:
        return Failed(job.number, None, traceback.format_exc())


def _send(pipe: Connection, message: Report) -> None:
    try:
        pipe.send(message)
    except OSError:
        os._exit(0)
