"""Processes that die, hang or fail: the page hears of it, and goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request

from photostyle.errors import InputError
from photostyle.studio import workers
from photostyle.studio.requests import worked
from photostyle.studio.workers import JobStoppedError, UnforeseenError, Worker, WorkerDiedError
from tests.studio.fake_tasks import serve, serve_nothing
from tests.studio.served import Served

Use = Callable[[Worker], Awaitable[Any]]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[Use], Any]:
    """Runs a coroutine with a worker."""
    monkeypatch.setattr(workers, "serve", serve)

    def run(use: Use) -> Any:
        async def body() -> Any:
            worker = Worker("test")
            try:
                return await use(worker)
            finally:
                worker.close()

        return asyncio.run(body())

    return run


def test_a_job_gives_its_value_and_tells_how_far_it_is(worker: Callable[[Use], Any]) -> None:
    told: list[tuple[str, float | None]] = []

    async def use(worker: Worker) -> Any:
        value = await worker.run("value", value={"a": 1})
        steps = await worker.run("told", tell=lambda *told_: told.append(told_), steps=3, pause=0.0)
        return value, steps

    assert worker(use) == ({"a": 1}, 3)
    assert told == [("step 0", 0.0), ("step 1", 1 / 3), ("step 2", 2 / 3)]


def test_the_most_urgent_comes_first_and_then_the_oldest(worker: Callable[[Use], Any]) -> None:
    async def use(worker: Worker) -> list[str]:
        done: list[str] = []

        async def job(name: str, priority: int) -> None:
            await worker.run("value", value=name, priority=priority)
            done.append(name)

        first = asyncio.create_task(worker.run("sleep", duration=0.3))
        await asyncio.sleep(0)
        await asyncio.gather(first, job("c", 5), job("d", 9), job("a", 1), job("b", 1), job("e", 9))
        return done

    assert worker(use) == ["a", "b", "c", "d", "e"]


def test_errors_keep_their_words_and_bugs_their_traceback(
    worker: Callable[[Use], Any], capfd: pytest.CaptureFixture[str]
) -> None:
    async def use(worker: Worker) -> None:
        with pytest.raises(InputError, match=r"a\.jpg: expected a photo, found none"):
            await worker.run("wrong")
        with pytest.raises(UnforeseenError, match="nobody foresaw this"):
            await worker.run("bug")
        assert await worker.run("value", value=1) == 1

    worker(use)
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_process_that_dies_is_replaced_and_only_its_job_fails(worker: Callable[[Use], Any]) -> None:
    told: list[str] = []

    async def use(worker: Worker) -> None:
        worker._changed = told.append
        died = worker.submit("die")
        waiting = worker.submit("value", value=7)
        with pytest.raises(WorkerDiedError, match="exit code 3"):
            await died.result
        assert await waiting.result == 7
        before = worker.pid
        killed = worker.submit("sleep", duration=30)
        await asyncio.sleep(0.5)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match="killed by signal 9"):
            await killed.result
        assert await worker.run("value", value=8) == 8 and worker.pid != before

    worker(use)
    assert len(told) == 2 and all("has ended" in sentence for sentence in told)


def test_processes_that_never_start_are_given_up_with_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "serve", serve_nothing)

    async def use() -> None:
        worker = Worker("test")
        with pytest.raises(Exception, match="3 crashes in a row"):
            await worker.run("value", value=1)
        worker.close()

    asyncio.run(use())


def test_a_job_stops_at_once_if_it_waits_or_tells_and_within_seconds_if_it_does_not(
    worker: Callable[[Use], Any],
) -> None:
    async def use(worker: Worker) -> None:
        await worker.run("value", value=1)
        telling = worker.submit("told", steps=1000, pause=0.01)
        waiting = worker.submit("value", value=2)
        await asyncio.sleep(0.2)
        process_before = worker.pid
        worker.stop(waiting)
        worker.stop(telling)
        for job in (waiting, telling):
            with pytest.raises(JobStoppedError):
                await asyncio.wait_for(job.result, 10)
        assert await worker.run("value", value=3) == 3 and worker.pid == process_before
        silent = worker.submit("sleep", duration=60)
        await asyncio.sleep(0.2)
        worker.stop(silent)
        with pytest.raises(JobStoppedError):
            await asyncio.wait_for(silent.result, 10)
        assert await worker.run("value", value=4) == 4

    worker(use)


def test_a_job_that_takes_too_long_is_ended_with_a_message(worker: Callable[[Use], Any]) -> None:
    async def use(worker: Worker) -> None:
        await worker.run("value", value=1)
        job = worker.submit("told", seconds=1.0, steps=10_000, pause=0.01)
        with pytest.raises(WorkerDiedError, match="it took more than 1 seconds"):
            await job.result

    worker(use)


def test_who_no_longer_waits_is_left_out(worker: Callable[[Use], Any]) -> None:
    async def use(worker: Worker) -> int:
        first = worker.submit("sleep", duration=0.3)
        tasks = [asyncio.create_task(worker.run("sleep", duration=5)) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        left = worker.busy
        await first.result
        return left

    assert worker(use) == 1


def test_a_picture_for_a_page_that_has_moved_on_is_left_out(worker: Callable[[Use], Any]) -> None:
    class Gone:
        """A request whose client goes away after a moment."""

        app = SimpleNamespace(state=SimpleNamespace(studio=None))

        async def receive(self) -> dict[str, str]:
            await asyncio.sleep(0.05)
            return {"type": "http.disconnect"}

    async def use(worker: Worker) -> int:
        first = worker.submit("sleep", duration=2.0)
        for _ in range(3):
            with pytest.raises(JobStoppedError):
                await worked(cast("Request", Gone()), worker, "sleep", seconds=60.0, duration=5)
        await asyncio.sleep(0.05)
        left = worker.busy
        await first.result
        return left

    assert worker(use) == 1


@pytest.mark.slow
def test_the_studio_goes_on_when_its_processes_are_killed(shared: Served, photos: tuple[Path, Path]) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    id = shared.transfer(content, style)["id"]
    before = shared.view(id)
    for worker in (shared.studio.eye, shared.studio.hand):
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
    assert (shared.view(id, strength=1.0) == before).all()
    assert shared.saved(id).exists()


@pytest.mark.slow
def test_default_stops_within_seconds_and_views_are_answered_meanwhile(
    shared: Served, photos: tuple[Path, Path]
) -> None:
    content, style = shared.add(photos[0]), shared.add(photos[1], "style")
    id = shared.transfer(content, style)["id"]
    body = {"content": content, "styles": [{"photo": style}], "preset": "default"}
    other = shared.client.post("/api/transfers", json=body).json()["transfer"]["id"]
    shared.until(lambda: shared.transfer_of(other), lambda t: "refining" in t["stage"], 120)
    assert shared.view(id, strength=0.5).shape[2] == 3
    assert shared.transfer_of(other)["status"] == "working"
    began = time.monotonic()
    assert shared.client.post(f"/api/transfers/{other}/stop").status_code == 200
    assert shared.ended(other)["status"] == "stopped"
    assert time.monotonic() - began < 10  # a second or two on a machine that does nothing else
    again = shared.client.post("/api/transfers", json=body)
    assert again.status_code == 201 and again.json()["transfer"]["status"] == "waiting"
    shared.client.delete(f"/api/transfers/{again.json()['transfer']['id']}")
