"""Region maps: which region every pixel belongs to. Masks are made from them, also for the grid of each layer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segmentation.labels import UNLABELLED
from segmentation.palette import display_colour

if TYPE_CHECKING:
    from torch import Tensor


CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 1)
"""Number of convolutions in each block of VGG-19, up to relu5_1. There is a pooling between two blocks."""


@dataclass(frozen=True, eq=False)
class RegionMap:
    """Which region every pixel of a photo belongs to.

    Use one as a mask to give names to the regions of an array: `RegionMap(labels, {0: "sky", 1: "building"})`. Regions
    with the same name are matched.

    Args:
        labels: `(H, W) uint8`; 255 is no region.
        names: a name for every label that occurs, except 255.
        warnings: what was uncertain when the map was read, one sentence each.
        coverage: `(H, W) float32`, linear, [0, 1]: how much of the photo can be seen; None for all of it. `seen` makes
            such a map, in which places without coverage are in no region.
        rough: whether borders are only known to a few pixels, as those that a network finds.

    Raises:
        ValueError: `labels` is empty or has another shape or dtype, a label has no name, or `coverage` has another
            shape.
    """

    labels: NDArray[np.uint8]
    names: Mapping[int, str]
    warnings: tuple[str, ...] = ()
    coverage: NDArray[np.float32] | None = None
    rough: bool = False

    def __post_init__(self) -> None:
        if self.labels.ndim != 2 or self.labels.dtype != np.uint8 or not self.labels.size:
            raise ValueError(f"expected (H, W) uint8 labels, found {self.labels.shape} {self.labels.dtype}")
        if nameless := labels_present(self.labels) - set(self.names):
            raise ValueError(f"expected a name for every label, but these have none: {sorted(nameless)}")
        if self.coverage is not None and self.coverage.shape != self.labels.shape:
            raise ValueError(f"expected coverage of shape {self.labels.shape}, found {self.coverage.shape}")

    def seen(self, coverage: NDArray[np.float32] | None) -> RegionMap:
        """The regions of a photo with this coverage, `(H, W)`; None if all of it can be seen."""
        if coverage is None:
            return self
        return replace(self, labels=np.where(coverage > 0, self.labels, np.uint8(UNLABELLED)), coverage=coverage)

    @property
    def visible_labels(self) -> NDArray[np.uint8]:
        """The labels of all places that can be seen: `labels`, or `(1, N)` of them. Shares are shares of these."""
        return self.labels if self.coverage is None else self.labels[self.coverage > 0][None]

    @property
    def continued_labels(self) -> NDArray[np.uint8]:
        """`labels`, in which a place that cannot be seen has the label of the nearest visible one.

        With these, a border between what can and cannot be seen is no border of a region.
        """
        if self.coverage is None or not (self.coverage > 0).any():
            return self.labels
        from scipy import ndimage

        rows, columns = ndimage.distance_transform_edt(self.coverage <= 0, return_distances=False, return_indices=True)
        continued: NDArray[np.uint8] = self.labels[rows, columns]
        return continued

    def share(self, labels: Collection[int]) -> float:
        """The share of these labels in what can be seen of the photo, [0, 1]."""
        return float(np.isin(self.visible_labels, list(labels)).mean())

    @property
    def labels_by_name(self) -> dict[str, tuple[int, ...]]:
        """`{name: labels}` of the regions that occur."""
        present: dict[str, tuple[int, ...]] = {}
        for label in sorted(labels_present(self.labels)):
            present[self.names[label]] = (*present.get(self.names[label], ()), label)
        return present

    def masks(self, regions: Sequence[Collection[int]]) -> NDArray[np.float32]:
        """`(R, H, W) float32`, [0, 1]: what is measured of regions, given by their label ids; see `covered`."""
        return covered(region_masks(self.labels, regions), self.coverage)


def resize_labels(labels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Labels `(H, W)`, scaled to `(height, width)` by nearest neighbour."""
    rows, columns = (
        (np.arange(size) * 2 + 1) * found // (2 * size)
        for size, found in zip((height, width), labels.shape, strict=True)
    )
    scaled: NDArray[np.uint8] = labels[rows[:, None], columns]
    return scaled


def overlay(pixels: NDArray[np.float32], regions: RegionMap) -> NDArray[np.float32]:
    """The photo with a tint for each region: half photo, half colour of the region. Pixels in no region are unchanged.

    Args:
        pixels: the photo, `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        regions: the regions, at the same size.

    Returns:
        The tinted photo, in the form of `pixels`.

    Raises:
        ValueError: the photo and the regions differ in size.
    """
    if pixels.shape[:2] != regions.labels.shape:
        raise ValueError(f"expected regions of the photo's size {pixels.shape[:2]}, found {regions.labels.shape}")
    colours = np.zeros((256, 3), np.float32)
    for label, name in regions.names.items():
        colours[label] = np.array(display_colour(label, name), np.float32) / 255
    tinted = (pixels + colours[regions.labels]) / 2
    return np.where((regions.labels == UNLABELLED)[..., None], pixels, tinted).astype(np.float32)


def region_masks(labels: NDArray[np.uint8], regions: Sequence[Collection[int]]) -> NDArray[np.float32]:
    """The hard masks of the regions.

    Args:
        labels: `(H, W) uint8`.
        regions: for each region, the labels that it covers.

    Returns:
        `(R, H, W) float32`, 0 or 1.
    """
    masks = np.zeros((len(regions), *labels.shape), np.float32)
    for mask, ids in zip(masks, regions, strict=True):
        mask[:] = np.isin(labels, list(ids))
    return masks


def covered(masks: NDArray[np.float32], coverage: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Masks times coverage, as shares of the largest coverage in each mask.

    Every pixel then counts by how much of it can be seen, and a region that is as transparent everywhere is measured
    as if it were opaque.

    Args:
        masks: `(R, H, W) float32`, [0, 1].
        coverage: `(H, W) float32`, [0, 1]; None if everything can be seen.

    Returns:
        `(R, H, W) float32`, [0, 1]; 0 where nothing can be seen.
    """
    if coverage is None:
        return masks
    seen = masks * coverage
    most = seen.max((1, 2), keepdims=True)
    relative: NDArray[np.float32] = np.divide(seen, most, out=seen, where=most > 0)
    return relative


def layer_masks(masks: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """Brings masks to the grids of VGG-19's layers. They are blurred in the way the receptive fields blur the photo.

    As in the authors' program, a mask is averaged over 3x3 positions at every convolution, and halved at every pooling
    (Luan et al., CVPR 2017). There are two departures from that program:

    1. It halves a mask by bilinear scaling to a size that is rounded up. Here the mean of 2x2 positions is used, and an
       odd last row or column is dropped. The encoder's poolings do the same, so masks and features have the same grid.
    2. Its averages count zeros outside the border, so every mask becomes weaker there. Here only positions inside
       count, so that the masks of a partition add up to one everywhere.

    Args:
        masks: `(R, H, W)`, floating point, [0, 1]. For relu5_1, H and W must be at least 16.
        layers: names of layers, from relu1_1 to relu5_1.

    Returns:
        `{layer: (R, h, w)}`, [0, 1], differentiable, with h = floor(H / 2^poolings), and w from W in the same way.

    Raises:
        KeyError: VGG-19 up to relu5_1 does not have one of the layers.
    """
    from torch.nn import functional

    wanted = set(layers)
    path = [f"relu{b}_{i + 1}" for b, count in enumerate(CONVOLUTIONS_PER_BLOCK, start=1) for i in range(count)]
    if unknown := wanted - set(path):
        raise KeyError(f"no layer {sorted(unknown)}; there are {', '.join(path)}")
    carried: dict[str, Tensor] = {}
    mask = masks[:, None]
    for layer in path:
        if len(carried) == len(wanted):
            break
        if layer.endswith("_1") and layer != "relu1_1":
            mask = functional.avg_pool2d(mask, 2)
        mask = functional.avg_pool2d(mask, 3, stride=1, padding=1, count_include_pad=False)
        if layer in wanted:
            carried[layer] = mask[:, 0]
    return carried


def labels_present(labels: NDArray[np.uint8]) -> set[int]:
    """The labels that occur, except 255."""
    return {int(label) for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=256))} - {UNLABELLED}
