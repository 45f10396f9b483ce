"""Kills a batch at random moments, again and again, until it has nothing left to do.

    python -m tests.batch.killed SET STYLE OUTPUT [--kills 20] [--seed 0]

Prints a JSON object: how many kills, at how many results each, the leftovers found after them and how often each photo
was done. Everything is imported once and a fork is killed, so that twenty starts take seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import torch

from photostyle.batch import (
    local_workers,
    trial,  # noqa: F401 - imported before the forks
    worker,  # noqa: F401
)
from photostyle.batch.manifest import read_records
from photostyle.batch.output_folder import STATE_FOLDER
from photostyle.cli import main
from photostyle.errors import OutputError

LONGEST_END = 10
"""Seconds in which the workers of a killed batch must have ended."""
OPTIONS = ("--preset", "preview", "--size", "64", "--segmenter", "none", "--workers", "2", "--json")


def begun(words: list[str], log: Path) -> int:
    """A batch in a fork of its own session; the process's id."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
    os._exit(main(words))


def is_locked(code: int, log: Path, start: float) -> bool:
    """Whether a batch was refused since workers of the killed one before it still end: a fork has its lock, too."""
    return code == OutputError.exit_code and not events(log) and time.monotonic() - start < LONGEST_END


def events(log: Path) -> list[dict[str, object]]:
    """The whole lines of the log so far."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_bytes().split(b"\n")[:-1]]


def killed(words: list[str], log: Path, done: int, delay: float, most: int) -> tuple[int, int | None]:
    """Kills a batch so many seconds after so many photos were done in it, or when more than `most` were.

    Returns:
        how many it had done, and its exit code, None where it was killed.
    """
    log.unlink(missing_ok=True)
    pid = begun(words, log)
    start = time.monotonic()
    wanted = start + delay
    while True:
        over, status = os.waitpid(pid, os.WNOHANG)
        count = sum(event["event"] == "done" for event in events(log))
        if over and is_locked(os.waitstatus_to_exitcode(status), log, start):
            pid = begun(words, log)
            continue
        if over:
            return count, os.waitstatus_to_exitcode(status)
        if count < done:
            wanted = time.monotonic() + delay
        if time.monotonic() >= wanted or count > most:
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            code = os.waitstatus_to_exitcode(status)
            return sum(event["event"] == "done" for event in events(log)), None if code == -signal.SIGKILL else code
        time.sleep(0.002)


def run(options: argparse.Namespace) -> dict[str, object]:
    rng = random.Random(options.seed)
    output: Path = options.output
    words = ["batch", "--content", str(options.set), "--style", str(options.style), "-o", str(output), *OPTIONS]
    log = output.with_name("events.jsonl")
    counts: list[int] = []
    times: Counter[object] = Counter()
    half_written = 0
    while len(counts) < options.kills:
        # four in ten fall into the start, the others between one result and the next; enough is left for the last
        done, delay = (0, rng.uniform(0, 0.25)) if rng.random() < 0.4 else (1, rng.uniform(0, 0.1))
        most = len(counts) + 1 - len(times)
        count, code = killed(words, log, done, delay, max(most, 1))
        times.update(event["output"] for event in events(log) if event["event"] == "done")
        if code is not None:
            break
        counts.append(count)
        results = [path for path in output.rglob("*.png") if STATE_FOLDER not in path.parts]
        half_written += sum(not path.read_bytes().endswith(b"IEND\xaeB`\x82") for path in results)
    log.unlink(missing_ok=True)
    start = time.monotonic()
    while is_locked(code := os.waitstatus_to_exitcode(os.waitpid(begun(words, log), 0)[1]), log, start):
        pass
    times.update(event["output"] for event in events(log) if event["event"] == "done")
    return {
        "kills": len(counts), "done_before_each": counts, "exit_code": code, "half_written": half_written,
        "done": sum(times.values()), "twice": [output for output, count in times.items() if count > 1],
        "records": len(read_records(str(output))),
        "left_over": [path.name for path in output.rglob("*") if path.suffix == ".part" or path.parent.name == "parts"],
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("set", "style", "output"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    torch.set_num_threads(1)
    local_workers.START_METHOD = "fork"
    json.dump(run(parser.parse_args()), sys.stdout)
