"""What the driver does with its workers: all photos once, whatever the workers, the disk and listeners do."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest

from photostyle.batch.driver import BatchEvent, Driver, PhotoEnded, PhotoStarted, Retrying
from photostyle.batch.job import Outcome, PhotoJob
from photostyle.batch.manifest import Manifest, Record, read_records
from photostyle.batch.output_folder import STATE_FOLDER
from photostyle.batch.plan import Item
from photostyle.batch.resume import (
    MISSING,
    NEW,
    Digests,
)
from photostyle.batch.worker_messages import JobDropped, WorkerLost, WorkerMessage, WorkerReady
from photostyle.errors import OutputError
from photostyle.files import sha256
from photostyle.settings import Settings
from tests.batch import fakes
from tests.batch.fakes import Inline, reversing
from tests.batch.runs import Stop, dying, expected, reasons, results, run


def test_all_are_done_and_recorded(items: list[Item], out: Path) -> None:
    todo, events, workers = run(items, out)
    assert set(reasons(todo).values()) == {NEW} and workers.closed
    assert results(out) == expected(0, 1, 2, 3)
    records = read_records(str(out))
    assert [sha256(out / name) for name in records] == [record.sha256 for record in records.values()]
    assert {record.attempts for record in records.values()} == {1}
    assert [type(event) for event in events] == [WorkerReady, *[PhotoStarted, PhotoEnded] * 4]
    assert not list((out / STATE_FOLDER / "parts").iterdir())


@pytest.mark.parametrize("after", range(4))
def test_stopping_finishes_what_is_at_hand(after: int, items: list[Item], out: Path) -> None:
    _, events, workers = run(items, out, after=after)
    ended = [event.item.output for event in events if isinstance(event, PhotoEnded)]
    assert workers.closed and ended == workers.done and len(ended) < 4
    assert results(out).keys() == set(ended)
    todo, _, _ = run(items, out)
    assert len(todo.todo) == 4 - len(ended)
    assert results(out) == expected(0, 1, 2, 3)


def test_outcomes_that_came_together_are_recorded_when_a_listener_raises(items: list[Item], out: Path) -> None:
    class AtOnce(Inline):
        """Two photos at a time, whose outcomes come together."""

        def messages(self, seconds: float) -> list[WorkerMessage]:
            return [message for _ in range(max(1, len(self.jobs))) for message in super(AtOnce, self).messages(seconds)]

    def tell(event: BatchEvent) -> None:
        if isinstance(event, PhotoEnded):
            raise BrokenPipeError

    with Manifest(str(out)) as manifest:
        driver = Driver(str(out), manifest, AtOnce(reversing, ready=True), Digests(Settings()), tell, Stop(10**6))
        with pytest.raises(BrokenPipeError):
            driver.run(items)
    assert set(read_records(str(out))) == set(results(out)) == {"00.jpg", "01.jpg"}


def test_worker_lost_with_two_photos_when_a_listener_raises_ends_the_batch(items: list[Item], out: Path) -> None:
    class Doomed(Inline):
        """Dies with all that it has."""

        asked = 0

        def messages(self, seconds: float) -> list[WorkerMessage]:
            self.asked += 1
            assert self.asked < 10, "the driver waits for photos that no worker has"
            lost, self.jobs = self.jobs, []
            return [WorkerLost(tuple(job.output for job, _ in lost), "killed by signal 9")] if lost else []

    def tell(event: BatchEvent) -> None:
        raise OutputError("output that can be written", "no space")

    with Manifest(str(out)) as manifest:
        driver = Driver(str(out), manifest, Doomed(reversing), Digests(Settings()), tell, Stop(10**6))
        with pytest.raises(OutputError, match="no space"):
            driver.run(items)


def test_full_disk_stops_and_blames_no_photo(items: list[Item], out: Path) -> None:
    def do(job: PhotoJob) -> Outcome:
        return reversing(job) if job.output < "02.jpg" else fakes.full_disk(job)

    with pytest.raises(OutputError, match="No space left"):
        run(items, out, do)
    assert results(out) == expected(0, 1)
    assert set(read_records(str(out))) == {"00.jpg", "01.jpg"}
    run(items, out)
    assert results(out) == expected(0, 1, 2, 3)


def test_full_disk_under_the_manifest_stops(items: list[Item], out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Manifest, __: Record) -> None:
        raise OutputError("an output cannot be written to", "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "add", full)
        with pytest.raises(OutputError, match="No space left"):
            run(items, out)
    assert results(out) == {}
    run(items, out)
    assert results(out) == expected(0, 1, 2, 3)


def test_output_folder_that_vanishes_stops_and_is_not_made_again(items: list[Item], out: Path) -> None:
    def do(job: PhotoJob) -> Outcome:
        outcome = reversing(job)
        if job.output == "01.jpg":
            shutil.rmtree(out)
        return outcome

    with pytest.raises(OutputError, match="is gone"):
        run(items, out, do)
    assert not out.exists()


def test_folder_of_results_that_vanishes_is_made_again(tmp_path: Path, items: list[Item], out: Path) -> None:
    deep = [dataclasses.replace(item, output=f"deep/{item.output}") for item in items]

    def do(job: PhotoJob) -> Outcome:
        shutil.rmtree(out / "deep", ignore_errors=True)
        return reversing(job)

    run(deep, out, do)
    assert [path.name for path in (out / "deep").iterdir()] == ["03.jpg"]
    todo, _, _ = run(deep, out)
    assert set(reasons(todo).values()) == {MISSING} and len(todo.todo) == 3


def test_photo_whose_worker_dies_once_is_tried_again(items: list[Item], out: Path, deaths: list[str]) -> None:
    _, events, _ = run(items, out, dying({"01.jpg": 1}, deaths))
    assert results(out) == expected(0, 1, 2, 3)
    again = {event.item.output for event in events if isinstance(event, Retrying)}
    assert "01.jpg" in again
    assert read_records(str(out))["01.jpg"].attempts == 2


def test_poisonous_photo_fails_after_two_tries_and_takes_none_with_it(
    items: list[Item], out: Path, deaths: list[str]
) -> None:
    run(items, out, dying({"01.jpg": 9}, deaths))
    assert deaths == ["01.jpg", "01.jpg"]
    assert results(out) == expected(0, 2, 3)
    record = read_records(str(out))["01.jpg"]
    assert (record.status, record.error, record.attempts) == ("failed", "WorkerDied", 2)
    assert record.message == "its worker died 2 times (last: killed by signal 9)"


def test_job_that_comes_back_unbegun_is_given_again_and_not_counted(items: list[Item], out: Path) -> None:
    class Clumsy(Inline):
        """Gives back every first job that it gets."""

        def messages(self, seconds: float) -> list[WorkerMessage]:
            if not self.ready and self.jobs:
                self.ready = True
                job, _ = self.jobs.pop(0)
                return [JobDropped(job.output)]
            return super().messages(seconds)

    with Manifest(str(out)) as manifest:
        driver = Driver(str(out), manifest, Clumsy(reversing), Digests(Settings()), lambda _: None, Stop(10**6))
        driver.run(items)
    assert results(out) == expected(0, 1, 2, 3) and driver.ended == set(results(out))
    assert {record.attempts for record in read_records(str(out)).values()} == {1}


def test_file_that_appears_under_the_name_of_a_result_is_kept(items: list[Item], out: Path) -> None:
    def do(job: PhotoJob) -> Outcome:
        if job.output == "01.jpg":
            (out / "01.jpg").write_bytes(b"somebody else's")
        return reversing(job)

    _, events, _ = run(items, out, do)
    assert results(out) == {**expected(0, 2, 3), "01.jpg": b"somebody else's"}
    ended = {event.item.output: event.record for event in events if isinstance(event, PhotoEnded)}
    assert ended["01.jpg"].status == "failed" and "another program made it" in str(ended["01.jpg"].message)
    with pytest.raises(OutputError, match="1 file that was not written by photostyle"):
        run(items, out, retry_failed=True)
    assert (out / "01.jpg").read_bytes() == b"somebody else's"
    (out / "01.jpg").unlink()
    assert reasons(run(items, out)[0]) == {"01.jpg": NEW}
    assert results(out) == expected(0, 1, 2, 3)


def test_file_that_appears_is_replaced_with_overwrite(items: list[Item], out: Path) -> None:
    def do(job: PhotoJob) -> Outcome:
        (out / job.output).write_bytes(b"somebody else's")
        return reversing(job)

    run(items, out, do, overwrite=True)
    assert results(out) == expected(0, 1, 2, 3)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_result_that_is_done_again_keeps_its_permissions(items: list[Item], out: Path) -> None:
    run(items, out)
    (out / "01.jpg").chmod(0o600)
    run(items, out, force=True)
    modes = {path.name: path.stat().st_mode & 0o777 for path in out.glob("*.jpg")}
    assert modes.pop("01.jpg") == 0o600 and 0o600 not in modes.values()
