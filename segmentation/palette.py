"""Masks painted in nine colours, as the authors of Luan et al., CVPR 2017 paint them, to labels and back."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.labels import CLASSES, Label

PALETTE = (
    Label(0, "blue", (0, 0, 255)),
    Label(1, "green", (0, 255, 0)),
    Label(2, "black", (0, 0, 0)),
    Label(3, "white", (255, 255, 255)),
    Label(4, "red", (255, 0, 0)),
    Label(5, "yellow", (255, 255, 0)),
    Label(6, "grey", (128, 128, 128)),
    Label(7, "light blue", (0, 255, 255)),
    Label(8, "purple", (255, 0, 255)),
)
GREY = 6
TOLERANCE = 0.1
"""Greatest difference from a colour in any channel, of 1: that of the authors' program."""

_LEVELS = (0, 128, 255)
_BLENDED = 254


@dataclass(frozen=True, eq=False)
class Painted:
    """What a painted mask says.

    Args:
        labels: `(H, W) uint8`, indices into `PALETTE`.
        unknown: share of the pixels that are further than the tolerance from every colour, [0, 1].
        stray: share of the pixels in the most frequent unknown colour, give or take 1/16 of the range, [0, 1].
        stray_colour: that colour at `stray_at`, sRGB-encoded, each 0 to 255; None where nothing is unknown.
        stray_at: row and column of the first pixel in it.
    """

    labels: NDArray[np.uint8]
    unknown: float
    stray: float
    stray_colour: tuple[int, int, int] | None
    stray_at: tuple[int, int] | None


def _nearest_levels() -> NDArray[np.uint8]:
    """`(256,) uint8`: which of the three levels a channel's value stands for, 3 where none is within tolerance."""
    values = np.arange(256)
    table = np.full(256, 3, np.uint8)
    for index, level in enumerate(_LEVELS):
        table[np.abs(values - level) <= TOLERANCE * 255] = index
    return table


def _colour_table() -> NDArray[np.uint8]:
    """`(4, 4, 4) uint8`: the label for the levels of red, green and blue, or `_BLENDED`."""
    table = np.full((4, 4, 4), _BLENDED, np.uint8)
    for label in PALETTE:
        table[tuple(_LEVELS.index(channel) for channel in label.colour)] = label.id
    return table


def labels_from_colours(pixels: NDArray[np.uint8]) -> Painted:
    """Reads a painted mask whose edges may be blended.

    A pixel within `TOLERANCE` of a colour is of that colour. Any other takes the label of the nearest pixel that is,
    since a blend of two regions' colours may lie nearest to a third region's. Half way between black and white lies
    grey, and so it does for three other pairs: in 13 of the authors' 20 masks that the project tests on, such edges
    cover about 0.1 % of the picture. Grey that is nowhere two pixels thick is therefore taken as blended.

    Args:
        pixels: `(H, W, 3) uint8`, sRGB-encoded.
    """
    from scipy import ndimage

    levels = _nearest_levels()[pixels]
    labels = _colour_table()[levels[..., 0], levels[..., 1], levels[..., 2]]
    known = labels != _BLENDED
    grey = labels == GREY
    sure = known & (~grey | ndimage.binary_opening(grey, np.ones((2, 2))))
    if not sure.any():
        sure = known
    if sure.any() and not sure.all():
        rows, columns = ndimage.distance_transform_edt(~sure, return_distances=False, return_indices=True)
        labels = labels[rows, columns]
    return Painted(labels, *_unknown(pixels, ~known))


def _unknown(
    pixels: NDArray[np.uint8], unknown: NDArray[np.bool_]
) -> tuple[float, float, tuple[int, int, int] | None, tuple[int, int] | None]:
    """The shares, the colour and the place of `Painted`."""
    if not unknown.any():
        return 0.0, 0.0, None, None
    colours = pixels[unknown]
    red, green, blue = (colours[:, channel].astype(np.int64) // 16 for channel in range(3))
    bins = red * 256 + green * 16 + blue
    counts = np.bincount(bins)
    first = int(np.argmax(bins == counts.argmax()))
    row, column = (int(index[first]) for index in np.nonzero(unknown))
    r, g, b = (int(channel) for channel in colours[first])
    return len(colours) / unknown.size, float(counts.max()) / unknown.size, (r, g, b), (row, column)


def colours_from_labels(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Paints labels, indices into `PALETTE`, in its colours.

    Args:
        labels: `(H, W) uint8`.

    Returns:
        `(H, W, 3) uint8`, sRGB-encoded.

    Raises:
        ValueError: a label that is not in the palette.
    """
    if labels.size and (largest := int(labels.max())) >= len(PALETTE):
        raise ValueError(f"expected labels 0 to {len(PALETTE) - 1}, one for each colour, found {largest}")
    return np.array([label.colour for label in PALETTE], np.uint8)[labels]


def display_colour(label: int, name: str) -> tuple[int, int, int]:
    """The colour to show a region in, sRGB-encoded, each 0 to 255: its name's, or else one that depends on its id."""
    for known in (*CLASSES, *PALETTE):
        if known.name == name:
            return known.colour
    red, green, blue = (round(255 * channel) for channel in colorsys.hsv_to_rgb(label * 0.618 % 1, 0.8, 0.9))
    return red, green, blue
