"""Region maps of photos that cannot be seen as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from photostyle.regions.edge_masks import coarse_masks, measured_masks, partition_masks
from photostyle.regions.found_regions import Segmentation, joint_coverage
from photostyle.regions.region_map import RegionMap, covered, region_masks
from segmentation.labels import UNLABELLED

HALVES = RegionMap(np.repeat([[0, 1]], [5, 5], axis=1).repeat(6, 0).astype(np.uint8), {0: "sky", 1: "building"})
IDS = [(0,), (1,)]


def coverage() -> np.ndarray:
    """Nothing in the outer columns, a half in the columns beside them."""
    found = np.ones((6, 10), np.float32)
    found[:, [0, 1, 9]], found[:, [2, 8]] = 0, 0.5
    return found


def test_what_cannot_be_seen_is_in_no_region() -> None:
    seen = HALVES.seen(coverage())
    assert (seen.labels[:, [0, 1, 9]] == UNLABELLED).all()
    assert seen.visible_labels.shape == (1, 42)
    assert set(seen.visible_labels.ravel().tolist()) == {0, 1}
    assert np.array_equal(seen.continued_labels, HALVES.labels)
    assert HALVES.seen(None) is HALVES
    assert HALVES.visible_labels is HALVES.continued_labels is HALVES.labels


def test_masks_are_multiplied_by_coverage() -> None:
    seen = HALVES.seen(coverage())
    assert np.array_equal(seen.masks(IDS), region_masks(HALVES.labels, IDS) * coverage())
    assert np.array_equal(measured_masks(seen, IDS)[:-1], seen.masks(IDS))
    assert not measured_masks(seen, IDS)[-1].any()
    assert np.array_equal(measured_masks(HALVES, IDS), partition_masks(HALVES.labels, IDS))


def test_a_region_that_is_as_transparent_everywhere_counts_as_opaque() -> None:
    masks = region_masks(HALVES.labels, IDS)
    assert np.array_equal(covered(masks, np.full((6, 10), 0.25, np.float32)), masks)
    assert not covered(masks, np.zeros((6, 10), np.float32)).any()


def test_the_masks_that_change_a_photo_do_not_fade_towards_transparency() -> None:
    pixels = np.full((6, 10, 3), 0.5, np.float32)
    found = coarse_masks(HALVES.seen(coverage()), IDS, pixels)
    assert np.array_equal(found, coarse_masks(HALVES, IDS, pixels))
    assert found[-1].max() < 1e-6


def test_coverage_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"coverage of shape \(6, 10\), found \(5, 10\)"):
        RegionMap(HALVES.labels, HALVES.names, coverage=coverage()[:5])


def test_shares_of_a_segmentation_are_of_what_can_be_seen() -> None:
    probabilities = np.full((7, 4, 4), 0.01, np.float32)
    probabilities[0, :2], probabilities[6, 2:] = 0.94, 0.94
    pixels, kinds = np.zeros((32, 32, 3), np.float32), np.zeros((4, 4, 4), np.float32)
    alpha = np.ones((32, 32), np.float32)
    alpha[16:] = 0
    whole, top = (Segmentation(pixels, probabilities, kinds, each) for each in (None, alpha))
    assert (whole.foreground, top.foreground) == (0.5, pytest.approx(0.0, abs=0.08))
    assert (top.coarse_labels()[0] == 0).all() and (top.coarse_labels()[3] == UNLABELLED).all()
    assert (top.labels()[16:] == UNLABELLED).all()


def test_joint_coverage() -> None:
    assert joint_coverage([None, None], 4, 5) is None
    both = joint_coverage([None, np.zeros((8, 10), np.float32)], 4, 5)
    assert both is not None
    assert both.shape == (8, 5)
    assert both[:4].min() == 1 and both[4:].max() == 0
