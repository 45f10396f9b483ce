"""`photostyle studio` as a user starts it."""

from __future__ import annotations

import builtins
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from photostyle.cli import main
from photostyle.studio.work.photos import find_photos_in
from tests.fakes import write_photo


def test_without_the_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    imported = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.partition(".")[0] in ("starlette", "uvicorn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return imported(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["studio", "--no-browser"]) == 2
    assert "pip install 'photostyle[studio]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--port", "70000"], 2, "a port from 0 to 65535"),
        (["--host", "no such host!"], 2, "an address of this machine"),
        (["missing.jpg"], 3, "nothing with that name"),
        (["--folder", "file"], 6, "a folder"),
        (["--folder", "no/such/folder"], 6, "no/such"),
    ],
    ids=str,
)
def test_wrong_options(
    words: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"")
    assert main(["studio", "--no-browser", *words]) == code
    assert message in capsys.readouterr().err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["studio", "--no-browser", "--port", port, "--folder", str(tmp_path / "r")]) == 2
    assert f"port {port} cannot be used" in capsys.readouterr().err


def test_photos_of_folders_and_no_link_out_of_them(tmp_path: Path) -> None:
    folder, outside, results = tmp_path / "trip", tmp_path / "private", tmp_path / "trip" / "photostyle"
    for each in (folder / "day 1", outside, results):
        each.mkdir(parents=True)
    wanted = [write_photo(folder / "a.jpg"), write_photo(folder / "day 1" / "b.png")]
    secret = write_photo(outside / "secret.jpg")
    write_photo(results / "a.dusk.jpg")
    (folder / "notes.txt").write_text("no photo")
    (folder / "link.jpg").symlink_to(secret)
    (folder / "linked").symlink_to(outside)
    (folder / "inside.jpg").symlink_to(wanted[0])
    found = find_photos_in([folder], results)
    assert sorted(path.name for path in found) == ["a.jpg", "b.png", "inside.jpg"]
    named = folder / "link.jpg"
    assert find_photos_in([named, named], results) == [named]  # the user has named it


def test_the_server_loads_no_library_for_pixels() -> None:
    """So that it starts at once, and so that no photo can take it down."""
    code = (
        "import sys, photostyle.cli.studio, photostyle.studio.serving\n"
        "print([name for name in ('torch', 'numpy', 'PIL', 'scipy', 'onnxruntime') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="it is stopped by a signal")
def test_a_studio_starts_answers_and_leaves_nothing(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.jpg")
    words = ["studio", str(photo), "--no-browser", "--json", "--port", "0", "--folder", str(tmp_path / "results")]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PHOTOSTYLE_CONFIG": str(tmp_path / "config")}
    with subprocess.Popen(
        [sys.executable, "-m", "photostyle", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        try:
            told = json.loads(process.stdout.readline())
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with opener.open(told["address"]) as answer:
                assert answer.status == 200 and b"<html" in answer.read()
            base = told["address"].partition("?")[0]
            with opener.open(f"{base}api/state") as answer:
                assert json.load(answer)["folder"] == "results"
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(f"{base}api/state")
            connection = opener.open(f"{base}api/events")
            assert connection.readline() == b"retry: 1000\n"
            assert len(list(tmp_path.glob("photostyle-studio-*"))) == 1
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()
    assert not list(tmp_path.glob("photostyle-studio-*")) and not (tmp_path / "results").exists()
