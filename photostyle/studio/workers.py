"""The workers' processes, seen from the server. One that dies is replaced, and whoever waits for its job hears why."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import multiprocessing
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from photostyle.errors import PhotostyleError
from photostyle.studio.work.process import serve
from photostyle.studio.worker_messages import Failed, Finished, Job, Ready, Report, Stop, Told

STOP_SECONDS = 1.0
"""A job that has not stopped by then is ended with its process."""
MOST_DEATHS = 3
"""Processes in a row that may die before they are ready. After that the worker gives up until the next job."""


class WorkerDiedError(PhotostyleError):
    """A worker's process has ended before its job was finished."""


class JobStoppedError(Exception):
    """The user has stopped the job."""


class UnforeseenError(Exception):
    """A job has failed in a way that nobody foresaw; its text is the traceback."""


@dataclass(order=True)
class Waiting:
    """A job that has not been finished.

    Args:
        priority: smaller ones come first, then older ones.
        job: its number says which is older.
        result: gets the value, or one of the exceptions above or a PhotostyleError.
        tell: hears how far the job is.
        seconds: how long the job may take.
        again: how often it is tried again if its process dies.
        ended_because: why its process was ended, if we ended it.
    """

    priority: int
    number: int
    job: Job = field(compare=False)
    result: asyncio.Future[Any] = field(compare=False)
    tell: Callable[[str, float | None], None] = field(compare=False)
    seconds: float = field(compare=False)
    again: int = field(compare=False, default=0)
    ended_because: str = field(compare=False, default="")


class Worker:
    """A process that does one job at a time, the most urgent first. It starts with its first job, or with `start`.

    All methods are called in the server's event loop.

    Args:
        name: what messages call it.
        changed: is called with a sentence when the process has died.
        kept_pixels: pixels of decoded photos that the process keeps, 12 bytes each.
    """

    _numbers = itertools.count(1)

    def __init__(self, name: str, changed: Callable[[str], None] = lambda _: None, *, kept_pixels: float = 0.0) -> None:
        self.name, self._changed, self._kept_pixels = name, changed, kept_pixels
        self._waiting: list[Waiting] = []
        self._now: Waiting | None = None
        self._process: Any = None
        self._pipe: Any = None
        self._ready, self._closed, self._deaths = False, False, 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process; None if there is none."""
        return self._process.pid if self._process else None

    @property
    def busy(self) -> int:
        """How many jobs are waiting or at work."""
        return len(self._waiting) + (self._now is not None)

    def start(self) -> None:
        """Starts the process if there is none."""
        if self._process is not None or self._closed:
            return
        context: Any = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, self._pipe, self._kept_pixels), daemon=True)
        self._process.start()
        theirs.close()
        self._ready = False
        loop, pipe, process = asyncio.get_running_loop(), self._pipe, self._process

        def read() -> None:
            try:
                while True:
                    message = pipe.recv()
                    loop.call_soon_threadsafe(self._hear, process, message)
            except (EOFError, OSError):
                process.join()
                try:
                    loop.call_soon_threadsafe(self._ended, process)
                except RuntimeError:
                    return  # the loop is closed

        threading.Thread(target=read, daemon=True, name=f"studio {self.name}").start()

    def submit(
        self,
        task: str,
        *,
        priority: int = 5,
        seconds: float = 600.0,
        again: int = 0,
        tell: Callable[[str, float | None], None] = lambda *_: None,
        **arguments: Any,
    ) -> Waiting:
        """Gives a job to the worker. Wait for `Waiting.result`.

        Args:
            task: the name of a method of `photostyle.studio.work.tasks.Tasks`.
            priority, seconds, again, tell: see `Waiting`.
            arguments: of the method.
        """
        number = next(self._numbers)
        result = asyncio.get_running_loop().create_future()
        waiting = Waiting(priority, number, Job(number, task, arguments), result, tell, seconds, again)
        heapq.heappush(self._waiting, waiting)
        self._deaths = 0 if self._process is None else self._deaths
        self._next()
        return waiting

    async def run(self, task: str, **options: Any) -> Any:
        """Gives a job to the worker and waits for its value; see `submit`.

        If the caller is cancelled, a job that has not begun is left out.
        """
        waiting = self.submit(task, **options)
        try:
            return await waiting.result
        except asyncio.CancelledError:
            self._leave_out(waiting)
            raise

    def stop(self, waiting: Waiting) -> None:
        """Stops a job: at once if it waits, and within about a second if it is at work."""
        if self._leave_out(waiting):
            _settle(waiting, JobStoppedError())
        elif waiting is self._now and not waiting.ended_because:
            self._send(Stop(waiting.number))
            asyncio.get_running_loop().call_later(STOP_SECONDS, self._end_if_at_work, waiting, "stopped")

    def close(self) -> None:
        """Ends the process. Every job is stopped."""
        self._closed = True
        for waiting in [*self._waiting, *([self._now] if self._now else [])]:
            _settle(waiting, JobStoppedError())
        self._waiting, self._now = [], None
        if self._process is not None:
            self._process.kill()

    def _leave_out(self, waiting: Waiting) -> bool:
        """Forgets a job that has not begun. Returns whether it had not."""
        if waiting not in self._waiting:
            return False
        self._waiting.remove(waiting)
        heapq.heapify(self._waiting)
        return True

    def _next(self) -> None:
        if self._now is not None or not self._waiting or self._closed:
            return
        self.start()
        if not self._ready:
            return
        self._now = heapq.heappop(self._waiting)
        seconds = self._now.seconds
        reason = f"it took more than {seconds:.0f} seconds"
        self._timer = asyncio.get_running_loop().call_later(seconds, self._end_if_at_work, self._now, reason)
        self._send(self._now.job)

    def _send(self, message: Job | Stop) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            return  # it has died; `_ended` follows

    def _end_if_at_work(self, waiting: Waiting, reason: str) -> None:
        if self._now is waiting:
            waiting.ended_because = reason
            self._process.kill()

    def _hear(self, process: object, message: Report) -> None:
        if process is not self._process or self._closed:
            return
        if isinstance(message, Ready):
            self._ready, self._deaths = True, 0
        elif self._now is not None and message.number == self._now.number:
            if isinstance(message, Told):
                self._now.tell(message.stage, message.done)
                return
            now = self._take()
            if isinstance(message, Finished):
                _settle(now, message.value)
            else:
                _settle(now, _exception(message))
        self._next()

    def _take(self) -> Waiting:
        assert self._now is not None
        now, self._now = self._now, None
        if self._timer is not None:
            self._timer.cancel()
        return now

    def _ended(self, process: Any) -> None:
        if process is not self._process or self._closed:
            return
        code, was_ready = process.exitcode, self._ready
        self._process, self._ready = None, False
        self._deaths += not was_ready
        how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        if self._now is not None:
            now = self._take()
            if now.ended_because == "stopped":
                _settle(now, JobStoppedError())
            elif now.ended_because:
                advice = "Try a smaller photo, or another preset."
                _settle(now, WorkerDiedError.stating(f"this was ended because {now.ended_because}", advice=advice))
            else:
                death = _death(how)
                self._changed(str(death))
                if now.again:
                    now.again -= 1
                    heapq.heappush(self._waiting, now)
                else:
                    _settle(now, death)
        if self._deaths >= MOST_DEATHS:
            error = PhotostyleError("a process that starts", f"{self._deaths} crashes in a row ({how})", self.name)
            for waiting in self._waiting:
                _settle(waiting, error)
            self._waiting, self._deaths = [], 0
        self._next()


def _death(how: str) -> WorkerDiedError:
    advice = "Perhaps there was too little memory. A new process has started: try again, or try a smaller photo."
    return WorkerDiedError.stating(f"the process that worked on this has ended ({how})", advice=advice)


def _exception(message: Failed) -> Exception:
    if message.stopped:
        return JobStoppedError()
    if message.error is not None:
        return message.error
    print(message.trace, file=sys.stderr, flush=True)
    return UnforeseenError(message.trace)


def _settle(waiting: Waiting, value: object) -> None:
    """Gives whoever waits the value or the exception. Nobody need wait any more."""
    if waiting.result.done():
        return
    if isinstance(value, BaseException):
        waiting.result.set_exception(value)
        waiting.result.exception()  # so that nobody is told that it was never read
    else:
        waiting.result.set_result(value)
