"""A sky of 16 bits before and after a transfer, with its histogram: no level between is left out.

    python -m tests.benchmarks.gradient [-o docs/images/gradient.png]

The content is a clear sky, brighter towards the horizon, with a sensor's noise, written as a PNG of 16 bits; it takes
the look of samples/sunset.jpg by `default`. The histograms count the pixels of the green channel in 4096 steps, as a
camera's 12 bits have them; below, the same result written with 8 bits without dither, whose steps are bands.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photostyle.photo.photo import Photo

STYLE = Path(__file__).parents[2] / "samples" / "sunset.jpg"
STEPS = 4096
SHARE = 0.005  # of the pixels, left out at either end of a histogram, where it thins out


def sky(height: int = 800, width: int = 1200) -> NDArray[np.float32]:
    """`(H, W, 3)`: from deep blue to pale, linear in the rows, with noise of two hundredths of an 8-bit level."""
    down = np.linspace(0, 1, height)[:, None, None]
    across = np.linspace(0, 1, width)[None, :, None]
    colours = np.array([0.25, 0.45, 0.8]) * (1 - down) + np.array([0.7, 0.8, 0.95]) * down + 0.05 * across
    noise = np.random.default_rng(0).normal(0, 0.02 / 255, (height, width, 3))
    return np.clip(colours + noise, 0, 1).astype(np.float32)


def occupied(pixels: NDArray[np.float32]) -> tuple[NDArray[np.int64], int, int]:
    """The green channel's histogram, the first step, and how many steps within it are empty."""
    steps = np.floor(pixels[:, :, 1].ravel() * (STEPS - 1) + 0.5).astype(int)
    low, high = (int(step) for step in np.quantile(steps, [SHARE, 1 - SHARE]))
    counts = np.bincount(steps, minlength=STEPS)[low : high + 1]
    return counts, low, int((counts == 0).sum())


def main() -> None:
    from matplotlib.figure import Figure

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        content, output = Path(name) / "sky.png", Path(name) / "out.png"
        Photo(sky()).save(content, depth=16)
        words = ["run", "--content", str(content), "--style", str(STYLE), "-o", str(output), "-q"]
        subprocess.run([sys.executable, "-m", "photostyle", *words], check=True)
        before, after = Photo.read(content), Photo.read(output)
    coarse = np.rint(after.pixels * 255) / np.float32(255)
    figure = Figure(figsize=(9, 6), layout="constrained")
    grid = figure.subplots(3, 2, width_ratios=(1, 3))
    for row, (title, pixels) in zip(
        grid, {"before": before.pixels, "after": after.pixels, "after, with 8 bits": coarse}.items(), strict=True
    ):
        counts, low, empty = occupied(pixels)
        print(f"{title}: {len(counts)} steps of {STEPS}, {empty} empty")
        row[0].imshow(pixels[::4, ::4])
        row[0].set_axis_off()
        row[0].set_title(title, fontsize=9)
        row[1].fill_between(np.arange(low, low + len(counts)), counts, step="mid", linewidth=0)
        row[1].set_title(f"green, {len(counts)} steps, {empty} of them empty", fontsize=9)
        row[1].set_ylim(bottom=0)
    if options.output:
        figure.savefig(options.output, dpi=80)


if __name__ == "__main__":
    main()
