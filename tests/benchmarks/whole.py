"""What a whole `photostyle run` costs, with its start-up: seconds and peak memory, by preset and by size.

    python -m tests.benchmarks.whole presets [--runs 3] [-o FILE.json]
    python -m tests.benchmarks.whole sizes [--preset default] [-o FILE.json] [--plot FILE.png]

Every line is a process of its own on the sample photos, brought with grain to the size asked for; the median of the
runs, which take turns. `presets` has `preview`, `fast` and `default` at 700 px, beside a few iterations of the pixel
solver with `compact` and with `vgg19` (random weights, which cost the same), and the seconds of one evaluation of each.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from photostyle.encoders.encoder_file import save_encoder
from photostyle.encoders.vgg import CONVOLUTIONS, VGG19_WIDTHS, Encoder, mean_activation_factors
from photostyle.photo.photo import Photo

SAMPLES = Path(__file__).parents[2] / "samples"
MEGAPIXELS = (0.3, 1.0, 4.0, 12.0, 24.0, 50.0, 100.0)
Image.MAX_IMAGE_PIXELS = None


def enlarged(source: Path, target: Path, megapixels: float) -> Path:
    """The photo at another size, with grain, as JPEG."""
    with Image.open(source) as photo:
        scale = (megapixels * 1e6 / (photo.width * photo.height)) ** 0.5
        size = (round(photo.width * scale), round(photo.height * scale))
        pixels = np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BICUBIC)).copy()
    rng = np.random.default_rng(0)
    for row in range(0, len(pixels), 256):
        part = pixels[row : row + 256]
        grain = rng.integers(-3, 4, part.shape, np.int16)
        pixels[row : row + 256] = np.clip(part + grain, 0, 255)
    Image.fromarray(pixels).save(target, quality=92)
    return target


RUN = """
import os, runpy, sys
try:
    runpy.run_module("photostyle", run_name="__main__", alter_sys=True)
finally:
    with open("/proc/self/status") as status, open(os.environ["PEAK_FILE"], "w") as file:
        file.write(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""
"""Runs photostyle and writes its own peak memory, in kB. What `wait4` gives may be the peak of this process, which the
new one was copied from."""


def timed(words: Sequence[str], environment: Mapping[str, str] | None = None) -> dict[str, float]:
    """Wall seconds, processor seconds and peak memory in GB of one process, and the seconds of an evaluation."""
    with tempfile.TemporaryFile() as told, tempfile.NamedTemporaryFile("r") as peak:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, *words], stdout=told,
            env={**os.environ, **(environment or {}), "PEAK_FILE": peak.name},
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(words)}: exit code {process.returncode}")
        told.seek(0)
        peak_kb = int(peak.read())
        stages = json.loads(told.read() or b"{}")["stages"]
    figures = {
        "seconds": seconds,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "peak_gb": peak_kb * 1024 / 1e9,
    }
    if stages:
        spent, evaluations = (sum(stage[key] for stage in stages) for key in ("seconds", "evaluations"))
        figures["evaluation_seconds"] = spent / evaluations
    return figures


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def random_vgg19(folder: Path) -> dict[str, str]:
    """The environment in which `vgg19` has random weights, which cost what the trained ones do.

    They are scaled as the trained ones are, so that no layer's features die away.
    """
    torch.manual_seed(0)
    encoder = Encoder(VGG19_WIDTHS)
    for name in CONVOLUTIONS:
        nn.init.kaiming_normal_(encoder.convolution(name).weight, nonlinearity="relu")
    photo = torch.from_numpy(Photo.read(SAMPLES / "city.jpg").fitted(256).transpose(2, 0, 1).copy())[None]
    path = folder / "vgg19.safetensors"
    save_encoder(path, encoder, mean_activation_factors(encoder, [photo]), name="vgg19")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n")
    return {"PHOTOSTYLE_WEIGHTS": str(folder)}


def presets(runs: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = enlarged(SAMPLES / "city.jpg", folder / "city.jpg", 0.327)
        style = enlarged(SAMPLES / "sunset.jpg", folder / "sunset.jpg", 0.327)
        words = run_words(content, style, folder)
        few = ["--preset", "paper", "--set", "solver.iterations=3", "--set", "solver.photorealistic_iterations=3"]
        commands = {
            "preview": ["--preset", "preview"],
            "fast": ["--preset", "fast"],
            "default": ["--preset", "default"],
            "pixels, compact, 3 + 3": [*few, "--encoder", "compact"],
            "pixels, vgg19, 3 + 3": few,
        }
        environment = random_vgg19(folder)
        rounds: dict[str, list[dict[str, float]]] = {}
        for _ in range(runs):
            for title, options in commands.items():
                rounds.setdefault(title, []).append(timed([*words, *options], environment))
                tell(title, rounds[title][-1])
        print("medians")
        return {title: medians(times) for title, times in rounds.items()}


def run_words(content: Path, style: Path, folder: Path) -> list[str]:
    return ["run", "--content", str(content), "--style", str(style), "--json", "-q", "--overwrite",
            "-o", str(folder / "out.jpg")]  # fmt: skip


def sizes(preset: str, runs: int) -> dict[str, dict[str, float]]:
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        style = enlarged(SAMPLES / "sunset.jpg", folder / "sunset.jpg", 1.0)
        for megapixels in MEGAPIXELS:
            content = enlarged(SAMPLES / "city.jpg", folder / "city.jpg", megapixels)
            words = [*run_words(content, style, folder), "--preset", preset]
            results[f"{megapixels:g}"] = medians([timed(words) for _ in range(runs)])
            tell(f"{megapixels:g} megapixels", results[f"{megapixels:g}"])
    return results


def tell(title: str, figures: Mapping[str, float]) -> None:
    print(f"{title:24}" + "".join(f"{key} {value:7.2f}   " for key, value in figures.items()), flush=True)


def plot(results: Mapping[str, Mapping[str, float]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    at = [float(size) for size in results]
    for axes, key, title in zip(figure.subplots(1, 2), ("seconds", "peak_gb"), ("seconds", "peak memory, GB"),
                                strict=True):  # fmt: skip
        axes.plot(at, [figures[key] for figures in results.values()], "o-")
        axes.set_xlabel("megapixels")
        axes.set_title(title)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("presets", "sizes"))
    parser.add_argument("--preset", default="default")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    results = presets(options.runs) if options.what == "presets" else sizes(options.preset, options.runs)
    if options.what == "presets":
        for title, figures in results.items():
            tell(title, figures)
    if options.output:
        options.output.write_text(json.dumps(results, indent=1))
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
