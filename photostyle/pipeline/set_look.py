"""One look for a set of photos: one transfer found from all of them together, applied to each.

Photo by photo the same wall comes out in another colour in every frame, for three reasons, each of which is met here:

1. every frame's own statistics are brought to the style's: here those of the set, its frames shrunk to one size and
   stacked into one picture, of which no term of the objective sees the seams;
2. the maps of colour vary over the frame: here a region has one map for the whole of every frame, which depends on a
   pixel's luma and on nothing else, so that equal colours in a region become equal colours;
3. regions are found and matched frame by frame: here they are matched once, every frame is asked for the classes that
   the set has, and frames of one view (`photostyle.regions.same_view`) have what is seen in all of them together.

See docs/sets.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from photostyle.encoders.features import EncodedPhoto, FeatureExtractor
from photostyle.errors import SettingsError
from photostyle.photo.photo import Photo, resize_seen
from photostyle.pipeline import grid_method
from photostyle.pipeline.result import Clock, Progress, stage_warnings
from photostyle.pipeline.scene import Scene, shrink_masks
from photostyle.pipeline.task import SolvedTransfer, Task
from photostyle.regions.correspondence import Correspondence
from photostyle.regions.edge_masks import coarse_masks, measured_masks, refine_fine
from photostyle.regions.found_regions import LEAST_SHARE, JointSegmentation, Segmentation, joint_coverage
from photostyle.regions.region_map import RegionMap, resize_labels
from photostyle.regions.same_view import View, find_views, segmentation_in_view
from photostyle.settings import Settings
from photostyle.solvers.bilateral import Shape
from photostyle.solvers.result import Outcome, Status
from photostyle.styles.matching import ContentPhoto, find_correspondence
from photostyle.styles.style import Style, StylePhoto
from segmentation.labels import UNLABELLED
from segmentation.matching import WHOLE

Pixels = NDArray[np.float32]

MOST_PHOTOS = 16
"""Of a set, that its look is found from."""
ROOM = 2.0
"""Pixels of all of them together, in those of one photo at the size of the solve."""
STEP, LEAST_SIDE = 16, 64
"""Sides of the shrunken photos are multiples of the first, so that every layer has whole positions, also at half the
size, and no less than the second."""


@dataclass(frozen=True, eq=False)
class SetPhoto:
    """A photo of the set, from which the look is found.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1], at the size of the solve.
        regions: from a mask; None where none was given.
        segmentation: what the segmenter finds; None where there is a mask, or no segmenter.
        coverage: `(H, W) float32`, linear, [0, 1]: how much of `pixels` can be seen; None for all.
    """

    pixels: Pixels = field(repr=False)
    regions: RegionMap | None = field(repr=False)
    segmentation: Segmentation | None = field(repr=False)
    coverage: Pixels | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class SetLook:
    """The look of a set: `Session.fit` finds it, `Session.transfer` applies it. It can be pickled.

    Args:
        settings: the settings it was found with.
        photos: the number of photos it was found from.
        grids: `(K, 1, 1, lumas, 4, 3) float64`, see `photostyle.solvers.bilateral`.
        correspondence: which region takes its look from which; `content` has the regions of the photos, shrunk and
            joined into one picture.
        views: the views that photos of the set share.
        styles: the style photos at the size of the solve, without their features.
        terms, stages, seconds, interrupted: as in a `Result`.
        warnings: what the user should know of the whole set, a line each.
    """

    settings: Settings
    photos: int
    grids: NDArray[np.float64] = field(repr=False)
    correspondence: Correspondence = field(repr=False)
    views: tuple[View, ...] = field(repr=False)
    styles: tuple[StylePhoto, ...] = field(repr=False)
    terms: Mapping[str, float]
    stages: tuple[Outcome, ...]
    seconds: Mapping[str, float]
    interrupted: bool
    warnings: tuple[str, ...]

    def regions(self, pixels: Pixels, mask: RegionMap | None, segmentation: Segmentation | None) -> RegionMap:
        """The regions of a photo, with the labels of `correspondence.content`.

        Args:
            pixels: the photo at the size of the solve. `mask` and `segmentation` are as in `SetPhoto`, at that size.
                What cannot be seen has a label, too; see `RegionMap.seen`.

        Raises:
            SettingsError: a mask, but the look was found without masks; or no mask, but it was found with masks.
        """
        if mask is None and self.correspondence.found_by == "mask":
            problem = "the look of this set was found with masks, so every photo needs one"
            raise SettingsError.stating(problem, "content_mask")
        if mask is not None and self.correspondence.found_by != "mask":
            problem = "the look of this set was found without masks, so a photo cannot have one"
            raise SettingsError.stating(problem, "content_mask")
        names = self.correspondence.content.names
        if mask is not None:
            return _relabelled(mask, {name: label for label, name in names.items()})
        if self.correspondence.found_by == "classes" and segmentation is not None:
            return segmentation_in_view(segmentation, self.views).regions(tuple(names))
        return RegionMap(np.zeros(pixels.shape[:2], np.uint8), {0: WHOLE})


def spread_evenly(count: int, most: int = MOST_PHOTOS) -> list[int]:
    """Places of the photos of a set that its look is found from: all, or `most` of them, evenly spread."""
    if count <= most:
        return list(range(count))
    return [int((place + 0.5) * count / most) for place in range(most)]


def fit_set_look(
    settings: Settings,
    extract: FeatureExtractor,
    style: Style,
    set_photos: Sequence[SetPhoto],
    clock: Clock,
    progress: Callable[[Progress], None],
) -> SetLook:
    """Finds the look of a set.

    Args:
        set_photos: one or more, all with a mask or none.

    Raises:
        InputError, SettingsError: see `photostyle.styles.matching.find_correspondence`.
    """
    set_photos = sorted(set_photos, key=lambda photo: photo.pixels.tobytes())
    known = find_views([photo.segmentation for photo in set_photos if photo.segmentation is not None])
    set_photos = [
        replace(m, segmentation=segmentation_in_view(m.segmentation, known) if m.segmentation is not None else None)
        for m in set_photos
    ]
    cell = _cell([photo.pixels.shape[:2] for photo in set_photos])
    with clock.part("regions"):
        correspondence, regions = _set_correspondence(extract, set_photos, style, cell, settings)
    height, width = cell
    stack = np.concatenate([resize_seen(photo.pixels, photo.coverage, height, width) for photo in set_photos])
    task = Task(settings, extract, Photo(stack), stack, style.parts, correspondence, clock, progress)
    with clock.part("masks"):
        scenes = _scenes(task, set_photos, regions, [(height // 2, width // 2), (height, width)])
    stages: tuple[Outcome, ...] = ()
    if settings.solver.method == "grid":
        grids, stages = grid_method.solve_grids(task, scenes, Shape(1, 1, settings.grid.lumas))
    else:
        with clock.part("closed form"):
            task.progress(Progress.begin("closed form"))
            grids = grid_method.closed_form_grids(task, scenes[-1], grid_method.PREVIEW)
    light = tuple(
        replace(each, photo=replace(Photo(each.pixels), warnings=each.photo.warnings), segmentation=None,
                scales=(EncodedPhoto(each.pixels, {}),))
        for each in style.parts
    )  # fmt: skip
    return SetLook(
        settings=settings, photos=len(set_photos), grids=grids, correspondence=correspondence,
        views=known, styles=light, terms=stages[-1].terms if stages else {}, stages=stages,
        seconds=clock.seconds(),
        warnings=(*correspondence.messages, *stage_warnings(stages)),
        interrupted=any(stage.status is Status.INTERRUPTED for stage in stages),
    )  # fmt: skip


def transfer_by_look(look: SetLook, task: Task) -> SolvedTransfer:
    """What the look makes of the photo of a task whose `correspondence` is `correspondence_in`."""
    coarse = coarse_masks(task.correspondence.content, _ids(look.correspondence), task.pixels)
    return grid_method.transfer_by_grids(task, coarse, look.grids, ())


def correspondence_in(look: SetLook, regions: RegionMap) -> Correspondence:
    """What takes its look from what in a photo of these regions; it tells what the set does not know."""
    unknown = float(np.mean(regions.visible_labels == UNLABELLED))
    known = float(np.mean(look.correspondence.content.visible_labels == UNLABELLED))
    message = f"{unknown:.1%} of the photo belongs to no region of the set's look and keeps its own look"
    return replace(look.correspondence, content=regions, messages=(message,) if unknown > known + LEAST_SHARE else ())


def _cell(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Rows and columns that all photos are brought to: of the middle one's proportions, together `ROOM` photos."""
    ratio = float(np.median([height / width for height, width in sizes]))
    area = min(ROOM / len(sizes), 1.0) * float(np.median([height * width for height, width in sizes]))
    sides = (area * ratio) ** 0.5, (area / ratio) ** 0.5
    height, width = (max(LEAST_SIDE, round(side / STEP) * STEP) for side in sides)
    return height, width


def _set_correspondence(
    extract: FeatureExtractor, set_photos: Sequence[SetPhoto], style: Style, cell: tuple[int, int], settings: Settings
) -> tuple[Correspondence, list[RegionMap]]:
    """What takes its look from what in the photos of the set, stacked; and every photo's own regions."""
    height, width = cell
    masks = [photo.regions for photo in set_photos if photo.regions is not None]
    segmentations = [photo.segmentation for photo in set_photos if photo.segmentation is not None]
    coverage = joint_coverage([photo.coverage for photo in set_photos], height, width)
    joint_mask, joint = None, JointSegmentation.of(segmentations, height, width) if segmentations else None
    if masks:
        names = sorted({name for mask in masks for name in mask.names.values()})
        labels = {name: label for label, name in enumerate(names)}
        masks = [_relabelled(mask, labels) for mask in masks]
        joint_mask = RegionMap(
            np.concatenate([resize_labels(each.labels, height, width) for each in masks]),
            {label: name for name, label in labels.items()},
        ).seen(coverage)
    stack = np.concatenate([resize_seen(photo.pixels, photo.coverage, height, width) for photo in set_photos])
    content = ContentPhoto(stack, lambda _: joint, extract, coverage)
    found = find_correspondence(content, style, joint_mask, settings)
    if found.found_by == "mask":
        return found, masks
    if found.found_by == "classes":
        return found, [each.regions(tuple(found.content.names)) for each in segmentations]
    wholes = [RegionMap(np.zeros(photo.pixels.shape[:2], np.uint8), {0: WHOLE}) for photo in set_photos]
    return found, [whole.seen(photo.coverage) for whole, photo in zip(wholes, set_photos, strict=True)]


def _relabelled(regions: RegionMap, labels: Mapping[str, int]) -> RegionMap:
    """The same regions with the labels that their names have; those without a label are no region."""
    table = np.full(256, UNLABELLED, np.uint8)
    for label, name in regions.names.items():
        table[label] = labels.get(name, UNLABELLED)
    found = table[regions.labels]
    present = set(np.unique(found).tolist())
    known = {label: name for name, label in labels.items() if label in present}
    return RegionMap(found, known, regions.warnings, regions.coverage)


def _scenes(
    task: Task, set_photos: Sequence[SetPhoto], regions: Sequence[RegionMap], sizes: Sequence[tuple[int, int]]
) -> list[Scene]:
    """The set at each size, every photo with masks of its own, and the styles as large as the photos."""
    stacks: list[list[tuple[Pixels, Pixels, Pixels]]] = [[] for _ in sizes]
    for photo, own in zip(set_photos, regions, strict=True):
        measured = measured_masks(own, _ids(task.correspondence))
        coarse = coarse_masks(own, _ids(task.correspondence), photo.pixels)
        for stack, size in zip(stacks, sizes, strict=True):
            small = resize_seen(photo.pixels, photo.coverage, *size)
            stack.append((small, shrink_masks(measured, small), refine_fine(coarse, small).of(small)))
    scenes = []
    for stack, size in zip(stacks, sizes, strict=True):
        pixels, masks, soft = zip(*stack, strict=True)
        styles = tuple(_style(task, style, max(size)) for style in task.styles)
        style_masks = tuple(
            shrink_masks(task.correspondence.styles[place].regions.masks(task.correspondence.ids(place)), style.pixels)
            for place, style in enumerate(styles)
        )
        scenes.append(
            Scene(np.concatenate(pixels), np.concatenate(masks, 1), np.concatenate(soft, 1), styles,
                          style_masks, len(set_photos))
        )  # fmt: skip
    return scenes


def _style(task: Task, style: StylePhoto, longest: int) -> EncodedPhoto:
    """A style photo, measured at a size."""
    layers = tuple(task.settings.grid.style_layers) if task.settings.solver.method == "grid" else ()
    return task.extract.encoded(Photo(style.pixels, style.coverage).fitted(longest), layers)


def _ids(correspondence: Correspondence) -> list[tuple[int, ...]]:
    return [region.content_ids for region in correspondence.regions]
