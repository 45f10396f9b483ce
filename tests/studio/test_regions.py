"""Regions of a photo in a worker."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photostyle.errors import InputError, SettingsError
from photostyle.regions.correspondence import Correspondence, MatchedStyle, RegionMatch, StyleShare
from photostyle.regions.region_map import RegionMap
from photostyle.studio.photo_file import PhotoFile
from photostyle.studio.work.photos import Photos
from photostyle.studio.work.regions import Regions, choices, rematched
from segmentation.matching import Matching
from tests.fakes import write_photo


def test_the_subject_is_a_picture_of_its_own(tmp_path: Path) -> None:
    file = PhotoFile("1", write_photo(tmp_path / "a.jpg"), tmp_path)
    labels = np.zeros((72, 96), np.uint8)
    labels[20:40, 30:60] = 1
    seen: Any = SimpleNamespace(has_subject=True, subject=SimpleNamespace(labels=labels))
    regions = Regions(Photos(0))
    regions._finder = SimpleNamespace(see=lambda pixels: seen)  # type: ignore[assignment]
    with Image.open(io.BytesIO(regions.subject(file))) as picture:
        assert picture.mode == "L" and (np.asarray(picture) == 255 * labels).all()
    seen.has_subject = False
    with pytest.raises(InputError, match="a subject"):
        regions.subject(file)


def correspondence() -> Correspondence:
    """A content of sky, water and ground; a style of sky, and of ground with a road, which are one for the content."""
    content, style = (np.repeat(np.array(values, np.uint8), 4)[None].repeat(3, 0) for values in ((0, 1, 2), (0, 4, 6)))
    regions = RegionMap(style, {0: "sky", 4: "ground", 6: "road"})
    matched = MatchedStyle("a.jpg", 1.0, None, regions, Matching((), (), (), (), (), ()))
    return Correspondence(
        RegionMap(content, {0: "sky", 1: "water", 2: "ground"}),
        (matched,),
        (
            RegionMatch("sky", (0,), (StyleShare(0, (0,), 1.0),)),
            RegionMatch("ground", (2,), (StyleShare(0, (4, 6), 1.0),)),
            RegionMatch("water", (1,), ()),
        ),
        (),
        "classes",
    )


def names_at(regions: RegionMap) -> list[str]:
    """The name of the region in each third of the picture; empty where there is none."""
    return [regions.names.get(int(label), "") for label in regions.labels[0, ::4]]


def test_matches_become_masks() -> None:
    found = correspondence()
    assert choices(found) == {
        "content": ["sky", "ground", "water"], "styles": [["sky", "ground", "road", "ground and road"]],
    }  # fmt: skip
    content, (style,) = rematched(found, [])
    assert (names_at(content), names_at(style)) == (["sky", "water", "ground"], ["sky", "ground", "ground"])
    content, (style,) = rematched(found, [("ground", "ground"), ("water", "road")])
    assert (names_at(content), names_at(style)) == (["sky", "water", "ground"], ["sky", "ground", "water"])
    content, (style,) = rematched(found, [("water", "sky")])
    joined = "sky and water"
    assert (names_at(content), names_at(style)) == ([joined, joined, "ground"], [joined, "ground", "ground"])
    content, (style,) = rematched(found, [("ground", "sky")])
    joined = "sky and ground"
    assert (names_at(content), names_at(style)) == ([joined, "water", joined], [joined, "", ""])
    content, (style,) = rematched(found, [("water", "ground and road")])
    joined = "ground and water"
    assert (names_at(content), names_at(style)) == (["sky", joined, joined], ["sky", joined, joined])


@pytest.mark.parametrize("matches", [[("nose", "sky")], [("sky", "nose")]])
def test_names_that_there_are_not(matches: list[tuple[str, str]]) -> None:
    with pytest.raises(SettingsError, match="nose"):
        rematched(correspondence(), matches)
