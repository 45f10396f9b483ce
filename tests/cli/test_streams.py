"""A process without standard input, output or error does its work and ends well."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from photostyle.cli.streams import _NeverFailing
from tests.fakes import write_photo

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="closes file descriptors with a POSIX shell"),
    pytest.mark.slow,
]


def started(redirection: str, *words: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Runs photostyle as the shell starts it with this redirection, such as `>&-`."""
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "photostyle", *words]
    return subprocess.run(command, capture_output=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    content, style = write_photo(tmp_path / "city.png", 1), write_photo(tmp_path / "sunset.png", 2)
    quick = ("--preset", "preview", "--segmenter", "none", "--size", "64")
    return ["run", "--content", str(content), "--style", str(style), *quick]


@pytest.mark.parametrize(
    "redirection",
    ["<&- >&- 2>&-", *(pytest.param(each, marks=pytest.mark.slow) for each in (">&-", "2>&-", "2>/dev/full"))],
)
def test_result_is_written_whatever_is_closed(redirection: str, words: list[str], tmp_path: Path) -> None:
    if "/dev/full" in redirection and not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full: Linux has /dev/full")
    done = started(redirection, *words)
    assert done.returncode == 0 and done.stdout == b"" and b"Traceback" not in done.stderr
    with Image.open(tmp_path / "city.out.png") as result:
        assert result.size == (96, 72)


def test_photo_is_alone_on_standard_output_without_standard_error(words: list[str], tmp_path: Path) -> None:
    done = started("2>&-", *words, "-o", "-")
    assert done.returncode == 0 and done.stdout.startswith(b"\x89PNG")
    with Image.open(io.BytesIO(done.stdout)) as result:
        result.load()
    assert done.stdout.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize("more", [["-o", "-"], ["--json"]])
def test_closed_standard_output_is_refused_where_it_is_needed(
    more: list[str], words: list[str], tmp_path: Path
) -> None:
    done = started(">&-", *words, *more)
    assert done.returncode == 6
    assert done.stderr.startswith(b"photostyle: standard output: it is closed, so it cannot take the ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["city.png", "sunset.png"]


@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", [["presets"], ["--version"], ["--help"]])
def test_text_for_nobody_is_no_error(redirection: str, words: list[str]) -> None:
    assert started(redirection, *words).returncode == 0


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_errors_have_their_exit_codes_without_standard_error(redirection: str) -> None:
    done = started(redirection, "run", "--content", "none.jpg", "--style", "none.jpg")
    assert (done.returncode, done.stdout) == (3, b"")
    assert started(redirection, "run", "--sizes").returncode == 2


def test_standard_input_that_is_closed_is_an_empty_photo(words: list[str]) -> None:
    words[words.index("--content") + 1] = "-"
    done = started("<&-", *words)
    assert done.returncode == 3 and b"standard input: " in done.stderr and b"an empty file" in done.stderr


@pytest.mark.slow
def test_batch_without_streams(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "city.png").rename(tmp_path / "set/city.png")
    changed = ["batch", "--content", str(tmp_path / "set"), *words[3:], "-o", str(tmp_path / "out"), "--workers", "1"]
    assert started(">&- 2>&-", *changed).returncode == 0
    assert (tmp_path / "out/city.png").is_file()


def test_reader_of_standard_error_that_has_gone_changes_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        command = [sys.executable, "-m", "photostyle", "run", "--content", "none.jpg", "--style", "none.jpg"]
        assert subprocess.run(command, stderr=write, check=False).returncode == 3
    finally:
        os.close(write)


def test_what_can_be_written_is_written_whole(tmp_path: Path) -> None:
    class Slow(io.FileIO):
        """Takes three bytes at a time."""

        def write(self, data: object) -> int:
            return super().write(memoryview(data)[:3])  # type: ignore[arg-type]

    with Slow(tmp_path / "log", "wb") as raw:
        stream = _NeverFailing(raw)
        assert stream.write(b"all of it") == 9 and stream.writable()
        assert stream.fileno() == raw.fileno() and not stream.isatty()
    assert (tmp_path / "log").read_bytes() == b"all of it"
    assert stream.write(b"closed") == 6
