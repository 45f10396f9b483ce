"""Content and styles at one size, with their masks: what the grids are found from.

A scene is one photo, or several stacked into one picture (`photostyle.pipeline.set_look`), of which no term of the
objective sees where one ends and the next begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from photostyle.encoders.features import EncodedPhoto
from photostyle.pipeline.task import Task
from photostyle.regions.edge_masks import coarse_masks, measured_masks, refine_fine

Pixels = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scene:
    """Content and styles at one size, with the hard masks of their matched regions.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1], of the content.
        masks: `(K + 1, H, W) float32`, [0, 1], of the content, the last what is in no region. Every pixel counts by its
            coverage.
        soft: `(K + 1, H, W) float32`, [0, 1], sum 1: the regions, brought to the edges of the photo.
        styles: the style photos, measured.
        style_masks: of each style `(K, h, w) float32`, [0, 1], of what the content's regions take from, by coverage.
        photos: photos of equal size that the content consists of, one below the other.
    """

    pixels: Pixels
    masks: Pixels
    soft: Pixels
    styles: tuple[EncodedPhoto, ...]
    style_masks: tuple[Pixels, ...]
    photos: int = 1

    @property
    def labels(self) -> NDArray[np.intp]:
        """`(H, W)`: the region of every pixel, another number in every photo."""
        rows = len(self.pixels) // self.photos
        photo = np.repeat(np.arange(self.photos), rows)[:, None]
        labels: NDArray[np.intp] = self.soft.argmax(0) + len(self.soft) * photo
        return labels


def masks_of(task: Task) -> tuple[Pixels, Pixels]:
    """`(K + 1, H, W)` at the size of the solve: masks that are measured, and those by which the photo is changed.

    The latter are after the first of the two passes.
    """
    content, ids = task.correspondence.content, [region.content_ids for region in task.correspondence.regions]
    return measured_masks(content, ids), coarse_masks(content, ids, task.pixels)


def scene_of(task: Task, size: int, measured: Pixels, coarse: Pixels) -> Scene:
    """The task at the size of the solve, -1, or at half of it, -2."""
    pixels = task.pixels if size == -1 else task.photo.fitted(task.settings.solver.size // 2)
    styles = tuple(style.scales[size] for style in task.styles)
    style_masks = tuple(
        shrink_masks(task.correspondence.styles[place].regions.masks(task.correspondence.ids(place)), style.pixels)
        for place, style in enumerate(styles)
    )
    return Scene(pixels, shrink_masks(measured, pixels), refine_fine(coarse, pixels).of(pixels), styles, style_masks)


def shrink_masks(masks: Pixels, like: Pixels) -> Pixels:
    """Masks at the size of a photo."""
    rows, columns = like.shape[:2]
    if masks.shape[1:] == (rows, columns):
        return masks
    smaller = [Image.fromarray(mask).resize((columns, rows), Image.Resampling.BOX) for mask in masks]
    return np.stack([np.asarray(mask) for mask in smaller])


def unstack_photos(picture: Tensor, photos: int) -> Tensor:
    """`(B, C, photos H, W)`, photos one below the other, as `(B photos, C, H, W)`."""
    batch, channels, height, width = picture.shape
    rows = picture.permute(0, 2, 3, 1).reshape(batch * photos, height // photos, width, channels)
    return rows.permute(0, 3, 1, 2)


def stack_photos(pictures: Tensor, photos: int) -> Tensor:
    """`(B photos, C, H, W)` as `(B, C, photos H, W)`."""
    batch, channels, height, width = pictures.shape
    rows = pictures.permute(0, 2, 3, 1).reshape(batch // photos, photos * height, width, channels)
    return rows.permute(0, 3, 1, 2)
