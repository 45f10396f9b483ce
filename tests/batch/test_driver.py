"""What the driver and the plan of what is left do together: nothing twice, nothing lost, whatever the workers meet."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from photostyle.batch.driver import BatchEvent, Driver, LookFound, LookStarted, PhotoEnded, PhotoStarted, Retrying
from photostyle.batch.job import Failure, LookJob, Outcome, PhotoJob, StyleSource
from photostyle.batch.manifest import Manifest, Record, read_records
from photostyle.batch.output_folder import STATE_FOLDER, leftover_parts, remove_leftovers
from photostyle.batch.plan import Item
from photostyle.batch.resume import (
    ALTERED,
    CHANGED,
    FORCED,
    MISSING,
    NEW,
    RETRIED,
    Digests,
    RemainingWork,
    remaining_work,
    rename_finished_results,
)
from photostyle.batch.worker_messages import JobDropped, JobStarted, WorkerLost, WorkerMessage, WorkerReady
from photostyle.errors import OutputError, WeightsError
from photostyle.files import sha256
from photostyle.settings import Settings
from tests.batch import fakes
from tests.batch.fakes import DeathError, Inline, reversing

Do = Callable[[Any], Outcome]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Four photos, 00.jpg to 03.jpg."""
    (tmp_path / "set").mkdir()
    return fakes.items(tmp_path / "set", 4)


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
        driver.run([item for item, _ in todo.todo])
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


def test_all_are_done_and_recorded(items: list[Item], out: Path) -> None:
    todo, events, workers = run(items, out)
    assert set(reasons(todo).values()) == {NEW} and workers.closed
    assert results(out) == expected(0, 1, 2, 3)
    records = read_records(str(out))
    assert [sha256(out / name) for name in records] == [record.sha256 for record in records.values()]
    assert {record.attempts for record in records.values()} == {1}
    assert [type(event) for event in events] == [WorkerReady, *[PhotoStarted, PhotoEnded] * 4]
    assert not list((out / STATE_FOLDER / "parts").iterdir())


def test_same_command_again_does_nothing(items: list[Item], out: Path) -> None:
    run(items, out)
    todo, events, _ = run(items, out)
    assert (todo.todo, todo.done, events) == ((), 4, [])


def test_only_what_is_missing_or_altered_or_changed_is_done(items: list[Item], out: Path) -> None:
    run(items, out)
    (out / "00.jpg").unlink()
    (out / "01.jpg").write_bytes(b"altered")
    Path(items[2].content).write_bytes(b"photo 2")  # the same again
    Path(items[3].content).write_bytes(b"another")
    todo, _, workers = run(items, out)
    assert reasons(todo) == {"00.jpg": MISSING, "01.jpg": ALTERED, "03.jpg": CHANGED}
    assert workers.done == ["00.jpg", "01.jpg", "03.jpg"]
    assert results(out) == expected(0, 1, 2) | {"03.jpg": b"rehtona"}


def test_other_settings_or_style_do_all_and_another_device_none(items: list[Item], out: Path) -> None:
    run(items, out)
    changed = Settings().with_changes({"strength": 0.5})
    assert set(reasons(run(items, out, settings=changed)[0]).values()) == {CHANGED}
    assert run(items, out, settings=changed.with_changes({"device": "cpu"}))[0].todo == ()
    Path(items[0].styles[0].path).write_bytes(b"another style")
    assert len(run(items, out, settings=changed)[0].todo) == 4
    weighted = [dataclasses.replace(item, styles=(StyleSource(item.styles[0].path, weight=2),)) for item in items]
    assert len(run(weighted, out, settings=changed)[0].todo) == 4


def test_mask_and_its_names_count(items: list[Item], out: Path, tmp_path: Path) -> None:
    mask = tmp_path / "00.mask.png"
    mask.write_bytes(b"mask")
    masked = [dataclasses.replace(items[0], content_mask=str(mask)), *items[1:]]
    run(masked, out)
    assert run(masked, out)[0].todo == ()
    (tmp_path / "classes.json").write_text("{}")
    assert reasons(run(masked, out)[0]) == {"00.jpg": CHANGED}


def test_force_does_all(items: list[Item], out: Path) -> None:
    run(items, out)
    todo, _, workers = run(items, out, force=True)
    assert set(reasons(todo).values()) == {FORCED} and len(workers.done) == 4


def test_failed_photo_is_left_until_told_or_changed(items: list[Item], out: Path) -> None:
    Path(items[1].content).write_bytes(b"bad")
    run(items, out)
    assert results(out) == expected(0, 2, 3)
    record = read_records(str(out))["01.jpg"]
    assert (record.status, record.error, record.message) == (
        "failed",
        "InputError",
        "expected a photo, found something bad",
    )
    todo, _, _ = run(items, out)
    assert (todo.todo, todo.done, [record.output for record in todo.failed]) == ((), 3, ["01.jpg"])
    todo, _, _ = run(items, out, retry_failed=True)
    assert reasons(todo) == {"01.jpg": RETRIED}
    assert read_records(str(out))["01.jpg"].attempts == 2
    Path(items[1].content).write_bytes(b"photo 1")
    assert reasons(run(items, out)[0]) == {"01.jpg": CHANGED}
    assert results(out) == expected(0, 1, 2, 3)


def test_photo_that_has_gone_fails_alone(items: list[Item], out: Path) -> None:
    def do(job: PhotoJob) -> Outcome:
        if not Path(job.content).exists():
            return Outcome(job.output, Failure("InputError", "expected a photo, found none"))
        return reversing(job)

    Path(items[2].content).unlink()
    run(items, out, do)
    assert results(out) == expected(0, 1, 3)
    assert run(items, out, do)[0].todo == ()


def test_foreign_file_is_kept_unless_told(items: list[Item], out: Path) -> None:
    (out / "02.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match="1 file that was not written by photostyle"):
        run(items, out)
    with pytest.raises(OutputError, match="not written by photostyle"):
        run(items, out, force=True)
    assert results(out) == {"02.jpg": b"mine"}
    run(items, out, overwrite=True)
    assert results(out) == expected(0, 1, 2, 3)


def test_lost_record_is_never_taken_for_done(items: list[Item], out: Path) -> None:
    run(items, out)
    manifest = out / STATE_FOLDER / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join([*lines[:2], lines[2].replace(b"done", b"gone"), *lines[3:]]))
    with pytest.raises(OutputError, match="1 file that was not written by photostyle"):
        run(items, out)
    assert reasons(run(items, out, overwrite=True)[0]) == {"01.jpg": NEW}


def test_kill_between_the_record_and_the_name_costs_nothing(
    items: list[Item], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(part: str, path: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("photostyle.batch.driver.move_into_place", killed)
        with pytest.raises(KeyboardInterrupt):
            run(items, out)
    assert results(out) == {} and leftover_parts(str(out), "00.jpg")
    before = tree(out)
    dry = remaining_work(items, read_records(str(out)), Digests(Settings()), str(out))
    assert (dry.done, len(dry.todo)) == (1, 3) and tree(out) == before
    todo, _, workers = run(items, out)
    assert todo.done == 1 and "00.jpg" not in workers.done
    assert results(out) == expected(0, 1, 2, 3)


def test_kill_before_the_record_does_it_again(items: list[Item], out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: Manifest, __: Record) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            run(items, out)
    todo, _, _ = run(items, out)
    assert set(reasons(todo).values()) == {NEW} and len(todo.todo) == 4
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
        raise OutputError("an output folder that can be written to", "No space left on device")

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


@pytest.fixture
def deaths() -> list[str]:
    """The jobs at which a worker has died."""
    return []


def dying(names: dict[str, int], deaths: list[str], do_otherwise: Do = reversing) -> Do:
    """A job at which the worker dies so many times."""

    def do(job: PhotoJob) -> Outcome:
        if deaths.count(job.output) < names.get(job.output, 0):
            deaths.append(job.output)
            raise DeathError
        return do_otherwise(job)

    return do


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


def test_what_kills_leave_of_unfinished_files_is_removed(items: list[Item], out: Path) -> None:
    run(items, out)
    left_over = [out / STATE_FOLDER / name for name in ("parts/x.1", "parts/.x.part", "thumbnails/.x.part", ".x.part")]
    for path in left_over:
        path.touch()
    run(items, out)
    assert not any(path.exists() for path in left_over)
    assert len(list((out / STATE_FOLDER / "thumbnails").iterdir())) == 8


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
        _, events, workers = run(items, out, look_seconds)
        assert workers.done == ["look 0", "look 1", "00.jpg", "01.jpg", "02.jpg", "03.jpg"]
        assert [type(event) for event in events] == [
            WorkerReady,
            *[LookStarted, LookFound] * 2,
            *[PhotoStarted, PhotoEnded] * 4,
        ]
        looks = [path.read_bytes().rpartition(b" with ")[2] for path in sorted(out.glob("*.jpg"))]
        assert looks == [b"style.jpg of 4"] * 2 + [b"other.jpg of 4"] * 2
        assert set(read_records(str(out))) == set(results(out))
        assert run(items, out, look_seconds)[0].todo == ()

    def test_photo_does_not_begin_before_its_look_is_there(self, items: list[Item], out: Path) -> None:
        class Two(Inline):
            """Has room for whatever comes."""

            def has_room(self, *, alone: bool = False) -> bool:
                return True

            def give(self, job: PhotoJob | LookJob, *, alone: bool = False) -> None:
                assert isinstance(job, LookJob) or job.look == f"{Path(job.styles[0].path).name} of 4".encode()
                super().give(job, alone=alone)

        with Manifest(str(out)) as manifest:
            driver = Driver(str(out), manifest, Two(look_seconds), Digests(Settings()), lambda _: None, Stop(10**6))
            driver.run(items)
        assert driver.ended == set(results(out)) and len(driver.ended) == 4

    def test_without_its_look_a_set_has_failed_and_others_are_done(self, items: list[Item], out: Path) -> None:
        Path(items[0].styles[0].path).write_bytes(b"bad")
        _, events, _ = run(items, out, look_seconds)
        assert set(results(out)) == {"02.jpg", "03.jpg"}
        records = read_records(str(out))
        failed = [records[name] for name in ("00.jpg", "01.jpg")]
        assert {(record.status, record.error, record.message) for record in failed} == {
            ("failed", "InputError", "no look for the set: expected a style")
        }
        assert sum(isinstance(event, PhotoEnded) for event in events) == 4
        Path(items[0].styles[0].path).write_bytes(b"good")
        assert set(reasons(run(items, out, look_seconds)[0])) == {"00.jpg", "01.jpg"}

    @pytest.mark.parametrize("times", [1, 2])
    def test_worker_that_dies_while_it_finds_a_look(
        self, times: int, items: list[Item], out: Path, deaths: list[str]
    ) -> None:
        _, events, _ = run(items, out, dying({"look 0": times}, deaths, look_seconds))
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

        workers = Slow(look_seconds)
        with Manifest(str(out)) as manifest:
            driver = Driver(str(out), manifest, workers, Digests(Settings()), lambda _: None, Stop(3))
            driver.run(items)
        assert workers.stopped and workers.closed and len(workers.jobs) == 2
        assert results(out) == {} and read_records(str(out)) == {}
        assert len(run(items, out, look_seconds)[0].todo) == 4


def look_seconds(job: PhotoJob | LookJob) -> Outcome:
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
