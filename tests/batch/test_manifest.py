"""The manifest: whole after a kill at any byte, whole but for a line after a byte gone wrong, one batch at a time."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from photostyle.batch.manifest import DAMAGED, VERSION, Manifest, Record, _line, read_records
from photostyle.batch.output_folder import STATE_FOLDER
from photostyle.errors import OutputError


def a_record(output: str, **changes: object) -> Record:
    record = Record(
        output=output, content="/photos/a.jpg", content_sha256="0" * 64, settings="1" * 64, styles="2" * 64, mask=None,
        status="done", sha256="3" * 64, height=72, width=96, seconds={"total": 1.5}, warnings=("one", "two"),
        figures={"halo": 0.5}, error=None, message=None, attempts=1, finished="2026-01-01T00:00:00+00:00", version="1",
    )  # fmt: skip
    return dataclasses.replace(record, **changes)  # type: ignore[arg-type]


HOLDING = "from photostyle.batch.manifest import Manifest; m = Manifest({!r}); print(flush=True); input()"
"""A process that has the lock until it is killed."""
RECORDS = [a_record("a.jpg"), a_record("two\nlines\udcff.jpg"), a_record("ä.jpg", status="failed", warnings=())]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a manifest with three records."""
    with Manifest(str(tmp_path)) as manifest:
        for record in RECORDS:
            manifest.add(record)
    return tmp_path / STATE_FOLDER / "manifest.jsonl"


def test_records_come_back_as_they_were(path: Path, tmp_path: Path) -> None:
    assert list(read_records(str(tmp_path)).values()) == RECORDS
    with Manifest(str(tmp_path)) as manifest:
        assert list(manifest.records.values()) == RECORDS and manifest.damaged == 0


def test_later_record_replaces_an_earlier_one(path: Path, tmp_path: Path) -> None:
    with Manifest(str(tmp_path)) as manifest:
        manifest.add(a_record("a.jpg", attempts=2))
    assert read_records(str(tmp_path))["a.jpg"].attempts == 2


def test_kill_at_any_byte_leaves_the_records_before_it(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        whole = (
            sum(end - 1 <= length for end in ends) - 1
        )  # the last newline may be missing; the first line is no record
        assert list(read_records(str(tmp_path)).values()) == RECORDS[: max(whole, 0)], length


def test_torn_manifest_is_gone_on_with(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    for length in (0, 5, len(data) - 1, len(data) - 20):
        path.write_bytes(data[:length])
        with Manifest(str(tmp_path)) as manifest:
            before = list(manifest.records.values())
            manifest.add(RECORDS[2])
        assert list(read_records(str(tmp_path)).values()) == [*before[:2], RECORDS[2]]


def test_byte_gone_wrong_costs_its_line_alone(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    lines = data.split(b"\n")
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        hit = data[:place].count(b"\n")
        lost = {hit, hit + 1} if data[place] == ord("\n") else {hit}
        kept = [record for line, record in enumerate(RECORDS, start=1) if line not in lost]
        assert list(read_records(str(tmp_path)).values()) == kept, (place, lines[hit])
    with Manifest(str(tmp_path)) as manifest:
        assert manifest.damaged == 1
    assert (tmp_path / STATE_FOLDER / DAMAGED).exists()
    with Manifest(str(tmp_path)) as manifest:
        assert manifest.damaged == 0


def test_manifest_of_a_newer_version_is_refused(path: Path, tmp_path: Path) -> None:
    path.write_bytes(_line({"photostyle batch": VERSION + 1}))
    with pytest.raises(OutputError, match="a manifest of version"):
        read_records(str(tmp_path))


def test_lines_are_a_checksum_and_json(path: Path) -> None:
    checksum, text = path.read_text().splitlines()[1].split(" ", 1)
    assert len(checksum) == 16 and json.loads(text)["output"] == "a.jpg"


def test_second_batch_in_a_folder_is_refused(tmp_path: Path) -> None:
    program = f"from photostyle.batch.manifest import Manifest; Manifest({str(tmp_path)!r})"
    with Manifest(str(tmp_path)):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "another batch (process " in done.stderr
    subprocess.run([sys.executable, "-c", program], check=True)


def test_second_batch_is_refused_where_the_system_has_no_such_error_as_deadlock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("errno.EDEADLOCK", raising=False)  # as on macOS
    command = [sys.executable, "-c", HOLDING.format(str(tmp_path))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        with pytest.raises(OutputError, match=f"another batch \\(process {process.pid} on "):
            Manifest(str(tmp_path))
        process.kill()


def test_second_batch_of_the_same_process_is_refused(tmp_path: Path) -> None:
    with Manifest(str(tmp_path)), pytest.raises(OutputError, match="another batch"):
        Manifest(str(tmp_path))
    Manifest(str(tmp_path)).close()


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDING.format(str(tmp_path))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        process.kill()
        process.wait()
        Manifest(str(tmp_path)).close()


def test_folder_that_has_gone_is_an_output_error(path: Path, tmp_path: Path) -> None:
    with Manifest(str(tmp_path)) as manifest:
        path.unlink()
        with pytest.raises(OutputError, match="output folder is gone"):
            manifest.add(RECORDS[0])


def test_full_disk_is_an_output_error_and_leaves_whole_lines(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = path.read_bytes()
    with Manifest(str(tmp_path)) as manifest:

        def no_space(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("photostyle.batch.manifest.os.fsync", no_space)
        with pytest.raises(OutputError, match="No space left"):
            manifest.add(a_record("new.jpg"))
        assert "new.jpg" not in manifest.records
    assert path.read_bytes() == data
