from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage

from photostyle.regions.mask_files import TOLD_GUESSED, TOLD_UNKNOWN
from photostyle.regions.region_map import resize_labels
from segmentation.palette import NEAR, PALETTE, TOLERANCE, colours_from_labels, labels_from_colours
from tests.shared import shared

BLUE, GREEN, BLACK, WHITE, RED, YELLOW, GREY = 0, 1, 2, 3, 4, 5, 6


def row_of(*colours: tuple[int, int, int]) -> np.ndarray:
    """Three equal rows of the colours."""
    return np.tile(np.array(colours, np.uint8), (3, 1, 1))


def test_the_nine_colours_are_read_and_painted() -> None:
    labels = np.repeat(np.arange(9, dtype=np.uint8), 3)[None].repeat(3, 0)
    painted = labels_from_colours(colours_from_labels(labels))
    np.testing.assert_array_equal(painted.labels, labels)
    assert (painted.unknown, painted.guessed, painted.far, painted.colour, painted.place) == (0, 0, 0, None, None)


@pytest.mark.parametrize("label", PALETTE, ids=lambda label: label.name)
@pytest.mark.parametrize(
    ("offset", "unknown", "far"), [(TOLERANCE, 0, 0), (TOLERANCE + 1, 1, 0), (NEAR, 1, 0), (NEAR + 1, 1, 1)]
)
def test_an_area_is_of_the_nearest_colour(label, offset: int, unknown: float, far: float) -> None:
    inward = [-1 if channel >= 128 else 1 for channel in label.colour]
    pixels = np.full((4, 4, 3), [c + offset * s for c, s in zip(label.colour, inward, strict=True)], np.uint8)
    painted = labels_from_colours(pixels)
    assert (painted.unknown, painted.guessed, painted.far) == (unknown, unknown, far)
    if not far:
        assert (painted.labels == label.id).all()


def test_blended_edges_take_the_nearest_region_and_not_the_nearest_colour() -> None:
    """Blue and green blended in linear light lie nearest to light blue."""
    blend = [(0, round(255 * t ** (1 / 2.2)), round(255 * (1 - t) ** (1 / 2.2))) for t in (0.3, 0.45, 0.55, 0.7)]
    distances = np.abs(np.array(blend)[:, None] - [label.colour for label in PALETTE]).max(2)
    assert {PALETTE[i].name for i in distances.argmin(1)} == {"light blue"}
    painted = labels_from_colours(row_of(*[(0, 0, 255)] * 4, *blend, *[(0, 255, 0)] * 4))
    np.testing.assert_array_equal(painted.labels, np.tile([BLUE] * 6 + [GREEN] * 6, (3, 1)))
    assert painted.unknown == pytest.approx(4 / 12)


def test_grey_between_black_and_white_is_an_edge_but_a_grey_region_is_one() -> None:
    black, grey, white = (0, 0, 0), (128, 128, 128), (255, 255, 255)
    edge = labels_from_colours(row_of(black, black, (64, 64, 64), grey, (191, 191, 191), white, white))
    assert set(np.unique(edge.labels)) == {BLACK, WHITE}
    region = labels_from_colours(row_of(black, black, grey, grey, white, white))
    np.testing.assert_array_equal(region.labels[0], [BLACK, BLACK, GREY, GREY, WHITE, WHITE])
    blended = labels_from_colours(row_of(black, black, (64, 64, 64), grey, grey, grey, (191, 191, 191), white, white))
    np.testing.assert_array_equal(blended.labels[0, [0, 1, 3, 4, 5, 7, 8]], [BLACK] * 2 + [GREY] * 3 + [WHITE] * 2)
    assert (labels_from_colours(row_of(grey)).labels == GREY).all()


def test_areas_in_inexact_colours_are_told_apart_from_blended_borders() -> None:
    """Of an own mask of the authors, 7 % were in ffff1a for yellow."""
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[:, 50:] = (255, 0, 0)
    pixels[:, 49] = (120, 0, 0)
    pixels[10:31, 60:80] = (255, 255, 26)
    painted = labels_from_colours(pixels)
    expected = np.full((60, 100), BLACK, np.uint8)
    expected[:, 50:] = RED
    expected[10:31, 60:80] = YELLOW
    away = np.arange(100) != 49
    np.testing.assert_array_equal(painted.labels[:, away], expected[:, away])
    assert set(np.unique(painted.labels[:, 49])) <= {BLACK, RED}
    assert painted.guessed == pytest.approx(0.07)
    assert painted.unknown == pytest.approx(0.08)
    assert (painted.colour, painted.place) == ((255, 255, 26), (10, 60))


def test_an_uneven_area_in_no_colour_has_the_nearest_inside_and_its_neighbours_beside_them() -> None:
    rng = np.random.default_rng(0)
    pixels = np.zeros((60, 60, 3), np.uint8)
    pixels[:, :10] = (0, 0, 255)
    pixels[:, 10:] = (255, 140, 0) - rng.integers(0, 60, (60, 50, 1)) * [1, 1, 0]
    labels = labels_from_colours(pixels).labels
    assert (labels[:, :12] == BLUE).all()
    assert set(np.unique(labels[:, 40:])) == {RED, YELLOW}


def test_the_most_frequent_inexact_colour_is_named_and_placed() -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[0, 0] = (60, 0, 0)
    pixels[3:9, 4:10] = (255, 140, 0)
    painted = labels_from_colours(pixels)
    assert painted.unknown == pytest.approx(37 / 400)
    assert (painted.colour, painted.place) == ((255, 140, 0), (3, 4))


def test_what_is_not_visible_counts_for_nothing() -> None:
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :10] = (0, 0, 255)
    pixels[:, 10] = (0, 0, 100)
    pixels[:, 11:] = (255, 140, 0)
    visible = np.zeros((20, 40), np.bool_)
    visible[:, :11] = True
    painted = labels_from_colours(pixels, visible)
    assert (painted.labels[:, :11] == BLUE).all()
    assert painted.unknown == pytest.approx(1 / 11)
    assert painted.guessed == 0
    assert labels_from_colours(pixels, np.zeros_like(visible)).far == 0


VARIANTS = {
    "jpeg 60": lambda image: _jpeg(image, 60),
    "jpeg 75, 4:4:4": lambda image: _jpeg(image, 75, subsampling=0),
    "jpeg 95": lambda image: _jpeg(image, 95),
    "half, bilinear": lambda image: _scaled(image, 1 / 2, Image.Resampling.BILINEAR),
    "0.7, area": lambda image: _scaled(image, 0.7, Image.Resampling.BOX),
    "half, bicubic, jpeg 75": lambda image: _jpeg(_scaled(image, 1 / 2, Image.Resampling.BICUBIC), 75),
    "thrice, bilinear": lambda image: _scaled(image, 3, Image.Resampling.BILINEAR),
    "thrice, bicubic": lambda image: _scaled(image, 3, Image.Resampling.BICUBIC),
    "blurred over 7 px": lambda image: image.filter(ImageFilter.BoxBlur(3)),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("pair", ["11", "23", "26", "8"])
def test_blurred_scaled_and_compressed_masks_have_the_regions_of_the_original(pair: str, variant: str) -> None:
    original = labels_from_colours(_pixels(shared("pairs", pair, "content_mask.png"))[:400, :400]).labels
    pixels = np.asarray(VARIANTS[variant](Image.fromarray(colours_from_labels(original))))
    painted = labels_from_colours(pixels)
    expected = resize_labels(original, *pixels.shape[:2])
    reach = 2 * max(2, round(2 * pixels.shape[0] / original.shape[0])) + 1
    border = ndimage.maximum_filter(expected, reach) != ndimage.minimum_filter(expected, reach)
    assert ((painted.labels != expected) & ~border).mean() < 2e-4
    assert (~np.isin(painted.labels, np.unique(original))).mean() < 3e-4
    assert painted.guessed < TOLD_GUESSED and painted.unknown < TOLD_UNKNOWN


def test_a_jpeg_has_no_specks_of_another_colour_along_borders() -> None:
    """In this one blue and yellow make black, exact enough."""
    with Image.open(shared("samples", "city_mask.png")) as image:
        mask = image.convert("RGB").crop((0, 0, 500, 500))
    own = set(np.unique(labels_from_colours(np.asarray(mask)).labels))
    assert set(np.unique(labels_from_colours(np.asarray(_jpeg(mask, 85))).labels)) <= own


def _scaled(image: Image.Image, factor: float, how: Image.Resampling) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)), how)


def _jpeg(image: Image.Image, quality: int, **options: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, **options)
    with Image.open(buffer) as compressed:
        return compressed.convert("RGB")


def test_only_the_nine_labels_can_be_painted() -> None:
    with pytest.raises(ValueError, match="found 9"):
        colours_from_labels(np.full((2, 2), 9, np.uint8))


def test_the_authors_masks_are_far_within_the_limits() -> None:
    files = sorted(shared("pairs").glob("*/*_mask.png"))
    assert len(files) == 40
    for file in files:
        painted = labels_from_colours(_pixels(file))
        assert painted.unknown < TOLD_UNKNOWN / 3, file
        assert painted.guessed < TOLD_GUESSED / 10, file


def test_no_grey_is_made_up_in_the_authors_black_and_white_masks() -> None:
    for pair in ("1", "4", "16", "20", "55"):
        labels = labels_from_colours(_pixels(shared("pairs", pair, "content_mask.png"))).labels
        assert (labels == GREY).mean() < 1e-4, pair


def _pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
