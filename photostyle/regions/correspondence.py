"""What takes its look from what: for every region of the content, the regions of styles, each with its share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from photostyle.errors import InputError, SettingsError
from photostyle.regions.region_map import RegionMap
from segmentation.labels import UNLABELLED
from segmentation.matching import WHOLE, Matching, RegionPair, match, matching_messages

FoundBy = Literal["mask", "classes", "groups", "whole"]


@dataclass(frozen=True)
class StyleShare:
    """Where a share of a region's look comes from.

    Args:
        style: place of the style among those of the transfer.
        ids: labels that the region covers there.
        share: [0, 1]; those of a region add up to 1.
    """

    style: int
    ids: tuple[int, ...]
    share: float


@dataclass(frozen=True)
class RegionMatch:
    """A region of the content and its sources, one or more."""

    name: str
    content_ids: tuple[int, ...]
    sources: tuple[StyleShare, ...]


@dataclass(frozen=True, eq=False)
class MatchedStyle:
    """A style photo beside the content.

    Args:
        name: what messages call it.
        weight: above 0.
        region: the one region of the content that may take its look from it; None for all.
        regions: of the style, at the size of the solve.
        matching: of the content's regions with them.
    """

    name: str
    weight: float
    region: str | None
    regions: RegionMap
    matching: Matching


@dataclass(frozen=True, eq=False)
class Correspondence:
    """What takes its look from what.

    Args:
        content: regions at the size of the solve.
        styles: in the order in which they were given.
        regions: those of the content that take a look, no label in two of them; the rest keeps its own.
        messages: what the user should know, a line each.
        found_by: how the regions were found: by masks, by the segmenter's classes, by groups of what looks alike, or
            each photo as a whole.
    """

    content: RegionMap
    styles: tuple[MatchedStyle, ...]
    regions: tuple[RegionMatch, ...]
    messages: tuple[str, ...]
    found_by: FoundBy

    def ids(self, style: int) -> list[tuple[int, ...]]:
        """The labels that each of `regions` takes from in a style; none where that is no source of it."""
        return [next((s.ids for s in region.sources if s.style == style), ()) for region in self.regions]

    def shares(self, style: int) -> list[float]:
        """The share that a style has in each of `regions`, [0, 1]."""
        return [next((s.share for s in region.sources if s.style == style), 0.0) for region in self.regions]


def combine_matchings(
    content: RegionMap, styles: Sequence[MatchedStyle], least_share: float, *, found_by: FoundBy = "mask"
) -> Correspondence:
    """Puts the matchings of the content with each style together.

    A label of the content takes from every style whose matching gives it a counterpart, by weight; one that is named
    as the region of a style takes from such styles alone. Labels are one region if they are one with every style that
    they take from. A style that has no region in common with the content counts as a whole only where none has any.

    Args:
        content: as the matchings saw it.
        styles: one or more.
        least_share: of the content, [0, 1], of which messages speak.
        found_by: see `Correspondence`.
    """
    takers: dict[int, list[tuple[int, RegionPair]]] = {}
    for place in _used_styles(styles):
        for region in styles[place].matching.regions:
            for label in region.content_ids:
                takers.setdefault(label, []).append((place, region))
    groups: dict[tuple[tuple[int, tuple[int, ...]], ...], list[int]] = {}
    first: dict[tuple[tuple[int, tuple[int, ...]], ...], RegionPair] = {}
    for label, everyone in takers.items():
        entitled = [(place, region) for place, region in everyone if styles[place].region is not None] or everyone
        key = tuple((place, region.style_ids) for place, region in entitled)
        groups.setdefault(key, []).append(label)
        first.setdefault(key, entitled[0][1])
    targets = []
    for key, labels in groups.items():
        whole = sum(styles[place].weight for place, _ in key)
        sources = tuple(StyleShare(place, ids, styles[place].weight / whole) for place, ids in key)
        targets.append(RegionMatch(_region_name(labels, first[key], content.names), tuple(labels), sources))
    if len(styles) == 1 and styles[0].region is None:
        return Correspondence(content, tuple(styles), tuple(targets), styles[0].matching.messages, found_by)
    found = Correspondence(content, tuple(styles), tuple(targets), (), found_by)
    return replace(found, messages=_messages(found, least_share))


def match_one_region(content: RegionMap, style: RegionMap, region: str, name: str, least_share: float) -> Matching:
    """The matching of one region of the content with its counterpart in a style.

    Args:
        region: its name in the content.
        name: of the style photo.
        least_share: of either photo, for a region to be measured, [0, 1].

    Raises:
        SettingsError: the content has no region of that name.
        InputError: the style has no counterpart, or either is too small.
    """
    present = _labels_by_name(content)
    if region not in present:
        advice = f"{name} was given for {region} alone. A file whose name has = goes in as ./NAME."
        raise SettingsError(f"a region of the content ({', '.join(present) or 'it has none'})", region, name, advice)
    labels = np.where(np.isin(content.labels, present[region]), content.labels, np.uint8(UNLABELLED))
    matching = match(labels, style.labels, content.names, style.names, least_share=least_share)
    if matching.regions[0].name == WHOLE:
        found = ", ".join(f"{other} {share:.1%}" for other, share in _shares(style).items()) or "no region"
        own = f"{region} is {_shares(content)[region]:.1%} of the content"
        raise InputError(f"{least_share:.1%} of {region} or more in both photos", f"{found}; {own}", name)
    return replace(matching, style_only=(), messages=())


def match_whole(content: RegionMap, style: RegionMap, message: str) -> Matching:
    """The matching of all of the content with all of a style."""
    ids = (tuple(int(label) for label in np.unique(labels)) for labels in (content.labels, style.labels))
    return Matching((RegionPair(WHOLE, *ids),), (), (), (), (), (message,))


def _used_styles(styles: Sequence[MatchedStyle]) -> list[int]:
    """The places of the styles for one region, and of those that share a region with the content, or else of all."""
    general = [place for place, style in enumerate(styles) if style.region is None]
    sharing = [place for place in general if styles[place].matching.regions[0].name != WHOLE] or general
    return [place for place, style in enumerate(styles) if style.region is not None or place in sharing]


def _region_name(labels: Sequence[int], first: RegionPair, names: Mapping[int, str]) -> str:
    """Of a region of these labels: that of its counterpart in the first of its styles if it is all of it."""
    if set(labels) == set(first.content_ids):
        return first.name
    return f"rest of the {WHOLE}" if first.name == WHOLE else names[labels[0]]


def _messages(found: Correspondence, least_share: float) -> tuple[str, ...]:
    """Of several styles: what each is merged, then what each region of the content goes without."""
    used = _used_styles(found.styles)
    lines = []
    for place, style in enumerate(found.styles):
        own = style.matching
        whole = own.messages if own.regions[0].name == WHOLE else ()
        if place not in used:
            lines.append(f"{style.name} has no region in common with the content and is not used")
        else:
            parts = whole or matching_messages(own.merged, (), own.style_only, (), 0.0, least_share)
            lines += [f"{style.name}: {line}" for line in parts]
    sources = {label: {s.style for s in region.sources} for region in found.regions for label in region.content_ids}
    general = {place for place in used if found.styles[place].region is None}
    shares = _shares(found.content)
    for name, labels in _labels_by_name(found.content).items():
        takers = sources.get(labels[0], set())
        lacking = general - takers
        if shares[name] < least_share or (takers and (not lacking or not takers <= general)):
            continue
        if takers:
            lines.append(f"{_listed(found, lacking)}: no {name}, which takes its look from {_listed(found, takers)}")
        else:
            lines.append(f"no style for {name}: that of the content ({shares[name]:.1%} of it) keeps its look")
    unlabelled = float(np.mean(found.content.labels == UNLABELLED))
    return (*lines, *(matching_messages((), (), (), (), unlabelled, least_share) if UNLABELLED not in sources else ()))


def _listed(found: Correspondence, places: set[int]) -> str:
    return " and ".join(found.styles[place].name for place in sorted(places))


def _labels_by_name(regions: RegionMap) -> dict[str, tuple[int, ...]]:
    """`{name: labels}` of the regions that a photo has."""
    present: dict[str, tuple[int, ...]] = {}
    for label in np.unique(regions.labels).tolist():
        if label != UNLABELLED:
            name = regions.names[label]
            present[name] = (*present.get(name, ()), label)
    return present


def _shares(regions: RegionMap) -> dict[str, float]:
    """`{name: share of the photo}`."""
    counts = np.bincount(regions.labels.ravel(), minlength=256)
    return {
        name: float(counts[list(ids)].sum()) / regions.labels.size for name, ids in _labels_by_name(regions).items()
    }
