"""Masks that are arrays: labels, as in scikit-image, or colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from photostyle.errors import InputError
from photostyle.regions.region_map import RegionMap, labels_present
from segmentation.labels import UNLABELLED

WHERE = "the mask"


def is_painted(mask: NDArray[Any]) -> bool:
    """Whether an array holds colours, `(H, W, 3) uint8`, rather than labels."""
    return mask.ndim == 3 and mask.shape[2] == 3 and mask.dtype == np.uint8 and mask.size > 0


def regions_of_labels(mask: NDArray[Any]) -> RegionMap:
    """The regions of an array of labels. They are named by their numbers, such as `region 3`.

    Args:
        mask: `(H, W)`, integer of any width, or bool. Labels are 0 to 254; 255 is no region.

    Raises:
        InputError: the array is empty, has another shape or dtype, or has a label that is out of range.
    """
    if mask.ndim != 2 or mask.dtype.kind not in "biu" or not mask.size:
        expected = "labels (H, W) of integers or bool, or colours (H, W, 3) uint8"
        advice = "Give names to labels with photostyle.RegionMap(labels, {0: 'sky'})."
        raise InputError(expected, f"an array {mask.shape} {mask.dtype}", WHERE, advice)
    outside = (mask < 0) | (mask > UNLABELLED)
    if outside.any():
        row, column = (int(index[0]) for index in np.nonzero(outside))
        found = f"{mask[row, column]} at row {row}, column {column}"
        advice = "Number the regions from 0 on; the same number is the same region in both photos."
        raise InputError("labels from 0 to 254, or 255 for no region", found, WHERE, advice)
    labels = mask.astype(np.uint8)
    return RegionMap(labels, {label: f"region {label}" for label in sorted(labels_present(labels))})
