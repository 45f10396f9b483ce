"""How runs get on with other work: one alone, two at once, and one beside a busy core.

    python -m tests.benchmarks.company [--preset default] [--runs 3] [--spinning]

The processes get the environment that they would have by themselves, without this one's variables for OpenMP. Every
line has the median seconds until the last run has ended, by the clock and of the processor, and the ratio to one run
alone. The first line says how busy the machine was before: the seconds mean little on one that is busy.

`--spinning` is for presets that use PyTorch. It adds runs in which its threads do what GNU's OpenMP does if nobody says
anything: they try again 300,000 times before they sleep. `passive` is what the program sets: they sleep as they wait.
The two ways take turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tests.benchmarks.start import OPENMP
from tests.benchmarks.whole import SAMPLES, enlarged, run_words

WAITING = {"passive": {}, "spinning": {"GOMP_SPINCOUNT": "300000"}}


@contextmanager
def busy_core() -> Iterator[None]:
    """Another process that computes all the time."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def together(count: int, preset: str, folder: Path, waiting: Mapping[str, str]) -> tuple[float, float]:
    """Seconds until the last of so many runs has ended, and the processor seconds of all."""
    environment = {name: value for name, value in os.environ.items() if name not in OPENMP} | dict(waiting)
    folders = [folder / str(place) for place in range(count)]
    began = time.perf_counter()
    processes = []
    for own in folders:
        own.mkdir(exist_ok=True)
        words = [*run_words(folder / "city.jpg", folder / "sunset.jpg", own), "--preset", preset]
        command = [sys.executable, "-m", "photostyle", *words]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
    spent = 0.0
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"exit code {process.returncode}")
        spent += usage.ru_utime + usage.ru_stime
    return time.perf_counter() - began, spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--spinning", action="store_true")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores; load over the last minute: {os.getloadavg()[0]:.1f}")
    ways = WAITING if options.spinning else {"passive": WAITING["passive"]}
    rounds: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for photo in ("city.jpg", "sunset.jpg"):
            enlarged(SAMPLES / photo, folder / photo, 0.327)
        for _ in range(options.runs):
            for waiting, environment in ways.items():
                for company, count in (("alone", 1), ("two at once", 2), ("beside a busy core", 1)):
                    with busy_core() if "busy" in company else nullcontext():
                        found = together(count, options.preset, folder, environment)
                    rounds.setdefault((waiting, company), []).append(found)
    alone = statistics.median(seconds for seconds, _ in rounds["passive", "alone"])
    for (waiting, company), found in rounds.items():
        seconds, spent = (statistics.median(values) for values in zip(*found, strict=True))
        line = f"{seconds:6.1f} s, {spent:6.1f} processor s, {seconds / alone:4.1f} times as long"
        print(f"{waiting:9} {company:19} {line}")


if __name__ == "__main__":
    main()
