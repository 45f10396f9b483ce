"""Every preset on a graphics card, beside the processor: how far apart, how fast, in how much memory.

    python -m tests.benchmarks.gpu [--sections results,speed,memory,precision,determinism] [--device cuda]
                                   [--quick] [--minutes 7] [-o FILE.json]

On the sample photos. `paper` and `gatys` have few iterations and, on `vgg19`, random weights, which cost what the
trained ones do. Sections:

results      every preset with the samples' masks and with found regions: levels of 255 that the device's photo and the
             processor's are apart
speed        `default` and `preview` with the model loaded, on both, at 700 px and 24 megapixels: median of 3 after a
             run that warms up, photos in memory; the device's peak memory
memory       `photostyle run` with less and less of the device's memory: each must end with exit code 0 or 3
precision    TensorFloat-32 in convolutions and in matrix products, and bfloat16: seconds, and levels from float32
determinism  the same seed twice: the same bytes?

A step that fails is printed, and the next begins. Exit codes: 0 all went well, 1 a step failed, 2 no such device here.
With `--device cpu --quick` the processor is compared with itself on small photos, which tests this program.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from photostyle.cli import main as photostyle
from photostyle.photo.photo import Photo
from photostyle.pipeline.result import Result
from photostyle.pipeline.session import Session
from photostyle.presets import load_preset
from tests.benchmarks.whole import SAMPLES, enlarged, random_vgg19

Pixels = NDArray[np.float32]
Changes = dict[str, object]

SECTIONS = ("results", "speed", "memory", "precision", "determinism")
FEW: Changes = {"solver.iterations": 4, "solver.photorealistic_iterations": 4}
PAPER = "paper on vgg19, random weights, 4 + 4 iterations"
BOTH = ("masks", "found")
CASES: dict[str, tuple[str, Changes, tuple[str, ...]]] = {
    "default": ("default", {}, BOTH),
    "default, float32": ("default", {"encoder.dtype": "float32"}, BOTH),
    "preview": ("preview", {}, BOTH),
    "paper on compact, 4 + 4 iterations": ("paper", {**FEW, "encoder.name": "compact"}, BOTH),
    PAPER: ("paper", FEW, BOTH),
    "gatys on vgg19, random weights, 4 iterations": ("gatys", {"solver.iterations": 4}, ("none",)),
}
"""Preset, changes, and where regions come from, by title."""
TIMED = ("default", "preview")
"""Cases of `speed`."""
UNSMOOTHED: Changes = {"smoothing.enabled": False}
"""What the processor would do, in `paper`, to photos that the device solved for."""
FORMATS: tuple[tuple[str, Changes], ...] = (
    ("default", {"encoder.dtype": "float32"}),
    ("default", {"encoder.dtype": "bfloat16"}),
    (PAPER, {"encoder.dtype": "float32", **UNSMOOTHED}),
    (PAPER, {"encoder.dtype": "bfloat16", **UNSMOOTHED}),
)
"""Cases of `precision`."""
TWICE: tuple[tuple[str, Changes], ...] = (
    ("default", {}), ("default, float32", {}), ("preview", {}), (PAPER, UNSMOOTHED),
)  # fmt: skip
"""Cases of `determinism`."""
QUICK: Changes = {
    "solver.size": 64, "grid.coarse_iterations": 2, "grid.iterations": 2, "solver.iterations": 2, "smoothing.radius": 4,
}  # fmt: skip
MARGINS = (16, 64, 128, 256, 512, 1024)
"""MiB that a run may take, beside what the process has already."""


@dataclass
class Bench:
    """What the sections share, and what they have found.

    Args:
        device: under test.
        quick: with small photos.
        ends: `time.perf_counter()` after which no step begins.
        folder: for files on the way.
    """

    device: str
    quick: bool
    ends: float
    folder: Path
    table: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def settings_of(self, title: str, changes: Mapping[str, object] | None = None) -> tuple[str, Changes]:
        preset, own, _ = CASES[title]
        return preset, {**own, **(QUICK if self.quick else {}), **(changes or {})}

    def photos(self) -> tuple[Photo, Photo]:
        """Content and style."""
        content, style = (Photo.read(SAMPLES / name) for name in ("city.jpg", "sunset.jpg"))
        return (Photo(content.fitted(96)), Photo(style.fitted(96))) if self.quick else (content, style)

    def session(self, title: str, device: str, changes: Mapping[str, object] | None = None) -> Session:
        preset, own = self.settings_of(title, changes)
        return Session(settings=load_preset(preset).with_changes({**own, "device": device}))

    def say(self, line: str) -> None:
        print(line, flush=True)
        self.lines.append(line)

    @property
    def repeats(self) -> int:
        return 1 if self.quick else 3

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What fails within is printed and counted, and what comes after it begins."""
        began = time.perf_counter()
        try:
            yield
        except Exception as error:
            traceback.print_exc(file=sys.stdout)
            self.failures.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
            print(f"FAILED {self.failures[-1]}", flush=True)
        print(f"  [{name}: {time.perf_counter() - began:.1f} s]", flush=True)

    def late(self, name: str) -> bool:
        """Whether the time is up; if so, the step is told as left out."""
        if time.perf_counter() < self.ends:
            return False
        self.failures.append(f"{name}: left out, the time was up")
        print(f"FAILED {self.failures[-1]}", flush=True)
        return True


def wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def timed(call: Callable[[], Result], device: str) -> tuple[float, Result]:
    wait(device)
    began = time.perf_counter()
    result = call()
    wait(device)
    return time.perf_counter() - began, result


def apart(first: Pixels, second: Pixels) -> tuple[float, float]:
    """Mean and largest difference in levels of 255."""
    difference = np.abs(first.astype(np.float64) - second) * 255
    return float(difference.mean()), float(difference.max())


def cuda_memory(device: str) -> int:
    """Bytes that PyTorch holds of the device at most since `forget_peak`."""
    return torch.cuda.max_memory_reserved(device) if torch.device(device).type == "cuda" else 0


def forget_peak(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def results(bench: Bench) -> None:
    """How far the device's photos are from the processor's."""
    content, style = bench.photos()
    content_mask, style_mask = SAMPLES / "city_mask.png", SAMPLES / "sunset_mask.png"
    for title, (_, _, sources) in CASES.items():
        for regions in sources:
            name = f"results, {title}, {regions}"
            if bench.late(name):
                continue
            with bench.step(name):
                found: dict[str, Result] = {}
                for place, device in (("device", bench.device), ("processor", "cpu")):
                    forget_peak(device)
                    session = bench.session(title, device)
                    given = regions == "masks"
                    measured = session.style(style, style_mask if given else None)
                    mask = content_mask if given else None
                    run = partial(session.transfer, content, measured, content_mask=mask)
                    seconds, found[place] = timed(run, device)
                    row = bench.table.setdefault((title, regions), {})
                    row[f"{place} first"] = seconds
                    if place == "device":
                        row["GiB"] = cuda_memory(device) / 2**30
                mean, most = apart(found["device"].photo.pixels, found["processor"].photo.pixels)
                row |= {"mean": mean, "largest": most}
                losses = [stage.loss for place in found.values() for stage in place.stages[-1:]]
                print(
                    f"{title}, {regions}: {mean:.3f} levels apart, at most {most:.1f}; losses {losses}; "
                    f"{found['device'].dtype} and {found['processor'].dtype}; "
                    f"first run {row['device first']:.2f} and {row['processor first']:.2f} s", flush=True,
                )  # fmt: skip


def speed(bench: Bench) -> None:
    """Seconds with the model loaded, at two sizes."""
    _, style = bench.photos()
    sizes = {"700": 0.02, "24": 0.05} if bench.quick else {"700": 0.327, "24": 24.0}
    contents = {size: Photo.read(enlarged(SAMPLES / "city.jpg", bench.folder / f"{size}.jpg", megapixels))
                for size, megapixels in sizes.items()}  # fmt: skip
    for title in TIMED:
        for place, device in (("device", bench.device), ("processor", "cpu")):
            name = f"speed, {title}, {device}"
            if bench.late(name):
                continue
            with bench.step(name):
                session = bench.session(title, device)
                measured = session.style(style)
                for size, content in contents.items():
                    run = partial(session.transfer, content, measured)
                    forget_peak(device)
                    warm = size == "24" and place == "processor"  # by the photo of 700 px
                    times = [timed(run, device)[0] for _ in range(0 if warm else 1)]
                    runs = [timed(run, device) for _ in range(1 if warm else bench.repeats)]
                    row = bench.table.setdefault((title, "found"), {})
                    row[f"{place} {size}"] = statistics.median(seconds for seconds, _ in runs)
                    if place == "device":
                        row[f"GiB {size}"] = cuda_memory(device) / 2**30
                    parts = ", ".join(f"{part} {spent:.2f}" for part, spent in runs[-1][1].seconds.items())
                    shown = ", ".join(f"{seconds:.2f}" for seconds in (*times, *(each for each, _ in runs)))
                    bench.say(f"- {title}, {content.width} x {content.height} px on {device}: {shown} s ({parts})")


def memory(bench: Bench) -> None:
    """What a run with too little of the device's memory ends in."""
    if torch.device(bench.device).type != "cuda":
        print("memory: left out, since only a CUDA device's memory can be limited", flush=True)
        return
    total = torch.cuda.get_device_properties(bench.device).total_memory
    out = bench.folder / "out.jpg"
    for title, margins in (("default", MARGINS), (PAPER, (64, 512, 2048))):
        preset, changes = bench.settings_of(title)
        sets = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
        words = ["run", "--content", str(SAMPLES / "city.jpg"), "--style", str(SAMPLES / "sunset.jpg"),
                 "--preset", preset, *sets, "--device", bench.device, "-q", "--overwrite", "-o", str(out)]  # fmt: skip
        for margin in (*margins, None):
            name = f"memory, {title}, {margin} MiB more"
            if bench.late(name):
                continue
            with bench.step(name):
                torch.cuda.empty_cache()
                share = 1.0
                if margin is not None:
                    share = min(1.0, (torch.cuda.memory_reserved(bench.device) + margin * 2**20) / total)
                torch.cuda.set_per_process_memory_fraction(share, torch.device(bench.device).index or 0)
                told = io.StringIO()
                try:
                    with contextlib.redirect_stderr(told):
                        code = photostyle(words)
                finally:
                    torch.cuda.set_per_process_memory_fraction(1.0, torch.device(bench.device).index or 0)
                room = "all memory again" if margin is None else f"{margin} MiB more"
                bench.say(f"- {preset}, {room}: exit code {code}. {' '.join(told.getvalue().split())[-400:]}")
                if code not in ({0} if margin is None else {0, 3}):
                    print(told.getvalue(), flush=True)
                    raise AssertionError(f"exit code {code}")


@contextmanager
def tf32(convolutions: bool, products: bool) -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, products
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def precision(bench: Bench) -> None:
    """Seconds and differences by number format."""
    content, style = bench.photos()
    for title, changes in FORMATS:
        exact: Pixels | None = None
        formats = ((False, False), (True, False), (False, True), (True, True))
        for convolutions, products in formats if changes["encoder.dtype"] == "float32" else formats[::2]:
            name = f"{title}, {changes['encoder.dtype']}, tf32 in convolutions {convolutions}, in products {products}"
            if bench.late(name):
                continue
            with bench.step(name), tf32(convolutions, products):
                session = bench.session(title, bench.device, changes)
                measured = session.style(style)
                run = partial(session.transfer, content, measured)
                runs = [timed(run, bench.device) for _ in range(bench.repeats)]
                result = runs[-1][1]
                solving = sum(stage.seconds for stage in result.stages)
                evaluations = sum(stage.evaluations for stage in result.stages)
                exact = result.photo.pixels if exact is None else exact
                mean, most = apart(result.photo.pixels, exact)
                best, per = min(seconds for seconds, _ in runs), solving / evaluations * 1e3
                bench.say(
                    f"- {name}: {best:.2f} s, {per:.1f} ms an evaluation of {evaluations}, loss "
                    f"{result.stages[-1].loss:.6g}; {mean:.3f} levels from the first, at most {most:.1f}"
                )


@contextmanager
def deterministic(kind: str) -> Iterator[list[warnings.WarningMessage]]:
    """PyTorch as it comes, with cuDNN's deterministic algorithms, or with all that it has; and what it warns of."""
    before = torch.backends.cudnn.deterministic, torch.are_deterministic_algorithms_enabled()
    try:
        torch.backends.cudnn.deterministic = kind != "as it comes"
        torch.use_deterministic_algorithms(kind == "all", warn_only=True)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            yield told
    finally:
        torch.backends.cudnn.deterministic = before[0]
        torch.use_deterministic_algorithms(before[1])


def determinism(bench: Bench) -> None:
    """Whether the same seed gives the same bytes."""
    content, style = bench.photos()
    for title, changes in TWICE:
        for kind in ("as it comes", "cuDNN", "all"):
            name = f"{title}, {kind}"
            if bench.late(name):
                continue
            with bench.step(name), deterministic(kind) as told:
                session = bench.session(title, bench.device, changes)
                measured = session.style(style)
                run = partial(session.transfer, content, measured)
                runs = [timed(run, bench.device) for _ in range(2)]
                first, second = (result.photo.pixels for _, result in runs)
                mean, most = apart(first, second)
                steps = [[row.loss for row in result.trace] for _, result in runs]
                same = next((n for n, pair in enumerate(zip(*steps, strict=False)) if pair[0] != pair[1]), None)
                seconds = runs[1][0]
                if np.array_equal(first, second):
                    bench.say(f"- {name}: the same bytes; {seconds:.2f} s")
                else:
                    from_where = "no loss differs" if same is None else f"losses differ from iterate {same} on"
                    bench.say(f"- {name}: {mean:.3f} levels apart, at most {most:.1f}; {from_where}; {seconds:.2f} s")
                for line in sorted({str(each.message).splitlines()[0][:160] for each in told}):
                    bench.say(f"  - warned: {line}")


def about(device: str) -> list[str]:
    """What runs what."""
    instructions = torch.backends.cpu.get_cpu_capability()
    lines = [
        f"- Python {platform.python_version()}, PyTorch {torch.__version__}, NumPy {np.__version__}",
        f"- processor: {os.cpu_count()} cores, {torch.get_num_threads()} threads, {instructions}",
    ]
    if torch.device(device).type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        lines.append(
            f"- device: {properties.name}, {properties.total_memory / 2**30:.0f} GiB, compute capability "
            f"{properties.major}.{properties.minor}, cuDNN {torch.backends.cudnn.version()}"
        )
    return lines


HEAD = (
    "preset", "regions", "levels apart, mean", "largest", "700 px: GPU, s", "processor, s", "24 MP: GPU, s",
    "processor, s", "GPU memory, GiB: samples", "700 px", "24 MP",
)  # fmt: skip
COLUMNS = ("mean", "largest", "device 700", "processor 700", "device 24", "processor 24", "GiB", "GiB 700", "GiB 24")


def markdown(table: dict[tuple[str, str], dict[str, float]]) -> str:
    """The one table."""
    lines = ["| " + " | ".join(HEAD) + " |", "| --- | --- |" + " ---: |" * len(COLUMNS)]
    for names, figures in table.items():
        cells = [f"{figures[column]:.2f}" if column in figures else "" for column in COLUMNS]
        lines.append("| " + " | ".join((*names, *cells)) + " |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", default=",".join(SECTIONS), help="some of them, separated by commas")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu to test this program")
    parser.add_argument("--quick", action="store_true", help="small photos and few iterations")
    parser.add_argument("--minutes", type=float, default=7.0, help="after which no step begins")
    parser.add_argument("-o", "--output", type=Path, help="also write all figures as JSON")
    options = parser.parse_args(argv)
    sections = options.sections.split(",")
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}: there are {', '.join(SECTIONS)}")
    if torch.device(options.device).type == "cuda" and not torch.cuda.is_available():
        print("gpu: expected a CUDA device, found none. Run this where there is one, or try --device cpu --quick.")
        return 2
    began = time.perf_counter()
    weights = os.environ.get("PHOTOSTYLE_WEIGHTS")
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(options.device, options.quick, began + 60 * options.minutes, Path(name))
        try:
            os.environ |= random_vgg19(bench.folder)
            for line in about(options.device):
                bench.say(line)
            for section in sections:
                bench.say(f"\n{section}\n")
                with bench.step(section):
                    globals()[section](bench)
        finally:
            os.environ.pop("PHOTOSTYLE_WEIGHTS", None)
            if weights is not None:
                os.environ["PHOTOSTYLE_WEIGHTS"] = weights
    print("\n" + "=" * 40 + "\n")
    print(markdown(bench.table), "", *bench.lines, sep="\n")
    print("\nfailures:", *(f"- {each}" for each in bench.failures or ["none"]), sep="\n")
    print(f"\n{time.perf_counter() - began:.0f} s", flush=True)
    if options.output:
        rows = [{"preset": names[0], "regions": names[1], **figures} for names, figures in bench.table.items()]
        options.output.write_text(
            json.dumps({"table": rows, "lines": bench.lines, "failures": bench.failures}, indent=1)
        )
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
