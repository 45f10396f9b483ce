"""Worker processes: what they do, how they die, and that none outlives its master."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from photostyle.batch import local_workers
from photostyle.batch.job import Outcome, PhotoJob, StyleSource, WorkerOptions
from photostyle.batch.local_workers import LocalWorkers
from photostyle.batch.worker import ReadJob, SolvedJob
from photostyle.batch.worker_messages import JobDropped, JobFinished, JobStarted, WorkerLost, WorkerMessage, WorkerReady
from photostyle.errors import PhotostyleError, WeightsError
from photostyle.presets import load_preset
from photostyle.settings import Settings
from tests.fakes import write_photo

OPTIONS = WorkerOptions(Settings(), threads=1)


class Stub:
    """In the place of `Worker`: what it is to do is the name of the photo."""

    def __init__(self, options: WorkerOptions) -> None:
        if options.settings.seed == 1:
            raise WeightsError("weights", "none", "compact", "Fetch them.")
        if options.settings.seed == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    def read(self, job: PhotoJob) -> ReadJob:
        return ReadJob(job, None, 0.0, Outcome(job.output))

    def solve(self, read: ReadJob) -> SolvedJob:
        if read.job.content == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if read.job.content == "exit":
            os._exit(3)
        time.sleep(0.3 if read.job.content == "slow" else 0)
        return SolvedJob(read, None, read.outcome)

    def write(self, solved: SolvedJob) -> Outcome:
        return solved.outcome


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that are there at once and load nothing; a fork has what is patched here."""
    if sys.platform == "win32":
        pytest.skip("Windows has no fork")
    monkeypatch.setattr(local_workers, "START_METHOD", "fork")
    monkeypatch.setattr("photostyle.batch.worker.Worker", Stub)


@pytest.fixture
def workers(stubs: None) -> Iterator[LocalWorkers]:
    workers = LocalWorkers(2, OPTIONS)
    yield workers
    workers.close()


def a_job(output: str, content: str = "quick") -> PhotoJob:
    return PhotoJob(content, output, (), None, "part", ("before", "after"))


def heard(
    workers: LocalWorkers, until: type[WorkerMessage], count: int = 1, seconds: float = 20
) -> list[WorkerMessage]:
    """All news up to the n-th of a kind."""
    messages: list[WorkerMessage] = []
    end = time.monotonic() + seconds
    while sum(isinstance(message, until) for message in messages) < count:
        assert time.monotonic() < end, messages
        messages += workers.messages(0.1)
    return messages


pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")


def test_jobs_are_begun_and_finished(workers: LocalWorkers) -> None:
    for name in "ab":
        assert workers.has_room()
        workers.give(a_job(name))
    assert not workers.has_room()
    messages = heard(workers, JobFinished, 2)
    assert {message.output for message in messages if isinstance(message, JobStarted)} == {"a", "b"}
    assert {message.outcome.output for message in messages if isinstance(message, JobFinished)} == {"a", "b"}
    assert all(message.peak_bytes > 1e6 for message in messages if isinstance(message, JobFinished))
    assert workers.has_room()


def test_next_job_is_handed_out_while_one_is_solved(workers: LocalWorkers) -> None:
    for name in "ab":
        workers.give(a_job(name, "slow"))
    heard(workers, JobStarted, 2)
    assert workers.has_room() and not workers.has_room(alone=True)
    heard(workers, JobFinished, 2)


def test_worker_with_a_job_alone_gets_no_other(stubs: None) -> None:
    workers = LocalWorkers(1, OPTIONS)
    workers.give(a_job("a", "slow"), alone=True)
    heard(workers, JobStarted)
    assert not workers.has_room()
    heard(workers, JobFinished)
    assert workers.has_room(alone=True)
    workers.close()


@pytest.mark.parametrize(("how", "reason"), [("die", "killed by signal 9"), ("exit", "exit code 3")])
def test_worker_that_dies_is_replaced(how: str, reason: str, workers: LocalWorkers) -> None:
    workers.give(a_job("a", how))
    lost = next(message for message in heard(workers, WorkerLost) if isinstance(message, WorkerLost))
    assert lost == WorkerLost(("a",), reason)
    for name in "bc":
        workers.give(a_job(name))
    heard(workers, JobFinished, 2)


def test_stopping_drops_what_is_not_begun(stubs: None) -> None:
    workers = LocalWorkers(1, OPTIONS)
    workers.give(a_job("a", "slow"))
    heard(workers, JobStarted)
    workers.give(a_job("b"))
    workers.stop()
    messages = heard(workers, JobDropped)
    if not any(isinstance(message, JobFinished) for message in messages):
        messages += heard(workers, JobFinished)
    assert [message.output for message in messages if isinstance(message, JobDropped)] == ["b"]
    assert "b" not in [message.output for message in messages if isinstance(message, JobStarted)]
    workers.close()


def test_error_of_a_start_is_raised(stubs: None) -> None:
    workers = LocalWorkers(1, WorkerOptions(Settings(seed=1), 1))
    with pytest.raises(WeightsError, match="Fetch them"):
        heard(workers, WorkerReady)
    workers.close()


def test_workers_that_never_start_are_given_up(stubs: None) -> None:
    workers = LocalWorkers(1, WorkerOptions(Settings(seed=2), 1))
    with pytest.raises(PhotostyleError, match="4 crashes in a row"):
        heard(workers, WorkerReady)
    workers.close()


def test_jobs_of_a_worker_that_dies_before_it_is_ready_are_given_back(stubs: None) -> None:
    workers = LocalWorkers(1, WorkerOptions(Settings(seed=2), 1))
    workers.give(a_job("a"))
    assert [message.output for message in heard(workers, JobDropped) if isinstance(message, JobDropped)] == ["a"]
    workers.close()


class Scripted:
    """In the place of `WorkerProcess`: a pipe on whose other end a test says what a worker would say."""

    def __init__(self, options: WorkerOptions) -> None:
        self.pipe, self.worker_end = Pipe()
        self.jobs: list[str] = []
        self.waiting: set[str] = set()
        self.ready = self.alone = False


@pytest.mark.parametrize("failing", range(3))
def test_outcomes_that_came_with_an_error_are_told_before_it(failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_workers, "WorkerProcess", Scripted)
    workers = LocalWorkers(3, OPTIONS)
    processes: list[Any] = workers._processes
    for name in "abc":
        workers.give(a_job(name))
    for place, process in enumerate(processes):
        error = WeightsError("weights", "none", "compact")
        process.worker_end.send(error if place == failing else JobFinished(Outcome(process.jobs[0]), 1))
    done = {message.outcome.output for message in workers.messages(0) if isinstance(message, JobFinished)}
    assert done == set("abc") - {"abc"[failing]}
    with pytest.raises(WeightsError):
        workers.messages(0)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signals_are_left_to_the_master(name: str, workers: LocalWorkers) -> None:
    heard(workers, WorkerReady, 2)
    for process in workers._processes:
        os.kill(process.process.pid, getattr(signal, name))
    for output in "ab":
        workers.give(a_job(output))
    heard(workers, JobFinished, 2)


MASTER = """
import time
from photostyle.batch import local_workers
from photostyle.batch.job import WorkerOptions
from photostyle.settings import Settings
workers = local_workers.LocalWorkers(2, WorkerOptions(Settings(), 1))
print(*(process.process.pid for process in workers._processes), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_workers_end_with_a_master_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", MASTER], stdout=subprocess.PIPE, text=True) as master:
        assert master.stdout
        pids = master.stdout.readline().split()
        master.kill()
    end = time.monotonic() + 20
    while any(Path("/proc", pid).exists() for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert len(pids) == 2


@pytest.mark.slow
def test_real_worker_in_a_real_process(tmp_path: Path) -> None:
    content, style = write_photo(tmp_path / "a.png", 1), write_photo(tmp_path / "b.png", 2)
    thumbnails = str(tmp_path / "0.jpg"), str(tmp_path / "1.jpg")
    workers = LocalWorkers(1, WorkerOptions(load_preset("preview"), 1))
    workers.give(PhotoJob(str(content), "a.png", (StyleSource(str(style)),), None, str(tmp_path / "part"), thumbnails))
    finished = heard(workers, JobFinished, seconds=100)[-1]
    workers.close()
    assert isinstance(finished, JobFinished) and finished.outcome.failure is None
    assert (tmp_path / "part").stat().st_size > 1000 and finished.outcome.width == 96
