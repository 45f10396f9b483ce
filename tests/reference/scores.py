"""How good a transfer is, in figures written from their definitions. Of the program they use the encoder alone.

Photos are `(H, W, 3) float64, sRGB-encoded, [0, 1]`; label maps are `(H, W) uint8`, with one label for the
same region of both photos. Lower is better, except for `edge_likeness`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2gray, rgb2lab
from skimage.metrics import structural_similarity
from torch.nn import functional

from photostyle.encoders.vgg import Encoder

Pixels = NDArray[np.float64]
Labels = NDArray[np.uint8]
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
LEAST_SHARE = 1e-3
"""Share of either photo below which a region is not compared."""


def style_distance(result: Pixels, style: Pixels, labels: Labels, style_labels: Labels) -> float:
    """Sliced 1-Wasserstein distance between the CIELAB colours of result and style, in units of CIELAB.

    Region by region, weighted by the region's area in the content.
    """
    found, wanted = rgb2lab(result), rgb2lab(style)
    return area_mean(
        labels, style_labels, lambda label: sliced_distance(found[labels == label], wanted[style_labels == label])
    )


def sliced_distance(colours: Pixels, others: Pixels, directions: int = 32, quantiles: int = 200) -> float:
    """Mean over directions of the 1-Wasserstein distance of two sets of points `(N, 3)` and `(M, 3)`.

    In one dimension the distance is the mean difference of the quantiles. The directions are a spiral over half a
    sphere, so that no random number decides.
    """
    steps = np.arange(directions) + 0.5
    height, turn = 1 - steps / directions, np.pi * (1 + 5**0.5) * steps
    radius = np.sqrt(1 - height**2)
    axes = np.stack([radius * np.cos(turn), radius * np.sin(turn), height])
    at = (np.arange(quantiles) + 0.5) / quantiles
    return float(np.abs(np.quantile(colours @ axes, at, axis=0) - np.quantile(others @ axes, at, axis=0)).mean())


def gram_distance(result: Pixels, style: Pixels, labels: Labels, style_labels: Labels, encoder: Encoder) -> float:
    """Mean over `LAYERS` of |G(result) - G(style)| / |G(style)|, of the regions' Gram matrices, weighted by area."""
    found, wanted = (grams(*pair, encoder) for pair in ((result, labels), (style, style_labels)))

    def distance(label: int) -> float:
        pairs = zip(found[label], wanted[label], strict=True)
        return float(np.mean([float((ours - theirs).norm() / theirs.norm()) for ours, theirs in pairs]))

    return area_mean(labels, style_labels, distance)


def grams(photo: Pixels, labels: Labels, encoder: Encoder) -> dict[int, list[torch.Tensor]]:
    """Of every label, one `(C, C)` a layer: the mean over the region's pixels of the features' outer products."""
    image = torch.from_numpy(photo.transpose(2, 0, 1).astype(np.float32))[None]
    with torch.no_grad():
        features = {layer: feature[0].double() for layer, feature in encoder(image, LAYERS).items()}
    result: dict[int, list[torch.Tensor]] = {}
    for label in map(int, np.unique(labels)):
        inside = torch.from_numpy((labels == label).astype(np.float64))[None, None]
        result[label] = []
        for layer in LAYERS:
            feature = features[layer]
            share = functional.interpolate(inside, feature.shape[1:], mode="area")[0, 0]
            result[label].append(torch.einsum("ahw,bhw,hw->ab", feature, feature, share) / share.sum().clamp_min(1e-9))
    return result


def affine_residual(content: Pixels, result: Pixels, side: int = 5, ridge: float = 1e-5) -> float:
    """What no affine map of the content's RGB explains, window by window: root mean square, in 8-bit levels.

    0 for every recolouring that is affine window by window: what the Matting Laplacian leaves free. The windows are
    `side` by `side` pixels and lie side by side. `ridge` times the identity is added to the covariance of the content's
    colours.
    """
    ours, theirs = windows(content, side), windows(result, side)
    ours, theirs = ours - ours.mean(1, keepdims=True), theirs - theirs.mean(1, keepdims=True)
    covariance = np.einsum("wpi,wpj->wij", ours, ours) / side**2
    cross = np.einsum("wpi,wpj->wij", ours, theirs) / side**2
    left = theirs - ours @ np.linalg.solve(covariance + ridge * np.eye(3), cross)
    return float(255 * np.sqrt(np.mean(left**2)))


def windows(photo: Pixels, side: int) -> Pixels:
    """`(windows, side * side, 3)`; the rows and columns that fill no window are left out."""
    rows, columns = photo.shape[0] // side, photo.shape[1] // side
    cut = photo[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    return cut.transpose(0, 2, 1, 3, 4).reshape(rows * columns, side * side, 3)


def halo_share(content: Pixels, result: Pixels, strong: float = 0.04, seen: float = 0.02) -> float:
    """Per cent of the content's strong edges whose gradient of luma points the other way in the result."""
    ours, theirs = gradient(content), gradient(result)
    edges = np.hypot(*ours) > strong
    reversed_edges = edges & ((ours * theirs).sum(0) < 0) & (np.hypot(*theirs) > seen)
    return float(100 * reversed_edges.sum() / edges.sum())


def edge_likeness(content: Pixels, result: Pixels) -> float:
    """SSIM of the two edge maps, each divided by its 99th percentile; higher is better, at most 1."""
    maps = [np.hypot(*gradient(photo)) for photo in (content, result)]
    maps = [np.clip(edges / np.quantile(edges, 0.99), 0, 1) for edges in maps]
    return float(structural_similarity(*maps, data_range=1.0))


def gradient(photo: Pixels) -> Pixels:
    """`(2, H, W)`: down and across, of luma, by Sobel's filters, as a difference a pixel."""
    luma = rgb2gray(photo)
    return np.stack([ndimage.sobel(luma, axis) for axis in (0, 1)]) / 8


def area_mean(labels: Labels, style_labels: Labels, figure: Callable[[int], float]) -> float:
    """The mean of `figure(label)` over the regions that both photos have, weighted by area in the first."""
    shares = {int(label): float(np.mean(labels == label)) for label in np.unique(labels)}
    shares = {
        label: share
        for label, share in shares.items()
        if share >= LEAST_SHARE and np.mean(style_labels == label) >= LEAST_SHARE
    }
    if not shares:
        raise ValueError("expected a region that both photos have, found none")
    return sum(share * figure(label) for label, share in shares.items()) / sum(shares.values())
