"""Time and memory of the Matting Laplacian, ours beside PyMatting's, at one megapixel.

    python -m tests.benchmarks.laplacian

Each builder runs in a process of its own, after a first call on a small image that lets numba compile, and the two
take turns so that what else the machine does falls on both. Both use one core; on a busy machine the processor's
seconds say more than the clock's. The memory is the peak of the whole process, libraries
and image included. The product M V is that of one evaluation of the photorealism term at 700 x 466.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROUNDS, REPEATS = 3, 3
BUILDERS = ("photostyle", "pymatting")


def main() -> None:
    if len(sys.argv) == 2:
        print(json.dumps(measure(sys.argv[1])))
        return
    runs: dict[str, list[dict[str, Any]]] = {builder: [] for builder in BUILDERS}
    for _ in range(ROUNDS):
        for builder in BUILDERS:
            command = [sys.executable, "-m", "tests.benchmarks.laplacian", builder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs[builder].append(json.loads(done.stdout))
    for clock in ("seconds", "processor"):
        medians = {
            builder: statistics.median(second for result in results for second in result[clock])
            for builder, results in runs.items()
        }
        figures = ", ".join(f"{builder} {median:.3f} s" for builder, median in medians.items())
        print(f"{clock}: {figures}, ratio {medians['photostyle'] / medians['pymatting']:.2f}")
    peaks = {builder: max(result["peak"] for result in results) for builder, results in runs.items()}
    print("peak: " + ", ".join(f"{builder} {peak:.2f} GB" for builder, peak in peaks.items()))
    print(f"photorealism term at 700 x 466, float32, value and gradient: {product():.4f} s")


def measure(builder: str) -> dict[str, Any]:
    """Clock and processor seconds of each build at one megapixel, and peak memory of this process in GB."""
    build = _builder(builder)
    random = np.random.default_rng(0)
    build(random.random((20, 20, 3)))
    image = random.random((1000, 1000, 3))
    seconds, processor = [], []
    for _ in range(REPEATS):
        start, start_processor = time.perf_counter(), time.process_time()
        build(image)
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"seconds": seconds, "processor": processor, "peak": peak}


def _builder(name: str) -> Callable[[Any], Any]:
    if name == "photostyle":
        from photostyle.objective.laplacian import matting_laplacian

        return matting_laplacian
    from pymatting import cf_laplacian

    build: Callable[[Any], Any] = cf_laplacian
    return build


def product() -> float:
    """Median seconds of one photorealism term, value and gradient."""
    import torch

    from photostyle.objective.laplacian import matting_laplacian
    from photostyle.objective.photorealism import PhotorealismTerm

    content = np.random.default_rng(0).random((466, 700, 3))
    term = PhotorealismTerm(matting_laplacian(content))
    image = torch.rand(1, 3, 466, 700, requires_grad=True)
    seconds = []
    for _ in range(REPEATS * 10):
        start = time.perf_counter()
        torch.autograd.grad(term(image), image)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
