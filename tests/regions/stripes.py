"""Small region maps whose regions are vertical stripes, and how they match."""

from __future__ import annotations

import numpy as np

from photostyle.regions.correspondence import MatchedStyle, match_one_region
from photostyle.regions.region_map import RegionMap
from segmentation.labels import UNLABELLED
from segmentation.matching import match

NAMES = {0: "sky", 1: "building", 2: "vegetation", 3: "water", 5: "mountain", 6: "object"}


def stripes(*labels: int, height: int = 10, width: int = 100) -> RegionMap:
    """Columns of each label, in equal parts."""
    columns = np.repeat(np.array(labels, np.uint8), width // len(labels))
    return RegionMap(np.tile(columns, (height, 1)), {label: NAMES[label] for label in set(labels) - {UNLABELLED}})


def matched_style(
    content: RegionMap,
    style: RegionMap,
    name: str = "a.jpg",
    weight: float = 1.0,
    region: str | None = None,
    least_share: float = 0.01,
) -> MatchedStyle:
    """A style with these regions, matched with the content, or with one region of it."""
    if region is not None:
        matching = match_one_region(content, style, region, name, least_share)
    else:
        matching = match(content.labels, style.labels, content.names, style.names, least_share=least_share)
    return MatchedStyle(name, weight, region, style, matching)
