"""Photos with tinted regions beside one another, and a legend below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from photostyle.colour.luma import LUMA
from photostyle.photo.photo import Photo
from photostyle.regions.region_map import RegionMap, resize_labels

Pixels = NDArray[np.float32]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

PER_ROW = 3
"""Most photos beside one another."""
TEXT = 40
"""The size of the letters is the longest side of a photo divided by this."""
LEAST_NAMED = 0.02
"""The name of a region of at least this share of a photo is written on it."""
NAME_SIDE = 160
"""Longest side, in pixels, of the map on which the place of a region's name is found."""
DIM = 0.35
"""Brightness of what takes no part, relative to the photo."""
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True)
class Fill:
    """How a region is shown: tinted in stripes of these colours, sRGB-encoded, 0 to 255; without any it is dimmed.

    Hatched means grey with white lines.
    """

    colours: tuple[tuple[int, int, int], ...] = ()
    hatched: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """A photo of the picture.

    Args:
        title: stands above it.
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        regions: of the photo, at any size.
        fills: for each label how it is shown; other labels are dimmed.
    """

    title: str
    pixels: Pixels
    regions: RegionMap
    fills: Mapping[int, Fill]


@dataclass(frozen=True)
class Row:
    """A row of the legend: a swatch, or None for the head of the table, and one text for each column."""

    fill: Fill | None
    texts: tuple[str, ...]


def draw_panels(panels: Sequence[Panel], rows: Sequence[Row]) -> Photo:
    """Panels beside one another, and the rows of the legend below, on white."""
    size = round(max(max(panel.pixels.shape[:2]) for panel in panels) / TEXT)
    font, gap = ImageFont.load_default(size), size // 2
    images = [_drawn(panel, font) for panel in panels]
    lines = [images[start : start + PER_ROW] for start in range(0, len(images), PER_ROW)]
    legend = _legend(rows, font)
    title = (size + gap) if any(panel.title for panel in panels) else 0
    width = max(legend.width + 2 * gap, *(sum(image.width + gap for image in line) - gap for line in lines))
    height = sum(title + max(image.height for image in line) + gap for line in lines) + legend.height + gap
    picture, top = Image.new("RGB", (width, height), WHITE), 0
    draw, titles = ImageDraw.Draw(picture), iter(panel.title for panel in panels)
    for line in lines:
        left = 0
        for image in line:
            draw.text((left + gap / 2, top + title / 2), _shortened(next(titles), font, image.width), BLACK, font, "lm")
            picture.paste(image, (left, top + title))
            left += image.width + gap
        top += title + max(image.height for image in line) + gap
    picture.paste(legend, (gap, top))
    return Photo(np.ascontiguousarray(np.asarray(picture), np.float32) / np.float32(255))


def _drawn(panel: Panel, font: Font) -> Image.Image:
    """The photo of a panel, with tints, white borders and names."""
    height, width = panel.pixels.shape[:2]
    labels = resize_labels(panel.regions.labels, height, width)
    shown = filled(panel.pixels, labels, panel.fills, max(2, max(height, width) // 80))
    border = max(1, max(height, width) // 800)
    shown[_borders(labels, border)] = 1
    image = Image.fromarray(np.round(shown * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for name, ids in panel.regions.labels_by_name.items():
        if panel.regions.share(ids) >= LEAST_NAMED:
            row, column = _middle(np.isin(labels, ids))
            half = font.getlength(name) / 2
            column = float(np.clip(column, min(half, width / 2), max(width - half, width / 2)))
            draw.text((column, row), name, WHITE, font, "mm", stroke_width=max(1, border * 2), stroke_fill=BLACK)
    return image


def filled(pixels: Pixels, labels: NDArray[np.uint8], fills: Mapping[int, Fill], period: int) -> Pixels:
    """The photo, `(H, W, 3) float32`, with a tint for each region: half photo, half colour.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        labels: `(H, W) uint8`.
        fills: for each label how it is shown; other labels are dimmed.
        period: of the stripes and lines, in pixels.
    """
    kept, tint = np.full(256, DIM, np.float32), np.zeros((256, 3), np.float32)
    for label, fill in fills.items():
        if fill.colours:
            kept[label], tint[label] = 0.5, np.array(fill.colours[0], np.float32) / 510
    shown = pixels * kept[labels][..., None]
    shown += tint[labels]
    for label, fill in fills.items():
        if fill.hatched or len(fill.colours) > 1:
            rows, columns = np.nonzero(labels == label)
            stripe = (rows + columns) // period
            if fill.hatched:
                grey = pixels[rows, columns] @ np.array(LUMA, np.float32)
                shown[rows, columns] = np.where(stripe % 4 == 0, np.float32(1), grey)[:, None]
            else:
                colours = np.array(fill.colours, np.float32) / 255
                shown[rows, columns] = (pixels[rows, columns] + colours[stripe % len(colours)]) / 2
    return shown


def _borders(labels: NDArray[np.uint8], width: int) -> NDArray[np.bool_]:
    """`(H, W)`: the pixels beside another label, so many pixels wide."""
    border = np.zeros(labels.shape, np.bool_)
    border[:-width] |= labels[:-width] != labels[width:]
    border[:, :-width] |= labels[:, :-width] != labels[:, width:]
    return border


def _middle(inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Row and column of the place that is farthest from the border of a region `(H, W)`."""
    from scipy import ndimage

    height, width = inside.shape
    factor = min(1.0, NAME_SIDE / max(height, width))
    small = resize_labels(inside.astype(np.uint8), max(1, round(height * factor)), max(1, round(width * factor)))
    depth = ndimage.distance_transform_edt(np.pad(small, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return (float(row) + 0.5) * height / small.shape[0], (float(column) + 0.5) * width / small.shape[1]


def _legend(rows: Sequence[Row], font: Font) -> Image.Image:
    """The table of the legend, on white."""
    size = round(font.getbbox("Ag")[3] * 1.5)
    columns = [max(font.getlength(text) for text in texts) for texts in zip(*(row.texts for row in rows), strict=True)]
    starts = np.cumsum([size * 1.4, *(width + size for width in columns)])
    image = Image.new("RGB", (round(starts[-1]), size * len(rows)), WHITE)
    draw, swatch = ImageDraw.Draw(image), round(size * 0.7)
    grey = np.full((swatch, swatch, 3), 0.6, np.float32)
    for place, row in enumerate(rows):
        top = place * size
        if row.fill is not None:
            shown = filled(grey, np.zeros((swatch, swatch), np.uint8), {0: row.fill}, max(2, swatch // 8))
            image.paste(Image.fromarray(np.round(shown * 255).astype(np.uint8)), (0, top + (size - swatch) // 2))
        for start, text in zip(starts[:-1], row.texts, strict=True):
            draw.text((float(start), top + size / 2), text, BLACK, font, "lm")
    return image


def _shortened(text: str, font: Font, width: float) -> str:
    """The text, with its middle left out if it is wider than so many pixels."""
    if font.getlength(text) <= width:
        return text
    kept = len(text)
    while kept > 2 and font.getlength(f"{text[: kept // 2]}...{text[-(kept // 2) :]}") > width:
        kept -= 1
    return f"{text[: kept // 2]}...{text[-(kept // 2) :]}"
