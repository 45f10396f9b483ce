"""What takes its look from what, of one style and of several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from photostyle.errors import InputError, SettingsError
from photostyle.regions.correspondence import (
    Correspondence,
    MatchedStyle,
    combine_matchings,
    match_one_region,
    match_whole,
)
from photostyle.regions.region_map import RegionMap
from segmentation.labels import UNLABELLED
from segmentation.matching import match
from tests.regions.stripes import matched_style, stripes


def sources(found: Correspondence) -> dict[str, dict[str, float]]:
    """`{region: {style: share}}`."""
    return {
        region.name: {found.styles[source.style].name: source.share for source in region.sources}
        for region in found.regions
    }


def test_one_style_is_its_matching() -> None:
    content = stripes(0, 1, 2, 3)
    style = matched_style(content, stripes(0, 5, 3))
    found = combine_matchings(content, [style], 0.01)
    matching = style.matching
    assert [(r.name, r.content_ids, r.sources[0].ids) for r in found.regions] == [
        (r.name, r.content_ids, r.style_ids) for r in matching.regions
    ]
    assert found.messages == matching.messages != ()
    assert all(source.share == 1.0 for region in found.regions for source in region.sources)


def test_weights_are_shares_of_what_has_the_region() -> None:
    content = stripes(0, 1)
    styles = [matched_style(content, stripes(0, 1), "a.jpg", 3.0), matched_style(content, stripes(0, 3), "b.jpg", 1.0)]
    found = combine_matchings(content, styles, 0.01)
    assert sources(found) == {"sky": {"a.jpg": 0.75, "b.jpg": 0.25}, "building": {"a.jpg": 1.0}}
    assert "b.jpg: no building, so it takes its look from a.jpg" in found.messages
    assert (found.shares(1), found.ids(1)) == ([0.25, 0.0], [(0,), ()])


def test_order_changes_nothing_but_the_order() -> None:
    content = stripes(0, 1, 2, 3)
    styles = [matched_style(content, other, name) for name, other in
              (("a.jpg", stripes(0, 1)), ("b.jpg", stripes(1, 5, 3)), ("c.jpg", stripes(0, 2)))]  # fmt: skip
    assert sources(combine_matchings(content, styles, 0.01)) == sources(combine_matchings(content, styles[::-1], 0.01))


def test_labels_are_one_region_where_they_are_one_for_every_style() -> None:
    """One style has no vegetation, so that it takes that of the content as mountain; the other has both."""
    content = stripes(0, 2, 5)
    lacking, having = matched_style(content, stripes(0, 5), "a.jpg"), matched_style(content, stripes(0, 2, 5), "b.jpg")
    assert [r.content_ids for r in combine_matchings(content, [lacking], 0.01).regions] == [(0,), (5, 2)]
    found = combine_matchings(content, [lacking, having], 0.01)
    assert {region.name: region.content_ids for region in found.regions} == {
        "sky": (0,), "mountain": (5,), "vegetation": (2,),
    }  # fmt: skip
    vegetation = next(region for region in found.regions if region.name == "vegetation")
    assert [source.ids for source in vegetation.sources] == [(5,), (2,)]
    assert [r.content_ids for r in combine_matchings(content, [lacking, lacking], 0.01).regions] == [(0,), (5, 2)]


def test_a_named_region_takes_from_its_own_styles_alone() -> None:
    content = stripes(0, 1, 3)
    styles = [
        matched_style(content, stripes(0, 1, 3), "rest.jpg"),
        matched_style(content, stripes(0, 1), "sunset.jpg", 1.0, "sky"),
        matched_style(content, stripes(0, 3), "dusk.jpg", 3.0, "sky"),
    ]
    assert sources(combine_matchings(content, styles, 0.01)) == {
        "sky": {"sunset.jpg": 0.25, "dusk.jpg": 0.75}, "building": {"rest.jpg": 1.0}, "water": {"rest.jpg": 1.0},
    }  # fmt: skip


def test_regions_without_a_style_of_their_own_keep_their_look_and_say_so() -> None:
    content = stripes(0, 1)
    found = combine_matchings(content, [matched_style(content, stripes(0, 1), "sunset.jpg", 1.0, "sky")], 0.01)
    assert sources(found) == {"sky": {"sunset.jpg": 1.0}}
    assert found.messages == ("no style for building, so it keeps its own look (50.0% of the content photo)",)


def test_a_style_without_any_common_region_is_left_out_unless_none_has_one() -> None:
    content = stripes(0, 1)
    stranger, other = matched_style(content, stripes(3), "a.jpg"), matched_style(content, stripes(0, 1), "b.jpg")
    found = combine_matchings(content, [stranger, other], 0.01)
    assert sources(found) == {"sky": {"b.jpg": 1.0}, "building": {"b.jpg": 1.0}}
    assert "a.jpg has no region in common with the content and is not used" in found.messages
    assert sources(combine_matchings(content, [stranger, stranger], 0.01)).keys() == {"whole photo"}


def test_a_whole_style_beside_a_named_one_is_for_the_rest() -> None:
    content, whole = stripes(0, 1, 3), RegionMap(np.zeros((4, 4), np.uint8), {0: "whole photo"})
    rest = MatchedStyle("rest.jpg", 1.0, None, whole, match_whole(content, whole, "no scenery"))
    found = combine_matchings(content, [matched_style(content, stripes(0), "sunset.jpg", 1.0, "sky"), rest], 0.01)
    assert sources(found) == {"sky": {"sunset.jpg": 1.0}, "rest of the whole photo": {"rest.jpg": 1.0}}
    assert "rest.jpg: no scenery" in found.messages


def test_a_region_takes_a_similar_one_where_the_style_lacks_it() -> None:
    content = stripes(0, 2)
    matching = match_one_region(content, stripes(0, 5), "vegetation", "alps.jpg", 0.01)
    assert [(r.content_ids, r.style_ids) for r in matching.regions] == [((2,), (5,))]


def test_a_region_that_is_not_there_is_refused() -> None:
    content = stripes(0, 1)
    with pytest.raises(SettingsError, match=r"a region of the content \(sky, building\), found fog"):
        match_one_region(content, stripes(0), "fog", "a.jpg", 0.01)
    with pytest.raises(InputError, match="building or more in both photos"):
        match_one_region(content, stripes(0, 3), "building", "a.jpg", 0.01)
    with pytest.raises(InputError, match=r"sky is 50\.0% of the content"):
        match_one_region(content, stripes(0), "sky", "a.jpg", 0.6)


@pytest.mark.parametrize(
    ("given", "regions", "everything"),
    [
        ([(None, True)], [True, True], True),
        ([(None, True), (None, False)], [False, False], False),
        ([("sky", True), (None, False)], [True, False], False),
        ([("sky", True)], [True], False),
        ([("sky", True), (None, True)], [True, True], True),
    ],
)
def test_what_becomes_grey(given: list[tuple[str | None, bool]], regions: list[bool], everything: bool) -> None:
    content = stripes(0, 1)
    styles = [replace(matched_style(content, stripes(0, 1), region=region), grey=grey) for region, grey in given]
    found = combine_matchings(content, styles, 0.01)
    assert (found.grey_regions, found.all_grey) == (regions, everything)


def following(found: Correspondence) -> dict[str, tuple[int, ...]]:
    """`{region: labels}` of those without a counterpart."""
    return {region.name: region.content_ids for region in found.regions if region.follows}


def test_a_region_without_a_counterpart_follows_and_says_so() -> None:
    content = stripes(3, 0, 1, UNLABELLED)
    style = matched_style(content, stripes(0, 1))
    found = combine_matchings(content, [style], 0.01, follow=True)
    assert [region.name for region in found.regions] == ["sky", "building", "water"]
    assert (following(found), len(found.matched)) == ({"water": (3,)}, 2)
    assert (found.shares(0), found.ids(0)) == ([1.0, 1.0, 0.0], [(0,), (1,), ()])
    assert found.messages == found.styles[0].matching.messages
    follows, unlabelled = found.messages
    assert follows.startswith("the style photo has no water, so water in the content photo (25.0% of it) follows the")
    assert unlabelled == "25.0% of the content photo is in no region and keeps its own look"
    kept = combine_matchings(content, [style], 0.01)
    assert found.without_following().regions == kept.regions == found.matched
    assert kept.messages == style.matching.messages


def test_a_region_too_small_to_measure_follows_too() -> None:
    content, specks = stripes(0, 1), stripes(0, 1)
    specks.labels[:, 50:99] = 0
    matching = match(content.labels, specks.labels, content.names, specks.names, least_share=0.05)
    found = combine_matchings(content, [MatchedStyle("a.jpg", 1.0, None, specks, matching)], 0.05, follow=True)
    assert following(found) == {"building": (1,)}
    (message,) = found.messages
    assert message.startswith("there is too little building to measure")
    assert message.endswith(", so it follows the change of the rest of the photo")


def test_labels_of_one_name_follow_as_one_region() -> None:
    labels = np.repeat(np.array([0, 7, 8, 1], np.uint8), 25)[None].repeat(10, 0)
    content = RegionMap(labels, {0: "sky", 7: "water", 8: "water", 1: "building"})
    found = combine_matchings(content, [matched_style(content, stripes(0, 1))], 0.01, follow=True)
    assert following(found) == {"water": (7, 8)}


def test_what_any_style_has_does_not_follow() -> None:
    content = stripes(0, 1, 3, 2)
    styles = [matched_style(content, stripes(0, 1), "a.jpg"), matched_style(content, stripes(0, 3), "b.jpg")]
    found = combine_matchings(content, styles, 0.01, follow=True)
    assert following(found) == {"vegetation": (2,)}
    message = "no style for vegetation, so it follows the change of the rest of the photo (25.0% of the content photo)"
    assert message in found.messages


def test_beside_a_style_of_a_region_the_rest_follows_only_if_there_is_a_style_for_it() -> None:
    content = stripes(0, 1, 3, 2)
    sky = matched_style(content, stripes(0, 1), "sunset.jpg", 1.0, "sky")
    alone = combine_matchings(content, [sky], 0.01, follow=True)
    assert following(alone) == {}
    assert all("keeps its own look" in message for message in alone.messages) and len(alone.messages) == 3
    both = combine_matchings(content, [sky, matched_style(content, stripes(1, 2), "b.jpg")], 0.01, follow=True)
    assert following(both) == {"water": (3,)}


def test_photos_matched_as_wholes_leave_nothing_to_follow() -> None:
    content = stripes(0, UNLABELLED)
    found = combine_matchings(content, [matched_style(content, stripes(1))], 0.01, follow=True)
    assert following(found) == {} and found.messages == found.styles[0].matching.messages


@pytest.mark.parametrize(("greys", "grey"), [((True, True), True), ((True, False), False)])
def test_a_region_that_follows_is_grey_if_all_others_are(greys: tuple[bool, bool], grey: bool) -> None:
    content = stripes(0, 1, 3)
    sky = replace(matched_style(content, stripes(0, 1), region="sky"), grey=greys[0])
    rest = replace(matched_style(content, stripes(0, 1)), grey=greys[1])
    found = combine_matchings(content, [sky, rest], 0.01, follow=True)
    assert [region.name for region in found.regions] == ["sky", "building", "water"]
    assert found.grey_regions == [*greys, grey]
