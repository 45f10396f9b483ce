"""How well subjects are found, and how often with enough sureness (`photostyle.regions.subject`).

    python -m tests.benchmarks.subjects --scenes ../shared/data/scenes/test [--half 0]

The photos need labels, in which vehicle, person, animal and object are the subject. Intersection over union with these
labels, as a mean over the photos in which they are 10 % to 75 % of what is labelled: for the network's foreground from
a probability of 0.5 on at one size and as the mean over two, and for the subject. Then the same at several limits of
sureness, with the share of the photos that have a clear subject; and how many other photos are taken to have one.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photostyle.photo.photo import Photo
from photostyle.regions.found_regions import ANY_FOREGROUND, RegionFinder
from photostyle.regions.subject import LEAST_EDGE, LEAST_SHARE, LEAST_SURE, MOST_SHARE, find_subject
from segmentation.labels import FOREGROUND, UNLABELLED
from segmentation.refine import refine

LIMITS = (0.35, 0.4, LEAST_SURE, 0.5, 0.55, 0.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=Path, required=True, help="a folder with images/ and labels/")
    parser.add_argument("--half", type=int, choices=(0, 1), help="photos at even or at odd places only")
    options = parser.parse_args()
    paths = sorted((options.scenes / "images").iterdir())
    finder, rows, others, seconds = RegionFinder("compact"), [], [], 0.0
    for path in paths if options.half is None else paths[options.half :: 2]:
        labels = np.asarray(Image.open(options.scenes / "labels" / f"{path.stem}.png"))
        wanted, labelled = np.isin(labels, FOREGROUND), labels != UNLABELLED
        seen = finder.see(Photo.read(path).pixels)
        start = time.perf_counter()
        subject = find_subject(seen.pixels, seen.things)
        seconds += time.perf_counter() - start
        before = LEAST_SHARE <= subject.share <= MOST_SHARE and subject.edge >= LEAST_EDGE
        sure = subject.sureness if before else -1.0
        if not 0.1 <= wanted[labelled].mean() <= 0.75:
            others.append(sure)
            continue
        found = [
            refine(np.stack([1 - chance, chance]), seen.pixels).of(seen.pixels)[1] > 0.5
            for chance in (seen.probabilities[ANY_FOREGROUND], seen.things, subject.probability)
        ]
        rows.append((*(_overlap(each, wanted, labelled) for each in found), sure))
    figures = np.array(rows)
    print(f"{len(rows)} photos with a subject, {len(others)} others, {seconds / (len(rows) + len(others)):.2f} s each")
    for name, column in zip(("foreground at one size", "at two sizes", "subject"), figures.T[:3], strict=True):
        print(f"{name:24}mean {column.mean():.3f}  median {np.median(column):.3f}  under 0.6: {(column < 0.6).sum()}")
    for limit in LIMITS:
        clear = figures[figures[:, 3] >= limit, 2]
        print(
            f"sure from {limit:.2f} on: {len(clear) / len(rows):4.0%} clear, mean {clear.mean():.3f}, "
            f"under 0.6: {(clear < 0.6).sum()}, others: {np.mean(np.array(others) >= limit):4.0%}"
        )


def _overlap(found: NDArray[np.bool_], wanted: NDArray[np.bool_], labelled: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks, of what is labelled, [0, 1]."""
    union = (found | wanted) & labelled
    return float((found & wanted & labelled).sum() / max(union.sum(), 1))


if __name__ == "__main__":
    main()
