"""What is done about noise in lifted shadows, bands in skies and clipped colours, with and without it, as one picture.

    python -m tests.benchmarks.handled -o docs/images/handled.jpg

From the sample photo: its shadows with a camera's noise lifted to noon by the closed form; a sky of slow gradients made
darker; and colours sent above white. The left picture of each row is what plain arithmetic would give, the right one
what is written; the figures beneath are printed, too.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from photostyle.photo.photo import Photo
from photostyle.pipeline.grid_method import PREVIEW
from photostyle.solvers import closed_form
from photostyle.solvers.bilateral import coefficients_of
from photostyle.solvers.full_size import shoulder
from photostyle.solvers.noise import Noise
from segmentation.enlarge import Part

SAMPLE = Path(__file__).parents[2] / "samples" / "city.jpg"
SIZE = 500
EXPOSURE, NOISE = 0.12, 1.2 / 255
"""Of the night that is lifted: so dark, with so much noise before its rounding to 8 bits."""
STRETCH = 8
"""By which the sky's contrast is raised to show its bands."""

Pixels = NDArray[np.floating]


def lifted_shadows(photo: Pixels) -> tuple[tuple[Pixels, str], tuple[Pixels, str]]:
    rng = np.random.default_rng(0)
    clean, everywhere = EXPOSURE * photo, np.ones(photo.shape[:2])
    dark = np.rint(255 * np.clip(clean + rng.normal(0, NOISE, photo.shape), 0, 1)) / 255
    target = [(1.0, photo, everywhere)]

    def lifted(quiet: Callable[[closed_form.ColourMap], Pixels]) -> tuple[Pixels, str]:
        fitted = closed_form.fit(dark, everywhere, target, lightness=0)
        changed = fitted(quiet(fitted))
        return np.clip(changed, 0, 1), f"noise {float((changed - fitted(clean)).std() * 255):.1f} levels"

    def denoised(fitted: closed_form.ColourMap) -> Pixels:
        masks, pixels = everywhere[None].astype(np.float32), dark.astype(np.float32)
        grids = coefficients_of([fitted], pixels, masks, PREVIEW)
        return Noise.of(pixels, grids, 1.0).removed(pixels, masks, [1.0], Part.whole(*pixels.shape[:2]))

    with mock.patch.multiple(closed_form, MOST_GAIN=1e6, NOISE=1e-9):
        plain = lifted(lambda _: dark)
    return plain, lifted(denoised)


def bands(photo: Pixels) -> tuple[tuple[Pixels, str], tuple[Pixels, str]]:
    rows = np.linspace(0.0, 0.04, SIZE // 2)[:, None, None]
    sky = np.repeat(np.array([0.10, 0.14, 0.25]) + rows, SIZE, axis=1).astype(np.float32)
    written = np.asarray(Image.open(io.BytesIO(Photo(sky).encode("PNG"))), np.float32) / 255

    def shown(values: Pixels) -> tuple[Pixels, str]:
        steps = values.mean((1, 2))
        widest = int(np.diff(np.flatnonzero(np.abs(np.diff(steps, prepend=-1)) > 1e-6)).max())
        return np.clip((values - sky.mean()) * STRETCH + 0.5, 0, 1), f"widest band {widest} rows"

    return shown(np.rint(sky * 255) / 255), shown(written)


def clipped(photo: Pixels) -> tuple[tuple[Pixels, str], tuple[Pixels, str]]:
    bright = 1.25 * photo + np.array([0.1, 0.0, -0.1])
    bent = shoulder(bright.copy())

    def shown(values: Pixels) -> tuple[Pixels, str]:
        lost = float(np.isin(np.rint(255 * values), (0, 255)).any(-1).mean())
        return values, f"{lost:.1%} of the pixels without detail in a channel"

    return shown(np.clip(bright, 0, 1)), shown(bent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    photo = Photo.read(SAMPLE).fitted(SIZE).astype(np.float64)
    rows = {
        "noise in lifted shadows: gains limited, noise taken out": lifted_shadows(photo),
        f"a darkened sky, contrast x {STRETCH}: dithered": bands(photo),
        "colours above white: soft shoulder": clipped(photo),
    }
    figure = Figure(figsize=(10, 10), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), 2)
    for pair, (title, pictures) in zip(axes, rows.items(), strict=True):
        print(title, [text for _, text in pictures])
        for axis, name, (picture, text) in zip(pair, ("plain", title), pictures, strict=True):
            axis.imshow(np.clip(picture, 0, 1))
            axis.set(title=name, xlabel=text, xticks=[], yticks=[])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.output, pil_kwargs={"quality": 92})


if __name__ == "__main__":
    main()
