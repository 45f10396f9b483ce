"""Runs of a batch with a worker in this process, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from photostyle.batch.driver import BatchEvent, Driver
from photostyle.batch.job import Outcome, PhotoJob
from photostyle.batch.manifest import Manifest
from photostyle.batch.output_folder import remove_leftovers
from photostyle.batch.plan import Item
from photostyle.batch.resume import (
    Digests,
    RemainingWork,
    remaining_work,
    rename_finished_results,
)
from photostyle.settings import Settings
from tests.batch.fakes import DeathError, Inline, reversing

Do = Callable[[Any], Outcome]


class Stop:
    """Says yes from the n-th question on."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def run(
    items: list[Item], out: Path, do: Do = reversing, *, settings: Settings | None = None, after: int = 10**6,
    **options: bool,
) -> tuple[RemainingWork, list[BatchEvent], Inline]:  # fmt: skip
    """What the command does, with a worker in this process."""
    digests, events, workers = Digests(settings or Settings()), list[BatchEvent](), Inline(do)
    with Manifest(str(out)) as manifest:
        todo = remaining_work(items, manifest.records, digests, str(out), **options)
        rename_finished_results(todo)
        remove_leftovers(str(out))
        driver = Driver(str(out), manifest, workers, digests, events.append, Stop(after))
        driver.run([item for item, _ in todo.todo], todo.replaceable)
    return todo, events, workers


def results(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.jpg"))}


def expected(*numbers: int) -> dict[str, bytes]:
    return {f"{number:02}.jpg": f"photo {number}".encode()[::-1] for number in numbers}


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All files below a folder, their times and bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def reasons(todo: RemainingWork) -> dict[str, str]:
    return {item.output: reason for item, reason in todo.todo}


def dying(names: dict[str, int], deaths: list[str], do_otherwise: Do = reversing) -> Do:
    """A job at which the worker dies so many times."""

    def do(job: PhotoJob) -> Outcome:
        if deaths.count(job.output) < names.get(job.output, 0):
            deaths.append(job.output)
            raise DeathError
        return do_otherwise(job)

    return do
