from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from segmentation.clusters import LEAST_SHARE, ROW_WEIGHT, find_groups
from tests.shared import shared

CHANNELS = 16
PATTERNS = np.random.default_rng(0).normal(size=(4, CHANNELS)) * 3


def photo(bands: NDArray[np.int_], seed: int, *, relit: bool = False, width: int = 20) -> NDArray[np.float64]:
    """`(16, len(bands), width)` features: every row has the pattern of its band, noise, and the photo's own light."""
    rng = np.random.default_rng(seed)
    features = PATTERNS[bands][:, None] + rng.normal(size=(len(bands), width, CHANNELS)) * 0.7
    if relit:
        features = features * np.exp(3 * rng.normal(size=CHANNELS)) + 30 * rng.normal(size=CHANNELS)
    return features.transpose(2, 0, 1)


def rows(*heights: int) -> NDArray[np.int_]:
    """The band that each row belongs to."""
    return np.repeat(np.arange(len(heights)), heights)


def test_clusters_match_though_every_channel_has_another_gain_and_offset() -> None:
    content, style = rows(12, 8, 10), rows(10, 9, 11)
    clusters = find_groups(photo(content, 1), photo(style, 2, relit=True), count=3)
    found = set()
    for band in range(3):
        label = int(np.bincount(clusters.labels[0][content == band].ravel()).argmax())
        assert (clusters.labels[0][content == band] == label).mean() > 0.93
        assert (clusters.labels[1][style == band] == label).mean() > 0.93
        found.add(label)
    assert len(found) == 3


def test_the_row_tells_alike_things_above_and_below_apart() -> None:
    noise = np.random.default_rng(3).normal(size=(2, CHANNELS, 30, 20)) * 0.01
    noise += np.random.default_rng(4).normal(size=(CHANNELS, 1, 20))

    def purity(row_weight: float) -> float:
        labels = find_groups(*noise, count=2, row_weight=row_weight).labels[0]
        above = (labels[:15] == np.bincount(labels[:5].ravel()).argmax()).mean()
        below = (labels[15:] == np.bincount(labels[:5].ravel()).argmax()).mean()
        return float(above - below)

    assert purity(5.0) > 0.95
    assert abs(purity(0.0)) < 0.5


@pytest.mark.parametrize("bands", [2, 4])
def test_the_count_is_the_largest_that_leaves_no_cluster_to_one_photo(bands: int) -> None:
    """With two bands in common the style has a third, which must not get a cluster of its own."""
    content = rows(*[24 // bands] * bands)
    style = np.concatenate([content, np.full(2, 3)]) if bands < 4 else content
    clusters = find_groups(photo(content, 1), photo(style, 2))
    count = len(clusters.probabilities[0])
    assert count >= bands
    for labels in clusters.labels:
        assert np.bincount(labels.ravel(), minlength=count).min() >= LEAST_SHARE * labels.size


def test_photos_that_share_nothing_are_one_cluster() -> None:
    """Only rows differ here, and the style has but one, so that any second cluster would be the content's alone."""
    content, style = np.zeros((4, 2, 40)), np.zeros((4, 1, 40))
    clusters = find_groups(content, style, row_weight=1.0)
    assert not clusters.labels[0].any() and not clusters.labels[1].any()
    assert clusters.probabilities[0].shape == (1, 2, 40)


def test_probabilities_are_those_of_the_labels_and_add_up_to_one() -> None:
    clusters = find_groups(photo(rows(6, 6), 1), photo(rows(5, 9), 2, width=13), count=4)
    for labels, probabilities, shape in (
        (clusters.labels[0], clusters.probabilities[0], (12, 20)),
        (clusters.labels[1], clusters.probabilities[1], (14, 13)),
    ):
        assert labels.shape == shape and labels.dtype == np.uint8
        assert probabilities.shape == (4, *shape) and probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-5)
        np.testing.assert_array_equal(probabilities.argmax(0), labels)


def test_specks_are_cleaned_away() -> None:
    content = photo(rows(10, 10), 1)
    content[:, 4, 7] = content[:, 15, 7]
    labels = find_groups(content, photo(rows(10, 10), 2), count=2).labels[0]
    assert labels[4, 7] == labels[4, 6]


def test_the_same_seed_gives_the_same_clusters() -> None:
    content, style = photo(rows(9, 9, 9), 1), photo(rows(12, 4, 8), 2)
    first, second = (find_groups(content, style, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.labels[0], second.labels[0])
    np.testing.assert_array_equal(first.probabilities[1], second.probabilities[1])


def test_features_that_do_not_change_are_no_trouble() -> None:
    clusters = find_groups(np.full((3, 8, 8), 7.0), np.full((3, 8, 8), 1e-3))
    np.testing.assert_array_equal(clusters.labels[0], clusters.labels[1])


@pytest.mark.parametrize(
    ("style", "count", "message"),
    [
        (np.zeros((2, 4, 4)), None, r"\(2, 4, 4\)"),
        (np.zeros((3, 4)), None, r"\(3, 4\)"),
        (np.full((3, 4, 4), np.nan), None, "NaN"),
        (np.zeros((3, 4, 4)), 0, "found 0"),
        (np.zeros((3, 4, 4)), 5, "expected a count from 1 to 4"),
    ],
)
def test_what_cannot_be_clustered_is_refused(style: NDArray[np.float64], count: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_groups(np.zeros((3, 4, 4)), style, count=count)


@pytest.mark.slow
def test_noon_and_night_of_two_scenes_match_by_class() -> None:
    """Repeats the measurement behind `ROW_WEIGHT`: how often two positions of one cluster, one in each of two scenes
    of a kind, are of one class (ground and vegetation counting as one); a single region would have 0.34."""
    from photostyle.training.distill import load_reference

    encoder = load_reference(shared("encoder", "vgg19_16x.safetensors"))

    def features(scene: str, time: str) -> NDArray[np.float32]:
        with Image.open(shared("rendered", "scenes", scene, f"{time}.jpg")) as image:
            pixels = np.array(image.convert("RGB").resize((384, 256), Image.Resampling.LANCZOS), np.float32)
        photo = torch.from_numpy(pixels / 255).permute(2, 0, 1)[None]
        return encoder(photo, ["relu4_2"])["relu4_2"][0].numpy()

    def classes(scene: str) -> NDArray[np.uint8]:
        with Image.open(shared("rendered", "scenes", scene, "labels.png")) as image:
            labels = np.asarray(image.resize((48, 32), Image.Resampling.NEAREST))
        return np.where(labels == 4, 2, labels)

    agreements: dict[float, list[float]] = {ROW_WEIGHT: [], 0.0: []}
    for kind in ("lake", "skyline", "street", "village"):
        content, style = features(f"{kind}_1", "noon"), features(f"{kind}_3", "night")
        for row_weight, found in agreements.items():
            clusters = find_groups(content, style, row_weight=row_weight)
            found.append(agreement(clusters.labels[0], clusters.labels[1], classes(f"{kind}_1"), classes(f"{kind}_3")))
    assert np.mean(agreements[ROW_WEIGHT]) > 0.7
    assert np.mean(agreements[ROW_WEIGHT]) > np.mean(agreements[0.0]) + 0.05


def agreement(
    content: NDArray[np.uint8],
    style: NDArray[np.uint8],
    content_classes: NDArray[np.uint8],
    style_classes: NDArray[np.uint8],
) -> float:
    """Probability that a position of the content, and one of the style in the same cluster, are of one class."""
    total = 0.0
    for label in np.unique(content):
        inside = content_classes[content == label]
        other = style_classes[style == label]
        same = sum((inside == c).mean() * (other == c).mean() for c in np.unique(inside)) if other.size else 0.0
        total += same * inside.size
    return float(total / content.size)
