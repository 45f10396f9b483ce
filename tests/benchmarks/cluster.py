"""What bounds a cluster: seconds and bytes of one photo, and how many photos a second one driver keeps up with.

    python -m tests.benchmarks.cluster photo [--photos 3] [--megapixels 0.327 12] [--size 512]
    python -m tests.benchmarks.cluster manifest [--records 2000] [--folder .]
    python -m tests.benchmarks.cluster driver [--photos 300] [--workers 2]

`photo` does one photo after the other in one worker of one thread. `manifest` adds records, each flushed to the disk of
the folder. `driver` runs a whole batch on a local Ray whose workers do nothing: what is left is the driver's own work.
"""

from __future__ import annotations

import argparse
import os
import pickle
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from photostyle import __version__
from photostyle.batch.cluster_workers import ClusterWorkers, WorkerResources
from photostyle.batch.driver import BatchEvent, Driver
from photostyle.batch.job import PhotoJob, StyleSource, WorkerOptions
from photostyle.batch.manifest import Manifest, Record
from photostyle.batch.plan import Item
from photostyle.batch.ray_connection import RayConnection
from photostyle.batch.resume import Digests
from photostyle.batch.worker import Worker
from photostyle.batch.worker_messages import WorkerReady
from photostyle.presets import load_preset
from photostyle.settings import Settings
from tests.benchmarks.idle import Idle
from tests.benchmarks.whole import SAMPLES, enlarged

STYLES = (StyleSource(str(SAMPLES / "sunset.jpg")),)


def photo(photos: int, megapixels: Sequence[float], size: int) -> None:
    worker = Worker(WorkerOptions(load_preset("default").with_changes({"solver.size": size}), 1))
    for pixels in megapixels:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            content = enlarged(SAMPLES / "city.jpg", folder / "photo.jpg", pixels)
            files = str(folder / "part"), (str(folder / "0.jpg"), str(folder / "1.jpg"))
            job = PhotoJob(str(content), "photo.jpg", STYLES, None, *files)
            outcomes = [worker.do(job) for _ in range(photos + 1)][1:]  # the first measures the style
            seconds = sum((outcome.seconds or {})["total"] for outcome in outcomes) / photos
            written = sum(os.path.getsize(path) for path in (files[0], *files[1]))
            read, sent = content.stat().st_size, len(pickle.dumps((job, outcomes[0])))
            print(f"{pixels:g} megapixels: {seconds:.2f} s a photo, {read / 1e6:.2f} MB read")
            print(f"{written / 1e6:.2f} MB written, {sent} bytes through Ray")


def manifest(records: int, folder: str) -> None:
    sums = "0" * 64
    record = Record("photo.jpg", "/photos/photo.jpg", sums, sums, sums, None, "done", sums, 3000, 4000, {"total": 1.0},
                    (), {"clipped": 0.0}, None, None, 1, "2026-01-01T00:00:00+00:00", __version__)  # fmt: skip
    with tempfile.TemporaryDirectory(dir=folder) as name, Manifest(name) as kept:
        began = time.perf_counter()
        for number in range(records):
            kept.add(replace(record, output=f"{number}.jpg"))
        print(f"{records / (time.perf_counter() - began):.0f} records a second")


def driver(photos: int, workers: int) -> None:
    ready: list[float] = []

    def tell(event: BatchEvent) -> None:
        if isinstance(event, WorkerReady):
            ready.append(time.perf_counter())

    items = [Item(STYLES[0].path, f"{number}.jpg", STYLES) for number in range(photos)]
    actors = ClusterWorkers(
        RayConnection("auto", workers),
        workers,
        WorkerResources(1, 0, 100_000_000),
        WorkerOptions(Settings(), 1),
        kind=Idle,
    )
    with tempfile.TemporaryDirectory() as name, Manifest(name) as kept:
        Driver(name, kept, actors, Digests(Settings()), tell, lambda: False).run(items)
        print(f"{photos / (time.perf_counter() - ready[0]):.0f} photos a second with {workers} idle workers")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("photo")
    one.add_argument("--photos", type=int, default=3)
    one.add_argument("--megapixels", type=float, nargs="+", default=[0.327, 12])
    one.add_argument("--size", type=int, default=512)
    two = commands.add_parser("manifest")
    two.add_argument("--records", type=int, default=2000)
    two.add_argument("--folder", default=".")
    three = commands.add_parser("driver")
    three.add_argument("--photos", type=int, default=300)
    three.add_argument("--workers", type=int, default=2)
    given = vars(parser.parse_args())
    print(f"load {os.getloadavg()[0]:.1f}")
    {"photo": photo, "manifest": manifest, "driver": driver}[given.pop("what")](**given)
