"""Scenes: the content and the styles at one size, with their masks. The grids are solved from them.

The content of a scene is one photo, or several photos stacked into one picture (`photostyle.pipeline.set_look`). The
borders between stacked photos do not count in any term of the objective.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photostyle.encoders.features import EncodedPhoto
from photostyle.pipeline.task import Task
from photostyle.regions.edge_masks import coarse_masks, measured_masks, refine_fine
from photostyle.solvers.surfaces import Surfaces, unmixed

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scene:
    """The content and the styles at one size, with the masks of the correspondence's regions.

    Args:
        pixels: the content, `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        masks: the masks that are measured, `(K + 1, H, W) float32`, [0, 1]: K masks of regions of the content, and then
            the mask of the pixels in no region. Every pixel counts by its coverage.
        soften: gives `soft`. Only solving needs it.
        styles: the measured style photos.
        style_masks: for each style `(K, h, w) float32`, [0, 1]: the masks, by coverage, of the regions that the
            content's regions take their look from. A mask is 0 if a region takes nothing from this style, as regions
            without a counterpart do.
        photos: number of photos of equal size that the content consists of, one below the other.
    """

    pixels: Pixels
    masks: Pixels
    soften: Callable[[], Pixels]
    styles: tuple[EncodedPhoto, ...]
    style_masks: tuple[Pixels, ...]
    photos: int = 1

    @cached_property
    def soft(self) -> Pixels:
        """The masks of the regions after refinement to the edges of the photo, in the form of `masks`, sum 1."""
        return self.soften()

    @cached_property
    def surface_colours(self) -> Pixels:
        """`(K + 1, H, W, 3) float32`: for each mask of `soft` the colours of its own surface, where pixels are mixed.

        See `photostyle.solvers.surfaces`.
        """
        photos = zip(np.split(self.pixels, self.photos), np.split(self.soft, self.photos, 1), strict=True)
        return np.concatenate([unmixed(*photo, Surfaces.of(*photo)) for photo in photos], 1)

    @property
    def labels(self) -> NDArray[np.intp]:
        """`(H, W)`: a label for the region of every pixel. The same region has different labels in different photos."""
        rows = len(self.pixels) // self.photos
        photo = np.repeat(np.arange(self.photos), rows)[:, None]
        labels: NDArray[np.intp] = self.soft.argmax(0) + len(self.soft) * photo
        return labels


def masks_of(task: Task) -> tuple[Pixels, Pixels]:
    """Two sets of masks at the size of the solve, each `(K + 1, H, W)`.

    The first are measured. By the second, which are refined by the first of the two passes, the photo is changed.
    """
    content, ids = task.correspondence.content, [region.content_ids for region in task.correspondence.regions]
    return measured_masks(content, ids), coarse_masks(content, ids, task.pixels)


def scene_of(task: Task, size: int, measured: Pixels, coarse: Pixels) -> Scene:
    """The scene of a task.

    Args:
        task: one content photo and its styles.
        size: -1 is the size of the solve, -2 is half of it.
        measured, coarse: see `masks_of`.
    """
    pixels = task.pixels if size == -1 else task.photo.fitted(task.settings.solver.size // 2)
    styles = tuple(style.scales[size] for style in task.styles)
    style_masks = tuple(
        shrink_masks(task.correspondence.styles[place].regions.masks(task.correspondence.ids(place)), style.pixels)
        for place, style in enumerate(styles)
    )
    return Scene(
        pixels, shrink_masks(measured, pixels), lambda: refine_fine(coarse, pixels).of(pixels), styles, style_masks
    )


def shrink_masks(masks: Pixels, like: Pixels) -> Pixels:
    """The masks at the size of the photo `like`. Each value is a mean over the pixels that it replaces."""
    rows, columns = like.shape[:2]
    if masks.shape[1:] == (rows, columns):
        return masks
    smaller = [Image.fromarray(mask).resize((columns, rows), Image.Resampling.BOX) for mask in masks]
    return np.stack([np.asarray(mask) for mask in smaller])


def unstack_photos(picture: Tensor, photos: int) -> Tensor:
    """Splits a picture `(B, C, photos H, W)`, with photos one below the other, into photos `(B photos, C, H, W)`."""
    batch, channels, height, width = picture.shape
    rows = picture.permute(0, 2, 3, 1).reshape(batch * photos, height // photos, width, channels)
    return rows.permute(0, 3, 1, 2)


def stack_photos(pictures: Tensor, photos: int) -> Tensor:
    """Puts photos `(B photos, C, H, W)` one below the other: a picture `(B, C, photos H, W)`."""
    batch, channels, height, width = pictures.shape
    rows = pictures.permute(0, 2, 3, 1).reshape(batch // photos, photos * height, width, channels)
    return rows.permute(0, 3, 1, 2)
