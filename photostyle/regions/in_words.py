"""A correspondence in words: what takes its look from what, and how sure the program is of it."""

from __future__ import annotations

from collections.abc import Sequence

from photostyle.regions.correspondence import Correspondence, RegionMatch, StyleShare
from photostyle.regions.region_map import RegionMap
from segmentation.matching import WHOLE

LEAST_NAMED = 0.01
"""Smaller shares of a photo are not named (our choice)."""
MOST_SURE = 0.99
"""No match that the program found itself is shown with a higher sureness."""


def match_line(found: Correspondence) -> str:
    """One line, such as `regions: sky from sky (96% sure); building from building and object (81% sure)`.

    What has no counterpart comes last: `; water follows the rest`. A match that the user decided has no figure. With
    several styles, the line says which of them a region takes from.
    """
    parts, shares = [], {region: found.content.share(region.content_ids) for region in found.regions}
    for region in [region for region in found.matched if shares[region] >= LEAST_NAMED] or found.matched:
        sureness = sureness_text(region.sureness)
        figure = f" ({sureness})" if sureness else ""
        parts.append(f"{taker_name(found, region)} from {sources_name(found, region)}{figure}")
    following = [region.name for region in found.regions if region.follows and shares[region] >= LEAST_NAMED]
    if following:
        parts.append(f"{listed(following)} {'follows' if len(following) == 1 else 'follow'} the rest")
    return f"regions: {'; '.join(parts)}"


def taker_name(found: Correspondence, region: RegionMatch) -> str:
    """What a region of the content is called: the names of all that is part of it, such as `building and object`."""
    if region.sources and _is_whole(found, region.sources[0]):
        return region.name if region.name == WHOLE else "the rest"
    return listed(names_of(found.content, region.content_ids))


def sources_name(found: Correspondence, region: RegionMatch) -> str:
    """What a region takes its look from, such as `sky`, or `sky of dusk.jpg, sky of dawn.jpg` of several styles."""
    return ", ".join(source_name(found, source) for source in region.sources)


def source_name(found: Correspondence, source: StyleShare) -> str:
    """What a region takes its look from in one style, such as `sky`, or `sky of dusk.jpg` of several styles."""
    style = found.styles[source.style]
    if _is_whole(found, source):
        return WHOLE if len(found.styles) == 1 else f"all of {style.name}"
    name = listed(names_of(style.regions, source.ids))
    return name if len(found.styles) == 1 else f"{name} of {style.name}"


def sureness_text(sureness: float) -> str:
    """`96% sure`; empty for 1, which the user decided."""
    return "" if sureness == 1 else f"{min(sureness, MOST_SURE):.0%} sure"


def names_of(regions: RegionMap, ids: Sequence[int]) -> list[str]:
    """The names of these labels in their order, each once: the large ones if there are any, else all."""
    names = list(dict.fromkeys(regions.names[label] for label in ids if label in regions.names))
    large = [name for name in names if regions.share(regions.labels_by_name.get(name, ())) >= LEAST_NAMED]
    return large or names


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, or `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _is_whole(found: Correspondence, source: StyleShare) -> bool:
    """Whether the style is used as a whole."""
    return found.styles[source.style].matching.regions[0].name == WHOLE
