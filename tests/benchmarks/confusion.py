"""How often each class is found as what: the confusion matrix of found regions, and the photos that are hardest.

    python -m tests.benchmarks.confusion --data ../shared/data --rendered ../shared/rendered -o hardest.png

The regions are those that a run finds: the network's, small pieces joined, at the photo's edges and its own size.
`segmentation.training.evaluate` measures the network by itself. For the labelled test photos and for the rendered
scenes that the network has not learnt from, all hours together: accuracy, mean intersection over union, and the matrix
in percent of the true class. Then the test photos of the lowest accuracy, with what they are mostly taken for; `-o`
writes them below one another: the photo, its labels, and what is found.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photostyle.regions.found_regions import RegionFinder
from segmentation.labels import CLASSES, UNLABELLED
from segmentation.training.evaluate import JUDGED, compare, figures, groups, in_percent
from segmentation.training.samples import Sample, read

HEIGHT = 160
"""Of a row of the picture, in pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rendered", type=Path, required=True)
    parser.add_argument("--hardest", type=int, default=12, metavar="N", help="how many photos (default: 12)")
    parser.add_argument("-o", "--output", type=Path, metavar="PICTURE")
    options = parser.parse_args()
    kinds, finder = groups(options.data, options.rendered), RegionFinder("compact")
    rendered = [sample for kind, samples in kinds.items() if kind.startswith("rendered") for sample in samples]
    for name, samples in (("test photos", kinds["test"]), ("rendered scenes", rendered)):
        tables = np.stack([compare(found(finder, sample), truth(sample)) for sample in samples])
        print(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in figures(tables.sum(0)).items()))
        print(in_percent(tables.sum(0)), flush=True)
        if name == "test photos":
            accuracy = tables.trace(axis1=1, axis2=2) / tables.sum((1, 2))
            hardest = np.argsort(accuracy, kind="stable")[: options.hardest].tolist()
            for place in hardest:
                print(f"{samples[place].image.stem}: {accuracy[place]:.2f} right; {errors(tables[place])}")
            if options.output:
                sheet(finder, [samples[place] for place in hardest]).save(options.output)


def found(finder: RegionFinder, sample: Sample) -> NDArray[np.uint8]:
    """`(H, W) uint8`: the place in `JUDGED` of the class that is found at each pixel."""
    return finder.see(np.asarray(read(sample)[0], np.float32) / np.float32(255)).labels()


def truth(sample: Sample) -> NDArray[np.uint8]:
    """`(H, W) uint8`: the label map."""
    return np.asarray(read(sample)[1])


def errors(table: NDArray[np.int64]) -> str:
    """The two most frequent errors in a confusion matrix `(7, 7)`, in percent of the pixels."""
    wrong = table * (1 - np.eye(len(table), dtype=np.int64))
    places = np.argsort(-wrong.ravel(), kind="stable")[:2]
    return ", ".join(
        f"{wrong.flat[place] / table.sum():.0%} {JUDGED[place // len(JUDGED)]} as {JUDGED[place % len(JUDGED)]}"
        for place in places.tolist()
        if wrong.flat[place]
    )


def sheet(finder: RegionFinder, samples: list[Sample]) -> Image.Image:
    """The photos, a row each: the photo, its labels and what is found, in the colours of the classes; black is no
    label."""
    colours = np.zeros((256, 3), np.uint8)
    colours[[label.id for label in CLASSES]] = [label.colour for label in CLASSES]
    colours[len(JUDGED) - 1 : UNLABELLED] = CLASSES[-1].colour  # any foreground
    rows = []
    for sample in samples:
        pictures = read(sample)[0], *(Image.fromarray(colours[ids]) for ids in (truth(sample), found(finder, sample)))
        rows.append([each.resize((round(each.width * HEIGHT / each.height), HEIGHT)) for each in pictures])
    whole = Image.new("RGB", (max(sum(each.width for each in row) for row in rows), HEIGHT * len(rows)))
    for number, row in enumerate(rows):
        for place, picture in enumerate(row):
            whole.paste(picture, (sum(each.width for each in row[:place]), HEIGHT * number))
    return whole


if __name__ == "__main__":
    main()
