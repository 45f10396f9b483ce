"""Whether a photo under another look has the same regions: the agreement of what is found before and after a transfer.

    python -m tests.benchmarks.agreement --data ../shared/data [--photos 10] [--styles 10] [--preset default]
                                         [--weights OTHER.onnx]

Contents and styles are drawn from the photos of scenery in `DATA`, with a fixed seed. Each content gets the look of
each style, with regions found. The segmenter then looks at the result. A line a photo: the share of pixels that have
the class they had in the photo itself, mean and least over the styles. The looks are found with the network that
ships; `--weights` are networks to judge on the same results.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from photostyle import Session
from photostyle.photo.photo import Photo
from photostyle.presets import load_preset
from photostyle.regions.found_regions import RegionFinder
from segmentation.segmenter import Segmenter

TOPICS = ("beach", "monument", "mountain")
"""The topics of Corel 1k that show scenery."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--styles", type=int, default=10)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--weights", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    files = json.loads((options.data / "manifest.json").read_text())["files"]
    scenery = [
        options.data / file["path"]
        for file in files
        if file["path"].startswith("photos/")
        and (file["source"] == "daynight" or (file["source"] == "corel" and file.get("topic") in TOPICS))
    ]
    drawn = np.random.default_rng(0).permutation(len(scenery))
    contents, styles = drawn[: options.photos], drawn[options.photos : options.photos + options.styles]
    session = Session(settings=load_preset(options.preset))
    finders = {"shipped": RegionFinder("compact")}
    for path in options.weights:
        finders[path.stem] = RegionFinder("compact")
        finders[path.stem].segmenter = Segmenter.load(path)
    everything: dict[str, list[float]] = {name: [] for name in finders}
    measured = [session.style(scenery[index]) for index in styles]
    for content in contents:
        photo = Photo.read(scenery[content])
        before = {name: finder.see(photo.pixels).coarse_labels() for name, finder in finders.items()}
        results = [session.transfer(photo, style).photo.pixels for style in measured]
        line = [scenery[content].stem]
        for name, finder in finders.items():
            shares = [float((finder.see(pixels).coarse_labels() == before[name]).mean()) for pixels in results]
            everything[name] += shares
            line.append(f"{name}: mean {np.mean(shares):.3f}, least {min(shares):.3f}")
        print("; ".join(line), flush=True)
    for name, shares in everything.items():
        print(f"{name}: mean {np.mean(shares):.3f}, a tenth is below {np.quantile(shares, 0.1):.3f}")


if __name__ == "__main__":
    main()
