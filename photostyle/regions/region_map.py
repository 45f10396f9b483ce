"""Region maps: which region every pixel belongs to, as masks and on every layer's grid."""

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
"""Of VGG-19 up to relu5_1: those passed in each block; a pooling stands between blocks."""


@dataclass(frozen=True, eq=False)
class RegionMap:
    """Which region every pixel of a photo belongs to.

    Give one as a mask to name the regions of an array: `RegionMap(labels, {0: "sky", 1: "building"})`. Regions of the
    same name are matched.

    Args:
        labels: `(H, W) uint8`; 255 is no region.
        names: of every label that occurs, 255 aside.
        warnings: what was uncertain when the map was read, a sentence each.
        coverage: `(H, W) float32`, linear, [0, 1]: how much of the photo can be seen; None for all of it. `seen` makes
            such a map, in which places without coverage are in no region.

    Raises:
        ValueError: labels of another form, or one without a name; a coverage of another size.
    """

    labels: NDArray[np.uint8]
    names: Mapping[int, str]
    warnings: tuple[str, ...] = ()
    coverage: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.labels.ndim != 2 or self.labels.dtype != np.uint8 or not self.labels.size:
            raise ValueError(f"expected (H, W) uint8 labels, found {self.labels.shape} {self.labels.dtype}")
        if nameless := labels_present(self.labels) - set(self.names):
            raise ValueError(f"expected a name for every label, found none for {sorted(nameless)}")
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

    def masks(self, regions: Sequence[Collection[int]]) -> NDArray[np.float32]:
        """`(R, H, W) float32`, [0, 1]: what is measured of regions, given by their label ids; see `covered`."""
        return covered(region_masks(self.labels, regions), self.coverage)


def resize_labels(labels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """`(height, width)`: `(H, W)` labels scaled by nearest neighbour."""
    rows, columns = (
        (np.arange(size) * 2 + 1) * found // (2 * size)
        for size, found in zip((height, width), labels.shape, strict=True)
    )
    scaled: NDArray[np.uint8] = labels[rows[:, None], columns]
    return scaled


def overlay(pixels: NDArray[np.float32], regions: RegionMap) -> NDArray[np.float32]:
    """The photo with its regions tinted half in their colours; pixels in no region stay as they are.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].

    Returns:
        As `pixels`.

    Raises:
        ValueError: photo and regions differ in size.
    """
    if pixels.shape[:2] != regions.labels.shape:
        raise ValueError(f"expected regions of the photo's size {pixels.shape[:2]}, found {regions.labels.shape}")
    colours = np.zeros((256, 3), np.float32)
    for label, name in regions.names.items():
        colours[label] = np.array(display_colour(label, name), np.float32) / 255
    tinted = (pixels + colours[regions.labels]) / 2
    return np.where((regions.labels == UNLABELLED)[..., None], pixels, tinted).astype(np.float32)


def region_masks(labels: NDArray[np.uint8], regions: Sequence[Collection[int]]) -> NDArray[np.float32]:
    """Masks of the regions, hard ones.

    Args:
        labels: `(H, W) uint8`.
        regions: of each region, the label ids it covers.

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
    """Carries masks to the grids of VGG-19's layers, blurred as the layers' receptive fields blur the photo.

    The authors' program averages a mask over 3x3 positions for every convolution that it passes, and halves it at
    every pooling (Luan et al., CVPR 2017). Two departures:

    1. It halves by bilinear scaling to a size rounded up. Here the mean of 2x2 positions is taken, and a last odd row
       or column dropped, as the encoder's poolings do, so that a mask has the grid of the features.
    2. It counts zeros around the border in its averages, which fades every mask there. Here only positions inside
       count, so that the masks of a partition add up to one everywhere.

    Args:
        masks: `(R, H, W)`, floating, [0, 1]; H and W of at least 16 for relu5_1.
        layers: names from relu1_1 to relu5_1.

    Returns:
        `{layer: (R, h, w)}`, [0, 1], h = floor(H / 2^poolings), differentiable.

    Raises:
        KeyError: a layer that VGG-19 up to relu5_1 does not have.
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
    """The labels that occur, 255 aside."""
    return {int(label) for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=256))} - {UNLABELLED}
