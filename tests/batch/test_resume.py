"""What the same command does again: nothing twice, nothing lost, nothing of others replaced."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from photostyle.batch.job import Failure, Outcome, PhotoJob, StyleSource
from photostyle.batch.manifest import Manifest, Record, read_records
from photostyle.batch.output_folder import STATE_FOLDER, leftover_parts
from photostyle.batch.plan import Item
from photostyle.batch.resume import (
    ALTERED,
    CHANGED,
    FORCED,
    MISSING,
    NEW,
    RETRIED,
    Digests,
    remaining_work,
)
from photostyle.errors import OutputError
from photostyle.settings import Settings
from tests.batch.fakes import reversing
from tests.batch.runs import expected, reasons, results, run, tree


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
    def killed(part: str, path: str, *, overwrite: bool) -> None:
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


def test_what_kills_leave_of_unfinished_files_is_removed(items: list[Item], out: Path) -> None:
    run(items, out)
    left_over = [out / STATE_FOLDER / name for name in ("parts/x.1", "parts/.x.part", "thumbnails/.x.part", ".x.part")]
    for path in left_over:
        path.touch()
    run(items, out)
    assert not any(path.exists() for path in left_over)
    assert len(list((out / STATE_FOLDER / "thumbnails").iterdir())) == 8
