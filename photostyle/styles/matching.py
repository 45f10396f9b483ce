"""How the content's regions are matched with those of each style: painted, as wholes, by class or by cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from photostyle.photo.photo import Photo, resize
from photostyle.regions.correspondence import (
    Correspondence,
    MatchedStyle,
    combine_matchings,
    match_one_region,
    match_whole,
)
from photostyle.regions.found_regions import (
    LEAST_MATCHED,
    LEAST_SHARE,
    LITTLE_IN_COMMON,
    Segmentation,
    match_by_class,
    share_of_labels,
    similar_classes,
)
from photostyle.regions.region_map import RegionMap
from photostyle.styles.style import FeatureExtractor, StylePhoto
from segmentation.clusters import find_groups
from segmentation.matching import match

Pixels = NDArray[np.float32]

CLUSTER_LAYER, CLUSTER_SIZE = "relu4_1", 384
"""Features that `clusters` looks at; see `segmentation.clusters.find_groups` for the measurement behind it."""


def match_masks(content: RegionMap, styles: Sequence[StylePhoto], smallest: float) -> Correspondence:
    """By the names of painted regions, or of class ids.

    Args:
        content: its regions.
        styles: each with its own regions.
        smallest: share of either photo for a region to be measured, [0, 1].

    Raises:
        InputError: a style without the region that it was given for.
        SettingsError: the content has no region of the name that a style was given for.
    """
    pairs = [(style, style.regions) for style in styles if style.regions is not None]
    return combine_matchings(content, [_matched_style(content, *pair, smallest) for pair in pairs], smallest)


def match_wholes(pixels: Pixels, styles: Sequence[StylePhoto], smallest: float) -> Correspondence:
    """Each photo as one region.

    Raises:
        SettingsError: a style was given for a region.
    """
    content, *others = (
        RegionMap(np.zeros(picture.shape[:2], np.uint8), {0: "whole photo"})
        for picture in (pixels, *(style.pixels for style in styles))
    )
    pairs = zip(styles, others, strict=True)
    return combine_matchings(content, [_matched_style(content, *pair, smallest) for pair in pairs], smallest)


def match_segmentations(
    pixels: Pixels, seen: Segmentation, styles: Sequence[StylePhoto], smallest: float
) -> Correspondence:
    """By class where the network knows what the photos show, else each photo as one region, which is told.

    Args:
        pixels: of the content, at the size of the solve.
        seen: what the session's segmenter sees there.
        smallest: see `match_wholes`.

    Raises:
        InputError, SettingsError: see `match_classes`.
    """
    found, reason = match_classes(seen, [(style, style.seen) for style in styles if style.seen is not None])
    if found is not None:
        return found
    wholes = match_wholes(pixels, styles, smallest)
    return replace(wholes, messages=(f"{reason}, so each photo counts as one region", *wholes.messages))


def match_classes(
    content: Segmentation, styles: Sequence[tuple[StylePhoto, Segmentation]]
) -> tuple[Correspondence | None, str]:
    """By the classes that a segmenter sees, or None and why the photos had better be matched as wholes.

    They had, where one of the styles had, or all of them together match too little of the content; but where a style
    was given for a region, which wholes do not have, only a style that cannot be matched by class counts as one.

    Raises:
        InputError, SettingsError: see `match_masks`.
    """
    regions, counterparts = content.scenery, []
    named = any(style.region is not None for style, _ in styles)
    for style, seen in styles:
        if style.region is not None:
            found = seen.regions(similar_classes(style.region))
            matching = match_one_region(regions, found, style.region, style.name, LEAST_SHARE)
        else:
            both, reason = match_by_class(content, seen, LEAST_MATCHED if len(styles) == 1 else 0.0)
            if both is None and not named:
                return None, reason if len(styles) == 1 else f"{style.name}: {reason}"
            if both is None:
                found = RegionMap(np.zeros(style.pixels.shape[:2], np.uint8), {0: "whole photo"})
                matching = match_whole(regions, found, f"{reason}, so the whole of it is taken")
            else:
                found, matching = both.style, both.matching
        counterparts.append(MatchedStyle(style.name, style.weight, style.region, found, matching))
    result = combine_matchings(regions, counterparts, LEAST_SHARE)
    if (
        not named
        and share_of_labels(regions, [i for target in result.regions for i in target.content_ids]) < LEAST_MATCHED
    ):
        return None, LITTLE_IN_COMMON
    return result, ""


def match_groups(
    encode: FeatureExtractor, pixels: Pixels, styles: Sequence[StylePhoto], *, smallest: float, seed: int
) -> Correspondence:
    """By clusters of what looks alike in all the photos.

    Raises:
        InputError, SettingsError: see `match_masks`.
    """
    pictures = (pixels, *(style.pixels for style in styles))
    with torch.inference_mode():
        features = [
            encode(encode.tensor(Photo(picture).fitted(CLUSTER_SIZE)), (CLUSTER_LAYER,))[CLUSTER_LAYER]
            for picture in pictures
        ]
    clusters = find_groups(*(f[0].float().cpu().numpy() for f in features), seed=seed)
    maps = []
    for picture, soft in zip(pictures, clusters.probabilities, strict=True):
        probabilities = resize(np.ascontiguousarray(soft.transpose(1, 2, 0)), *picture.shape[:2])
        labels = probabilities.argmax(2).astype(np.uint8)
        maps.append(RegionMap(labels, {label: f"cluster {label + 1}" for label in range(len(soft))}))
    pairs = zip(styles, maps[1:], strict=True)
    return combine_matchings(maps[0], [_matched_style(maps[0], *pair, smallest) for pair in pairs], smallest)


def _matched_style(content: RegionMap, style: StylePhoto, regions: RegionMap, smallest: float) -> MatchedStyle:
    if style.region is not None:
        matching = match_one_region(content, regions, style.region, style.name, smallest)
    else:
        matching = match(content.labels, regions.labels, content.names, regions.names, least_share=smallest)
    return MatchedStyle(style.name, style.weight, style.region, regions, matching)
