from __future__ import annotations

import numpy as np
import pytest

from segmentation.matching import RegionPair, closeness, match, matching_messages

NAMES = {0: "sky", 1: "building", 3: "water"}


def labels(**counts: int) -> np.ndarray:
    """`(1, N) uint8` with so many pixels of each label: `labels(_0=5, _255=2)`."""
    return np.concatenate([np.full(n, int(key[1:]), np.uint8) for key, n in counts.items()])[None]


def test_equal_ids_match_in_the_order_of_the_ids() -> None:
    matching = match(labels(_3=10, _0=30), labels(_0=1, _3=1))
    assert [(region.content_ids, region.style_ids) for region in matching.regions] == [((0,), (0,)), ((3,), (3,))]
    assert (matching.content_only, matching.style_only, matching.too_small, matching.messages) == ((), (), (), ())


def test_names_match_whatever_the_ids() -> None:
    content = match(labels(_0=10, _1=10), labels(_0=10, _7=5, _8=5), NAMES, {0: "building", 7: "sky", 8: "sky"})
    assert content.regions == (RegionPair("sky", (0,), (7, 8)), RegionPair("building", (1,), (0,)))
    assert content.messages == ()


def test_what_only_one_photo_has_is_in_no_region_and_reported() -> None:
    matching = match(labels(_0=60, _1=40), labels(_0=75, _3=25), NAMES, NAMES)
    assert matching.regions == (RegionPair("sky", (0,), (0,)),)
    (content_only,), (style_only,) = matching.content_only, matching.style_only
    assert (content_only.name, content_only.content_share, content_only.style_share) == ("building", 0.4, 0.0)
    assert (style_only.name, style_only.content_share, style_only.style_share) == ("water", 0.0, 0.25)
    assert len(matching.messages) == 2
    assert "building" in matching.messages[0] and "40.0%" in matching.messages[0]
    assert "water" in matching.messages[1] and "25.0%" in matching.messages[1]


@pytest.mark.parametrize("small", ["content", "style"])
def test_a_region_too_small_in_either_photo_is_not_measured(small: str) -> None:
    big, little = labels(_0=5000, _1=5000), labels(_0=9991, _1=9)
    pair = (little, big) if small == "content" else (big, little)
    matching = match(*pair, NAMES, NAMES)
    assert [region.name for region in matching.regions] == ["sky"]
    assert [region.name for region in matching.too_small] == ["building"]
    assert len(matching.messages) == 1 and "0.09%" in matching.messages[0]
    assert len(match(*pair, NAMES, NAMES, least_share=9e-4).regions) == 2


def test_specks_are_listed_but_not_worth_a_message() -> None:
    matching = match(labels(_0=9999, _1=1), labels(_0=10), NAMES, NAMES)
    assert [region.name for region in matching.too_small] == ["building"]
    assert matching.messages == ()


def test_photos_with_nothing_in_common_are_matched_whole() -> None:
    matching = match(labels(_0=50, _255=50), labels(_1=100), NAMES, NAMES)
    assert matching.regions == (RegionPair("whole photo", (0, 255), (1,)),)
    (message,) = matching.messages
    assert "sky" in message and "building" in message
    assert (matching.content_only, matching.style_only, matching.too_small) == ((), (), ())


def test_the_unlabelled_match_nothing_and_are_reported() -> None:
    matching = match(labels(_0=75, _255=25), labels(_0=50, _255=50), NAMES, NAMES)
    assert matching.regions == (RegionPair("sky", (0,), (0,)),)
    assert len(matching.messages) == 1 and "25.0%" in matching.messages[0]


def test_messages_say_what_a_region_without_a_match_does() -> None:
    matching = match(labels(_0=5000, _1=4991, _3=9, _255=100), labels(_0=50, _3=50), NAMES, NAMES)
    lists = matching.merged, matching.content_only, matching.style_only, matching.too_small
    assert matching_messages(*lists, 0.01, 1e-3) == matching.messages
    building, water, unlabelled = matching_messages(*lists, 0.01, 1e-3, "becomes grey")
    assert "has no building" in building and building.endswith("becomes grey")
    assert "too little water" in water and water.endswith(", so it becomes grey")
    assert unlabelled.endswith("keeps its own look")


def test_nothing_unlabelled_is_not_worth_a_message_however_small_regions_may_be() -> None:
    assert match(labels(_0=75), labels(_0=50), NAMES, NAMES, least_share=0).messages == ()


def test_a_label_map_needs_pixels() -> None:
    with pytest.raises(ValueError, match="with pixels"):
        match(np.zeros((0, 4), np.uint8), labels(_0=1))


CLASSES = {0: "sky", 1: "building", 2: "vegetation", 3: "water", 4: "ground", 5: "mountain", 7: "person"}


def test_a_class_that_the_style_lacks_goes_with_a_similar_one() -> None:
    matching = match(labels(_0=40, _2=30, _5=30), labels(_0=50, _2=50), CLASSES, CLASSES)
    assert matching.regions == (RegionPair("sky", (0,), (0,)), RegionPair("vegetation", (2, 5), (2,)))
    assert [(part.name, part.into, part.photo, part.share) for part in matching.merged] == [
        ("mountain", "vegetation", "content", 0.3)
    ]
    assert len(matching.messages) == 1 and "mountain in the content photo (30.0% of it)" in matching.messages[0]


def test_what_only_the_style_has_is_not_mixed_into_a_similar_class() -> None:
    matching = match(labels(_0=50, _2=50), labels(_0=50, _5=45, _2=5), CLASSES, CLASSES)
    assert matching.regions == (RegionPair("sky", (0,), (0,)), RegionPair("vegetation", (2,), (2,)))
    assert [part.name for part in matching.style_only] == ["mountain"] and matching.merged == ()


def test_similar_classes_of_which_each_photo_has_one_go_together() -> None:
    matching = match(labels(_0=50, _2=50), labels(_0=50, _5=50), CLASSES, CLASSES)
    assert matching.regions == (RegionPair("sky", (0,), (0,)), RegionPair("vegetation", (2,), (5,)))
    assert [(part.name, part.into, part.photo) for part in matching.merged] == [("mountain", "vegetation", "style")]
    assert (matching.content_only, matching.style_only) == ((), ())


@pytest.mark.parametrize(("sure", "ids"), [(0.9, (2,)), (0.5, (5,))])
def test_a_small_region_of_the_style_is_used_where_the_network_is_sure(sure: float, ids: tuple[int, ...]) -> None:
    content, style = labels(_0=50, _2=50), labels(_0=500, _5=490, _2=10)
    close = {"vegetation": {"vegetation": sure}}
    matching = match(content, style, CLASSES, CLASSES, least_share=0.03, style_closeness=close)
    assert matching.regions[1] == RegionPair("vegetation", (2,), ids)
    assert matching.too_small == ()


def test_no_similar_classes_where_none_are_wanted() -> None:
    matching = match(labels(_0=50, _2=50), labels(_0=50, _5=50), CLASSES, CLASSES, similar=())
    assert [region.name for region in matching.regions] == ["sky"]
    assert matching.merged == ()


def test_the_closest_class_takes_what_has_no_similar_one() -> None:
    close = {"person": {"building": 0.3, "sky": 0.02}}
    content, style = labels(_0=40, _1=40, _7=20), labels(_0=50, _1=50)
    matching = match(content, style, CLASSES, CLASSES, content_closeness=close)
    assert matching.regions == (RegionPair("sky", (0,), (0,)), RegionPair("building", (1, 7), (1,)))
    painted = match(content, style, CLASSES, CLASSES)
    assert [region.name for region in painted.content_only] == ["person"]


@pytest.mark.parametrize("close", [{"sky": 0.06, "building": 0.01}, {"sky": 0.3}])
def test_a_small_surface_takes_its_look_from_a_surface_however_far(close: dict[str, float]) -> None:
    content, style = labels(_0=40, _1=52, _2=8), labels(_0=50, _1=50)
    matching = match(content, style, CLASSES, CLASSES, content_closeness={"vegetation": close})
    assert matching.regions == (RegionPair("sky", (0,), (0,)), RegionPair("building", (1, 2), (1,)))


def test_a_large_surface_takes_its_look_from_a_surface_that_is_like_it_only() -> None:
    content, style = labels(_0=40, _1=20, _2=40), labels(_0=50, _1=50)
    close = {"vegetation": {"building": 0.1, "vegetation": 0.9}}
    matching = match(content, style, CLASSES, CLASSES, content_closeness=close)
    assert matching.regions == (RegionPair("sky", (0,), (0,)), RegionPair("building", (1,), (1,)))
    assert [part.name for part in matching.content_only] == ["vegetation"]


def test_surfaces_of_which_the_photos_have_none_in_common_go_together() -> None:
    content, style = labels(_0=40, _2=30, _7=30), labels(_0=40, _1=30, _3=30)
    close = {"vegetation": {"vegetation": 1.0}, "person": {"person": 1.0}}
    matching = match(content, style, CLASSES, CLASSES, content_closeness=close)
    assert matching.regions == (RegionPair("sky", (0,), (0,)), RegionPair("vegetation", (2, 7), (1,)))
    assert [part.name for part in matching.style_only] == ["water"]
    painted = match(content, style, CLASSES, CLASSES)
    assert [region.name for region in painted.regions] == ["sky"]


def test_a_surface_of_the_style_alone_does_not_colour_another() -> None:
    content, style = labels(_0=50, _1=50), labels(_0=30, _1=30, _2=40)
    close = {"vegetation": {"building": 0.04}}
    matching = match(content, style, CLASSES, CLASSES, content_closeness={"sky": {"sky": 1.0}}, style_closeness=close)
    assert matching.regions == (RegionPair("sky", (0,), (0,)), RegionPair("building", (1,), (1,)))


def test_sky_and_water_are_no_surfaces() -> None:
    content, style = labels(_0=20, _1=40, _3=40), labels(_1=100)
    close = {"sky": {"building": 0.04}, "water": {"building": 0.04}}
    matching = match(content, style, CLASSES, CLASSES, content_closeness=close)
    assert [region.name for region in matching.content_only] == ["sky", "water"]


def test_a_region_too_small_goes_to_the_closest_however_far() -> None:
    content, style = labels(_0=5000, _1=4991, _7=9), labels(_0=50, _1=50)
    close = {"person": {"building": 0.01, "sky": 0.001}}
    matching = match(content, style, CLASSES, CLASSES, content_closeness=close)
    assert matching.regions[1] == RegionPair("building", (1, 7), (1,))
    assert matching.too_small == () and matching.messages == ()


def test_closeness_is_the_mean_probability_over_a_region() -> None:
    chances = np.array([[[0.8, 0.7, 0.1, 0.1]], [[0.2, 0.3, 0.9, 0.9]]], np.float32)
    close = closeness(np.array([[0, 0, 1, 255]], np.uint8), chances, {0: "sky", 1: "building"})
    assert close.keys() == {"sky", "building"}
    assert close["sky"] == pytest.approx({"sky": 0.75, "building": 0.25})
    assert close["building"] == pytest.approx({"sky": 0.1, "building": 0.9})
