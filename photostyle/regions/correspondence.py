"""Which region takes its look from which: for every region of the content, regions of the styles with their shares."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from photostyle.errors import InputError, SettingsError
from photostyle.regions.region_map import RegionMap
from segmentation.labels import UNLABELLED, labels_in
from segmentation.matching import KEEPS_LOOK, WHOLE, Matching, RegionPair, match, matching_messages

FoundBy = Literal["mask", "classes", "subject", "groups", "whole"]
FOLLOWS = "follows the change of the rest of the photo"
"""What messages say of a region without a counterpart, if it does not keep its own look."""


@dataclass(frozen=True)
class StyleShare:
    """Where a share of a region's look comes from.

    Args:
        style: index of the style among the styles of the transfer.
        ids: labels that the region covers in that style.
        share: [0, 1]; the shares of a region add up to 1.
        sureness: [0, 1]: how sure the program is that the two regions show the same; 1 if the user said so. See
            `photostyle.regions.sureness`.
    """

    style: int
    ids: tuple[int, ...]
    share: float
    sureness: float = 1.0


@dataclass(frozen=True)
class RegionMatch:
    """A region of the content, and where it takes its look from.

    Args:
        name: what messages call it.
        content_ids: labels that it covers in the content.
        sources: the regions of the styles that it takes from. Without any, it has no counterpart and follows the rest
            of the photo.
    """

    name: str
    content_ids: tuple[int, ...]
    sources: tuple[StyleShare, ...]

    @property
    def follows(self) -> bool:
        """Whether the region has no counterpart, so that it takes the change of all other regions together."""
        return not self.sources

    @property
    def sureness(self) -> float:
        """How sure the program is of the match, [0, 1]: the mean over the sources, by their shares; 0 without any."""
        return sum(source.share * source.sureness for source in self.sources)


@dataclass(frozen=True, eq=False)
class MatchedStyle:
    """A style photo beside the content.

    Args:
        name: what messages call it.
        weight: above 0.
        region: the one region of the content that takes its look from this style; None for all.
        regions: regions of the style, at the size of the solve.
        matching: how the content's regions match them.
        grey: whether the style is a black-and-white photo.
    """

    name: str
    weight: float
    region: str | None
    regions: RegionMap
    matching: Matching
    grey: bool = False


@dataclass(frozen=True, eq=False)
class Correspondence:
    """Which region of the content takes its look from which regions of the styles.

    Args:
        content: regions of the content, at the size of the solve.
        styles: in the order in which they were given.
        regions: the regions of the content that change: first those that take their look from a style, then those that
            have no counterpart and follow the rest of the photo. No label is in two of them. What is in none of them
            keeps its own look.
        messages: what the user should know, a line each.
        found_by: how the regions were found: by masks, by the segmenter's classes, as subject and background, by groups
            of what looks alike, or each photo as a whole.
    """

    content: RegionMap
    styles: tuple[MatchedStyle, ...]
    regions: tuple[RegionMatch, ...]
    messages: tuple[str, ...]
    found_by: FoundBy

    @property
    def matched(self) -> tuple[RegionMatch, ...]:
        """Those of `regions` that take their look from a style. They come first."""
        return tuple(region for region in self.regions if not region.follows)

    @property
    def grey_regions(self) -> list[bool]:
        """For each of `regions` whether it becomes grey.

        A region does if it takes its look from black-and-white styles only. A region that follows the rest of the photo
        does if all others do.
        """
        grey = [all(self.styles[source.style].grey for source in region.sources) for region in self.matched]
        return [*grey, *[all(grey)] * (len(self.regions) - len(grey))]

    @property
    def all_grey(self) -> bool:
        """Whether everything becomes grey, pixels in no region too.

        That is so if all styles are black-and-white photos, and not each of them is for one region only.
        """
        return all(style.grey for style in self.styles) and self.changes_all

    @property
    def changes_all(self) -> bool:
        """Whether the whole photo is to change: not every style is for one region only."""
        return any(style.region is None for style in self.styles)

    def without_following(self) -> Correspondence:
        """The same without the regions that have no counterpart. They are then in no region."""
        return replace(self, regions=self.matched)

    def ids(self, style: int) -> list[tuple[int, ...]]:
        """For each of `regions` the labels of the style that it takes from; empty where it takes nothing from it."""
        return [next((s.ids for s in region.sources if s.style == style), ()) for region in self.regions]

    def shares(self, style: int) -> list[float]:
        """For each of `regions` the share of the style, [0, 1]."""
        return [next((s.share for s in region.sources if s.style == style), 0.0) for region in self.regions]


def combine_matchings(
    content: RegionMap,
    styles: Sequence[MatchedStyle],
    least_share: float,
    *,
    found_by: FoundBy = "mask",
    follow: bool = False,
) -> Correspondence:
    """Combines how the content matches each style.

    A label of the content takes its look from every style that has a match for it, by weight. A label that a style was
    given for takes from such styles only. Labels form one region if they are one region with every style that they
    take from. A style that has no region in common with the content is used, as a whole, only if no style has any.

    Args:
        content: regions of the content, as the matchings have them.
        styles: one or more.
        least_share: messages are about regions of at least this share of the content, [0, 1].
        found_by: see `Correspondence`.
        follow: whether regions without a counterpart follow the rest of the photo. Otherwise they keep their own look.
            They keep it in any case if every style is for one region only: nobody asked for a change of the rest.
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
    found = Correspondence(content, tuple(styles), tuple(targets), (), found_by)
    if follow and found.changes_all:
        found = replace(found, regions=(*targets, *following_regions(content, takers)))
    if len(styles) == 1 and styles[0].region is None:
        return _with_messages_of_one(found, least_share)
    return replace(found, messages=_messages(found, least_share))


def following_regions(content: RegionMap, matched: Collection[int]) -> list[RegionMatch]:
    """The regions of the content without a counterpart, one for each name.

    Args:
        matched: the labels that have a counterpart.
    """
    return [
        RegionMatch(name, labels, ())
        for name, labels in content.labels_by_name.items()
        if not set(labels) & set(matched)
    ]


def match_one_region(content: RegionMap, style: RegionMap, region: str, name: str, least_share: float) -> Matching:
    """How one region of the content matches a style.

    Args:
        region: its name in the content.
        name: of the style photo.
        least_share: of either photo, for a region to be measured, [0, 1].

    Raises:
        SettingsError: the content has no region of that name.
        InputError: the style has no such region, or it is too small in one of the photos.
    """
    present = content.labels_by_name
    if region not in present:
        advice = f"{name} was given for the region {region}. Write ./NAME for a file whose name contains =."
        raise SettingsError(f"a region of the content ({', '.join(present) or 'it has none'})", region, name, advice)
    visible = content.visible_labels
    labels = np.where(np.isin(visible, present[region]), visible, np.uint8(UNLABELLED))
    matching = match(labels, style.visible_labels, content.names, style.names, least_share=least_share)
    if matching.regions[0].name == WHOLE:
        found = ", ".join(f"{other} {share:.1%}" for other, share in _shares(style).items()) or "no region"
        own = f"{region} is {_shares(content)[region]:.1%} of the content"
        raise InputError(f"{least_share:.1%} of {region} or more in both photos", f"{found}; {own}", name)
    return replace(matching, style_only=(), messages=())


def match_whole(content: RegionMap, style: RegionMap, message: str) -> Matching:
    """All of the content matched with all of a style."""
    ids = (tuple(labels_in(regions.visible_labels)) for regions in (content, style))
    return Matching((RegionPair(WHOLE, *ids),), (), (), (), (), (message,))


def _used_styles(styles: Sequence[MatchedStyle]) -> list[int]:
    """Indices of the styles that are used.

    These are the styles for one region, and those that have a region in common with the content (all, if none has).
    """
    general = [place for place, style in enumerate(styles) if style.region is None]
    sharing = [place for place in general if styles[place].matching.regions[0].name != WHOLE] or general
    return [place for place, style in enumerate(styles) if style.region is not None or place in sharing]


def _region_name(labels: Sequence[int], first: RegionPair, names: Mapping[int, str]) -> str:
    """The name of the region of these labels: as in its first match, if that covers the same labels."""
    if set(labels) == set(first.content_ids):
        return first.name
    return f"rest of the {WHOLE}" if first.name == WHOLE else names[labels[0]]


def _with_messages_of_one(found: Correspondence, least_share: float) -> Correspondence:
    """For one style: the messages of its matching, which say what regions without a counterpart do."""
    (style,) = found.styles
    own, messages = style.matching, style.matching.messages
    if len(found.matched) < len(found.regions):
        lists = own.merged, own.content_only, own.style_only, own.too_small
        messages = matching_messages(*lists, _unlabelled(found.content), least_share, FOLLOWS)
        found = replace(found, styles=(replace(style, matching=replace(own, messages=messages)),))
    return replace(found, messages=messages)


def _messages(found: Correspondence, least_share: float) -> tuple[str, ...]:
    """For several styles: what was merged in each, then which styles lack a region of the content."""
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
    fate = FOLLOWS if len(found.matched) < len(found.regions) else KEEPS_LOOK
    general = {place for place in used if found.styles[place].region is None}
    shares = _shares(found.content)
    for name, labels in found.content.labels_by_name.items():
        takers = sources.get(labels[0], set())
        lacking = general - takers
        if shares[name] < least_share or (takers and (not lacking or not takers <= general)):
            continue
        if takers:
            lines.append(f"{_listed(found, lacking)}: no {name}, so it takes its look from {_listed(found, takers)}")
        else:
            lines.append(f"no style for {name}, so it {fate} ({shares[name]:.1%} of the content photo)")
    unlabelled = matching_messages((), (), (), (), _unlabelled(found.content), least_share)
    return (*lines, *(unlabelled if UNLABELLED not in sources else ()))


def _listed(found: Correspondence, places: set[int]) -> str:
    return " and ".join(found.styles[place].name for place in sorted(places))


def _unlabelled(regions: RegionMap) -> float:
    """Share of what can be seen of the photo that is in no region, [0, 1]."""
    return float(np.mean(regions.visible_labels == UNLABELLED))


def _shares(regions: RegionMap) -> dict[str, float]:
    """`{name: share of what can be seen of the photo}`."""
    labels = regions.visible_labels
    counts = np.bincount(labels.ravel(), minlength=256)
    return {name: float(counts[list(ids)].sum()) / labels.size for name, ids in regions.labels_by_name.items()}
