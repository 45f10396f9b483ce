"""One look for a set of photos: one transfer is found from all photos together and then applied to each photo.

If the look is found photo by photo, the same wall gets a different colour in every photo. There are three reasons for
this, and each has a remedy here:

1. Photo by photo, the statistics of each photo are brought to those of the style. Here the statistics of the whole set
   are used. The photos are shrunk to one size and stacked into one picture. The borders between them do not count in
   any term of the objective.
2. Photo by photo, the maps of colour vary over the photo. Here each region has one map for all of every photo. It
   depends only on the luma of a pixel, so that equal colours in a region become equal colours.
3. Photo by photo, regions are found and matched for each photo. Here they are matched once, and only the classes of the
   set are searched for in each photo. In photos of one view (`photostyle.regions.same_view`) regions are found from
   all of these photos together.

See docs/sets.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from photostyle.encoders.features import EncodedPhoto, FeatureExtractor
from photostyle.encoders.looking import Networks
from photostyle.errors import SettingsError
from photostyle.photo.photo import Photo
from photostyle.photo.resizing import resize_seen
from photostyle.pipeline import grid_method
from photostyle.pipeline.result import Clock, Progress, stage_warnings
from photostyle.pipeline.scene import Scene, shrink_masks
from photostyle.pipeline.task import SolvedTransfer, Task
from photostyle.regions.correspondence import FOLLOWS, Correspondence, following_regions
from photostyle.regions.edge_masks import coarse_masks, measured_masks, refine_fine
from photostyle.regions.found_regions import LEAST_SHARE, NAMES, JointSegmentation, Segmentation, joint_coverage
from photostyle.regions.region_map import RegionMap, labels_present, resize_labels
from photostyle.regions.same_view import View, find_views, segmentation_in_view
from photostyle.settings import Settings
from photostyle.solvers.bilateral import Shape
from photostyle.solvers.result import Outcome, Status
from photostyle.styles.matching import ContentPhoto, find_correspondence
from photostyle.styles.style import Style, StylePhoto
from segmentation.labels import UNLABELLED, labels_in
from segmentation.matching import KEEPS_LOOK, WHOLE

Pixels = NDArray[np.float32]

MOST_PHOTOS = 16
"""Most photos of a set that its look is found from."""
ROOM = 2.0
"""The stacked picture has at most about this many times the pixels of one photo at the size of the solve."""
STEP, LEAST_SIDE = 16, 64
"""In pixels. Sides of the shrunk photos are multiples of `STEP`: the poolings up to relu4_4 then divide them exactly,
also at half the size. No side is shorter than `LEAST_SIDE`."""


@dataclass(frozen=True, eq=False)
class SetPhoto:
    """One of the photos that the look of the set is found from.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1], at the size of the solve.
        regions: the regions from a mask; None if no mask was given.
        segmentation: what the segmenter finds; None if there is a mask or no segmenter.
        coverage: `(H, W) float32`, linear, [0, 1]: how much of `pixels` can be seen; None for all of it.
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
        overall: `(1, 1, lumas, 4, 3) float64`: the grid of regions that a photo has and the set does not, the change of
            the whole set; None if they keep their own look.
        correspondence: which region takes its look from which. Its `content` has the regions of the photos, which are
            shrunk and stacked into one picture.
        views: the views that are shown by two photos of the set or more.
        styles: the style photos at the size of the solve, without their features.
        terms, stages, seconds, interrupted: as in a `Result`.
        warnings: what the user should know about the whole set, a line each.
    """

    settings: Settings
    photos: int
    grids: NDArray[np.float64] = field(repr=False)
    overall: NDArray[np.float64] | None = field(repr=False)
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

        Regions that the set does not have get labels of their own if they follow the change of the set. Otherwise they
        are no region.

        Args:
            pixels: the photo at the size of the solve.
            mask: its regions from a mask, at the same size; None if it has no mask.
            segmentation: what the segmenter finds in it; None if there is no segmenter.

        Raises:
            SettingsError: there is a mask, but the look was found without masks; or there is no mask, but the look was
                found with masks.
        """
        if mask is None and self.correspondence.found_by == "mask":
            problem = "the look of this set was found with masks, so every photo needs one"
            raise SettingsError.stating(problem, "content_mask")
        if mask is not None and self.correspondence.found_by != "mask":
            problem = "the look of this set was found without masks, so a photo cannot have one"
            raise SettingsError.stating(problem, "content_mask")
        names = self.correspondence.content.names
        if mask is not None:
            labels = {name: label for label, name in names.items()}
            if self.overall is not None:
                unknown = sorted(set(mask.names.values()) - set(labels))
                labels |= zip(unknown, sorted(set(range(UNLABELLED)) - set(names)), strict=False)
            return _relabelled(mask, labels)
        if self.correspondence.found_by == "classes" and segmentation is not None:
            segmentation = segmentation_in_view(segmentation, self.views)
            known = segmentation.regions(tuple(names))
            return known if self.overall is None else _completed(known, segmentation)
        if self.correspondence.found_by == "subject" and segmentation is not None:
            return segmentation_in_view(segmentation, self.views).subject
        return RegionMap(np.zeros(pixels.shape[:2], np.uint8), {0: WHOLE})


def spread_evenly(count: int, most: int = MOST_PHOTOS) -> list[int]:
    """Indices of the photos that the look is found from: all `count` photos, or `most` of them, evenly spread."""
    if count <= most:
        return list(range(count))
    return [int((place + 0.5) * count / most) for place in range(most)]


def fit_set_look(
    settings: Settings,
    extract: FeatureExtractor,
    networks: Networks | None,
    style: Style,
    set_photos: Sequence[SetPhoto],
    clock: Clock,
    progress: Callable[[Progress], None],
) -> SetLook:
    """Finds the look of a set.

    Args:
        networks: see `photostyle.pipeline.task.Task`.
        set_photos: one or more. All of them have a mask, or none has.

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
    task = Task(settings, extract, Photo(stack), stack, style.parts, correspondence, clock, progress, networks)
    with clock.part("masks"):
        scenes = _scenes(task, set_photos, regions, [(height // 2, width // 2), (height, width)])
    stages: tuple[Outcome, ...] = ()
    if settings.solver.method == "grid":
        shape = Shape(1, 1, settings.grid.lumas)
        grids, stages = grid_method.solve_grids(task, scenes, shape)
    else:
        shape = Shape(1, 1, grid_method.PREVIEW.lumas)
        with clock.part("closed form"):
            task.progress(Progress.begin("closed form"))
            grids = grid_method.closed_form_grids(task, scenes[-1], shape)
    follow = settings.unmatched_follow and correspondence.changes_all
    overall = grid_method.overall_grid(task, scenes[-1], shape) if follow else None
    light = tuple(
        replace(each, photo=replace(Photo(each.pixels), warnings=each.photo.warnings), segmentation=None,
                scales=(EncodedPhoto(each.pixels, {}),))
        for each in style.parts
    )  # fmt: skip
    return SetLook(
        settings=settings, photos=len(set_photos), grids=grids, overall=overall, correspondence=correspondence,
        views=known, styles=light, terms=stages[-1].terms if stages else {}, stages=stages,
        seconds=clock.seconds(),
        warnings=(*correspondence.messages, *stage_warnings(stages)),
        interrupted=any(stage.status is Status.INTERRUPTED for stage in stages),
    )  # fmt: skip


def transfer_by_look(look: SetLook, task: Task) -> SolvedTransfer:
    """Applies the look to the photo of a task. The `correspondence` of the task must come from `correspondence_in`."""
    coarse, grids = coarse_masks(task.correspondence.content, _ids(task.correspondence), task.pixels), look.grids
    if look.overall is not None:
        unknown = len(task.correspondence.regions) - len(grids)
        grids = np.concatenate([grids, np.repeat(look.overall[None], unknown, 0)])
    return grid_method.transfer_by_grids(task, coarse, grids, ())


def correspondence_in(look: SetLook, regions: RegionMap) -> Correspondence:
    """The correspondence for a photo with these regions, which `SetLook.regions` gives.

    Regions that the set does not have come last. Each has a message if it is at least `LEAST_SHARE` of the photo. There
    is another one if more of the photo than of the set belongs to no region, by more than `LEAST_SHARE`.
    """
    labels = regions.visible_labels
    unknown = following_regions(regions, look.correspondence.content.names)
    messages = [
        f"the set has no {region.name}, so {region.name} in this photo ({share:.1%} of it) {FOLLOWS}"
        for region in unknown
        if (share := regions.share(region.content_ids)) >= LEAST_SHARE
    ]
    rest = float(np.mean(labels == UNLABELLED))
    if rest > float(np.mean(look.correspondence.content.visible_labels == UNLABELLED)) + LEAST_SHARE:
        messages.append(f"{rest:.1%} of the photo belongs to no region of the set's look and {KEEPS_LOOK}")
    every = (*look.correspondence.regions, *unknown)
    return replace(look.correspondence, content=regions, regions=every, messages=tuple(messages))


def _cell(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The rows and columns that all photos are scaled to.

    Their ratio is the median ratio. One photo has at most about the median area, and all photos together have at most
    about `ROOM` times that area.

    Args:
        sizes: rows and columns of each photo at the size of the solve.
    """
    ratio = float(np.median([height / width for height, width in sizes]))
    area = min(ROOM / len(sizes), 1.0) * float(np.median([height * width for height, width in sizes]))
    sides = (area * ratio) ** 0.5, (area / ratio) ** 0.5
    height, width = (max(LEAST_SIDE, round(side / STEP) * STEP) for side in sides)
    return height, width


def _set_correspondence(
    extract: FeatureExtractor, set_photos: Sequence[SetPhoto], style: Style, cell: tuple[int, int], settings: Settings
) -> tuple[Correspondence, list[RegionMap]]:
    """The correspondence for the stacked photos, and the regions of each photo at its own size."""
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
    if found.found_by == "subject":
        return found, [each.subject for each in segmentations]
    wholes = [RegionMap(np.zeros(photo.pixels.shape[:2], np.uint8), {0: WHOLE}) for photo in set_photos]
    return found, [whole.seen(photo.coverage) for whole, photo in zip(wholes, set_photos, strict=True)]


def _relabelled(regions: RegionMap, labels: Mapping[str, int]) -> RegionMap:
    """The same regions with new labels, which `labels` gives by name. Names that are not in it become no region."""
    table = np.full(256, UNLABELLED, np.uint8)
    for label, name in regions.names.items():
        table[label] = labels.get(name, UNLABELLED)
    found = table[regions.labels]
    present = set(labels_in(found))
    known = {label: name for name, label in labels.items() if label in present}
    return RegionMap(found, known, regions.warnings, regions.coverage)


def _completed(known: RegionMap, segmentation: Segmentation) -> RegionMap:
    """The regions of a photo of the set. What is in none of them has the class that it looks most like of all."""
    missing = known.labels == UNLABELLED
    if known.coverage is not None:
        missing &= known.coverage > 0
    if not missing.any():
        return known
    labels = np.where(missing, segmentation.scenery.labels, known.labels)
    names = {label: NAMES[label] for label in sorted(labels_present(labels))}
    return replace(known, labels=labels, names=names)


def _scenes(
    task: Task, set_photos: Sequence[SetPhoto], regions: Sequence[RegionMap], sizes: Sequence[tuple[int, int]]
) -> list[Scene]:
    """The scene of the set at each size. Each photo has its own masks. The styles have the same longest side."""
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
            Scene(np.concatenate(pixels), np.concatenate(masks, 1), partial(np.concatenate, soft, 1), styles,
                          style_masks, len(set_photos))
        )  # fmt: skip
    return scenes


def _style(task: Task, style: StylePhoto, longest: int) -> EncodedPhoto:
    """A style photo, measured with this longest side in pixels."""
    by_pytorch = task.settings.solver.method == "grid" and task.networks is None
    layers = task.settings.grid.layers if by_pytorch else ()
    return task.extract.encoded(Photo(style.pixels, style.coverage).fitted(longest), layers)


def _ids(correspondence: Correspondence) -> list[tuple[int, ...]]:
    return [region.content_ids for region in correspondence.regions]
