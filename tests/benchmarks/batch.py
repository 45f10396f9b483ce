"""What `photostyle batch` makes of a machine: photos a minute beside single runs, peak memory, and what kills cost.

    python -m tests.benchmarks.batch speed [--photos 8] [--megapixels 0.327 12] [--workers 1 2]
    python -m tests.benchmarks.batch memory [--photos 10 300]
    python -m tests.benchmarks.batch killed [--rounds 3]

`speed` sets the batch beside as many single runs, of which there are some before, between and after the batches: their
whole time and the time that they spend on the photo alone, once the program is loaded, medians. Processor seconds are
less disturbed by what else a machine does. `memory` is the peak of a
worker after sets of several lengths, of 0.1 megapixel each with next to no solving. `killed` repeats the test's kills
with other seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.whole import SAMPLES, enlarged, tell
from tests.fakes import QUICK, write_photo

STYLE = SAMPLES / "sunset.jpg"


def called(*words: str) -> tuple[float, float, list[dict[str, Any]]]:
    """Wall and processor seconds of one command, and the JSON lines or the one object that it prints."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "photostyle", *words, "--json", "-q"], stdout=subprocess.PIPE, check=True
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = [done.stdout] if words[0] == "run" else done.stdout.splitlines()
    return wall, spent, [json.loads(line) for line in lines]


def a_set(folder: Path, photos: int, megapixels: float) -> Path:
    """The same photo under several names."""
    folder.mkdir()
    first = enlarged(SAMPLES / "city.jpg", folder / "000.jpg", megapixels)
    for number in range(1, photos):
        shutil.copy(first, folder / f"{number:03}.jpg")
    return folder


def speed(photos: int, megapixels: Sequence[float], workers: Sequence[int], size: int) -> None:
    processors, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    print(f"{photos} photos, solved at {size} px, {processors} processors, load {load:.1f}")
    for pixels in megapixels:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            photo_set = a_set(folder / "set", photos, pixels)
            common = ["--style", str(STYLE), "--size", str(size)]
            one = [
                "run",
                "--content",
                str(photo_set / "000.jpg"),
                "-o",
                str(folder / "one.jpg"),
                "--overwrite",
                *common,
            ]
            runs, batches = [called(*one)], []
            for count in workers:
                out = folder / f"out{count}"
                batch = ["batch", "--content", str(photo_set), "-o", str(out), "--workers", str(count), *common]
                batches.append(called(*batch))
                runs.append(called(*one))
            solving = median(told["seconds"]["total"] for _, _, (told,) in runs)
            tell(f"{pixels:g} MP, run", {
                "wall": median(wall for wall, _, _ in runs), "solving": solving,
                "processor": median(spent for _, spent, _ in runs), "runs": len(runs),
            })  # fmt: skip
            for count, (wall, spent, events) in zip(workers, batches, strict=True):
                tell(f"{pixels:g} MP, {count} workers", {
                    "wall": wall, "photos_a_minute": 60 * photos / wall, "processor_a_photo": spent / photos,
                    "of_solving": wall / (photos * solving), "after_the_first": _after_the_first(events),
                    "peak_gb": events[-1]["peak_bytes"] / 1e9,
                })  # fmt: skip


def _after_the_first(events: Sequence[dict[str, Any]]) -> float:
    """Median seconds of a photo in its worker, without the first, for which styles are measured."""
    seconds = [event["seconds"]["total"] for event in events if event["event"] == "done"]
    return median(seconds[1:])


def memory(photos: Sequence[int]) -> None:
    for count in photos:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            photo_set = a_set(folder / "set", count, 0.1)
            wall, _, events = called("batch", "--content", str(photo_set), "--style", str(STYLE), "-o",
                                     str(folder / "out"), "--workers", "1", *QUICK)  # fmt: skip
            tell(f"{count} photos", {"wall": wall, "peak_mb_of_the_worker": events[-1]["peak_bytes"] / 1e6})


def killed(rounds: int) -> None:
    for seed in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "set").mkdir()
            for number in range(30):
                write_photo(folder / "set" / f"{number:02}.png", number, height=300, width=400)
            style = write_photo(folder / "style.png", 99)
            command = [sys.executable, "-m", "tests.batch.killed", str(folder / "set"), str(style), str(folder / "out")]
            done = subprocess.run([*command, "--seed", str(seed)], stdout=subprocess.PIPE, check=True)
            print(f"seed {seed}: {done.stdout.decode()}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "memory", "killed"))
    parser.add_argument("--photos", type=int, nargs="+")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.327, 12.0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--size", type=int, default=700)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.what == "speed":
        speed((options.photos or [8])[0], options.megapixels, options.workers, options.size)
    elif options.what == "memory":
        memory(options.photos or [10, 300])
    else:
        killed(options.rounds)


if __name__ == "__main__":
    main()
