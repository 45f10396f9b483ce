"""How right results are at the borders of regions, on pictures whose coverage is known exactly.

    python -m tests.benchmarks.borders [-o FOLDER]

A picture shows a sky and what stands before it: trees, leaves, towers or wires, drawn four times as large and then
averaged, so that the share of each surface in every pixel is known. Each surface gets its own change of light. The
truth is the mixture of the two changed surfaces. The program gets hard labels: each pixel belongs to the surface that
covers more of it (`painted`), or covers more of it after a blur of `COARSE` pixels (`found`).

Printed are, for pixels within 4 px of a mixed one: the mean CIEDE2000 to the truth; the share of pixels that are more
than 6 away from it; and the share whose colour is further than `OUTSIDE` from the segment between the results of its
two surfaces. `blended` is the blend of the two maps, each applied to the mixed colour, as it was before pixels were
taken apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from photostyle.regions.edge_masks import coarse_masks, refine_fine
from photostyle.regions.region_map import RegionMap
from photostyle.solvers.full_size import apply_grids
from photostyle.solvers.surfaces import Surfaces

HEIGHT, WIDTH, OVERSAMPLING = 320, 480, 4
COARSE = 3.0
OUTSIDE = 8 / 255
SKY = {
    "night": (np.diag([0.2, 0.2, 0.25]), np.array([0.0, 0.0, 0.04])),
    "sunset": (np.array([[0.9, 0.1, -0.3], [0.1, 0.5, 0.0], [0.0, 0.1, 0.4]]), np.array([0.25, 0.1, 0.05])),
    "fog": (np.diag([0.3, 0.3, 0.3]), np.array([0.5, 0.52, 0.55])),
    "day": (np.diag([1.05, 1.05, 1.0]), np.zeros(3)),
}
"""The change of the sky at each time: gains and offset."""
GROUND = {
    "night": (np.diag([0.5, 0.45, 0.45]), np.array([0.0, 0.0, 0.02])),
    "sunset": (np.diag([1.0, 0.8, 0.6]), np.array([0.0, 0.0, 0.03])),
    "fog": (np.diag([0.5, 0.5, 0.5]), np.array([0.3, 0.31, 0.33])),
    "day": (np.diag([1.7, 1.7, 1.5]), np.array([0.05, 0.05, 0.02])),
}
TIMES = tuple(SKY)
KINDS = ("trees", "leaves", "towers", "wires")
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture, `(H, W, 3)` sRGB-encoded in [0, 1], with the truth, and the ground's coverage `(H, W)`."""

    kind: str
    time: str
    content: Floats
    coverage: Floats
    ends: tuple[Floats, Floats]
    """What the sky and the ground become in every pixel, each by itself."""

    @property
    def truth(self) -> Floats:
        share = self.coverage[..., None]
        return (1 - share) * self.ends[0] + share * self.ends[1]


def pictures() -> Iterator[Picture]:
    for kind in KINDS:
        for time in TIMES:
            rng = np.random.default_rng([KINDS.index(kind), TIMES.index(time)])
            coverage, (sky, ground) = _coverage(kind, rng), _surfaces(rng)
            content = (1 - coverage[..., None]) * sky + coverage[..., None] * ground
            ends = tuple(
                np.clip(colours @ gains.T + offset, 0, 1)
                for colours, (gains, offset) in ((sky, SKY[time]), (ground, GROUND[time]))
            )
            yield Picture(kind, time, content, coverage, (ends[0], ends[1]))


def _coverage(kind: str, rng: np.random.Generator) -> Floats:
    """Share of the ground in every pixel."""
    height, width = OVERSAMPLING * HEIGHT, OVERSAMPLING * WIDTH
    image = Image.new("L", (width, height))
    draw, horizon = ImageDraw.Draw(image), int(0.72 * height)
    draw.rectangle((0, horizon, width, height), fill=255)
    if kind == "trees":
        for _ in range(4):
            _branch(draw, rng, rng.uniform(0.1, 0.9) * width, horizon, rng.uniform(150, 240), rng.normal(0, 0.1), 26)
    elif kind == "leaves":
        for _ in range(5):
            x, y, radius = rng.uniform(0.1, 0.9) * width, rng.uniform(0.35, 0.7) * height, rng.uniform(120, 300)
            for _ in range(900):
                angle, away, size = rng.uniform(0, 2 * np.pi), radius * np.sqrt(rng.uniform()), rng.uniform(3, 11)
                left, top = x + away * np.cos(angle) - size, y + away * np.sin(angle) - 0.6 * size
                draw.ellipse((left, top, left + 2 * size, top + 1.2 * size), fill=255)
    elif kind == "towers":
        x = 0
        while x < width:
            across, top = int(rng.uniform(60, 260)), int(rng.uniform(0.25, 0.7) * height)
            draw.rectangle((x, top, x + across, height), fill=255)
            if rng.random() < 0.5:
                draw.line((x + across / 2, top, x + across / 2, top - 150), fill=255, width=5)
            x += across + int(rng.uniform(0, 80))
    else:
        for _ in range(6):
            start, end = rng.uniform(0.1, 0.6, 2) * height
            at = np.linspace(0, 1, 60)
            sag = start + (end - start) * at + 90 * np.sin(np.pi * at)
            draw.line(
                list(zip((at * width).tolist(), sag.tolist(), strict=True)), fill=255, width=int(rng.integers(3, 9))
            )
        for _ in range(3):
            x = int(rng.uniform(0, 1) * width)
            draw.line((x, horizon, x, 0.2 * height), fill=255, width=22)
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BOX), np.float64) / 255


def _branch(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: float, y: float, length: float, angle: float, width: float
) -> None:
    if length < 6:
        return
    tip = x + length * np.sin(angle), y - length * np.cos(angle)
    draw.line((x, y, *tip), fill=255, width=max(1, round(width)))
    for _ in range(int(rng.integers(2, 4))):
        _branch(draw, rng, *tip, length * rng.uniform(0.6, 0.82), angle + rng.normal(0, 0.5), 0.65 * width)


def _surfaces(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A sky with clouds and a dark, textured ground, both with a little noise."""
    down = np.linspace(0, 1, HEIGHT)[:, None, None]
    top, bottom = np.array([0.35, 0.55, 0.85]) + rng.normal(0, 0.05, 3), np.array([0.8, 0.86, 0.92])
    sky = top + (bottom + rng.normal(0, 0.03, 3) - top) * down
    cloud = _smooth(rng, rng.uniform(10, 40), 0, rng.uniform(0, 0.35))
    base = rng.uniform(0.1, 0.35) * np.array([1.0, 0.95, 0.75]) + rng.normal(0, 0.03, 3)
    ground = base * np.exp(_smooth(rng, 2, -0.7, 0.7) + _smooth(rng, 15, -0.5, 0.5))
    noise = rng.normal(0, 0.004, (2, HEIGHT, WIDTH, 3))
    return np.clip(sky + cloud * (1 - sky) + noise[0], 0, 1), np.clip(ground + noise[1], 0, 1)


def _smooth(rng: np.random.Generator, sigma: float, low: float, high: float) -> Floats:
    blurred: Floats = ndimage.gaussian_filter(rng.normal(size=(HEIGHT, WIDTH)), sigma)[..., None]
    return low + (high - low) * (blurred - blurred.min()) / np.ptp(blurred)


def result_of(picture: Picture, *, apart: bool, coarse: float) -> NDArray[np.float32]:
    """What the program makes of the picture with the right map for each region.

    Args:
        apart: whether mixed pixels are taken apart.
        coarse: blur of the coverage before it becomes labels, in pixels.
    """
    pixels = picture.content.astype(np.float32)
    ground = (ndimage.gaussian_filter(picture.coverage, coarse) if coarse else picture.coverage) > 0.5
    regions = RegionMap(ground.astype(np.uint8), {0: "sky", 1: "ground"}, rough=coarse > 0 and apart)
    masks = refine_fine(coarse_masks(regions, [[0], [1]], pixels), pixels).of(pixels)
    surfaces = Surfaces.of(pixels, masks)
    if not apart:
        surfaces = replace(surfaces, colours=np.zeros_like(surfaces.colours))
    grids = np.zeros((2, 1, 1, 1, 4, 3))
    for grid, (gains, offset) in zip(grids, (SKY[picture.time], GROUND[picture.time]), strict=True):
        grid[..., :3, :], grid[..., 3, :] = gains.T, offset
    return apply_grids(pixels, masks, grids, surfaces)


def judged(result: NDArray[np.float32], picture: Picture) -> tuple[float, float, float]:
    """The mean CIEDE2000 to the truth near the border, and the shares (%) further than 6 from it and outside the
    segment."""
    near = ndimage.maximum_filter((picture.coverage > 0.02) & (picture.coverage < 0.98), 9)
    away = deltaE_ciede2000(rgb2lab(result), rgb2lab(picture.truth))[near]
    start, end = picture.ends
    along = end - start
    share = np.clip(((result - start) * along).sum(2) / np.maximum((along**2).sum(2), 1e-9), 0, 1)[..., None]
    outside = np.abs(result - start - share * along).max(2)[near] > OUTSIDE
    return float(away.mean()), float(100 * (away > 6).mean()), float(100 * outside.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="a folder for the pictures")
    options = parser.parse_args()
    everything = list(pictures())
    print(
        "| labels | mixed pixels | CIEDE2000 | further than 6 (%) | outside the segment (%) | "
        + " | ".join(KINDS)
        + " |"
    )
    print("| --- " * (5 + len(KINDS)) + "|")
    for labels, coarse in (("painted", 0.0), ("found", COARSE)):
        for name, apart in (("blended", False), ("taken apart", True)):
            rows = []
            for picture in everything:
                result = result_of(picture, apart=apart, coarse=coarse)
                rows.append(judged(result, picture))
                if options.output:
                    options.output.mkdir(parents=True, exist_ok=True)
                    side = np.concatenate([picture.content, result, picture.truth], 1)
                    file = f"{picture.kind}-{picture.time}-{labels}-{name.replace(' ', '_')}.png"
                    Image.fromarray(np.round(255 * side).astype(np.uint8)).save(options.output / file)
            mean = np.mean(rows, 0)
            kinds = [
                np.mean([row[0] for row, picture in zip(rows, everything, strict=True) if picture.kind == kind])
                for kind in KINDS
            ]
            print(
                f"| {labels} | {name} | " + " | ".join(f"{value:.2f}" for value in (*mean, *kinds)) + " |", flush=True
            )


if __name__ == "__main__":
    main()
