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

from photostyle.batch import cluster
from photostyle.batch.cluster import ClusterWorkers, Place, places
from photostyle.batch.driver import Again, Began, Driver, Ended, Event, Fitted, Fitting
from photostyle.batch.job import Options, StyleSource
from photostyle.batch.local import LocalWorkers
from photostyle.batch.manifest import Manifest, read_records
from photostyle.batch.places import HIDDEN, PARTS
from photostyle.batch.plan import Item, make_plan
from photostyle.batch.ray_client import STORE_BYTES, Ray
from photostyle.batch.remote import Remote
from photostyle.batch.resume import Digests
from photostyle.batch.workers import Workers
from photostyle.cli import main
from photostyle.errors import OutputError, PhotostyleError, SettingsError
from photostyle.presets import load_preset
from photostyle.settings import Settings
from tests.batch import fakes
from tests.batch.poisoned import POISON, Dying, Older, Poisoned
from tests.fakes import write_photo

Captured = pytest.CaptureFixture[str]
PLACE = Place(1, 0, 1_000_000)
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
def ray(begun: None) -> Iterator[Ray]:
    """A connection to it, which ends without it."""
    connection = Ray("auto", 2)
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


def done(workers: Workers, items: list[Item], output: Path, settings: Settings, tell: list[Event]) -> dict[str, bytes]:
    """Runs a batch; the results by name."""
    output.mkdir()
    with Manifest(str(output)) as manifest:
        Driver(str(output), manifest, workers, Digests(settings), tell.append, lambda: False).run(items)
    return results(output)


def results(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and HIDDEN not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class Killing(list[Event]):
    """Events, after the third photo of which the worker of the photo that is solved is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.workers: ClusterWorkers
        self.killed: list[str] = []

    def append(self, event: Event) -> None:
        super().append(event)
        over = sum(isinstance(said, Ended) for said in self)
        if over >= 3 and not self.killed and isinstance(event, Began):
            member = next(member for member in self.workers.members if member.solving == event.item.output)
            assert member.loaded
            self.killed = [event.item.output]
            os.kill(member.loaded.pid, signal.SIGKILL)


@pytest.mark.slow
def test_batch_whose_worker_is_killed_is_that_of_this_machine(
    ray: Ray, items: list[Item], tmp_path: Path, settings: Settings
) -> None:
    options, events = Options(settings, 1), Killing()
    alone = done(LocalWorkers(2, options), items, tmp_path / "local", settings, [])
    events.workers = ClusterWorkers(ray, 2, PLACE, options, str(tmp_path))
    together = done(events.workers, items, tmp_path / "out", settings, events)
    assert together == alone and len(together) == 10
    records = read_records(str(tmp_path / "out"))
    assert {record.status for record in records.values()} == {"done"}
    assert sorted(event.item.output for event in events if isinstance(event, Ended)) == sorted(records)
    again = [event.item.output for event in events if isinstance(event, Again)]
    assert events.killed and set(events.killed) <= set(again)
    assert {name for name, record in records.items() if record.attempts == 2} == set(again)
    assert not list((tmp_path / "out" / HIDDEN / PARTS).iterdir())


@pytest.mark.slow
def test_one_look_is_found_by_one_worker_and_is_that_of_this_machine(
    ray: Ray, items: list[Item], tmp_path: Path, settings: Settings
) -> None:
    together = tuple((item.content, None) for item in items)
    items = [replace(item, together=together) for item in items[:4]]
    options, events = Options(settings, 1), list[Event]()
    alone = done(LocalWorkers(2, options), items, tmp_path / "local", settings, [])
    workers = ClusterWorkers(ray, 2, PLACE, options, str(tmp_path))
    assert done(workers, items, tmp_path / "out", settings, events) == alone and len(alone) == 4
    assert [type(event) for event in events if isinstance(event, Fitting | Fitted)] == [Fitting, Fitted]


@pytest.mark.slow
def test_photo_that_kills_two_workers_fails_and_the_rest_is_done(
    ray: Ray, items: list[Item], tmp_path: Path, settings: Settings
) -> None:
    items = [*items[:2], replace(items[2], output=f"{POISON}.png"), *items[3:5]]
    workers = ClusterWorkers(ray, 2, PLACE, Options(settings, 1), kind=Poisoned)
    made = done(workers, items, tmp_path / "out", settings, [])
    assert sorted(made) == sorted(item.output for item in items if POISON not in item.output)
    record = read_records(str(tmp_path / "out"))[f"{POISON}.png"]
    assert (record.status, record.error, record.attempts) == ("failed", "WorkerDied", 2)
    assert record.message and socket.gethostname() in record.message


@pytest.mark.slow
def test_command_prints_json_only_and_stops_when_asked(ray: Ray, items: list[Item], tmp_path: Path) -> None:
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
            workers.news(0.1)
    finally:
        workers.close()


@pytest.mark.slow
def test_other_version_is_refused(ray: Ray, settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"on every machine, found 0\.0\.1"):
        news_until_raised(ClusterWorkers(ray, 1, PLACE, Options(settings, 1), kind=Older))


@pytest.mark.slow
def test_workers_that_die_before_they_are_ready_are_given_up(ray: Ray, settings: Settings) -> None:
    with pytest.raises(PhotostyleError, match="4 that died"):
        news_until_raised(ClusterWorkers(ray, 2, PLACE, Options(settings, 1), kind=Dying))


@pytest.mark.slow
def test_cluster_without_room_is_given_up(ray: Ray, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "START_SECONDS", 0.2)
    with pytest.raises(PhotostyleError, match=r"a worker within 0\.2 s, found none \(free: CPU"):
        news_until_raised(ClusterWorkers(ray, 1, replace(PLACE, processors=64), Options(settings, 1)))


def test_folder_that_a_worker_does_not_find_is_told(tmp_path: Path, settings: Settings) -> None:
    said = Remote().load(Options(settings, 1), str(tmp_path / "none"))
    assert isinstance(said, OutputError) and "a folder that all workers share" in str(said)


def test_room_of_a_cluster() -> None:
    free = {"CPU": 8.0, "GPU": 2.0, "memory": 10e9}
    assert places(free, Place(1, 0, 1_000_000_000)) == 8
    assert places(free, Place(2, 0.25, 1_000_000_000)) == 4
    assert places(free, Place(1, 1, 1_000_000_000)) == 2
    assert places(free, Place(1, 0, 3_000_000_000)) == 3
    assert places({}, PLACE) == 1


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
        (("--gpus-per-worker", "1"), "expected --cluster with it"),
        (("--cluster", "auto", "--cpus-per-worker", "0"), "at least one processor"),
        (("--cluster", "auto", "--gpus-per-worker", "1.5"), "a share of a GPU, or whole ones"),
        (("--cluster", "auto", "--gpus-per-worker", "nan"), "a share of a GPU, or whole ones"),
        (("--cluster", "auto", "--gpus-per-worker", "-1"), "a share of a GPU, or whole ones"),
        (("--cluster", "auto", "--device", "cuda"), "a device that workers with 0 GPUs have"),
        (("--cluster", "auto", "--device", "cpu", "--gpus-per-worker", "1"), "a device that workers with 1 GPUs have"),
        (("--cluster", "auto", "--dry-run"), "expected --dry-run or --cluster, found both"),
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
    connection = Ray("auto", 2)
    thread = threading.Thread(target=print, args=("from Ray",))
    thread.start()
    thread.join()
    print("from photostyle")
    connection.close()
    assert capsys.readouterr() == ("from photostyle\n", "from Ray\n")
