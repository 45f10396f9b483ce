"""A Ray of two workers on this machine: what it makes, and what becomes of photos whose worker dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from photostyle.batch import cluster_workers
from photostyle.batch.cluster_actor import WorkerActor
from photostyle.batch.cluster_workers import ClusterWorkers, WorkerResources, workers_that_fit
from photostyle.batch.driver import BatchEvent, Driver, LookFound, LookStarted, PhotoEnded, PhotoStarted, Retrying
from photostyle.batch.job import StyleSource, WorkerOptions
from photostyle.batch.local_workers import LocalWorkers
from photostyle.batch.manifest import Manifest, read_records
from photostyle.batch.output_folder import PARTS, STATE_FOLDER
from photostyle.batch.plan import Item, make_plan
from photostyle.batch.ray_connection import STORE_BYTES, RayConnection
from photostyle.batch.resume import Digests
from photostyle.batch.worker_messages import Workers
from photostyle.cli import main
from photostyle.errors import OutputError, PhotostyleError, SettingsError
from photostyle.presets import load_preset
from photostyle.settings import Settings
from tests.batch import fakes
from tests.batch.poisoned import POISON, Dying, Older, Poisoned
from tests.fakes import write_photo

Captured = pytest.CaptureFixture[str]
RESOURCES = WorkerResources(1, 0, 1_000_000)
QUICK = ("--preset", "preview", "--size", "64", "--segmenter", "none")


@pytest.fixture(scope="module")
def begun() -> Iterator[None]:
    """A Ray with room for two workers, begun here."""
    if sys.platform == "win32":
        pytest.skip("sends signals that Windows lacks")
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'photostyle[cluster]'")
    with warnings.catch_warnings(action="ignore"):
        ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=STORE_BYTES,
                 log_to_driver=False, logging_level="ERROR")  # fmt: skip
    yield
    ray.shutdown()


@pytest.fixture
def ray(begun: None) -> Iterator[RayConnection]:
    """A connection to it, which ends without it."""
    connection = RayConnection("auto", 2)
    yield connection
    connection.close()


@pytest.fixture
def settings() -> Settings:
    return load_preset("preview").with_changes({"solver.size": 64, "regions.segmenter": "none", "device": "cpu"})


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Ten photos in two folders."""
    fakes.photos(tmp_path / "trip", *(f"{number % 2}/{number}.png" for number in range(10)))
    style = write_photo(tmp_path / "style.png", 99)
    return list(make_plan([str(tmp_path / "trip")], [StyleSource(str(style))], str(tmp_path / "out")).items)


def done(
    workers: Workers, items: list[Item], output: Path, settings: Settings, tell: list[BatchEvent]
) -> dict[str, bytes]:
    """Runs a batch; the results by name."""
    output.mkdir()
    with Manifest(str(output)) as manifest:
        Driver(str(output), manifest, workers, Digests(settings), tell.append, lambda: False).run(items)
    return results(output)


def results(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and STATE_FOLDER not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class Killing(list[BatchEvent]):
    """Events, after the third photo of which the worker of the photo that is solved is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.workers: ClusterWorkers
        self.killed: list[str] = []

    def append(self, event: BatchEvent) -> None:
        super().append(event)
        over = sum(isinstance(message, PhotoEnded) for message in self)
        if over >= 3 and not self.killed and isinstance(event, PhotoStarted):
            worker = next(worker for worker in self.workers.workers if worker.solving == event.item.output)
            assert worker.loaded
            self.killed = [event.item.output]
            os.kill(worker.loaded.pid, signal.SIGKILL)


@pytest.mark.slow
def test_batch_whose_worker_is_killed_is_that_of_this_machine(
    ray: RayConnection, items: list[Item], tmp_path: Path, settings: Settings
) -> None:
    options, events = WorkerOptions(settings, 1), Killing()
    alone = done(LocalWorkers(2, options), items, tmp_path / "local", settings, [])
    events.workers = ClusterWorkers(ray, 2, RESOURCES, options, str(tmp_path))
    on_ray = done(events.workers, items, tmp_path / "out", settings, events)
    assert on_ray == alone and len(on_ray) == 10
    records = read_records(str(tmp_path / "out"))
    assert {record.status for record in records.values()} == {"done"}
    assert sorted(event.item.output for event in events if isinstance(event, PhotoEnded)) == sorted(records)
    again = [event.item.output for event in events if isinstance(event, Retrying)]
    assert events.killed and set(events.killed) <= set(again)
    assert {name for name, record in records.items() if record.attempts == 2} == set(again)
    assert not list((tmp_path / "out" / STATE_FOLDER / PARTS).iterdir())


@pytest.mark.slow
def test_one_look_is_found_by_one_worker_and_is_that_of_this_machine(
    ray: RayConnection, items: list[Item], tmp_path: Path, settings: Settings
) -> None:
    photo_set = tuple((item.content, None) for item in items)
    items = [replace(item, photo_set=photo_set) for item in items[:4]]
    options, events = WorkerOptions(settings, 1), list[BatchEvent]()
    alone = done(LocalWorkers(2, options), items, tmp_path / "local", settings, [])
    workers = ClusterWorkers(ray, 2, RESOURCES, options, str(tmp_path))
    assert done(workers, items, tmp_path / "out", settings, events) == alone and len(alone) == 4
    assert [type(event) for event in events if isinstance(event, LookStarted | LookFound)] == [LookStarted, LookFound]


@pytest.mark.slow
def test_photo_that_kills_two_workers_fails_and_the_rest_is_done(
    ray: RayConnection, items: list[Item], tmp_path: Path, settings: Settings
) -> None:
    items = [*items[:2], replace(items[2], output=f"{POISON}.png"), *items[3:5]]
    workers = ClusterWorkers(ray, 2, RESOURCES, WorkerOptions(settings, 1), kind=Poisoned)
    made = done(workers, items, tmp_path / "out", settings, [])
    assert sorted(made) == sorted(item.output for item in items if POISON not in item.output)
    record = read_records(str(tmp_path / "out"))[f"{POISON}.png"]
    assert (record.status, record.error, record.attempts) == ("failed", "WorkerDied", 2)
    assert record.message and socket.gethostname() in record.message


@pytest.mark.slow
def test_command_prints_json_only_and_stops_when_asked(ray: RayConnection, items: list[Item], tmp_path: Path) -> None:
    words = ["batch", "--content", "trip", "--style", "style.png", "-o", "out", *QUICK, "--cluster", "auto", "--json"]
    command = [sys.executable, "-m", "photostyle", *words]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = []
        for line in process.stdout:
            told.append(json.loads(line))
            if told[-1]["event"] == "done" and not any(event["event"] == "stopping" for event in told):
                process.send_signal(signal.SIGTERM)
        process.wait(60)
    over = [event["output"] for event in told if event["event"] == "done"]
    assert {"event": "workers", "workers": 2} in told and {"event": "stopping"} in told
    assert process.returncode == 130 and 1 <= len(over) < 10
    assert sorted(results(tmp_path / "out")) == sorted(over)
    assert told[-1]["event"] == "summary" and told[-1]["left"] == 10 - len(over)


def news_until_raised(workers: ClusterWorkers, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            workers.messages(0.1)
    finally:
        workers.close()


@pytest.mark.slow
def test_other_version_is_refused(ray: RayConnection, settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"on every machine, found 0\.0\.1"):
        news_until_raised(ClusterWorkers(ray, 1, RESOURCES, WorkerOptions(settings, 1), kind=Older))


@pytest.mark.slow
def test_workers_that_die_before_they_are_ready_are_given_up(ray: RayConnection, settings: Settings) -> None:
    with pytest.raises(PhotostyleError, match="4 crashes in a row"):
        news_until_raised(ClusterWorkers(ray, 2, RESOURCES, WorkerOptions(settings, 1), kind=Dying))


@pytest.mark.slow
def test_cluster_without_room_is_given_up(
    ray: RayConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_workers, "START_SECONDS", 0.2)
    with pytest.raises(PhotostyleError, match=r"a worker within 0\.2 s, found none \(free: CPU"):
        news_until_raised(ClusterWorkers(ray, 1, replace(RESOURCES, processors=64), WorkerOptions(settings, 1)))


def test_folder_that_a_worker_does_not_find_is_told(tmp_path: Path, settings: Settings) -> None:
    message = WorkerActor().load(WorkerOptions(settings, 1), str(tmp_path / "none"))
    assert isinstance(message, OutputError) and "a folder on every machine of the cluster" in str(message)


def test_room_of_a_cluster() -> None:
    free = {"CPU": 8.0, "GPU": 2.0, "memory": 10e9}
    assert workers_that_fit(free, WorkerResources(1, 0, 1_000_000_000)) == 8
    assert workers_that_fit(free, WorkerResources(2, 0.25, 1_000_000_000)) == 4
    assert workers_that_fit(free, WorkerResources(1, 1, 1_000_000_000)) == 2
    assert workers_that_fit(free, WorkerResources(1, 0, 3_000_000_000)) == 3
    assert workers_that_fit({}, RESOURCES) == 1


@pytest.fixture
def command(items: list[Item], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return ["batch", "--content", "trip", "--style", "style.png", "-o", "out", *QUICK]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        (("--cluster", "http://head:1"), "expected ray://HOST:10001 or auto"),
        (("--cluster", "head"), "expected ray://HOST:10001 or auto"),
        (("--cluster", "ray://head:none"), "expected ray://HOST:10001 or auto"),
        (("--gpus-per-worker", "1"), "--gpus-per-worker needs --cluster"),
        (("--cluster", "auto", "--cpus-per-worker", "0"), "1 or more"),
        (("--cluster", "auto", "--gpus-per-worker", "1.5"), "a share below 1, or a whole number"),
        (("--cluster", "auto", "--gpus-per-worker", "nan"), "a share below 1, or a whole number"),
        (("--cluster", "auto", "--gpus-per-worker", "-1"), "a share below 1, or a whole number"),
        (("--cluster", "auto", "--device", "cuda"), "a device of workers with 0 GPUs"),
        (("--cluster", "auto", "--device", "cpu", "--gpus-per-worker", "1"), "a device of workers with 1 GPUs"),
        (("--cluster", "auto", "--dry-run"), "expected either --dry-run or --cluster, found both"),
    ],
)
def test_options_that_make_no_sense(command: list[str], more: tuple[str, ...], found: str, capsys: Captured) -> None:
    assert main([*command, *more]) == 2
    assert found in capsys.readouterr().err


def test_cluster_that_does_not_answer(command: list[str], capsys: Captured) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    assert main([*command, "--cluster", f"ray://127.0.0.1:{port}"]) == 2
    assert "a Ray cluster that answers, found Connection refused" in capsys.readouterr().err
    assert time.monotonic() - began < 30


def test_missing_extra_is_named(command: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main([*command, "--cluster", "auto"]) == 2
    assert "pip install 'photostyle[cluster]'" in capsys.readouterr().err


@pytest.mark.slow
def test_what_other_threads_print_is_kept_off_standard_output(begun: None, capsys: Captured) -> None:
    connection = RayConnection("auto", 2)
    thread = threading.Thread(target=print, args=("from Ray",))
    thread.start()
    thread.join()
    print("from photostyle")
    connection.close()
    assert capsys.readouterr() == ("from photostyle\n", "from Ray\n")
