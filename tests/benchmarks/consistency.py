"""How much the same object's colour differs between the photos of a set: one look for all beside photo by photo.

    python -m tests.benchmarks.consistency [--preset default] [--size 512] [--photos 8] [--cameras chamonix mexico] \\
        [--style samples/sunset.jpg] [-o FOLDER]

The sets are `pan`, a window that slides over samples/city.jpg, and photos of fixed cameras of the shared data's
`timelapse`. A scene point is a mean of 4 x 4 pixels. At each, the photos are taken whose colours there are alike:
within a distance of that of the one which has most others so near, three photos or more; the spread is the mean
CIEDE2000 between what became of them and the mean of it. It is told for several such distances: the smaller, the less
of it the photos bring along; `input` is the spread of the photos themselves. With -o the photos and both results are
written, small, as rows of PNG.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photostyle import Photo, Session
from photostyle.colour.ciede2000 import ciede2000
from photostyle.colour.cielab import lab
from photostyle.presets import load_preset, parse_changes
from tests.shared import shared

SAMPLES = Path(__file__).parents[2] / "samples"
ALIKE = (1.5, 0.5)
"""CIEDE2000."""
LEAST_PHOTOS, BLOCK, MOST_POINTS = 3, 4, 4000
Pixels = NDArray[np.float32]
Placed = tuple[Pixels, int]
"""A photo, and the column of the scene that its first column shows."""


def pan(photos: int) -> list[Placed]:
    """A window of six tenths of the photo's width, sliding over it."""
    pixels = Photo.read(SAMPLES / "city.jpg").pixels
    height, width = (size // BLOCK * BLOCK for size in pixels.shape[:2])
    window = int(0.6 * width) // BLOCK * BLOCK
    firsts = [int(at) // BLOCK * BLOCK for at in np.linspace(0, width - window, photos)]
    return [(np.ascontiguousarray(pixels[:height, first : first + window]), first) for first in firsts]


def time_lapse(camera: str, photos: int) -> list[Placed]:
    paths = sorted(shared("data", "timelapse", camera).glob("*.jpg"))
    chosen = [paths[int(at)] for at in np.linspace(0, len(paths) - 1, photos)]
    return [(Photo.read(path).pixels, 0) for path in chosen]


def blocks(pixels: Pixels) -> NDArray[np.float64]:
    """`(h, w, 3)` CIELAB of the means of `BLOCK` x `BLOCK` pixels."""
    import torch

    height, width = (size // BLOCK for size in pixels.shape[:2])
    parts = pixels[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK, 3)
    means = parts.mean((1, 3), dtype=np.float64)
    found: NDArray[np.float64] = lab(torch.from_numpy(means.reshape(-1, 3))).numpy().reshape(means.shape)
    return found


def scene(pictures: Sequence[Placed]) -> NDArray[np.float64]:
    """`(photos, points, 3)`: what every photo shows at every point of the scene, NaN where it does not."""
    found = [(blocks(pixels), first // BLOCK) for pixels, first in pictures]
    height, width = found[0][0].shape[0], max(first + colours.shape[1] for colours, first in found)
    whole = np.full((len(found), height, width, 3), np.nan)
    for own, (colours, first) in zip(whole, found, strict=True):
        own[:, first : first + colours.shape[1]] = colours[:height]
    points = whole.reshape(len(found), -1, 3)
    step = max(1, points.shape[1] // MOST_POINTS)
    return points[:, ::step]


def groups(inputs: NDArray[np.float64], alike: float) -> NDArray[np.bool_]:
    """`(photos, points)`: at every point the largest group of photos that are alike, none where it is too small."""
    near = np.stack([ciede2000(inputs, each[None]) <= alike for each in inputs])
    best = near.sum(1).argmax(0)
    chosen: NDArray[np.bool_] = np.take_along_axis(near, best[None, None], 0)[0]
    return chosen & (chosen.sum(0) >= LEAST_PHOTOS)


def spread(colours: NDArray[np.float64], chosen: NDArray[np.bool_]) -> float:
    """Mean over the points of the mean distance from the mean of the group."""
    used = chosen.any(0)
    inside = np.where(chosen[..., None], colours, 0)[:, used]
    counts = chosen[:, used].sum(0)
    means = inside.sum(0) / counts[:, None]
    distances = np.where(chosen[:, used], ciede2000(inside, means[None]), 0)
    return float((distances.sum(0) / counts).mean())


def measured(name: str, pictures: Sequence[Placed], session: Session, style: str, output: Path | None) -> None:
    look_of = session.style(style)
    results: dict[str, list[Placed]] = {"input": list(pictures)}
    began = time.perf_counter()
    look = session.fit([pixels for pixels, _ in pictures], look_of)
    fitted = time.perf_counter() - began
    ways = {"photo by photo": look_of, "one look": look}
    seconds = {}
    for way, wanted in ways.items():
        began = time.perf_counter()
        results[way] = [(session.transfer(pixels, wanted).photo.pixels, first) for pixels, first in pictures]
        seconds[way] = (time.perf_counter() - began) / len(pictures)
    print(
        f"{name:12} {len(pictures)} photos   seconds a photo {seconds['photo by photo']:.1f}, "
        f"{seconds['one look']:.1f} after {fitted:.1f}   regions {[r.name for r in look.correspondence.regions]}"
    )
    for alike in ALIKE:
        chosen = groups(scene(pictures), alike)
        figures = {way: spread(scene(found), chosen) for way, found in results.items()}
        share = figures["one look"] / figures["photo by photo"]
        print(
            f"    alike within {alike:g}, {chosen.any(0).mean():4.0%} of the points   "
            + "   ".join(f"{way} {figure:.2f}" for way, figure in figures.items())
            + f"   share {share:.2f}",
            flush=True,
        )
    for warning in look.warnings:
        print(f"    {warning}")
    if output:
        output.mkdir(parents=True, exist_ok=True)
        rows = [np.concatenate([Photo(pixels).fitted(320) for pixels, _ in found], 1) for found in results.values()]
        Photo(np.ascontiguousarray(np.concatenate(rows))).save(output / f"{name}.png", overwrite=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--cameras", nargs="*", default=["chamonix", "mexico"])
    parser.add_argument("--style", default=str(SAMPLES / "sunset.jpg"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    changes = {"solver.size": options.size, **parse_changes(options.set)}
    session = Session(settings=load_preset(options.preset).with_changes(changes))
    cameras = {camera: time_lapse(camera, options.photos) for camera in options.cameras}
    for name, pictures in {"pan": pan(options.photos), **cameras}.items():
        measured(name, pictures, session, options.style, options.output)


if __name__ == "__main__":
    main()
