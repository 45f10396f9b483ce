"""Pictures of regions: equal colours match, and the legend says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageDraw

from photostyle.export.panels import DIM, Fill, filled
from photostyle.export.region_pictures import correspondence_picture, regions_picture
from photostyle.photo.photo import Photo
from photostyle.regions.correspondence import Correspondence, combine_matchings
from photostyle.regions.region_map import RegionMap
from segmentation.labels import UNLABELLED
from tests.regions.stripes import NAMES, matched_style
from tests.regions.stripes import stripes as small_stripes

SKY, BUILDING = (70, 130, 200), (150, 60, 60)
Pixels = NDArray[np.float32]


def stripes(*labels: int, height: int = 60, width: int = 90) -> RegionMap:
    return small_stripes(*labels, height=height, width=width)


def grey(height: int = 60, width: int = 90, value: float = 0.5) -> Photo:
    return Photo(np.full((height, width, 3), value, np.float32))


def matched(content: RegionMap, *styles: RegionMap, follow: bool = True, region: str | None = None) -> Correspondence:
    found = [
        matched_style(content, each, f"{place}.jpg", region=region, least_share=1e-3)
        for place, each in enumerate(styles)
    ]
    return combine_matchings(content, found, 0.01, follow=follow)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Every text that is drawn, with the size of its letters in pixels."""
    texts: list[tuple[str, float]] = []
    draw = ImageDraw.ImageDraw.text

    def recorded(self: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, *rest: object, **named: object) -> None:
        font = rest[1]
        texts.append((text, font.size))  # type: ignore[attr-defined]
        draw(self, xy, text, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", recorded)
    return texts


def at(picture: Photo, row: float, column: float) -> list[int]:
    """The colour at a place, 0 to 255."""
    found: list[int] = np.round(picture.pixels[int(row), int(column)] * 255).astype(int).tolist()
    return found


def test_equal_colours_match_and_the_rest_is_dimmed(written: list[tuple[str, float]]) -> None:
    found = matched(stripes(0, 1, UNLABELLED), stripes(1, 0, 3))
    picture = correspondence_picture(grey(), [grey()], found)
    top, second = 100, 810  # where the style begins
    sky, building, none = (at(picture, top, 30 + place * 800 / 3) for place in range(3))
    assert none == [round(127.5 * DIM)] * 3
    assert [at(picture, top, second + 30 + place * 800 / 3) for place in range(3)] == [building, sky, none]
    assert sky != building
    texts = [text for text, _ in written]
    assert {"content: the content photo", "style: 0.jpg", "sky from sky", "building from building"} <= set(texts)
    assert {"what is in no region keeps its own look", "not used: water"} <= set(texts)
    assert texts.count("water") == 1 and texts.count("sky") == 2 and texts.count("33%") == 6


def test_sureness_is_in_the_legend(written: list[tuple[str, float]]) -> None:
    found = matched(stripes(0, 1), stripes(0, 1))
    first, second = found.regions
    sure = replace(first, sources=(replace(first.sources[0], sureness=0.87),))
    correspondence_picture(grey(), [grey()], replace(found, regions=(sure, second), found_by="classes"))
    texts = [text for text, _ in written]
    assert texts.count("87% sure") == 1 and not any("100% sure" in text for text in texts)
    assert "matched by class" in texts


def test_what_follows_is_hatched_and_what_keeps_its_look_is_not(written: list[tuple[str, float]]) -> None:
    content, style = stripes(0, 1, 3), stripes(0, 1)
    hatched = correspondence_picture(grey(), [grey()], matched(content, style)).pixels[100:500, 560:780]
    white = (hatched > 0.99).all(2).mean()
    assert 0.2 < white < 0.3
    assert np.median(hatched) == pytest.approx(0.5, abs=0.01)
    assert "water follows the change of the rest of the photo" in [text for text, _ in written]
    kept = correspondence_picture(grey(), [grey()], matched(content, style, follow=False)).pixels[100:500, 560:780]
    assert np.median(kept) == pytest.approx(0.5 * DIM, abs=0.01) and (kept > 0.99).mean() < 0.05
    assert "water keeps its own look" in [text for text, _ in written]


def test_a_region_that_two_take_from_has_the_stripes_of_both() -> None:
    """One style has both, the other only mountain, which the content's vegetation takes from, too."""
    found = matched(stripes(0, 2, 5), stripes(0, 2, 5), stripes(0, 5, 5))
    picture = correspondence_picture(grey(), [grey(), grey()], found)
    middle = (slice(100, 120), slice(1620 + 400, 1620 + 500))
    colours = np.unique(np.round(picture.pixels[middle].reshape(-1, 3) * 255), axis=0)
    own = [at(picture, 110, 400), at(picture, 110, 700)]
    assert sorted(colours.astype(int).tolist()) == sorted(own)


def test_a_speck_gives_no_stripes_beside_a_large_region() -> None:
    """The first style has both, the other only mountain, which the content's speck of vegetation takes from, too."""
    content = stripes(0, 5, 2)
    content.labels[:, 60:] = 5
    content.labels[:6, :6] = 2
    found = matched(content, stripes(0, 2, 5), stripes(0, 5, 5))
    assert {region.name for region in found.matched} == {"sky", "mountain", "vegetation"}
    picture = correspondence_picture(grey(), [grey(), grey()], found)
    middle = picture.pixels[100:120, 1620 + 400 : 1620 + 500]
    assert np.allclose(middle, middle[0, 0])
    assert at(picture, 110, 1620 + 450) == at(picture, 110, 700)
    vegetation = at(picture, 50, 30)
    assert at(picture, 110, 810 + 400) == vegetation != at(picture, 110, 700)


def test_styles_of_a_region_and_rows_of_photos(written: list[tuple[str, float]]) -> None:
    styles = [stripes(0, 1)] * 4
    picture = correspondence_picture(grey(), [grey()] * 4, matched(stripes(0, 1), *styles, region="sky"))
    assert picture.width >= 3 * 800 + 20 and picture.height > 2 * 533
    texts = [text for text, _ in written]
    assert "style 4: 3.jpg, for sky" in texts
    assert "building keeps its own look" in texts


@pytest.mark.parametrize("size", [(2, 2), (16, 2000), (3000, 40), (700, 1000), (2400, 3200)])
def test_text_is_readable_at_any_size(size: tuple[int, int], written: list[tuple[str, float]]) -> None:
    height, width = size
    regions = stripes(0, 1, height=height, width=width)
    plain = regions_picture(grey(height, width), regions)
    longest = max(800, *size)
    assert max(plain.height, plain.width) >= longest
    assert all(letters >= longest / 40 for _, letters in written)
    assert {"sky", "building", "50%", "region", "share"} <= {text for text, _ in written}
    written.clear()
    correspondence_picture(grey(height, width), [grey()], matched(regions, stripes(0, 1)))
    assert {letters for _, letters in written} == {20}


def test_a_plain_picture_shows_the_photo_and_the_shares_below(written: list[tuple[str, float]]) -> None:
    regions = stripes(0, 1, 1, height=900, width=900)
    regions.labels[:3, :3] = 3
    picture = regions_picture(grey(900, 900), RegionMap(regions.labels, {**NAMES, 9: "object"}))
    assert picture.width == 900 and picture.height > 900
    assert at(picture, 100, 50) != at(picture, 100, 800)
    assert at(picture, picture.height - 1, 890) == [255] * 3
    texts = [text for text, _ in written]
    assert texts.count("building") == texts.count("sky") == 2  # on the photo and in the legend
    assert texts.count("water") == texts.count("under 1%") == 1
    assert "object" not in texts and "67%" in texts


def test_a_long_name_is_shortened(written: list[tuple[str, float]]) -> None:
    found = matched(stripes(0, 1), stripes(0, 1))
    long = replace(found, styles=(replace(found.styles[0], name=f"{'very' * 60}.jpg"),))
    correspondence_picture(grey(), [grey()], long)
    (title,) = [text for text, _ in written if text.startswith("style: ")]
    assert title.endswith("very.jpg") and "..." in title and len(title) < 120


def test_photos_with_transparency() -> None:
    alpha = np.ones((60, 90), np.float32)
    alpha[:, 60:] = 0
    clear = Photo(grey().pixels, alpha)
    regions = stripes(0, 1, 1).seen(alpha)
    picture = correspondence_picture(clear, [grey()], matched(regions, stripes(0, 1)))
    assert at(picture, 100, 700) == [round(127.5 * DIM)] * 3
    assert picture.alpha is None


def test_fills() -> None:
    pixels = np.full((8, 8, 3), 0.5, np.float32)
    labels = np.zeros((8, 8), np.uint8)
    assert np.allclose(filled(pixels, labels, {}, 2), 0.5 * DIM)
    assert np.allclose(filled(pixels, labels, {0: Fill((SKY,))}, 2), (0.5 + np.array(SKY) / 255) / 2)
    both = filled(pixels, labels, {0: Fill((SKY, BUILDING))}, 2)
    assert np.allclose(both[0, 0], (0.5 + np.array(SKY) / 255) / 2)
    assert np.allclose(both[0, 2], (0.5 + np.array(BUILDING) / 255) / 2)
    assert np.allclose(pixels, 0.5)
