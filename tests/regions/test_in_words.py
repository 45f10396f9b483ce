"""The one line of what was matched with what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from photostyle.regions.correspondence import (
    Correspondence,
    MatchedStyle,
    RegionMatch,
    StyleShare,
    combine_matchings,
    match_whole,
)
from photostyle.regions.in_words import listed, match_line, names_of, sureness_text
from photostyle.regions.region_map import RegionMap
from tests.regions.stripes import matched_style, stripes


def test_masks_have_no_figure_and_what_has_no_counterpart_follows() -> None:
    content = stripes(0, 1, 3, 2)
    one = combine_matchings(content, [matched_style(content, stripes(0, 1, 3))], 0.01, follow=True)
    assert (
        match_line(one)
        == "regions: sky from sky; building from building; water from water; vegetation follows the rest"
    )
    two = combine_matchings(content, [matched_style(content, stripes(0, 1))], 0.01, follow=True)
    assert match_line(two) == "regions: sky from sky; building from building; vegetation and water follow the rest"
    kept = combine_matchings(content, [matched_style(content, stripes(0, 1))], 0.01)
    assert match_line(kept) == "regions: sky from sky; building from building"


def test_figures_and_the_names_of_all_that_was_merged() -> None:
    content, style = stripes(0, 1), stripes(0, 1, 6)
    styles = (matched_style(content, style),)
    regions = (
        RegionMatch("sky", (0,), (StyleShare(0, (0,), 1.0, 0.96),)),
        RegionMatch("building", (1,), (StyleShare(0, (1, 6), 1.0, 0.806),)),
    )
    found = Correspondence(content, styles, regions, (), "classes")
    assert match_line(found) == "regions: sky from sky (96% sure); building from building and object (81% sure)"


def test_specks_are_not_named() -> None:
    content = stripes(*([0] * 49), 1)
    content.labels[0, -2:] = 3
    content.names[3] = "water"  # type: ignore[index]
    content.labels[1:, -2:] = 0
    assert names_of(content, [0, 1, 3]) == ["sky"]
    assert names_of(content, [3]) == ["water"]
    found = combine_matchings(content, [matched_style(content, stripes(0))], 0.01, follow=True)
    assert [region.name for region in found.regions if region.follows] == ["water"]
    assert match_line(found) == "regions: sky from sky"


def test_several_styles_are_named() -> None:
    content = stripes(0, 1, 3)
    styles = [
        matched_style(content, stripes(0, 1, 3), "noon.jpg"),
        matched_style(content, stripes(0, 1), "day.jpg"),
        matched_style(content, stripes(0), "dusk.jpg", region="sky"),
    ]
    assert match_line(combine_matchings(content, styles, 0.01)) == (
        "regions: sky from sky of dusk.jpg; building from building of noon.jpg, building of day.jpg; "
        "water from water of noon.jpg"
    )


def test_one_style_of_a_region_says_nothing_of_the_rest() -> None:
    content = stripes(0, 1)
    found = combine_matchings(content, [matched_style(content, stripes(0, 1), region="sky")], 0.01, follow=True)
    assert match_line(found) == "regions: sky from sky"


def test_whole_photos() -> None:
    content, style = stripes(0, 1), stripes(3)
    found = combine_matchings(content, [matched_style(content, style)], 0.01, found_by="whole")
    assert match_line(found) == "regions: whole photo from whole photo"
    (region,) = found.regions
    sure = replace(found, regions=(replace(region, sources=(replace(region.sources[0], sureness=0.28),)),))
    assert match_line(sure) == "regions: whole photo from whole photo (28% sure)"


def test_a_whole_style_beside_one_of_a_region_is_for_the_rest() -> None:
    content, whole = stripes(0, 1), RegionMap(np.zeros((4, 4), np.uint8), {0: "whole photo"})
    rest = MatchedStyle("rose.jpg", 1.0, None, whole, match_whole(content, whole, "no scenery"))
    found = combine_matchings(content, [matched_style(content, stripes(0), "dusk.jpg", region="sky"), rest], 0.01)
    assert match_line(found) == "regions: sky from sky of dusk.jpg; the rest from all of rose.jpg"


@pytest.mark.parametrize(("sureness", "text"), [(1.0, ""), (0.999, "99% sure"), (0.406, "41% sure"), (0.0, "0% sure")])
def test_what_the_program_found_is_never_fully_sure(sureness: float, text: str) -> None:
    assert sureness_text(sureness) == text


def test_lists() -> None:
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
