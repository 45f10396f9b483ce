from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photostyle.regions.mask_files import MOST_STRAY, MOST_UNKNOWN
from segmentation.palette import PALETTE, colours_from_labels, labels_from_colours
from tests.shared import shared

BLUE, GREEN, BLACK, WHITE, GREY = 0, 1, 2, 3, 6


def row_of(*colours: tuple[int, int, int]) -> np.ndarray:
    """Three equal rows of the colours."""
    return np.tile(np.array(colours, np.uint8), (3, 1, 1))


def test_the_nine_colours_are_read_and_painted() -> None:
    labels = np.repeat(np.arange(9, dtype=np.uint8), 3)[None].repeat(3, 0)
    painted = labels_from_colours(colours_from_labels(labels))
    np.testing.assert_array_equal(painted.labels, labels)
    assert (painted.unknown, painted.stray, painted.stray_colour, painted.stray_at) == (0, 0, None, None)


@pytest.mark.parametrize("label", PALETTE, ids=lambda label: label.name)
def test_a_colour_is_known_up_to_a_tenth_of_the_range(label) -> None:
    inward = [-1 if channel >= 128 else 1 for channel in label.colour]
    for offset, unknown in ((25, 0.0), (26, 1.0)):
        pixels = np.full((4, 4, 3), [c + offset * s for c, s in zip(label.colour, inward, strict=True)], np.uint8)
        painted = labels_from_colours(pixels)
        assert painted.unknown == unknown
        if not unknown:
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
    assert (labels_from_colours(row_of(grey)).labels == GREY).all()


def test_an_unknown_colour_is_named_and_placed() -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    pixels[0, 0] = (60, 0, 0)
    pixels[3, 4:8] = (255, 140, 0)
    painted = labels_from_colours(pixels)
    assert painted.unknown == pytest.approx(0.05)
    assert painted.stray == pytest.approx(0.04)
    assert (painted.stray_colour, painted.stray_at) == ((255, 140, 0), (3, 4))


def test_only_the_nine_labels_can_be_painted() -> None:
    with pytest.raises(ValueError, match="found 9"):
        colours_from_labels(np.full((2, 2), 9, np.uint8))


def test_the_authors_masks_are_far_within_the_limits() -> None:
    files = sorted(shared("pairs").glob("*/*_mask.png"))
    assert len(files) == 40
    for file in files:
        painted = labels_from_colours(_pixels(file))
        assert painted.unknown < MOST_UNKNOWN / 3, file
        assert painted.stray < MOST_STRAY / 3, file


def test_no_grey_is_made_up_in_the_authors_black_and_white_masks() -> None:
    for pair in ("1", "4", "16", "20", "55"):
        labels = labels_from_colours(_pixels(shared("pairs", pair, "content_mask.png"))).labels
        assert (labels == GREY).mean() < 1e-4, pair


def _pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
