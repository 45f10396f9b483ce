"""Masks painted in nine colours, as the authors of Luan et al., CVPR 2017 paint them, to labels and back."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from segmentation.labels import CLASSES, Label

_T = TypeVar("_T", bound=np.generic)

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
TOLERANCE = 25
"""A pixel within this difference of a colour in every channel is surely of it: 0.1 of the range, as in the authors'
program."""
NEAR = 63
"""A pixel within this difference of a colour in every channel is nearer to it than to any other: grey, the nearest
neighbour of every other colour, is 127 from it."""
FLAT = 12
"""Greatest difference within 3 x 3 pixels of an area, in any channel, and within 5 x 5 of one in an inexact colour. A
border that is blended over up to 40 px changes faster; an area in a JPEG of quality 60 does not."""
BLOCK = 8
"""Pixels up to which a JPEG makes an area uneven beside a border: its blocks have 8 x 8."""
BORDER = 16
"""Pixels from a surely read one up to which an unsure pixel counts as a border's: half of a border of 40 px, less the
part of it that is within `TOLERANCE`."""

_LEVELS = (0, 128, 255)
_UNSURE = 254


@dataclass(frozen=True, eq=False)
class Painted:
    """What a painted mask says. Shares are of its visible pixels, [0, 1].

    Args:
        labels: `(H, W) uint8`, indices into `PALETTE`.
        unknown: share of the pixels that are further than `TOLERANCE` from every colour, borders included.
        guessed: share of the pixels further than that which are no border's: they count as the nearest colour.
        far: share of the pixels that have no colour near: further than `TOLERANCE` where the colour changes, further
            than `NEAR` in areas of one colour.
        colour: the most frequent unknown colour, give or take 1/16 of the range, at `place`, sRGB-encoded, each 0 to
            255; of the guessed pixels if there are any. None where nothing is unknown.
        place: row and column of the first pixel in it.
    """

    labels: NDArray[np.uint8]
    unknown: float
    guessed: float
    far: float
    colour: tuple[int, int, int] | None
    place: tuple[int, int] | None


def labels_from_colours(pixels: NDArray[np.uint8], visible: NDArray[np.bool_] | None = None) -> Painted:
    """Reads a painted mask, whose borders may be blended, whose colours may be inexact and which may have been a JPEG.

    Areas count as the nearest colour. A border does not: a blend of two regions' colours may lie nearest to a third
    region's. Its pixels take the label of the nearest pixel that is surely read.

    1. A pixel within `TOLERANCE` of a colour is surely of that colour, grey aside. In a mask with blended borders that
       colour must have a flat area somewhere: a JPEG makes specks of other colours along borders.
    2. Half way between black and white lies grey, and so it does for three other pairs: in 13 of the authors' 20
       masks that the project tests on, such borders cover about 0.1 % of the picture. Grey is sure in flat areas and
       up to `BLOCK` beside them; in a mask without any other blend, where it is two pixels thick.
    3. A pixel of a flat area in another colour is surely of the nearest one.
    4. Any other is a border's within `BORDER` of a sure pixel. Further away it counts as the nearest colour.

    Args:
        pixels: `(H, W, 3) uint8`, sRGB-encoded.
        visible: `(H, W)`, the pixels that count; None for all. The labels of others mean nothing.
    """
    from scipy import ndimage

    visible = np.ones(pixels.shape[:2], np.bool_) if visible is None else visible
    levels = _nearest_levels()[pixels]
    labels = _colour_table()[levels[..., 0], levels[..., 1], levels[..., 2]]
    known = labels != _UNSURE
    grey = known & (labels == GREY)
    if known[visible].all():
        flat = np.zeros_like(known)
        sure = visible & (~grey | ndimage.binary_opening(grey, np.ones((2, 2))))
    else:
        even = _flat(pixels, 1)
        core = grey & even
        thick = ndimage.binary_dilation(core, mask=grey, iterations=BLOCK) if core.any() else core
        used = np.isin(labels, np.unique(labels[known & even & visible]))
        flat = ~known & _flat(pixels, 2)
        sure = visible & (flat | thick | known & used & ~grey)
    labels[~known] = _nearest_colours(pixels[~known])
    border = np.zeros_like(known)
    if sure.any() and not sure[visible].all():
        distances, (rows, columns) = ndimage.distance_transform_edt(~sure, return_indices=True)
        border = visible & ~sure & (distances <= BORDER)
        labels[border] = labels[rows[border], columns[border]]
    unknown = ~known & visible
    guessed = unknown & ~border
    far = unknown & ~(flat & _near(pixels))
    colour, place = _most_frequent(pixels, guessed if guessed.any() else unknown)
    return Painted(labels, _share(unknown, visible), _share(guessed, visible), _share(far, visible), colour, place)


def _share(which: NDArray[np.bool_], visible: NDArray[np.bool_]) -> float:
    return int(np.count_nonzero(which)) / max(1, int(np.count_nonzero(visible)))


def _nearest_levels() -> NDArray[np.uint8]:
    """`(256,) uint8`: which of the three levels a channel's value stands for, 3 where none is within tolerance."""
    values = np.arange(256)
    table = np.full(256, 3, np.uint8)
    for index, level in enumerate(_LEVELS):
        table[np.abs(values - level) <= TOLERANCE] = index
    return table


def _colour_table() -> NDArray[np.uint8]:
    """`(4, 4, 4) uint8`: the label for the levels of red, green and blue, or `_UNSURE`."""
    table = np.full((4, 4, 4), _UNSURE, np.uint8)
    for label in PALETTE:
        table[tuple(_LEVELS.index(channel) for channel in label.colour)] = label.id
    return table


def _nearest_colours(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`(N,) uint8`: of `(N, 3) uint8`, the labels of the nearest colours, by Euclidean distance in RGB."""
    labels = np.zeros(len(colours), np.uint8)
    least = np.full(len(colours), np.iinfo(np.int32).max, np.int32)
    for label in PALETTE:
        squared = np.zeros(len(colours), np.int32)
        for channel, level in enumerate(label.colour):
            squared += (colours[:, channel].astype(np.int32) - level) ** 2
        nearer = squared < least
        labels[nearer], least[nearer] = label.id, squared[nearer]
    return labels


def _near(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """`(H, W)`: whether a colour is within `NEAR` in every channel."""
    inward = np.minimum(pixels, 255 - pixels)  # from 0 or 255, whichever is nearer: these make eight of the nine
    return np.asarray((inward <= NEAR).all(2) | (inward >= 128 - NEAR).all(2))


def _flat(pixels: NDArray[np.uint8], reach: int) -> NDArray[np.bool_]:
    """`(H, W)`: whether a pixel is in a window that differs by `FLAT` at most, `reach` pixels to each side."""
    most = least = pixels
    for _ in range(reach):
        most, least = _over_windows(most, np.maximum), _over_windows(least, np.minimum)
    flat = np.asarray((most - least <= FLAT).all(2))
    for _ in range(reach):
        flat = _over_windows(flat, np.logical_or)
    return flat


def _over_windows(values: NDArray[_T], operation: Callable[[NDArray[_T], NDArray[_T]], NDArray[_T]]) -> NDArray[_T]:
    """The maximum, minimum or the like over 3 x 3 pixels; beyond the picture its outermost pixels are repeated."""
    for axis in (0, 1):
        before = np.concatenate([values.take([0], axis), values.take(range(values.shape[axis] - 1), axis)], axis)
        after = np.concatenate([values.take(range(1, values.shape[axis]), axis), values.take([-1], axis)], axis)
        values = operation(operation(before, values), after)
    return values


def _most_frequent(
    pixels: NDArray[np.uint8], which: NDArray[np.bool_]
) -> tuple[tuple[int, int, int] | None, tuple[int, int] | None]:
    """The colour and the place of `Painted`."""
    if not which.any():
        return None, None
    colours = pixels[which]
    red, green, blue = (colours[:, channel].astype(np.int64) // 16 for channel in range(3))
    bins = red * 256 + green * 16 + blue
    first = int(np.argmax(bins == np.bincount(bins).argmax()))
    row, column = np.unravel_index(np.flatnonzero(which)[first], which.shape)
    r, g, b = (int(channel) for channel in colours[first])
    return (r, g, b), (int(row), int(column))


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
