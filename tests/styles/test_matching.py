"""The content's regions matched by class with those of several styles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from photostyle.encoders.features import EncodedPhoto
from photostyle.errors import InputError, SettingsError
from photostyle.regions.correspondence import Correspondence
from photostyle.regions.found_regions import Segmentation
from photostyle.regions.subject import BACKGROUND, SUBJECT
from photostyle.styles.matching import ContentPhoto, match_classes, match_segmentations
from photostyle.styles.style import StylePhoto
from tests.regions.test_found_regions import seen
from tests.regions.test_subject import before_a_gradient, blurred, disc

CONTENT = seen((0, 0.4), (1, 0.3), (3, 0.3))


def style(
    name: str, *shares: tuple[int, float], region: str | None = None, **look: Any
) -> tuple[StylePhoto, Segmentation]:
    found = seen(*shares, **look)
    return StylePhoto(None, name, None, (EncodedPhoto(found.pixels, {}),), None, found, 1.0, region), found  # type: ignore[arg-type]


def taken(*styles: tuple[StylePhoto, Segmentation]) -> dict[str, list[str]]:
    found, reason = match_classes(CONTENT, styles)
    assert found is not None and not reason
    return {region.name: [found.styles[s.style].name for s in region.sources] for region in found.regions}


def test_styles_that_have_little_each_may_have_enough_together() -> None:
    sky, rest = style("sky.jpg", (0, 0.6), (2, 0.4)), style("rest.jpg", (1, 0.5), (3, 0.5))
    assert match_classes(CONTENT, [sky]) == (None, "the photos have little scenery in common")
    assert taken(sky, rest) == {"sky": ["sky.jpg"], "building": ["rest.jpg"], "water": ["rest.jpg"]}
    assert match_classes(CONTENT, [sky, sky]) == (None, "the photos have little scenery in common")


def test_one_style_that_cannot_be_matched_leaves_all_as_wholes() -> None:
    both = style("noon.jpg", (0, 0.5), (1, 0.5)), style("rose.jpg", (6, 1.0))
    assert match_classes(CONTENT, both) == (None, "rose.jpg: 100% of the style photo is not scenery")


def test_beside_a_style_of_a_region_it_is_taken_as_a_whole() -> None:
    styles = style("dusk.jpg", (0, 0.5), (1, 0.5), region="sky"), style("rose.jpg", (6, 1.0))
    assert taken(*styles) == {"sky": ["dusk.jpg"], "rest of the whole photo": ["rose.jpg"]}
    found, _ = match_classes(CONTENT, styles)
    assert found is not None
    assert "rose.jpg: 100% of the style photo is not scenery, so it is used as a whole" in found.messages


def test_a_region_may_take_from_what_is_little_scenery_else() -> None:
    assert taken(style("kite.jpg", (0, 0.3), (6, 0.7), region="sky")) == {"sky": ["kite.jpg"]}


def test_a_region_takes_a_similar_class() -> None:
    hills = seen((0, 0.5), (5, 0.5))
    found, _ = match_classes(hills, [style("wood.jpg", (0, 0.5), (2, 0.5), region="mountain")])
    assert found is not None
    assert [(r.name, [s.ids for s in r.sources]) for r in found.regions] == [("mountain", [(2,)])]
    assert np.mean(found.styles[0].regions.labels == 2) == pytest.approx(0.5, abs=0.05)


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"\(sky, building, water\), found vegetation"):
        match_classes(CONTENT, [style("a.jpg", (0, 0.5), (2, 0.5), region="vegetation")])
    with pytest.raises(SettingsError, match=r"\(sky, building, water\), found person"):
        match_classes(CONTENT, [style("a.jpg", (0, 1.0), region="person")])
    with pytest.raises(InputError, match="building or more in both photos"):
        match_classes(CONTENT, [style("a.jpg", (0, 0.5), (2, 0.5), region="building")])


def test_a_class_that_no_style_has_follows() -> None:
    content = seen((0, 0.4), (1, 0.3), (3, 0.3))
    found, _ = match_classes(content, [style("a.jpg", (0, 0.5), (1, 0.5))], follow=True)
    assert found is not None
    assert [(region.name, region.follows) for region in found.regions] == [
        ("sky", False), ("building", False), ("water", True),
    ]  # fmt: skip
    assert any("follows the change of the rest of the photo" in message for message in found.messages)
    kept, _ = match_classes(content, [style("a.jpg", (0, 0.5), (1, 0.5))])
    assert kept is not None and [region.name for region in kept.regions] == ["sky", "building"]


def test_what_follows_is_no_match() -> None:
    """Little in common stays little in common."""
    sky = style("sky.jpg", (0, 0.6), (2, 0.4))
    assert match_classes(CONTENT, [sky, sky], follow=True) == (None, "the photos have little scenery in common")


def thing(radius: float, *, sure: float = 0.9) -> Segmentation:
    """A photo of one thing before a wall."""
    probabilities = np.zeros((7, 24, 32), np.float32)
    probabilities[6] = blurred(disc(radius=radius), most=sure)
    probabilities[1] = 1 - probabilities[6]
    return Segmentation(before_a_gradient(disc(radius=radius)), probabilities, np.zeros((4, 24, 32), np.float32))


def as_style(name: str, found: Segmentation, region: str | None = None) -> StylePhoto:
    return StylePhoto(None, name, None, (EncodedPhoto(found.pixels, {}),), None, found, 1.0, region)  # type: ignore[arg-type]


def matched(content: Segmentation, *styles: StylePhoto) -> Correspondence:
    photo = ContentPhoto(content.pixels, lambda _: content, lambda *_: None, content.coverage)  # type: ignore[arg-type]
    return match_segmentations(photo, content, styles, 0.001)


def test_subject_and_background_are_matched_where_classes_are_not() -> None:
    found = matched(thing(47), as_style("apple.jpg", thing(40)))
    assert found.found_by == "subject"
    assert [(r.name, r.content_ids, r.sources[0].ids) for r in found.regions] == [
        ("background", (BACKGROUND,), (BACKGROUND,)),
        ("subject", (SUBJECT,), (SUBJECT,)),
    ]
    (message,) = found.messages
    assert message.endswith("of the content photo is not scenery, so subject and background are matched")


def test_two_styles_with_subjects() -> None:
    found = matched(thing(47), as_style("apple.jpg", thing(40)), as_style("pear.jpg", thing(30)))
    assert found.found_by == "subject"
    assert [(r.name, [(s.style, s.share) for s in r.sources]) for r in found.regions] == [
        ("background", [(0, 0.5), (1, 0.5)]),
        ("subject", [(0, 0.5), (1, 0.5)]),
    ]


@pytest.mark.parametrize("styles", [(thing(40, sure=0.5),), (thing(40), thing(40, sure=0.5))])
def test_one_photo_without_a_clear_subject_leaves_all_as_wholes(styles: tuple[Segmentation, ...]) -> None:
    found = matched(thing(47), *(as_style("apple.jpg", each) for each in styles))
    assert found.found_by == "whole"
    assert found.messages[0].endswith("so each photo counts as one region")


def test_a_bright_subject_on_black_is_not_matched_with_a_dark_one_on_white() -> None:
    apple = thing(40)
    negative = replace(apple, pixels=1 - apple.pixels)
    assert negative.has_subject
    found = matched(thing(47), as_style("apple.jpg", negative))
    assert found.found_by == "whole"


def test_what_is_matched_by_class_stays_so() -> None:
    assert matched(thing(26), as_style("apple.jpg", thing(30))).found_by == "classes"


def test_styles_for_the_subject_and_for_the_background() -> None:
    wall = seen((1, 1.0))
    found = matched(thing(26), as_style("apple.jpg", thing(40), "subject"), as_style("wall.jpg", wall, "background"))
    assert found.found_by == "subject"
    assert {r.name: [s.style for s in r.sources] for r in found.regions} == {"background": [1], "subject": [0]}


def test_beside_a_style_for_the_subject_one_without_a_subject_is_used_as_a_whole() -> None:
    found = matched(thing(26), as_style("apple.jpg", thing(40), "subject"), as_style("wall.jpg", seen((1, 1.0))))
    assert {r.name: [s.style for s in r.sources] for r in found.regions} == {
        "subject": [0],
        "rest of the whole photo": [1],
    }
    assert "wall.jpg: the photo has no clear subject, so it is used as a whole" in found.messages


def test_a_subject_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"\(background\), found subject"):
        matched(seen((1, 1.0)), as_style("apple.jpg", thing(40), "subject"))
    with pytest.raises(InputError, match="subject or more in both photos"):
        matched(thing(26), as_style("wall.jpg", seen((1, 1.0)), "subject"))


def test_sureness_of_classes_is_that_of_both_photos() -> None:
    found, _ = match_classes(CONTENT, [style("a.jpg", (0, 0.5), (1, 0.5), sure=0.88)])
    assert found is not None
    same = 0.94 * 0.88 + 6 * (0.06 / 6) * (0.12 / 6)
    assert [region.sureness for region in found.regions] == [pytest.approx(same, abs=0.02)] * 2
    similar, _ = match_classes(seen((0, 0.5), (2, 0.5)), [style("hills.jpg", (0, 0.5), (5, 0.5))])
    assert similar is not None
    assert {region.name: region.sureness < 0.1 for region in similar.regions} == {"sky": False, "vegetation": True}
    following, _ = match_classes(seen((0, 0.6), (2, 0.4)), [style("hills.jpg", (0, 0.5), (5, 0.5))], follow=True)
    assert following is not None
    assert {region.name: region.follows for region in following.regions} == {"sky": False, "vegetation": True}


def test_sureness_of_subjects_is_that_of_both_photos() -> None:
    content, other = thing(47), thing(40)
    found = matched(content, as_style("apple.jpg", other))
    both = content.found_subject.sureness * other.found_subject.sureness
    assert 0.2 < both < 0.9
    assert [region.sureness for region in found.regions] == [pytest.approx(both)] * 2


def test_a_photo_without_a_clear_subject_has_no_border_that_may_be_wrong() -> None:
    content = thing(26)
    found = matched(content, as_style("apple.jpg", thing(40), "subject"), as_style("wall.jpg", seen((1, 1.0))))
    sureness = {region.name: region.sureness for region in found.regions}
    assert sureness["rest of the whole photo"] == pytest.approx(content.found_subject.sureness)
    assert sureness["subject"] < sureness["rest of the whole photo"]


def test_wholes_are_as_sure_as_two_places_show_one_class() -> None:
    content, other = seen((6, 1.0)), seen((1, 0.5), (6, 0.5), sure=0.8)
    found = matched(content, as_style("a.jpg", other))
    assert found.found_by == "whole"
    (region,) = found.regions
    assert region.sureness == pytest.approx(0.94 * (0.8 + 0.2 / 6) / 2 + 0.01 * 6 * 0.2 / 6 + 0.01 * 0.8 / 2, abs=0.02)
