"""Regions without a segmentation network. The features of all photos are clustered together, so each cluster is the
same region in every photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_CLUSTERS = 6
LEAST_SHARE = 0.02
"""Least share of each photo that every cluster must cover. A cluster that a photo lacks would have no match there."""
COMPONENTS = 8
"""Number of principal components that are kept. On `shared/rendered/scenes`, the purity with 6 or 12 differs by at most
0.01."""
ROW_WEIGHT = 0.7
"""Standard deviation of the row coordinate, relative to the root mean square length of the features. On
`shared/rendered/scenes`, values from 0.5 to 1 give similar results. With 0, the classes of the photos agree less by a
tenth, since the sky at night is as smooth as a road. `tests/segmentation/test_clusters.py` repeats the measurement."""
RESTARTS = 4
ITERATIONS = 100


@dataclass(frozen=True, eq=False)
class Groups:
    """The clusters found in each photo. Equal labels in two photos match.

    Args:
        labels: one label map for each photo, in the order of the photos, `(h, w) uint8`, 0 to K - 1.
        probabilities: the probability of each cluster, one array for each photo, `(K, h, w) float32`, sum 1 over K.
    """

    labels: tuple[NDArray[np.uint8], ...]
    probabilities: tuple[NDArray[np.float32], ...]


def find_groups(
    *features: NDArray[Any], count: int | None = None, seed: int = 0, row_weight: float = ROW_WEIGHT
) -> Groups:
    """Clusters the positions of two or more photos by their features and their rows.

    First, each channel of each photo is normalised to mean 0 and standard deviation 1. This removes most effects of the
    time of day. Then the features of all photos are reduced to their `COMPONENTS` principal components. Last, k-means
    finds the clusters.

    Args:
        features: one array for each photo, `(C, h, w)`, all from the same layer of the same encoder. Any encoder will
            do. h and w may differ between photos. For VGG-19 and photos with a longest side of 384 px, relu4_1 to
            relu4_4 are equally good, and better than relu3_1 and relu5_1.
        count: the number of clusters K. None tries 6, 5, 4, 3 and 2, and takes the first K with which every cluster
            covers at least `LEAST_SHARE` of each photo. If there is none, K is 1.
        seed: the seed of k-means++.
        row_weight: standard deviation of the row coordinate, relative to the length of the features; see `ROW_WEIGHT`.
            With 0, only the features count.

    Raises:
        ValueError: features do not have the shape `(C, h, w)`, differ in C or are not finite; or the count is below 1
            or above the number of distinct positions.
    """
    photos = [np.asarray(photo, np.float64) for photo in features]
    _check(photos)
    points = _points(photos, row_weight)
    distinct = len(np.unique(points, axis=0))
    if count is not None:
        if not 1 <= count <= distinct:
            raise ValueError(f"expected a count from 1 to {distinct} (the number of distinct positions), found {count}")
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
    """The points that k-means clusters, `(positions of all photos, components + 1)`: features first, then the row."""
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
    """The share of the photo that the smallest of `count` clusters covers, [0, 1]."""
    return float(np.bincount(labels.ravel(), minlength=count).min()) / labels.size


def _groups_of(points: NDArray[np.float64], photos: list[NDArray[np.float64]], count: int, seed: int) -> Groups:
    """Runs k-means, and then computes probabilities and labels on the grid of each photo.

    The probabilities come from a mixture of Gaussians around the centres, all with the same weight and the same
    variance: the mean variance of the points around their nearest centres. The probabilities are then averaged over 3x3
    positions to remove specks. The label is the cluster with the highest probability.
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
    """The centres `(K, D)` of points `(N, D)`. It is the best result of `RESTARTS` runs.

    The iteration is from Lloyd, "Least Squares Quantization in PCM", 1982. The first centres are drawn as in Arthur and
    Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007.
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
    """The first centres of k-means++, `(K, D)`, drawn from the points one after another.

    The probability of a point is proportional to its squared distance from the nearest centre drawn so far.
    """
    centres = points[[rng.integers(len(points))]]
    while len(centres) < count:
        distances = _squared_distances(points, centres).min(1)
        drawn = rng.choice(len(points), p=distances / distances.sum())
        centres = np.concatenate([centres, points[[drawn]]])
    return centres


def _lloyd(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moves every centre to the mean of the points that are nearest to it, until no centre moves any more.

    A centre without points stays where it is. There are at most `ITERATIONS` rounds.
    """
    for _ in range(ITERATIONS):
        members = _squared_distances(points, centres).argmin(1)[:, None] == np.arange(len(centres))
        sizes = members.sum(0)[:, None]
        moved = np.where(sizes > 0, (members.T @ points) / np.maximum(sizes, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def _squared_distances(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared distance of every point to every centre, `(N, K)`."""
    return np.stack([np.square(points - centre).sum(1) for centre in centres], 1)
