"""Looks of sets: found first and once; photos wait for them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from photostyle.batch.driver import Driver, LookFound, LookStarted, PhotoEnded, PhotoStarted, Retrying
from photostyle.batch.job import Failure, LookJob, Outcome, PhotoJob, StyleSource
from photostyle.batch.manifest import Manifest, read_records
from photostyle.batch.plan import Item
from photostyle.batch.resume import (
    Digests,
)
from photostyle.batch.worker_messages import JobStarted, WorkerMessage, WorkerReady
from photostyle.errors import WeightsError
from photostyle.files import sha256
from photostyle.settings import Settings
from tests.batch.fakes import Inline, reversing
from tests.batch.runs import Stop, dying, reasons, results, run


class TestOneLook:
    """Items of two styles, two photos each, all of which wait for the look of their style."""

    @pytest.fixture
    def items(self, items: list[Item], tmp_path: Path) -> list[Item]:
        photo_set = tuple((item.content, None) for item in items)
        other = StyleSource(str(tmp_path / "other.jpg"))
        Path(other.path).write_bytes(b"another style")
        first = [dataclasses.replace(item, photo_set=photo_set) for item in items[:2]]
        return first + [dataclasses.replace(item, styles=(other,), photo_set=photo_set) for item in items[2:]]

    def test_looks_are_found_first_and_once(self, items: list[Item], out: Path) -> None:
        _, events, workers = run(items, out, find_look)
        assert workers.done == ["look 0", "look 1", "00.jpg", "01.jpg", "02.jpg", "03.jpg"]
        assert [type(event) for event in events] == [
            WorkerReady,
            *[LookStarted, LookFound] * 2,
            *[PhotoStarted, PhotoEnded] * 4,
        ]
        looks = [path.read_bytes().rpartition(b" with ")[2] for path in sorted(out.glob("*.jpg"))]
        assert looks == [b"style.jpg of 4"] * 2 + [b"other.jpg of 4"] * 2
        assert set(read_records(str(out))) == set(results(out))
        assert run(items, out, find_look)[0].todo == ()

    def test_photo_does_not_begin_before_its_look_is_there(self, items: list[Item], out: Path) -> None:
        class Two(Inline):
            """Has room for whatever comes."""

            def has_room(self, *, alone: bool = False) -> bool:
                return True

            def give(self, job: PhotoJob | LookJob, *, alone: bool = False) -> None:
                assert isinstance(job, LookJob) or job.look == f"{Path(job.styles[0].path).name} of 4".encode()
                super().give(job, alone=alone)

        with Manifest(str(out)) as manifest:
            driver = Driver(str(out), manifest, Two(find_look), Digests(Settings()), lambda _: None, Stop(10**6))
            driver.run(items)
        assert driver.ended == set(results(out)) and len(driver.ended) == 4

    def test_without_its_look_a_set_has_failed_and_others_are_done(self, items: list[Item], out: Path) -> None:
        Path(items[0].styles[0].path).write_bytes(b"bad")
        _, events, _ = run(items, out, find_look)
        assert set(results(out)) == {"02.jpg", "03.jpg"}
        records = read_records(str(out))
        failed = [records[name] for name in ("00.jpg", "01.jpg")]
        assert {(record.status, record.error, record.message) for record in failed} == {
            ("failed", "InputError", "no look for the set: expected a style")
        }
        assert sum(isinstance(event, PhotoEnded) for event in events) == 4
        Path(items[0].styles[0].path).write_bytes(b"good")
        assert set(reasons(run(items, out, find_look)[0])) == {"00.jpg", "01.jpg"}

    @pytest.mark.parametrize("times", [1, 2])
    def test_worker_that_dies_while_it_finds_a_look(
        self, times: int, items: list[Item], out: Path, deaths: list[str]
    ) -> None:
        _, events, _ = run(items, out, dying({"look 0": times}, deaths, find_look))
        again = {event.item.output for event in events if isinstance(event, Retrying)}
        assert deaths == ["look 0"] * times and "look 0" in again
        assert set(results(out)) == {"02.jpg", "03.jpg"} | ({"00.jpg", "01.jpg"} if times == 1 else set())
        failed = {record.error for record in read_records(str(out)).values() if record.status == "failed"}
        assert failed == ({"WorkerDied"} if times == 2 else set())

    def test_weights_that_are_missing_stop_all(self, items: list[Item], out: Path) -> None:
        def do(job: PhotoJob | LookJob) -> Outcome:
            return Outcome(job.output, Failure("WeightsError", "none", fatal=WeightsError("weights", "none")))

        with pytest.raises(WeightsError):
            run(items, out, do)
        assert read_records(str(out)) == {}

    def test_stopping_while_a_look_is_found_does_not_wait_for_it(self, items: list[Item], out: Path) -> None:
        class Slow(Inline):
            """Never done."""

            asked = 0

            def messages(self, seconds: float) -> list[WorkerMessage]:
                self.asked += 1
                assert self.asked < 10, "the driver waits for the look"
                return [JobStarted(self.jobs[0][0].output)]

        workers = Slow(find_look)
        with Manifest(str(out)) as manifest:
            driver = Driver(str(out), manifest, workers, Digests(Settings()), lambda _: None, Stop(3))
            driver.run(items)
        assert workers.stopped and workers.closed and len(workers.jobs) == 2
        assert results(out) == {} and read_records(str(out)) == {}
        assert len(run(items, out, find_look)[0].todo) == 4


def find_look(job: PhotoJob | LookJob) -> Outcome:
    """A look is the name of its style and the number of photos; results say which look they have."""
    if isinstance(job, LookJob):
        style = Path(job.styles[0].path)
        if style.read_bytes() == b"bad":
            return Outcome(job.output, Failure("InputError", "expected a style"))
        return Outcome(job.output, seconds={"total": 0.1}, look=f"{style.name} of {len(job.photo_set)}".encode())
    outcome = reversing(job)
    made = Path(job.part).read_bytes() + b" with " + (job.look or b"none")
    Path(job.part).write_bytes(made)
    return dataclasses.replace(outcome, sha256=sha256(Path(job.part)))
