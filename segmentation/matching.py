"""Which regions of the content photo answer to which of the style photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.labels import UNLABELLED

LEAST_SHARE = 1e-3
"""Of a photo, for a region to be measured; that of the project's scoring program, `tools/score.py`."""


SIMILAR = (
    ("vegetation", "mountain"),
    ("ground", "water"),
    ("vehicle", "person", "animal", "object", "foreground_unspecified"),
)
"""Classes that stand in for one another where a photo lacks one, as Luan et al., CVPR 2017, section 3 merge classes."""
SURFACES = (
    "building", "vegetation", "ground", "mountain", "vehicle", "person", "animal", "object", "foreground",
)  # fmt: skip
"""Classes on which the same light falls, unlike sky, which gives it, and water, which mirrors it. Where regions are
found, not painted, such a class takes its look from another of them rather than from the sky or from nothing (our
choice)."""
WHOLE = "whole photo"
"""Name of the region of photos that have none in common."""
LEAST_CLOSENESS = 0.05
"""Mean probability of another class, over a region, for the region to be merged into it (our choice)."""


@dataclass(frozen=True)
class RegionPair:
    """A region that both photos have: the label ids it covers in each."""

    name: str
    content_ids: tuple[int, ...]
    style_ids: tuple[int, ...]


@dataclass(frozen=True)
class Unmatched:
    """A region that does not take part, and its share of each photo, [0, 1]."""

    name: str
    content_share: float
    style_share: float


@dataclass(frozen=True)
class Merged:
    """A region of one photo that counts as part of another.

    Args:
        name: of the region; into: of the one it is part of; photo: `content` or `style`.
        share: of that photo, [0, 1].
    """

    name: str
    into: str
    photo: str
    share: float


@dataclass(frozen=True)
class Matching:
    """What takes its look from what.

    Args:
        regions: those common to both photos, in the order of the content's ids. Never empty.
        merged: regions that became part of another, since one photo lacks them or they are too small.
        content_only: regions that the style lacks; they are in no region and keep their own look.
        style_only: regions that the content lacks; their look is not used.
        too_small: regions below the least share of a photo that has them; they keep their own look.
        messages: what the user should know, a line each.
    """

    regions: tuple[RegionPair, ...]
    merged: tuple[Merged, ...]
    content_only: tuple[Unmatched, ...]
    style_only: tuple[Unmatched, ...]
    too_small: tuple[Unmatched, ...]
    messages: tuple[str, ...]


Closeness = Mapping[str, Mapping[str, float]]


def match(
    content_labels: NDArray[np.uint8],
    style_labels: NDArray[np.uint8],
    content_names: Mapping[int, str] | None = None,
    style_names: Mapping[int, str] | None = None,
    *,
    least_share: float = LEAST_SHARE,
    similar: Sequence[Sequence[str]] = SIMILAR,
    content_closeness: Closeness | None = None,
    style_closeness: Closeness | None = None,
) -> Matching:
    """Matches the regions of two photos by name; without names, by id.

    A region that only one photo has, or that is too small to measure, is merged: into a similar class that both have,
    or with one that only the other has, or, where closeness is given, into the closest that both have. There, too, a
    surface of the content always finds another surface. What is left keeps its look. Photos that have no region in
    common are matched as wholes, in one region; no other is then listed.

    Args:
        content_labels, style_labels: `(H, W) uint8`, of any two sizes; 255 is no region.
        content_names, style_names: `{id: name}`; ids of equal name are one region, an id without a name is named
            after itself.
        least_share: of either photo, [0, 1]; a smaller region is not measured.
        similar: groups of names that stand in for one another.
        content_closeness, style_closeness: `{name: {other name: [0, 1]}}`: how much a photo's region looks like
            another class; see `closeness`.

    Raises:
        ValueError: a label map without pixels.
    """
    content, style = _group(content_labels, content_names or {}), _group(style_labels, style_names or {})
    shares = _shares(content, content_labels), _shares(style, style_labels)
    pairing = _Pairing(*shares, least_share, similar, content_closeness or {}, style_closeness or {})
    pairing.merge()
    regions = tuple(
        RegionPair(
            name, *(_united(groups, names) for groups, names in zip((content, style), pairing.parts[name], strict=True))
        )
        for name in dict.fromkeys((*content, *style))
        if name in pairing.parts
    )
    if regions:
        unlabelled = float(np.mean(content_labels == UNLABELLED))
        lists = pairing.left()
        messages = matching_messages(pairing.merged, *lists, unlabelled, least_share)
        return Matching(regions, tuple(pairing.merged), *lists, messages)
    whole = RegionPair(WHOLE, _ids(content_labels), _ids(style_labels))
    message = (
        "the photos have no region in common, so the whole of the one takes the look of the whole of the other"
        f" (content: {_listed(content)}; style: {_listed(style)})"
    )
    return Matching((whole,), (), (), (), (), (message,))


def closeness(
    labels: NDArray[np.uint8], probabilities: NDArray[np.float32], names: Mapping[int, str]
) -> dict[str, dict[str, float]]:
    """How much every region looks like each class: the mean over the region of the class's probability.

    Args:
        labels: `(H, W) uint8`; probabilities: `(K, H, W)`, [0, 1], of the ids 0 to K - 1, named by `names`.

    Returns:
        `{region: {class: [0, 1]}}`, of the labels that have a name.

    Raises:
        ValueError: a label map without pixels.
    """
    return {
        names[label]: {names[other]: float(plane[labels == label].mean()) for other, plane in enumerate(probabilities)}
        for label in _ids(labels)
        if label in names
    }


def matching_messages(
    merged: Sequence[Merged],
    content_only: Sequence[Unmatched],
    style_only: Sequence[Unmatched],
    too_small: Sequence[Unmatched],
    unlabelled: float,
    least_share: float,
) -> tuple[str, ...]:
    """A line for everything that matters: specks that are too small in every photo that has them do not.

    Args:
        merged, content_only, style_only, too_small: as in `Matching`.
        unlabelled: share of the content that is in no region, [0, 1].
        least_share: as for `match`.
    """
    lines = [
        f"{part.name} of the {part.photo} photo ({part.share:.1%} of it) is taken as {part.into}"
        for part in merged
        if part.share >= least_share
    ]
    lines += [
        f"the style photo has no {region.name}: that of the content ({region.content_share:.1%} of it) keeps its look"
        for region in content_only
    ]
    lines += [
        f"the content photo has no {region.name}: that of the style ({region.style_share:.1%} of it) is not used"
        for region in style_only
    ]
    lines += [
        f"there is too little {region.name} to measure ({region.content_share:.2%} of the content photo,"
        f" {region.style_share:.2%} of the style photo, expected {least_share:.2%}): that of the content keeps its look"
        for region in too_small
        if max(region.content_share, region.style_share) >= least_share
    ]
    if unlabelled and unlabelled >= least_share:
        lines.append(f"{unlabelled:.1%} of the content photo is in no region and keeps its look")
    return tuple(lines)


class _Pairing:
    """Which names of the content go with which of the style; `parts` is `{region: (content names, style names)}`."""

    def __init__(
        self,
        content: Mapping[str, float],
        style: Mapping[str, float],
        least_share: float,
        similar: Sequence[Sequence[str]],
        content_closeness: Closeness,
        style_closeness: Closeness,
    ) -> None:
        self.shares, self.least_share, self.similar = (content, style), least_share, similar
        self.closeness = (content_closeness, style_closeness)
        self.parts = {
            name: ([name], [name])
            for name, share in content.items()
            if min(share, style.get(name, -1.0)) >= least_share
        }
        self.merged: list[Merged] = []

    def merge(self) -> None:
        for group in self.similar:
            self._join_what_either_lacks(group)
        if self.closeness[0]:
            self._join_what_either_lacks(SURFACES)
        anchors = tuple(self.parts)
        for side, shares in enumerate(self.shares):
            for name in sorted(shares, key=lambda name: -shares[name]):
                if not self._placed(name, side) and (into := self._nearest(name, side, anchors)):
                    self.parts[into][side].append(name)
                    self._note(name, into, side)

    def left(self) -> tuple[tuple[Unmatched, ...], tuple[Unmatched, ...], tuple[Unmatched, ...]]:
        """Regions in the content alone, in the style alone, and too small."""
        content, style = self.shares
        lists: tuple[list[Unmatched], ...] = ([], [], [])
        for name in dict.fromkeys((*content, *style)):
            loose = [side for side, shares in enumerate(self.shares) if name in shares and not self._placed(name, side)]
            if not loose:
                continue
            small = any(self.shares[side][name] < self.least_share for side in loose)
            kind = 2 if small or len(loose) == 2 else loose[0]
            lists[kind].append(Unmatched(name, content.get(name, 0.0), style.get(name, 0.0)))
        first, second, third = (tuple(entries) for entries in lists)
        return first, second, third

    def _join_what_either_lacks(self, group: Sequence[str]) -> None:
        """A class of the group that only the style has goes with one that only the content has, if both have none."""
        content, style = self.shares
        if any(name in self.parts for name in group):
            return
        ours, theirs = (
            [name for name in group if shares.get(name, -1.0) >= self.least_share] for shares in (content, style)
        )
        if ours and theirs:
            self.parts[ours[0]] = (ours, theirs)
            for side, names in enumerate((ours, theirs)):
                for name in names:
                    if name != ours[0]:
                        self._note(name, ours[0], side)

    def _nearest(self, name: str, side: int, anchors: Sequence[str]) -> str | None:
        """The region that a name belongs to: of a similar class, or of the closest that is close enough."""
        for group in self.similar:
            if name in group:
                for other in group:
                    if other in anchors:
                        return other
        close = self.closeness[side].get(name, {})
        surfaces = [other for other in anchors if other in SURFACES] if name in SURFACES and side == 0 else []
        best = max(surfaces or anchors, key=lambda other: close.get(other, 0.0), default=None)
        least = 0.0 if self.shares[side][name] < self.least_share else LEAST_CLOSENESS
        if best is not None and (close.get(best, 0.0) > least or (close and surfaces)):
            return best
        return None

    def _placed(self, name: str, side: int) -> bool:
        return any(name in names[side] for names in self.parts.values())

    def _note(self, name: str, into: str, side: int) -> None:
        self.merged.append(Merged(name, into, ("content", "style")[side], self.shares[side][name]))


def _united(groups: Mapping[str, tuple[int, ...]], names: Sequence[str]) -> tuple[int, ...]:
    return tuple(label for name in names for label in groups[name])


def _ids(labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Every value of a label map in rising order, 255 among them where it occurs."""
    if not labels.size:
        raise ValueError(f"expected a label map with pixels, found one of shape {labels.shape}")
    return tuple(int(label) for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)))


def _group(labels: NDArray[np.uint8], names: Mapping[int, str]) -> dict[str, tuple[int, ...]]:
    """`{name: ids}` of the regions of a photo."""
    groups: dict[str, tuple[int, ...]] = {}
    for label in _ids(labels):
        if label != UNLABELLED:
            name = names.get(label, f"region {label}")
            groups[name] = (*groups.get(name, ()), label)
    return groups


def _shares(groups: Mapping[str, tuple[int, ...]], labels: NDArray[np.uint8]) -> dict[str, float]:
    """`{name: share of the photo}`."""
    counts = np.bincount(labels.ravel(), minlength=256)
    return {name: float(counts[list(ids)].sum()) / labels.size for name, ids in groups.items()}


def _listed(groups: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(groups) or "no region"
