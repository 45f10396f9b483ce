"""Regions of photos that come without masks: found by a segmenter, refined to the photo's edges, matched by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.compute.device import enough_memory
from photostyle.errors import WeightsError
from photostyle.photo.resizing import resize, resize_seen
from photostyle.regions.pieces import joined
from photostyle.regions.region_map import RegionMap, resize_labels
from photostyle.regions.rooms import room
from photostyle.regions.subject import BACKGROUND, SUBJECT, Subject, find_subject
from photostyle.regions.subject import NAMES as SUBJECT_NAMES
from segmentation.enlarge import Part
from segmentation.filters import connected_pieces
from segmentation.hub import HubSegmenter
from segmentation.labels import CLASSES, FOREGROUND, UNLABELLED, labels_in
from segmentation.matching import SIMILAR, WHOLE, Matching, closeness, match
from segmentation.refine import refine
from segmentation.segmenter import NetworkError, Segmenter

WITHOUT_NETWORK = ("clusters", "none")
ANY_FOREGROUND = FOREGROUND[0]
"""Id of all foreground as one class. The network knows least which of the four foreground classes a thing is."""
NAMES = {label.id: label.name for label in CLASSES[:ANY_FOREGROUND]} | {ANY_FOREGROUND: "foreground"}
SKY, STANDING = 0, (1, 2, 3, 4, 5)
"""The ids of the sky, and of the classes that do not float in it."""
WALL, NATURE = 1, (2, 3, 5)
"""The ids of walls, and of what there is little of in rooms."""
LEAST_SHARE = 0.03
"""Least share of a photo for a region that was found rather than painted. With 0.03 the results are closer to those of
painted masks than with 0.01 (docs/regions.md)."""
LEAST_CHANCE = 0.15
"""A place of the style counts as one of the content's classes if these have at least this probability together (our
choice)."""
LEAST_SURE = 0.75
"""If the mean probability of the likeliest class is lower, the network does not know what a photo shows.
`tests/benchmarks/sureness.py` measures higher values for every photo by day, and lower ones for nights that are almost
black."""
MOST_FOREGROUND = 0.5
"""A photo with more vehicles, people, animals and objects than this share is not scenery (our choice)."""
LEAST_MATCHED = 0.5
"""Least share of the content that must find a match (our choice)."""
LITTLE_IN_COMMON = "the photos have little scenery in common"
NEARBY = 224
"""Longest side, in pixels, at which the network looks a second time for things. In a photo from near by it then sees
the whole thing at once. The mean of both probabilities gives better subjects than that at 512 px (docs/regions.md). 256
lost hair, and 192 took in walls beside a bed."""
STRIP = 2_000_000
"""Pixels whose probabilities are in memory at once."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What the segmenter found in a photo.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        probabilities: `(7, h, w) float32`, probabilities of `NAMES`, sum 1, on a coarse grid.
        kinds: `(4, h, w) float32`, of vehicle, person, animal and object, whose sum is the last of `probabilities`.
        coverage: `(H, W) float32`, linear, [0, 1]: how much of `pixels` can be seen; None for all of it.
        look_again: a function that gives `nearby`; None if the network does not look a second time. It is called only
            if a subject is looked for, and is to keep its result.
        network: the same as `probabilities` as the network sees them, if the photo shows a room; else None. What the
            network does not know, and whether there is a subject, is decided by these.
    """

    pixels: NDArray[np.float32] = field(repr=False)
    probabilities: NDArray[np.float32] = field(repr=False)
    kinds: NDArray[np.float32] = field(repr=False)
    coverage: NDArray[np.float32] | None = field(default=None, repr=False)
    look_again: Callable[[], NDArray[np.float32]] | None = field(default=None, repr=False)
    network: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def as_seen(self) -> NDArray[np.float32]:
        """`(7, h, w) float32`: the probabilities as the network sees them, before the rules for rooms."""
        return self.probabilities if self.network is None else self.network

    @property
    def foreground(self) -> float:
        """Share of what can be seen of the photo, [0, 1]."""
        return self._mean(self.as_seen.argmax(0) == ANY_FOREGROUND)

    @property
    def confidence(self) -> float:
        """Mean over what can be seen of the photo of the likeliest class's probability."""
        return self._mean(self.as_seen.max(0))

    def coarse_labels(self) -> NDArray[np.uint8]:
        """`(h, w) uint8`: the likeliest id on the coarse grid; 255 where nothing can be seen."""
        likely = self.probabilities.argmax(0).astype(np.uint8)
        seen = self._coarse_coverage()
        return likely if seen is None else np.where(seen > 0, likely, np.uint8(UNLABELLED))

    def _mean(self, plane: NDArray[Any]) -> float:
        """Mean of `(h, w)` values, each by its coverage."""
        seen = self._coarse_coverage()
        return float(plane.mean() if seen is None else np.average(plane, weights=seen))

    def _coarse_coverage(self) -> NDArray[np.float32] | None:
        if self.coverage is None:
            return None
        return resize(self.coverage[..., None], *self.probabilities.shape[1:])[..., 0]

    def labels(self, allowed: Sequence[int] = tuple(NAMES)) -> NDArray[np.uint8]:
        """`(H, W) uint8`: the likeliest of the allowed ids at every pixel.

        255 where the ids that are not allowed have a probability above 1 - `LEAST_CHANCE` together, and where nothing
        can be seen.
        """
        likely = [label for label in allowed if float(self.probabilities[label].max()) > LEAST_CHANCE]
        if not likely:
            return np.full(self.pixels.shape[:2], UNLABELLED, np.uint8)
        rest = np.clip(1 - self.probabilities[likely].sum(0), 0, 1)
        refined, (height, width) = (
            refine(np.stack([*self.probabilities[likely], rest]), self.pixels),
            self.pixels.shape[:2],
        )
        labels, step = np.empty((height, width), np.uint8), max(1, STRIP // width)
        for row in range(0, height, step):
            rows = self.pixels[row : row + step]
            probabilities = refined.of(rows, Part(len(rows), width, height, width, top=row))
            found = np.array(likely, np.uint8)[probabilities[:-1].argmax(0)]
            labels[row : row + step] = np.where(probabilities[-1] > 1 - LEAST_CHANCE, np.uint8(UNLABELLED), found)
        return labels if self.coverage is None else np.where(self.coverage > 0, labels, np.uint8(UNLABELLED))

    @property
    def nearby(self) -> NDArray[np.float32] | None:
        """`(h, w) float32`, [0, 1]: the probability of foreground at `NEARBY` px; None without a second look."""
        return None if self.look_again is None else self.look_again()

    @property
    def things(self) -> NDArray[np.float32]:
        """`(h, w) float32`, [0, 1]: the probability of foreground, the mean over the sizes at which it was found."""
        own: NDArray[np.float32] = self.as_seen[ANY_FOREGROUND]
        if self.nearby is None:
            return own
        return (own + self.nearby) / np.float32(2)

    @cached_property
    def found_subject(self) -> Subject:
        """The subject, clear or not."""
        return find_subject(self.pixels, self.things, self.coverage)

    @cached_property
    def subject(self) -> RegionMap:
        """The regions `subject` and `background`. Without a clear subject all is background."""
        return self.found_subject.regions(self.pixels, self.coverage)

    @property
    def subject_sureness(self) -> float:
        """How sure the regions of `subject` are, [0, 1]. Without a clear subject 1: there is no border to be wrong."""
        return self.found_subject.sureness if self.has_subject else 1.0

    @property
    def has_subject(self) -> bool:
        """Whether the photo has a clear subject."""
        return SUBJECT in self.subject.labels

    @property
    def subject_contrast(self) -> float:
        """Mean luma of the subject, less that of the background; 0 if there is only one of them."""
        labels, luma = self.subject.labels, self.pixels @ LUMA
        means = [float(luma[labels == label].mean()) for label in (SUBJECT, BACKGROUND) if (labels == label).any()]
        return means[0] - means[1] if len(means) == 2 else 0.0

    @cached_property
    def scenery(self) -> RegionMap:
        """The regions of all classes."""
        return self.regions(tuple(NAMES))

    def regions(self, allowed: Sequence[int]) -> RegionMap:
        """The labels of the allowed ids, with the names of those that occur."""
        found = self.labels(allowed)
        names = {label: NAMES[label] for label in labels_in(found) if label != UNLABELLED}
        return RegionMap(found, names, coverage=self.coverage, rough=True)

    def classes(self) -> RegionMap:
        """The built-in classes. All are named, so that a mask can be edited with any of them.

        A connected patch of foreground gets the one class that it looks most like.
        """
        labels = self.labels()
        nearest = [
            np.minimum((np.arange(size) * coarse) // size, coarse - 1)
            for size, coarse in zip(labels.shape, self.kinds.shape[1:], strict=True)
        ]
        patches, places = connected_pieces(labels == ANY_FOREGROUND)
        likeness = np.stack([
            np.bincount(patches.ravel(), kind[nearest[0][:, None], nearest[1]].ravel(), len(places) + 1)
            for kind in self.kinds
        ])  # fmt: skip
        kinds = np.array(FOREGROUND, np.uint8)[likeness.argmax(0)]
        labels = np.where(patches > 0, kinds[patches], labels)
        return RegionMap(labels, {label.id: label.name for label in CLASSES[: FOREGROUND[-1] + 1]})


@dataclass(frozen=True, eq=False)
class JointSegmentation(Segmentation):
    """What the segmenter found in several photos, joined as one: scaled to one size, one below the other.

    Args:
        parts: the photos, each at its own size.
    """

    parts: tuple[Segmentation, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, parts: Sequence[Segmentation], height: int, width: int) -> JointSegmentation:
        """Several photos, each scaled to `height` x `width` px."""
        rows, columns = parts[0].probabilities.shape[1:]

        def joint(planes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
            resized = (resize(np.ascontiguousarray(each.transpose(1, 2, 0)), rows, columns) for each in planes)
            return np.concatenate(list(resized)).transpose(2, 0, 1)

        pixels = np.concatenate([resize_seen(part.pixels, part.coverage, height, width) for part in parts])
        probabilities, kinds = joint([part.probabilities for part in parts]), joint([part.kinds for part in parts])
        coverage = joint_coverage([part.coverage for part in parts], height, width)
        rooms = any(part.network is not None for part in parts)
        network = joint([part.as_seen for part in parts]) if rooms else None
        return cls(pixels, probabilities, kinds, coverage, network=network, parts=tuple(parts))

    def labels(self, allowed: Sequence[int] = tuple(NAMES)) -> NDArray[np.uint8]:
        """The labels of each photo, found for each by itself."""
        rows, columns = self.pixels.shape[:2]
        height = rows // len(self.parts)
        return np.concatenate([resize_labels(part.labels(allowed), height, columns) for part in self.parts])

    @cached_property
    def subject(self) -> RegionMap:
        """Subject and background of each photo, found for each by itself."""
        rows, columns = self.pixels.shape[:2]
        height = rows // len(self.parts)
        labels = np.concatenate([resize_labels(part.subject.labels, height, columns) for part in self.parts])
        return RegionMap(labels, SUBJECT_NAMES, rough=True).seen(self.coverage)

    @property
    def has_subject(self) -> bool:
        """Whether every photo has a clear subject."""
        return all(part.has_subject for part in self.parts)

    @property
    def subject_sureness(self) -> float:
        """The mean over the photos."""
        return float(np.mean([part.subject_sureness for part in self.parts]))


def joint_coverage(
    coverages: Sequence[NDArray[np.float32] | None], height: int, width: int
) -> NDArray[np.float32] | None:
    """`(N height, width)`: how much can be seen of photos, scaled to one size, one below the other; None for all."""
    if all(coverage is None for coverage in coverages):
        return None
    whole = np.ones((height, width), np.float32)
    return np.concatenate([whole if c is None else resize(c[..., None], height, width)[..., 0] for c in coverages])


KEPT = 4
"""Photos whose regions are kept, so that another style for the same photo needs no second look."""


class RegionFinder:
    """Finds regions with a network.

    Args:
        name: `compact`, or a hub model's name or folder.

    Raises:
        WeightsError: the network is neither here nor to be fetched, or not the one it should be.
    """

    def __init__(self, name: str) -> None:
        try:
            self.segmenter = Segmenter.load() if name == "compact" else HubSegmenter.load(name)
        except NetworkError as error:
            raise WeightsError(error.expected, error.found, error.where, error.advice) from error
        self._recent: dict[tuple[object, ...], Segmentation] = {}

    def see(self, pixels: NDArray[np.float32]) -> Segmentation:
        """What is where in `(H, W, 3) float32`, sRGB-encoded, [0, 1]. The last few answers are kept.

        Raises:
            InputError: there is too little memory.
        """
        key = pixels.shape, sha256(pixels.tobytes()).digest()
        found = self._recent.pop(key, None) or self._look(pixels)
        self._recent[key] = found  # the last one
        while len(self._recent) > KEPT:
            del self._recent[next(iter(self._recent))]
        return found

    def _look(self, pixels: NDArray[np.float32]) -> Segmentation:
        photo = np.round(pixels * 255).astype(np.uint8)
        with enough_memory("cpu"):
            probabilities = self.segmenter.probabilities(photo)
        kinds = probabilities[ANY_FOREGROUND:]
        found = np.concatenate([probabilities[:ANY_FOREGROUND], kinds.sum(0, keepdims=True)])
        seen = joined(found, SKY, STANDING)
        in_room = room(seen, pixels, sky=SKY, wall=WALL, things=ANY_FOREGROUND, nature=NATURE)
        classes, network = (seen, None) if in_room is None else (in_room, seen)
        kinds = kinds / np.maximum(found[-1], np.finfo(np.float32).tiny) * classes[-1]

        @cache
        def look_again() -> NDArray[np.float32]:
            small = self.segmenter.probabilities(photo, size=NEARBY)[ANY_FOREGROUND:].sum(0)
            return resize(small[..., None], *kinds.shape[1:])[..., 0]

        return Segmentation(pixels, classes, kinds, look_again=look_again, network=network)


@dataclass(frozen=True, eq=False)
class ClassMatching:
    """The regions of both photos, and how they match."""

    content: RegionMap
    style: RegionMap
    matching: Matching


def match_by_class(
    content: Segmentation, style: Segmentation, least_matched: float = LEAST_MATCHED
) -> tuple[ClassMatching | None, str]:
    """How two photos' classes match; or None and the reason why the photos should be matched as wholes.

    The style's classes are restricted to those of the content and to similar ones (Luan et al., CVPR 2017, section 3).

    Args:
        least_matched: share of the content that must find its match, [0, 1].
    """
    for name, segmentation in (("content", content), ("style", style)):
        if segmentation.foreground > MOST_FOREGROUND:
            return None, f"{segmentation.foreground:.0%} of the {name} photo is not scenery"
        if segmentation.confidence < LEAST_SURE:
            return None, f"the network is only {segmentation.confidence:.0%} sure of what the {name} photo shows"
    regions, labels = content.scenery, content.scenery.visible_labels
    shares = np.bincount(labels.ravel(), minlength=256)[: len(NAMES)] / labels.size
    wanted = {label for label in NAMES if shares[label] >= LEAST_SHARE}
    other = style.regions(sorted(wanted.union(*(group for group in _similar_groups() if group & wanted))))
    matching = match(
        labels, other.visible_labels, regions.names, other.names, least_share=LEAST_SHARE,
        content_closeness=closeness(content.coarse_labels(), content.probabilities, NAMES),
        style_closeness=closeness(style.coarse_labels(), style.probabilities, NAMES),
    )  # fmt: skip
    share = regions.share([label for region in matching.regions for label in region.content_ids])
    if matching.regions[0].name == WHOLE or share < least_matched:
        return None, LITTLE_IN_COMMON
    if len(matching.regions) == 1 and matching.regions[0].name == "vegetation":
        return None, "both photos show plants close up"
    return ClassMatching(regions, other, matching), ""


def similar_classes(name: str) -> list[int]:
    """The ids of a class and of similar classes; empty for a name that is not in `NAMES`."""
    wanted = {label for label, other in NAMES.items() if other == name}
    return sorted(wanted.union(*(group for group in _similar_groups() if group & wanted)))


def _similar_groups() -> list[set[int]]:
    """The ids of classes that replace one another."""
    return [{label for label, name in NAMES.items() if name in group} for group in SIMILAR]
