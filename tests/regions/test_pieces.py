from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.regions.pieces import joined

SKY, BUILDING, ROCK, BIRD = 0, 1, 2, 3
STANDING = (BUILDING, ROCK)


def seen(labels: NDArray[np.int64], sure: float = 0.7) -> NDArray[np.float32]:
    """Probabilities of four classes: `sure` for the label of each place, and the rest in equal parts."""
    chances = np.full((4, *labels.shape), (1 - sure) / 3, np.float32)
    np.put_along_axis(chances, labels[None], np.float32(sure), 0)
    return chances


def scene() -> NDArray[np.int64]:
    """A sky above a building."""
    labels = np.full((60, 80), SKY)
    labels[40:] = BUILDING
    return labels


def found(labels: NDArray[np.int64], sure: float = 0.7) -> NDArray[np.int64]:
    result = joined(seen(labels, sure), SKY, STANDING)
    np.testing.assert_allclose(result.sum(0), 1, atol=1e-6)
    return result.argmax(0)


def test_a_small_piece_joins_the_region_around_it() -> None:
    for label in (BUILDING, ROCK, BIRD):
        labels = scene()
        labels[10:16, 20:28] = label
        np.testing.assert_array_equal(found(labels), scene())
    labels = scene()
    labels[50:56, 20:28] = SKY
    np.testing.assert_array_equal(found(labels), scene())


def test_a_cloud_taken_for_a_rock_is_sky_even_if_it_is_large() -> None:
    labels = scene()
    labels[5:20, 20:50] = ROCK
    np.testing.assert_array_equal(found(labels), scene())


def test_a_large_bird_and_what_stands_on_the_ground_stay() -> None:
    bird = scene()
    bird[5:20, 20:50] = BIRD
    rock = scene()
    rock[25:40, 20:50] = ROCK
    for labels in (bird, rock):
        np.testing.assert_array_equal(found(labels), labels)


def test_what_the_network_is_sure_of_stays() -> None:
    labels = scene()
    labels[10:16, 20:28] = ROCK
    np.testing.assert_array_equal(found(labels, sure=0.9), labels)


def test_a_photo_of_one_region_and_a_piece_between_two_regions_stay() -> None:
    np.testing.assert_array_equal(found(np.full((60, 80), SKY)), np.full((60, 80), SKY))
    labels = scene()
    labels[36:44, 20:26] = ROCK
    np.testing.assert_array_equal(found(labels), labels)


def test_pieces_of_several_classes_that_hang_in_the_sky_together_are_sky() -> None:
    cloud = scene()
    cloud[:20, 10:50], cloud[:15, 50:65] = ROCK, BIRD
    np.testing.assert_array_equal(found(cloud), scene())
    flock = scene()
    flock[:20, 10:30], flock[:20, 30:65] = ROCK, BIRD
    joined_to_the_ground = cloud.copy()
    joined_to_the_ground[:, 76:], joined_to_the_ground[:5, 65:] = BUILDING, BUILDING
    for labels in (flock, joined_to_the_ground):
        np.testing.assert_array_equal(found(labels), labels)
    np.testing.assert_array_equal(found(cloud, sure=0.9), cloud)
