"""What the presets give on `samples/`, with the weights that ship and regions that are found.

    python -m tests.golden --write    # prints the figures and writes them to tests/golden.json

`tests/test_golden.py` compares. Whoever changes the result on purpose runs this and commits the file with the change.
Without `--write` it only prints. `--set grid.style=5.75` tells what a change of the settings does to the figures, and
`--set encoder.dtype=float32` how far they move on a processor of another kind.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from photostyle.encoders.weights import load
from photostyle.photo.photo import Photo
from photostyle.pipeline.session import transfer
from photostyle.presets import load_preset, parse_changes
from photostyle.regions.mask_files import read_mask
from photostyle.regions.region_map import RegionMap, resize_labels
from photostyle.settings import Settings
from tests.reference import scores

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
RECORD = Path(__file__).with_suffix(".json")
CASES = {
    "default": ("default", 1000),
    "fast": ("fast", 1000),
    "preview": ("preview", 1000),
    "preview, a small region": ("preview", 400),
}
"""By name: the preset, and how many rows of the content are taken; its upper 400 are sky over 7 % of buildings."""
PAINTED = {
    "blue": "sky", "white": "building", "green": "vegetation", "light blue": "water", "grey": "ground",
    "yellow": "mountain", "red": "foreground",
}  # fmt: skip
"""What the colours of the masks in `samples/` mean."""
SIZE = 512
"""Longest side in pixels at which colours and Gram matrices are compared; edges are compared at full size."""


def measure(name: str, changes: Sequence[str] = ()) -> dict[str, float]:
    """The figures of one of `CASES`: city.jpg in the look of sunset.jpg. `changes` of the preset are words such
    as `grid.style=5`.

    The painted masks only score. `regions` is the share of the content's pixels whose found region is the painted one,
    in per cent.
    """
    preset, rows = CASES[name]
    content, style = (Photo.read(SAMPLES / f"{photo}.jpg") for photo in ("city", "sunset"))
    painted, style_painted = (
        read_mask(SAMPLES / f"{photo}_mask.png", read.height, read.width)
        for photo, read in (("city", content), ("sunset", style))
    )
    content = replace(content, pixels=content.pixels[:rows])
    painted = replace(painted, labels=painted.labels[:rows])
    settings: Settings = load_preset(preset).with_changes(parse_changes(changes))
    result = transfer(content, style, settings=settings)
    small = [photo.fitted(SIZE).astype(np.float64) for photo in (result.photo, style)]
    labels = [
        resize_labels(regions.labels, *photo.shape[:2])
        for regions, photo in zip((painted, style_painted), small, strict=True)
    ]
    before, after = (photo.pixels.astype(np.float64) for photo in (content, result.photo))
    return {
        "style": scores.style_distance(*small, *labels),
        "gram": scores.gram_distance(*small, *labels, load("compact")),
        "affine": scores.affine_residual(before, after),
        "halo": scores.halo_share(before, after),
        "edges": scores.edge_likeness(before, after),
        "regions": same_names(result.correspondence.content, painted),
    }


def same_names(found: RegionMap, painted: RegionMap) -> float:
    """Per cent of the pixels whose region is the same in both."""
    wanted = resize_labels(painted.labels, *found.labels.shape)
    both = [
        (found.labels == label) & (wanted == other)
        for label, name in found.names.items()
        for other, colour in painted.names.items()
        if name == PAINTED[colour]
    ]
    return float(100 * np.any(both, axis=0).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="keep the figures as those that the test expects")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the presets")
    options = parser.parse_args()
    if options.write and options.set:
        parser.error("--write keeps the figures of the presets as they are: leave out --set")
    figures = {name: {key: round(figure, 4) for key, figure in measure(name, options.set).items()} for name in CASES}
    text = json.dumps(figures, indent=2) + "\n"
    print(text, end="")
    if options.write:
        RECORD.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
