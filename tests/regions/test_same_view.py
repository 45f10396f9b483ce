from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from photostyle.photo.photo import Photo
from photostyle.photo.resizing import resize
from photostyle.regions.found_regions import Segmentation
from photostyle.regions.same_view import (
    LEAST_CORRELATION,
    find_views,
    outline_correlation,
    outlines,
    segmentation_in_view,
)
from tests.shared import shared

Pixels = NDArray[np.float32]


def scenery(seed: int, height: int = 80, width: int = 120) -> Pixels:
    """Blots of one seed."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(height, width, 3)), (4, 4, 0))
    low, high = noise.min(), noise.max()
    return ((noise - low) / (high - low)).astype(np.float32)


def seen(pixels: Pixels, chance: float) -> Segmentation:
    """A photo of which the first class has this probability everywhere, and the second what is left."""
    probabilities = np.zeros((7, 5, 8), np.float32)
    probabilities[0], probabilities[1] = chance, 1 - chance
    return Segmentation(pixels, probabilities, np.zeros((4, 5, 8), np.float32))


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.2, 0.1), (-0.6, 0.8)])
def test_light_changes_no_outline_even_where_it_turns_contrast_round(gain: float, offset: float) -> None:
    photo = scenery(0)
    assert outline_correlation(outlines(photo), outlines(np.float32(gain) * photo + np.float32(offset))) > 0.99


def test_other_scenery_other_proportions_and_none_at_all_are_not_alike() -> None:
    first = outlines(scenery(0))
    assert abs(outline_correlation(first, outlines(scenery(1)))) < 0.15
    assert outline_correlation(first, outlines(scenery(0, 100, 120))) == 0
    assert outline_correlation(first, outlines(np.full((80, 120, 3), 0.5, np.float32))) == 0


def test_a_photo_that_is_moved_is_less_alike_the_farther_it_is() -> None:
    whole = scenery(0, 90, 160)
    first, *moved = (outlines(np.ascontiguousarray(whole[:80, by : 120 + by])) for by in (0, 0, 1, 3, 12))
    likeness = [outline_correlation(first, other) for other in moved]
    assert likeness[0] == pytest.approx(1) and likeness[0] > likeness[1] > likeness[2] > LEAST_CORRELATION > likeness[3]


def test_photos_of_a_view_share_what_is_seen_in_them() -> None:
    first, second = scenery(0), scenery(1)
    photos = [seen(first, 0.9), seen(second, 0.5), seen(first * np.float32(0.5), 0.3)]
    (view,) = find_views(photos)
    assert (
        len(view.outlines) == 2 and np.allclose(view.probabilities[0], 0.6) and np.allclose(view.probabilities[1], 0.4)
    )
    for photo in (photos[0], photos[2], seen(first, 0.0)):
        assert np.array_equal(segmentation_in_view(photo, [view]).probabilities, view.probabilities)
        assert segmentation_in_view(photo, [view]).pixels is photo.pixels
    assert segmentation_in_view(photos[1], [view]) is photos[1]


def test_photos_are_of_one_view_with_all_that_lead_from_one_to_the_next() -> None:
    first, last = scenery(0), scenery(1)
    between = (0.5 * first + 0.5 * last).astype(np.float32)
    assert outline_correlation(outlines(first), outlines(last)) < LEAST_CORRELATION
    for order in ((first, between, last), (first, last, between)):
        (view,) = find_views([seen(pixels, 0.5) for pixels in order])
        assert len(view.outlines) == 3


def test_a_photo_goes_to_the_view_that_it_is_most_like() -> None:
    photos = [seen(scenery(place // 2), place // 2) for place in range(4)]
    both = find_views(photos)
    assert [view.probabilities[0, 0, 0] for view in both] == [0, 1]
    for photo in photos:
        assert np.array_equal(segmentation_in_view(photo, both).probabilities, photo.probabilities)
    assert find_views([]) == () and segmentation_in_view(photos[0], ()) is photos[0]


def test_fixed_cameras_are_told_apart_from_each_other() -> None:
    folders = sorted(path for path in shared("data", "timelapse").iterdir() if path.is_dir())
    cameras = []
    for folder in folders:
        paths = sorted(folder.glob("*.jpg"))
        chosen = [paths[place] for place in np.linspace(0, len(paths) - 1, 4).astype(int)]
        cameras.append([outlines(resize(Photo.read(path).pixels, 96, 128)) for path in chosen])
    within = [outline_correlation(*pair) for camera in cameras for pair in combinations(camera, 2)]
    across = [outline_correlation(a, b) for one, other in combinations(cameras, 2) for a in one for b in other]
    assert np.median(within) > LEAST_CORRELATION > max(across)
