"""What the full-size pass costs: everything from the solved grids to the levels of the written photo, part by part.

    python -m tests.benchmarks.full_size [--megapixels 24] [--runs 5]

The content is a sample photo, enlarged with grain. Its masks are those of the sample, with soft borders. The grids have
the shapes of `default` and `preview`, and random cells. Seconds are medians of the runs, which go through the parts in
turn. Peak memory is that of the whole process, which imports no PyTorch.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from photostyle.photo.encode import _levels
from photostyle.photo.photo import Photo
from photostyle.pipeline.adjustments import Proxy, adjust
from photostyle.regions.edge_masks import refine_coarse, refine_fine
from photostyle.settings import Settings
from photostyle.solvers.full_size import apply_at_full_size
from photostyle.solvers.surfaces import Surfaces

SAMPLES = Path(__file__).parents[2] / "samples"
SHAPES = {"default": (6, 5, 6), "preview": (9, 1, 17)}
SOLVE = 512


def enlarged(megapixels: float) -> Photo:
    with Image.open(SAMPLES / "city.jpg") as photo:
        scale = (megapixels * 1e6 / (photo.width * photo.height)) ** 0.5
        size = round(photo.width * scale), round(photo.height * scale)
        pixels = np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BICUBIC)).astype(np.int16)
    pixels += np.random.default_rng(0).integers(-3, 4, pixels.shape, np.int8)
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file.name, quality=92)
        return Photo.read(file.name)


def hard_masks(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The regions of the sample's mask, and a last one without pixels."""
    with Image.open(SAMPLES / "city_mask.png") as mask:
        colours = np.asarray(mask.convert("RGB").resize((width, height), Image.Resampling.NEAREST)).reshape(-1, 3)
    _, labels = np.unique(colours, axis=0, return_inverse=True)
    masks = (labels.reshape(height, width) == np.arange(labels.max() + 1)[:, None, None]).astype(np.float32)
    return np.concatenate([masks, np.zeros_like(masks[:1])])


class Clock:
    """The seconds, and the processor seconds, of each part in each run."""

    def __init__(self) -> None:
        self.runs: dict[str, list[tuple[float, float]]] = {}

    def __call__(self, name: str, work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        began = time.perf_counter(), time.process_time()
        found = work(*given, **named)
        spent = time.perf_counter() - began[0], time.process_time() - began[1]
        self.runs.setdefault(name, []).append(spent)
        return found


def measure(photo: Photo, runs: int) -> Clock:
    small, pixels = photo.fitted(SOLVE), photo.pixels
    coarse = refine_coarse(hard_masks(*small.shape[:2]), small)
    strength = Settings().with_changes({"strength": 0.8})
    light = strength.with_changes({"look.colour": 0.7, "look.lightness": 0.5})
    clock, rng = Clock(), np.random.default_rng(1)
    for _ in range(runs):
        fine = refine_fine(coarse, small)
        surfaces = clock("surfaces", Surfaces.of, small, fine.of(small))
        masks = clock("guided filter", refine_fine, coarse, pixels)
        for name, shape in SHAPES.items():
            grids = rng.normal(0, 0.05, (len(coarse) - 1, *shape, 4, 3))
            grids[..., :3, :] += 0.9 * np.eye(3)
            given = surfaces, grids, [1.0] * len(grids)
            changed = clock(f"masks and grids, {name}", apply_at_full_size, pixels, masks, *given)
        for depth in (8, 16):
            clock(f"levels, {depth} bits", _levels, changed, depth)
        proxy = Proxy(small, apply_at_full_size(small, fine, *given), coarse)
        clock("strength 0.8", adjust, pixels, changed, strength, None)
        clock("strength, colour and lightness", adjust, pixels, changed, light, proxy)
    return clock


def main() -> None:
    parser = argparse.ArgumentParser(description="What the full-size pass costs.")
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    clock = measure(enlarged(arguments.megapixels), arguments.runs)
    print(f"{f'{arguments.megapixels:g} megapixels':32} | seconds | processor seconds")
    for name, runs in clock.runs.items():
        wall, processor = (statistics.median(run[place] for run in runs) for place in (0, 1))
        print(f"{name:32} | {wall:7.3f} | {processor:7.3f}")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    print("PyTorch was", "imported" if "torch" in sys.modules else "not imported")


if __name__ == "__main__":
    main()
