"""Decides which region of the content takes its look from which region of which style: `find_correspondence`.

There are five ways to match: by the names of regions in masks, by the classes that the segmenter found, by subject and
background, as whole photos, or by groups of pixels that look alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from photostyle.encoders.features import FeatureExtractor
from photostyle.photo.photo import Photo
from photostyle.photo.resizing import resize
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
    similar_classes,
)
from photostyle.regions.region_map import RegionMap
from photostyle.regions.subject import NAMES as SUBJECT_NAMES
from photostyle.regions.sureness import leave_unsure, sure_by_classes, sure_by_subjects
from photostyle.settings import Settings
from photostyle.styles.style import Style, StylePhoto
from segmentation.clusters import find_groups
from segmentation.matching import WHOLE, match

Pixels = NDArray[np.float32]

LEAST_SURENESS = 0.2
"""A region that is matched with less sureness follows the rest of the photo (our choice, by looking at results)."""
LEAST_CONTRAST = 0.15
"""A subject is clearly brighter or darker than its background if their mean lumas differ by this much (our choice)."""
GROUP_LAYER, GROUP_SIZE = "relu4_1", 384
"""Groups are found in the features of this layer, in a photo with this longest side in pixels.

The measurement behind both is in `segmentation.clusters.find_groups`.
"""


@dataclass(frozen=True, eq=False)
class ContentPhoto:
    """The content, or the photos of a set stacked into one picture, at the size of the solve.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        segment: a function that gives what the segmenter finds in such pixels, or None if the segmenter cannot look at
            a single photo. It is called only if there is no mask.
        extract: the encoder. The segmenter `clusters` needs it.
        coverage: `(H, W) float32`, linear, [0, 1]: how much of the pixels can be seen; None for all.
    """

    pixels: Pixels = field(repr=False)
    segment: Callable[[Pixels], Segmentation | None]
    extract: FeatureExtractor
    coverage: Pixels | None = field(default=None, repr=False)


def find_correspondence(
    content: ContentPhoto, style: Style, mask: RegionMap | None, settings: Settings
) -> Correspondence:
    """Which region of the content takes its look from which region of the style.

    Args:
        mask: the regions of the content, at its size. It must be given if every style photo has a mask, and only then.
        settings: the section `regions`, the method and the seed are used.

    Raises:
        SettingsError: only some of the photos have a mask, or the content lacks a region that a style is for.
        InputError: a style lacks the region that it is for.
    """
    style.check_masks(mask is not None)
    smallest, follow = settings.regions.smallest, settings.unmatched_follow
    if mask is not None:
        return match_masks(mask, style.parts, smallest, follow=follow)
    if settings.regions.segmenter == "clusters":
        return match_groups(content, style.parts, smallest, settings.seed, follow=follow)
    segmentation = content.segment(content.pixels)
    if segmentation is None:
        return match_wholes(content, style.parts, smallest)
    return match_segmentations(content, segmentation, style.parts, smallest, follow=follow)


def match_masks(
    content: RegionMap, styles: Sequence[StylePhoto], smallest: float, *, follow: bool = False
) -> Correspondence:
    """Matches masks by the names of their regions.

    Args:
        content: regions of the content.
        styles: style photos with masks.
        smallest: the smallest share of a photo that a region needs, in both photos, to be measured, [0, 1].
        follow: whether regions without a counterpart follow the rest of the photo; see `combine_matchings`.

    Raises:
        InputError: a style lacks the region that it is for.
        SettingsError: the content lacks a region that a style is for.
    """
    pairs = [(style, style.regions) for style in styles if style.regions is not None]
    matched = [_match_style(content, *pair, smallest) for pair in pairs]
    return combine_matchings(content, matched, smallest, found_by="mask", follow=follow)


def match_wholes(photo: ContentPhoto, styles: Sequence[StylePhoto], smallest: float) -> Correspondence:
    """Matches each photo as one region.

    Raises:
        SettingsError: a style is for one region only.
    """
    content = _whole_photo(photo)
    matched = [_match_style(content, style, _whole_photo(style), smallest) for style in styles]
    return combine_matchings(content, matched, smallest, found_by="whole")


def match_segmentations(
    photo: ContentPhoto, content: Segmentation, styles: Sequence[StylePhoto], smallest: float, *, follow: bool = False
) -> Correspondence:
    """Matches by class if the network recognises the photos.

    Else matches subject with subject and background with background, if every photo has a clear subject; and else each
    photo as one region. A message says why. A style for the region `subject` or `background` decides for the second
    way.

    Args:
        photo: the content.
        content: what the segmenter finds in the content.
        smallest, follow: see `match_masks`.

    Raises:
        InputError, SettingsError: see `match_classes`.
    """
    segmented = [(style, style.segmentation) for style in styles if style.segmentation is not None]
    if any(style.region in SUBJECT_NAMES.values() for style in styles):
        return match_subjects(content, segmented)
    found, reason = match_classes(content, segmented, follow=follow)
    if found is not None:
        return found
    seen = (content, *(segmentation for _, segmentation in segmented))
    if all(each.has_subject for each in seen) and all(_contrasts_agree(content, each) for each in seen[1:]):
        subjects = match_subjects(content, segmented)
        return replace(subjects, messages=(f"{reason}, so subject and background are matched", *subjects.messages))
    wholes = match_wholes(photo, styles, smallest)
    wholes = sure_by_classes(wholes, content.probabilities, [other.probabilities for _, other in segmented])
    return replace(wholes, messages=(f"{reason}, so each photo counts as one region", *wholes.messages))


def match_classes(
    content: Segmentation, styles: Sequence[tuple[StylePhoto, Segmentation]], *, follow: bool = False
) -> tuple[Correspondence | None, str]:
    """Matches the classes that the segmenter found; or gives None and why whole photos should be matched instead.

    That is so if one of the styles cannot be matched by class, or if all styles together match too little of the
    content. If any style is for one region only, this is different: a style that cannot be matched by class is then
    used as a whole.

    Args:
        follow: see `match_masks`.

    Raises:
        InputError, SettingsError: see `match_masks`.
    """
    regions, matched = content.scenery, []
    named = any(style.region is not None for style, _ in styles)
    for style, segmentation in styles:
        if style.region is not None:
            found = segmentation.regions(similar_classes(style.region))
            matching = match_one_region(regions, found, style.region, style.name, LEAST_SHARE)
        else:
            both, reason = match_by_class(content, segmentation, LEAST_MATCHED if len(styles) == 1 else 0.0)
            if both is None and not named:
                return None, reason if len(styles) == 1 else f"{style.name}: {reason}"
            if both is None:
                found = _whole_photo(style)
                matching = match_whole(regions, found, f"{reason}, so it is used as a whole")
            else:
                found, matching = both.style, both.matching
        matched.append(MatchedStyle(style.name, style.weight, style.region, found, matching, style.is_grey))
    result = combine_matchings(regions, matched, LEAST_SHARE, found_by="classes", follow=follow)
    if not named and regions.share([i for target in result.matched for i in target.content_ids]) < LEAST_MATCHED:
        return None, LITTLE_IN_COMMON
    result = sure_by_classes(result, content.probabilities, [other.probabilities for _, other in styles])
    return (leave_unsure(result, LEAST_SURENESS, LEAST_MATCHED) if follow and not named else result), ""


def match_subjects(content: Segmentation, styles: Sequence[tuple[StylePhoto, Segmentation]]) -> Correspondence:
    """Matches subject with subject and background with background.

    In a photo without a clear subject all is background. A style without one that is for no region is used as a whole.

    Raises:
        InputError, SettingsError: see `match_masks`.
    """
    regions, matched, sureness = content.subject, [], []
    for style, segmentation in styles:
        if style.region is None and not segmentation.has_subject:
            found = _whole_photo(style)
            matching = match_whole(regions, found, "the photo has no clear subject, so it is used as a whole")
            matched.append(MatchedStyle(style.name, style.weight, None, found, matching, style.is_grey))
        else:
            matched.append(_match_style(regions, style, segmentation.subject, LEAST_SHARE))
        sureness.append(segmentation.subject_sureness)
    correspondence = combine_matchings(regions, matched, LEAST_SHARE, found_by="subject")
    return sure_by_subjects(correspondence, content.subject_sureness, sureness)


def _contrasts_agree(content: Segmentation, style: Segmentation) -> bool:
    """Whether the subject is not clearly brighter than its background in one photo and clearly darker in the other.

    A white shell on black would become a black shell on white, and the least error of its mask is seen.
    """
    first, second = content.subject_contrast, style.subject_contrast
    return first * second > 0 or min(abs(first), abs(second)) < LEAST_CONTRAST


def match_groups(
    content: ContentPhoto, styles: Sequence[StylePhoto], smallest: float, seed: int, *, follow: bool = False
) -> Correspondence:
    """Matches groups of pixels that look alike in all photos (k-means).

    Args:
        smallest, follow: see `match_masks`.

    Raises:
        InputError, SettingsError: see `match_masks`.
    """
    pictures: list[ContentPhoto | StylePhoto] = [content, *styles]
    features = [
        content.extract.encoded(Photo(picture.pixels, picture.coverage).fitted(GROUP_SIZE), (GROUP_LAYER,)).features[
            GROUP_LAYER
        ]
        for picture in pictures
    ]
    groups = find_groups(*(f[0].float().cpu().numpy() for f in features), seed=seed)
    maps = []
    for picture, soft in zip(pictures, groups.probabilities, strict=True):
        probabilities = resize(np.ascontiguousarray(soft.transpose(1, 2, 0)), *picture.pixels.shape[:2])
        labels = probabilities.argmax(2).astype(np.uint8)
        names = {label: f"group {label + 1}" for label in range(len(soft))}
        maps.append(RegionMap(labels, names).seen(picture.coverage))
    own, *others = maps
    matched = [_match_style(own, *pair, smallest) for pair in zip(styles, others, strict=True)]
    correspondence = combine_matchings(own, matched, smallest, found_by="groups", follow=follow)
    return sure_by_classes(correspondence, groups.probabilities[0], groups.probabilities[1:])


def _match_style(content: RegionMap, style: StylePhoto, regions: RegionMap, smallest: float) -> MatchedStyle:
    if style.region is not None:
        matching = match_one_region(content, regions, style.region, style.name, smallest)
    else:
        matching = match(
            content.visible_labels, regions.visible_labels, content.names, regions.names, least_share=smallest
        )
    return MatchedStyle(style.name, style.weight, style.region, regions, matching, style.is_grey)


def _whole_photo(photo: ContentPhoto | StylePhoto) -> RegionMap:
    """A region map with all that can be seen of the photo as one region."""
    return RegionMap(np.zeros(photo.pixels.shape[:2], np.uint8), {0: WHOLE}).seen(photo.coverage)
