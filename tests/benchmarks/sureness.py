"""How sure the network is of scenery and of close-ups, where `photostyle.regions.found_regions.LEAST_SURE` comes from.

    python -m tests.benchmarks.sureness --data ../shared/data [--count 40]

A line a group of photos: the mean over the photo of the likeliest class's probability, at quantiles of the group, and
the share of the group that is under the limit.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from photostyle.photo.photo import Photo
from photostyle.regions.found_regions import LEAST_SURE, RegionFinder

AT = (0.05, 0.25, 0.5, 0.75, 0.95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=40, help="photos of each group, drawn at random")
    options = parser.parse_args()
    found = defaultdict(list)
    for file in json.loads((options.data / "manifest.json").read_text())["files"]:
        if file["path"].startswith("photos/") and file["source"] in ("corel", "imagenet", "daynight"):
            found[f"{file['source']} {file.get('topic', '')}".strip()].append(options.data / file["path"])
    finder, rng = RegionFinder("compact"), np.random.default_rng(0)
    print(f"{'group':18}" + "".join(f"{f'{quantile:.0%}':>8}" for quantile in AT) + f"{'under':>8}")
    for group, paths in sorted(found.items()):
        drawn = rng.permutation(len(paths))[: options.count]
        sure = np.array([finder.see(Photo.read(paths[index]).pixels).confidence for index in drawn])
        figures = "".join(f"{value:8.2f}" for value in np.quantile(sure, AT))
        print(f"{group:18}{figures}{(sure < LEAST_SURE).mean():8.0%}", flush=True)


if __name__ == "__main__":
    main()
