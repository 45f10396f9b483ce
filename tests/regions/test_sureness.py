"""How sure the program is of what it matches."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.regions.correspondence import Correspondence, MatchedStyle, RegionMatch, StyleShare, combine_matchings
from photostyle.regions.region_map import RegionMap
from photostyle.regions.sureness import leave_unsure, mean_probabilities, sure_by_classes, sure_by_subjects
from segmentation.labels import UNLABELLED
from segmentation.matching import match

NAMES = {0: "sky", 1: "building", 2: "mountain"}
Planes = NDArray[np.float32]


def columns(*labels: int, width: int = 12) -> RegionMap:
    """Columns of equal width, 8 px high."""
    row = np.repeat(np.array(labels, np.uint8), width // len(labels))
    return RegionMap(np.tile(row, (8, 1)), {label: NAMES[label] for label in labels if label != UNLABELLED})


def planes(*each: tuple[float, float, float], width: int = 6) -> Planes:
    """`(3, 4, width)`: the probabilities of columns of equal width."""
    return np.repeat(np.repeat(np.array(each, np.float32).T[:, None], width // len(each), 2), 4, 1)


def matched(content: RegionMap, *styles: RegionMap) -> Correspondence:
    return combine_matchings(
        content,
        [
            MatchedStyle(f"{place}.jpg", 1.0, None, each, match(content.labels, each.labels, NAMES, NAMES))
            for place, each in enumerate(styles)
        ],
        0.01,
    )


def test_painted_regions_are_what_the_user_says() -> None:
    found = matched(columns(0, 1), columns(0, 1))
    assert [region.sureness for region in found.regions] == [1.0, 1.0]


def test_the_same_class_is_as_sure_as_the_network_is_of_both() -> None:
    found = matched(columns(0, 1), columns(0, 1))
    content, style = planes((0.9, 0.1, 0), (0, 0.8, 0.2)), planes((0.7, 0, 0.3), (0, 0.5, 0.5))
    sky, building = sure_by_classes(found, content, [style]).regions
    assert sky.sureness == pytest.approx(0.9 * 0.7)
    assert building.sureness == pytest.approx(0.8 * 0.5 + 0.2 * 0.5)
    assert [region.sureness for region in found.regions] == [1.0, 1.0]


def test_what_was_merged_and_what_is_only_similar_is_less_sure() -> None:
    style, seen = columns(0, 1), planes((1, 0, 0), (0, 0.9, 0.1))
    content, probabilities = columns(0, 1, 2), planes((1, 0, 0), (0, 0.9, 0.1), (0, 0.1, 0.9))

    def sureness(*ids: int) -> float:
        region = RegionMatch("building", ids, (StyleShare(0, (1,), 1.0),))
        found = Correspondence(content, matched(content, style).styles, (region,), (), "classes")
        return sure_by_classes(found, probabilities, [seen]).regions[0].sureness

    alone, merged, similar = sureness(1), sureness(1, 2), sureness(2)
    assert alone > merged > similar
    assert merged == pytest.approx((alone + similar) / 2)


def test_it_is_the_chance_that_two_places_show_one_class() -> None:
    """The slow twin: every pixel of one region beside every pixel of the other."""
    rng = np.random.default_rng(0)
    own, other = (rng.dirichlet((1, 1, 1), (4, 6)).transpose(2, 0, 1).astype(np.float32) for _ in range(2))
    content, style = (RegionMap(rng.integers(0, 2, (8, 12)).astype(np.uint8), NAMES) for _ in range(2))
    found = sure_by_classes(matched(content, style), own, [other])
    for region in found.regions:
        (label,) = region.content_ids
        pairs = [
            sum(float(own[k, r // 2, c // 2] * other[k, s // 2, d // 2]) for k in range(3))
            for r, c in zip(*np.nonzero(content.labels == label), strict=True)
            for s, d in zip(*np.nonzero(style.labels == label), strict=True)
        ]
        assert region.sureness == pytest.approx(np.mean(pairs))


def test_what_cannot_be_seen_does_not_count() -> None:
    regions = columns(0, 0)
    coverage = np.ones((8, 12), np.float32)
    coverage[:, 6:] = 0
    hidden = RegionMap(regions.labels, NAMES, coverage=coverage)
    probabilities = planes((0.8, 0.2, 0), (0.2, 0.8, 0))
    assert mean_probabilities(probabilities, regions, [0]) == pytest.approx([0.5, 0.5, 0])
    assert mean_probabilities(probabilities, hidden, [0]) == pytest.approx([0.8, 0.2, 0])


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (40, 60)])
def test_regions_of_any_size(size: tuple[int, int]) -> None:
    regions = RegionMap(np.zeros(size, np.uint8), NAMES)
    assert mean_probabilities(planes((0.6, 0.3, 0.1)), regions, [0]) == pytest.approx([0.6, 0.3, 0.1])


def test_subjects_have_one_sureness_of_both_photos() -> None:
    found = sure_by_subjects(matched(columns(0, 1), columns(0, 1), columns(0, 1)), 0.8, [0.5, 1.0])
    assert [[source.sureness for source in region.sources] for region in found.regions] == [[0.4, 0.8]] * 2
    assert [region.sureness for region in found.regions] == [pytest.approx(0.6)] * 2


def test_the_mean_counts_sources_by_their_shares_and_a_region_without_any_has_none() -> None:
    sources = StyleShare(0, (0,), 0.75, 0.8), StyleShare(1, (0,), 0.25, 0.4)
    assert RegionMatch("sky", (0,), sources).sureness == pytest.approx(0.7)
    assert RegionMatch("water", (3,), ()).sureness == 0


def test_a_region_that_is_matched_without_sureness_follows_the_rest() -> None:
    found = matched(columns(0, 1, 2), columns(0, 1, 2))
    content = planes((0.9, 0.1, 0), (0, 0.9, 0.1), (0, 0.5, 0.5))
    style = planes((0.9, 0.1, 0), (0, 0.9, 0.1), (0.8, 0, 0.2))
    unsure = sure_by_classes(found, content, [style])
    left = leave_unsure(unsure, 0.2, 0.5)
    assert [(region.name, region.follows) for region in left.regions] == [
        ("sky", False), ("building", False), ("mountain", True)
    ]  # fmt: skip
    assert left.messages[-1] == (
        "mountain in the content photo is found in the style with only 10% sureness,"
        " so it follows the change of the rest of the photo"
    )
    assert leave_unsure(unsure, 0.05, 0.5) is unsure
    assert leave_unsure(unsure, 0.2, 0.7) is unsure
