"""Photos and results in a store that speaks S3: a server on this machine, and the command in processes of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from photostyle.batch.output_folder import STATE_FOLDER
from tests.batch import fakes

pytest.importorskip("moto", reason="needs an S3 server: pip install 'moto[server]'")
s3fs = pytest.importorskip("s3fs", reason="needs s3fs: pip install s3fs")

pytestmark = pytest.mark.slow
NAMES = ("trip/a.png", "trip/day/b.jpg", "trip/day/c #1 é.png")
QUICK = ("--preset", "preview", "--size", "64", "--segmenter", "none", "--json", "-q")
START_SECONDS = 60


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Of processes that find the server by themselves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        for _ in range(10 * START_SECONDS):
            try:
                socket.create_connection(("127.0.0.1", int(port)), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail(f"the S3 server did not answer within {START_SECONDS} s")
        yield os.environ | {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip
        server.kill()


@pytest.fixture
def store(environment: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """A set and a style in a bucket of their own, and the same in a folder; an empty bucket for the results."""
    fakes.photos(tmp_path, *NAMES, "dusk.png")
    store = s3fs.S3FileSystem(
        key=environment["AWS_ACCESS_KEY_ID"], secret=environment["AWS_SECRET_ACCESS_KEY"],
        endpoint_url=environment["AWS_ENDPOINT_URL_S3"], use_listings_cache=False, skip_instance_cache=True,
    )  # fmt: skip
    for bucket in ("photos", "results"):
        store.mkdir(bucket)
    for name in (*NAMES, "dusk.png"):
        store.pipe_file(f"photos/{name}", (tmp_path / name).read_bytes())
    yield store
    for bucket in ("photos", "results"):
        store.rm(bucket, recursive=True)


def batch(environment: dict[str, str], folder: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the last event, and standard error."""
    command = [sys.executable, "-m", "photostyle", "batch", *words, *QUICK]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


def by_url(output: str = "s3://results/evening", style: str = "s3://photos/dusk.png") -> list[str]:
    return ["--content", "s3://photos/trip", "--style", style, "-o", output, "--manifest", "kept"]


def results(store: Any) -> dict[str, bytes]:
    found = store.find("results/evening")
    return {path.removeprefix("results/evening/"): store.cat_file(path) for path in found if STATE_FOLDER not in path}


@pytest.mark.parametrize("more", [(), ("--consistent",)])
def test_results_are_those_of_folders(
    store: Any, environment: dict[str, str], tmp_path: Path, more: tuple[str, ...]
) -> None:
    assert batch(environment, tmp_path, *by_url(), *more)[0] == 0
    assert batch(environment, tmp_path, "--content", "trip", "--style", "dusk.png", "-o", "out", *more)[0] == 0
    assert results(store) == {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*.*")
        if path.is_file() and STATE_FOLDER not in path.parts
    }
    assert len(results(store)) == 3 and not store.find(f"results/evening/{STATE_FOLDER}/parts")


def test_same_command_again_does_what_is_missing_or_altered(
    store: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    batch(environment, tmp_path, *by_url())
    before = results(store)
    store.rm_file("results/evening/a.png")
    store.pipe_file("results/evening/day/b.jpg", b"somebody else's")
    code, summary, _ = batch(environment, tmp_path, *by_url())
    assert (code, summary["done"], summary["failed"]) == (0, 3, 0)
    assert results(store) == before


def test_bucket_that_is_not_there_is_told_before_any_work(
    store: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    for words, exit_code in (
        (by_url("s3://no-such-bucket/evening"), 6),
        (by_url(style="s3://no-such-bucket/dusk.png"), 3),
        (["--content", "s3://no-such-bucket/trip", *by_url()[2:]], 3),
    ):
        code, _, told = batch(environment, tmp_path, *words)
        assert code == exit_code and "s3://no-such-bucket" in told and "Traceback" not in told
    assert not results(store)


def test_style_that_is_not_there_is_told_before_any_work(
    store: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    code, _, told = batch(environment, tmp_path, *by_url(style="s3://photos/dawn.png"))
    assert code == 3 and "s3://photos/dawn.png" in told
    assert not results(store)
