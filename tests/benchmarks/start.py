"""What it costs to start: whole processes that do little or nothing.

    python -m tests.benchmarks.start [--runs 7]

Best and median seconds, by the clock and of the processor. The commands take turns. To see what is imported, and how
long each module takes: python -X importtime -c 'import photostyle.pipeline.session'
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "samples"
PROGRAM = ["-m", "photostyle"]
OPENMP = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
"""Variables for OpenMP. Those of this process are not handed on."""


def commands(folder: Path) -> dict[str, list[str]]:
    """`{title: arguments of Python}`."""
    city, sunset, out = str(SAMPLES / "city.jpg"), str(SAMPLES / "sunset.jpg"), str(folder / "out.jpg")
    return {
        "import photostyle": ["-c", "import photostyle"],
        "import numpy, scipy": ["-c", "import numpy, scipy.ndimage, scipy.sparse.linalg"],
        "import onnxruntime": ["-c", "import onnxruntime"],
        "import torch": ["-c", "import torch"],
        "photostyle --help": [*PROGRAM, "--help"],
        "photostyle presets": [*PROGRAM, "presets"],
        "photostyle doctor": [*PROGRAM, "doctor"],
        "photostyle segment": [*PROGRAM, "segment", city, "-o", str(folder), "--overwrite", "-q"],
        "photostyle run --preset preview": [
            *[*PROGRAM, "run", "--preset", "preview", "--content", city, "--style", sunset],
            *["-o", out, "--overwrite", "-q"],
        ],
    }


def timed(words: list[str]) -> tuple[float, float]:
    """Seconds by the clock and of the processor of one process."""
    environment = {name: value for name, value in os.environ.items() if name not in OPENMP}
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)}: exit code {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores; load over the last minute: {os.getloadavg()[0]:.1f}")
    rounds: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for _ in range(options.runs):
            for title, words in commands(Path(name)).items():
                rounds.setdefault(title, []).append(timed(words))
    for title, found in rounds.items():
        clock, processor = zip(*found, strict=True)
        best, typical = (f"{each(clock):.2f} s, {each(processor):.2f} processor s" for each in (min, statistics.median))
        print(f"{title:32} best {best}; median {typical}")


if __name__ == "__main__":
    main()
