"""How sure the program is of each match: a number in [0, 1] for every region and each style that it takes from.

| regions come from | sureness |
| --- | --- |
| masks | 1: the user said so |
| a network, matched by class or as wholes | `sure_by_classes`: the chance that both regions show the same class |
| a network, matched as subject and background | `sure_by_subjects`: the sureness of both subjects, multiplied |
| groups of what looks alike | `sure_by_classes`, with the probabilities of the groups |
| nothing: `--segmenter none` | 1: the user said so |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from photostyle.regions.correspondence import FOLLOWS, Correspondence, RegionMatch, StyleShare
from photostyle.regions.region_map import RegionMap

Planes = NDArray[np.float32]


def sure_by_classes(found: Correspondence, content: Planes, styles: Sequence[Planes]) -> Correspondence:
    """Takes as sureness the chance that a place of the content's region and one of the style's show the same class.

    It is sum_k p_k q_k, where p_k and q_k are the mean probabilities of class k over the two regions (our choice). For
    regions of one class, this is about the product of how sure the network is of both. What was merged into a region
    makes it lower, and so does a similar class in the place of the same one.

    Args:
        found: whose regions were found from these probabilities, at any size of the same photos.
        content: `(K, h, w)`, [0, 1], sum 1: the probability of each class.
        styles: the same of every style, in the order of `found.styles`.
    """

    def chance(region: RegionMatch, source: StyleShare) -> float:
        own = mean_probabilities(content, found.content, region.content_ids)
        other = mean_probabilities(styles[source.style], found.styles[source.style].regions, source.ids)
        return min(1.0, float(own @ other))

    return _with_sureness(found, chance)


def sure_by_subjects(found: Correspondence, content: float, styles: Sequence[float]) -> Correspondence:
    """Takes as sureness how sure the subject of the content is, times how sure that of the style is.

    Subject and background have the same: a wrong border is one of both.

    Args:
        content: see `photostyle.regions.found_regions.Segmentation.subject_sureness`.
        styles: the same of every style, in the order of `found.styles`.
    """
    return _with_sureness(found, lambda _, source: content * styles[source.style])


def leave_unsure(found: Correspondence, least: float, least_matched: float) -> Correspondence:
    """Lets regions whose match is less sure than `least` follow the rest of the photo. A message names each.

    Nothing changes if the other matched regions together have less than `least_matched` of what can be seen of the
    content: the rest of the photo would then say too little.

    Args:
        least, least_matched: [0, 1].
    """
    sure = [region for region in found.matched if region.sureness >= least]
    unsure = [region for region in found.matched if region.sureness < least]
    labels = [label for region in sure for label in region.content_ids]
    if not unsure or found.content.share(labels) < least_matched:
        return found
    messages = (
        f"{region.name} in the content photo is found in the style with only {region.sureness:.0%} sureness,"
        f" so it {FOLLOWS}"
        for region in unsure
    )
    following = [region for region in found.regions if region.follows]
    regions = (*sure, *(replace(region, sources=()) for region in unsure), *following)
    return replace(found, regions=regions, messages=(*found.messages, *messages))


def mean_probabilities(probabilities: Planes, regions: RegionMap, ids: Sequence[int]) -> NDArray[np.float64]:
    """`(K,)`: the mean probability of each class over what can be seen of the labels `ids`.

    Args:
        probabilities: `(K, h, w)`.
        regions: of the same photo, at any size. One pixel or more that can be seen has such a label.
    """
    inside = np.isin(regions.labels, ids)
    if regions.coverage is not None:
        inside &= regions.coverage > 0
    rows, columns = (
        (at * coarse) // size
        for at, size, coarse in zip(np.nonzero(inside), inside.shape, probabilities.shape[1:], strict=True)
    )
    counts = np.bincount(rows * probabilities.shape[2] + columns, minlength=probabilities[0].size)
    means: NDArray[np.float64] = probabilities.reshape(len(probabilities), -1) @ (counts / counts.sum())
    return means


def _with_sureness(found: Correspondence, sureness: Callable[[RegionMatch, StyleShare], float]) -> Correspondence:
    regions = tuple(
        replace(region, sources=tuple(replace(each, sureness=sureness(region, each)) for each in region.sources))
        for region in found.regions
    )
    return replace(found, regions=regions)
