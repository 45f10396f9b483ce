"""Which regions of the content photo match which regions of the style photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.labels import UNLABELLED

LEAST_SHARE = 1e-3
"""Least share of a photo for a region to be measured, as in the project's scoring program."""


SIMILAR = (
    ("vegetation", "mountain"),
    ("vehicle", "person", "animal", "object", "foreground_unspecified"),
)
"""Groups of classes that replace one another where a photo lacks one, as Luan et al., CVPR 2017, section 3 merge
classes."""
SURFACES = (
    "building", "vegetation", "ground", "mountain", "vehicle", "person", "animal", "object", "foreground",
)  # fmt: skip
"""Classes on which the same light falls. The sky gives light and water mirrors it. Where regions are found rather than
painted, a surface without a match takes its look from another surface, not from the sky (our choice)."""
WHOLE = "whole photo"
"""Name of the one region of photos that are matched as wholes."""
KEEPS_LOOK = "keeps its own look"
"""What messages say of a region without a match."""
LEAST_CLOSENESS = 0.05
"""A region is merged into another class if that class has at least this mean probability over the region (our
choice)."""
LARGE, UNLIKE = 0.1, 0.2
"""A surface of at least this share of the content takes its look from another surface only if that one has a higher
mean probability over it (our choice)."""
LEAST_SURE_SHARE, SURE = 5e-3, 0.7
"""A region of the style of at least this share is measured if the network gives its class at least this mean
probability (our choice)."""


@dataclass(frozen=True)
class RegionPair:
    """A region that both photos have, and the label ids it covers in each."""

    name: str
    content_ids: tuple[int, ...]
    style_ids: tuple[int, ...]


@dataclass(frozen=True)
class Unmatched:
    """A region without a match, and its share of each photo, [0, 1]."""

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
    """How the regions of two photos match.

    Args:
        regions: the regions that both photos have, in the order of the content's ids. Never empty.
        merged: regions that became part of another one, because a photo lacks them or they are too small.
        content_only: regions that the style lacks. They take no look from it.
        style_only: regions that the content lacks. Their look is not used.
        too_small: regions that are too small to measure. They take no look from the style.
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

    A region of the content that the style lacks, or that is too small to measure, is merged into another one. The
    candidates are, in this order: a similar class that both photos have; a similar class that only the style has; and,
    where closeness is given, the closest class that both photos have. With closeness, a small surface always finds
    another surface, and a large one if it is like it (`LARGE`, `UNLIKE`). A region of the style is used if the content
    has its class, or if it stands in for a similar class that the style lacks. Photos that have no region in common are
    matched as wholes, and the result then lists this one region only.

    Args:
        content_labels, style_labels: `(H, W) uint8`, of any two sizes; 255 is no region.
        content_names, style_names: `{id: name}`. Ids of equal name are one region. An id without a name is called
            `region ID`.
        least_share: of either photo, [0, 1]. Smaller regions are not measured, except those of the style that closeness
            is sure of (`LEAST_SURE_SHARE`, `SURE`).
        similar: groups of names that replace one another.
        content_closeness, style_closeness: `{name: {other name: [0, 1]}}`, how much a region looks like another
            class; see `closeness`.

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
        lists = pairing.unmatched()
        messages = matching_messages(pairing.merged, *lists, unlabelled, least_share)
        return Matching(regions, tuple(pairing.merged), *lists, messages)
    whole = RegionPair(WHOLE, _ids(content_labels), _ids(style_labels))
    message = (
        "the photos have no region in common, so the whole content photo takes the look of the whole style photo"
        f" (content: {_listed(content)}; style: {_listed(style)})"
    )
    return Matching((whole,), (), (), (), (), (message,))


def closeness(
    labels: NDArray[np.uint8], probabilities: NDArray[np.float32], names: Mapping[int, str]
) -> dict[str, dict[str, float]]:
    """How much every region looks like each class: the mean probability of the class over the region.

    Args:
        labels: `(H, W) uint8`; probabilities: `(K, H, W)`, [0, 1], of the ids 0 to K - 1, named by `names`.

    Returns:
        `{region: {class: [0, 1]}}` for the labels that have a name.

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
    without_match: str = KEEPS_LOOK,
) -> tuple[str, ...]:
    """What the user should know, a line each. Regions that are too small in both photos are not worth a line.

    Args:
        merged, content_only, style_only, too_small: as in `Matching`.
        unlabelled: share of the content that is in no region, [0, 1].
        least_share: as for `match`.
        without_match: what a region of the content without a match does.
    """
    lines = [
        f"{part.name} in the {part.photo} photo ({part.share:.1%} of it) is treated as {part.into}"
        for part in merged
        if part.share >= least_share
    ]
    lines += [
        f"the style photo has no {region.name}, so {region.name} in the content photo"
        f" ({region.content_share:.1%} of it) {without_match}"
        for region in content_only
    ]
    lines += [
        f"the content photo has no {region.name}, so {region.name} in the style photo"
        f" ({region.style_share:.1%} of it) is not used"
        for region in style_only
    ]
    lines += [
        f"there is too little {region.name} to measure ({region.content_share:.2%} of the content photo,"
        f" {region.style_share:.2%} of the style photo, at least {least_share:.2%} of both is needed),"
        f" so it {without_match}"
        for region in too_small
        if max(region.content_share, region.style_share) >= least_share
    ]
    if unlabelled and unlabelled >= least_share:
        lines.append(f"{unlabelled:.1%} of the content photo is in no region and keeps its own look")
    return tuple(lines)


class _Pairing:
    """Which names of the content match which of the style: `parts` is `{region: (content names, style names)}`."""

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
            if share >= least_share and style.get(name, -1.0) >= self._least_in_style(name)
        }
        self.merged: list[Merged] = []

    def merge(self) -> None:
        for group in self.similar:
            self._join_what_either_lacks(group)
        if self.closeness[0]:
            self._join_what_either_lacks(SURFACES)
        anchors, content = tuple(self.parts), self.shares[0]
        for name in sorted(content, key=lambda name: -content[name]):
            if not self._placed(name, 0) and (into := self._nearest(name, anchors)):
                self.parts[into][0].append(name)
                self._note(name, into, 0)

    def _least_in_style(self, name: str) -> float:
        """The least share of the style for a region: less where the network is sure of it."""
        sure = self.closeness[1].get(name, {}).get(name, 0.0) >= SURE
        return min(self.least_share, LEAST_SURE_SHARE) if sure else self.least_share

    def unmatched(self) -> tuple[tuple[Unmatched, ...], tuple[Unmatched, ...], tuple[Unmatched, ...]]:
        """Regions in the content alone, in the style alone, and too small."""
        content, style = self.shares
        lists: tuple[list[Unmatched], ...] = ([], [], [])
        for name in dict.fromkeys((*content, *style)):
            loose = [side for side, shares in enumerate(self.shares) if name in shares and not self._placed(name, side)]
            if not loose or (loose == [1] and style[name] < self.least_share):
                continue
            small = any(self.shares[side][name] < self.least_share for side in loose)
            kind = 2 if small or len(loose) == 2 else loose[0]
            lists[kind].append(Unmatched(name, content.get(name, 0.0), style.get(name, 0.0)))
        first, second, third = (tuple(entries) for entries in lists)
        return first, second, third

    def _join_what_either_lacks(self, group: Sequence[str]) -> None:
        """Matches a class of the group that only the content has with one that only the style has.

        Nothing happens where the photos have a class of the group in common.
        """
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

    def _nearest(self, name: str, anchors: Sequence[str]) -> str | None:
        """The region that a class of the content is merged into: a similar one, else the closest that is close enough.

        A surface that is unlike all others is merged only if it is small.
        """
        for group in self.similar:
            if name in group:
                for other in group:
                    if other in anchors:
                        return other
        close, share = self.closeness[0].get(name, {}), self.shares[0][name]
        surfaces = [other for other in anchors if other in SURFACES] if name in SURFACES else []
        best = max(surfaces or anchors, key=lambda other: close.get(other, 0.0), default=None)
        if not close or best is None:
            return None
        if surfaces and share < LARGE:
            return best
        least = 0.0 if share < self.least_share else UNLIKE if surfaces else LEAST_CLOSENESS
        return best if close.get(best, 0.0) > least else None

    def _placed(self, name: str, side: int) -> bool:
        return any(name in names[side] for names in self.parts.values())

    def _note(self, name: str, into: str, side: int) -> None:
        self.merged.append(Merged(name, into, ("content", "style")[side], self.shares[side][name]))


def _united(groups: Mapping[str, tuple[int, ...]], names: Sequence[str]) -> tuple[int, ...]:
    return tuple(label for name in names for label in groups[name])


def _ids(labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Every value of a label map in rising order, 255 included."""
    if not labels.size:
        raise ValueError(f"expected a label map with pixels, found one of shape {labels.shape}")
    return tuple(int(label) for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)))


def _group(labels: NDArray[np.uint8], names: Mapping[int, str]) -> dict[str, tuple[int, ...]]:
    """`{name: ids}` of a photo's regions."""
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
