"""Regions without a network: the features of all photos, clustered together, so that clusters match as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_CLUSTERS = 6
LEAST_SHARE = 0.02
"""Of each photo, for every cluster: one that a photo lacks would have nothing to match."""
COMPONENTS = 8
"""Principal components kept. 6 and 12 do as well within 0.01 of purity on `shared/rendered/scenes`."""
ROW_WEIGHT = 0.7
"""Spread of the rows beside that of the features together. On `shared/rendered/scenes` 0.5 to 1 do alike, and 0
loses a tenth of the agreement between the photos' classes, since the sky at night is as smooth as a road
(`tests/segmentation/test_clusters.py` repeats it)."""
RESTARTS = 4
ITERATIONS = 100


@dataclass(frozen=True, eq=False)
class Groups:
    """Clusters of photos, in their order; equal labels match.

    Args:
        labels: of every photo, `(h, w) uint8`, 0 to K - 1.
        probabilities: of every photo, `(K, h, w) float32`, of each cluster, sum 1 over K.
    """

    labels: tuple[NDArray[np.uint8], ...]
    probabilities: tuple[NDArray[np.float32], ...]


def find_groups(
    *features: NDArray[Any], count: int | None = None, seed: int = 0, row_weight: float = ROW_WEIGHT
) -> Groups:
    """Clusters the positions of photos, two or more, by feature and row.

    Each photo's features are brought to mean 0 and standard deviation 1 by channel on its own, which takes out most
    of what the time of day does to them, and lose all but their principal components; k-means does the rest.

    Args:
        features: of every photo, `(C, h, w)`, of one layer of any encoder; h and w may differ.
            VGG-19's relu4_1 to relu4_4 at a longest side of 384 px are alike and better than relu3_1 and relu5_1.
        count: K, or None for the largest of 6 to 2 whose every cluster has at least `LEAST_SHARE` of each photo,
            and 1 where there is none.
        seed: of k-means++.
        row_weight: spread of the rows beside that of the features; 0 ignores where a position lies.

    Raises:
        ValueError: features that are not `(C, h, w)`, differ in C or are not finite; a count below 1 or above the
            number of positions that differ.
    """
    photos = [np.asarray(photo, np.float64) for photo in features]
    _check(photos)
    points = _points(photos, row_weight)
    distinct = len(np.unique(points, axis=0))
    if count is not None:
        if not 1 <= count <= distinct:
            raise ValueError(f"expected a count of 1 to {distinct}, the positions that differ, found {count}")
        return _groups_of(points, photos, count, seed)
    for attempt in range(min(MOST_CLUSTERS, distinct), 1, -1):
        clusters = _groups_of(points, photos, attempt, seed)
        if min(_least_share(labels, attempt) for labels in clusters.labels) >= LEAST_SHARE:
            return clusters
    return _groups_of(points, photos, 1, seed)


def _check(photos: list[NDArray[np.float64]]) -> None:
    shapes = [photo.shape for photo in photos]
    if any(len(shape) != 3 or 0 in shape for shape in shapes) or len({shape[0] for shape in shapes}) != 1:
        raise ValueError(f"expected arrays of features (C, h, w) with one C, found {', '.join(map(str, shapes))}")
    if not all(np.isfinite(photo).all() for photo in photos):
        raise ValueError("expected finite features, found NaN or infinity")


def _points(photos: list[NDArray[np.float64]], row_weight: float) -> NDArray[np.float64]:
    """`(positions of all photos, components + 1)`: what k-means sees."""
    normalised, rows = [], []
    for features in photos:
        channels, height, width = features.shape
        spread = features.std((1, 2), keepdims=True)
        silent = spread <= 1e-6 * (np.abs(features).max() + 1e-12)
        centred = (features - features.mean((1, 2), keepdims=True)) / np.where(silent, 1.0, spread)
        normalised.append(np.where(silent, 0.0, centred).reshape(channels, -1).T)
        rows.append(np.repeat((np.arange(height) + 0.5) / height - 0.5, width))
    points = np.concatenate(normalised)
    _, vectors = np.linalg.eigh(points.T @ points)
    points = points @ vectors[:, ::-1][:, :COMPONENTS]
    length = np.sqrt(np.square(points).sum(1).mean())
    row = np.concatenate(rows)[:, None] * np.sqrt(12) * row_weight
    return np.concatenate([points / length if length > 0 else points, row], 1)


def _least_share(labels: NDArray[np.uint8], count: int) -> float:
    """Share of the photo in the smallest of `count` clusters."""
    return float(np.bincount(labels.ravel(), minlength=count).min()) / labels.size


def _groups_of(points: NDArray[np.float64], photos: list[NDArray[np.float64]], count: int, seed: int) -> Groups:
    """k-means, then probabilities and labels on each photo's grid.

    The probabilities are those of Gaussians of one variance about the centres, that of the points about theirs; the
    mean of 3x3 positions cleans them of specks before the likeliest cluster is taken.
    """
    from scipy import ndimage

    distances = _squared_distances(points, _k_means(points, count, seed))
    variance = max(float(distances.min(1).mean()) / points.shape[1], 1e-12)
    logits = -(distances - distances.min(1, keepdims=True)) / (2 * variance)
    weights = np.exp(logits)
    probabilities = (weights / weights.sum(1, keepdims=True)).T
    maps, start = [], 0
    for features in photos:
        height, width = features.shape[1:]
        own = probabilities[:, start : start + height * width].reshape(count, height, width)
        maps.append(ndimage.uniform_filter(own, (0, 3, 3), mode="nearest").astype(np.float32))
        start += height * width
    return Groups(tuple(soft.argmax(0).astype(np.uint8) for soft in maps), tuple(maps))


def _k_means(points: NDArray[np.float64], count: int, seed: int) -> NDArray[np.float64]:
    """`(K, D)` centres of `(N, D)` points, the best of `RESTARTS`.

    Lloyd, "Least Squares Quantization in PCM", 1982, from centres drawn as by Arthur and Vassilvitskii, "k-means++:
    The Advantages of Careful Seeding", SODA 2007.
    """
    rng = np.random.default_rng(seed)
    best, least = points[:1], np.inf
    for _ in range(RESTARTS):
        centres = _lloyd(points, _scattered(points, count, rng))
        error = float(_squared_distances(points, centres).min(1).sum())
        if error < least:
            best, least = centres, error
    return best


def _scattered(points: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """`(K, D)`: points drawn one after another, each by the square of its distance to those drawn before."""
    centres = points[[rng.integers(len(points))]]
    while len(centres) < count:
        distances = _squared_distances(points, centres).min(1)
        drawn = rng.choice(len(points), p=distances / distances.sum())
        centres = np.concatenate([centres, points[[drawn]]])
    return centres


def _lloyd(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moves every centre to the mean of the points nearest to it until none moves; one without points stays."""
    for _ in range(ITERATIONS):
        members = _squared_distances(points, centres).argmin(1)[:, None] == np.arange(len(centres))
        sizes = members.sum(0)[:, None]
        moved = np.where(sizes > 0, (members.T @ points) / np.maximum(sizes, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def _squared_distances(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(N, K)`."""
    return np.stack([np.square(points - centre).sum(1) for centre in centres], 1)
