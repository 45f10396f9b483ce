"""Pictures of regions to look at: of one photo, and of a content photo with its styles.

Their text can be read whatever size the photos have. Small photos are enlarged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from photostyle.export.panels import Fill, Panel, Row, draw_panels
from photostyle.photo.photo import Photo
from photostyle.photo.resizing import resize
from photostyle.regions.correspondence import FOLLOWS, Correspondence, FoundBy, MatchedStyle, RegionMatch
from photostyle.regions.in_words import LEAST_NAMED, listed, names_of, sources_name, sureness_text, taker_name
from photostyle.regions.region_map import RegionMap
from segmentation.labels import UNLABELLED, labels_in
from segmentation.matching import KEEPS_LOOK
from segmentation.palette import display_colour

Pixels = NDArray[np.float32]

PANEL = 800
"""Longest side of each photo beside another, in pixels: two of them fill a laptop's screen."""
LEAST_SIDE = 800
"""A single photo is enlarged to this longest side, in pixels, if it is smaller."""
WAYS: Mapping[FoundBy, str] = {
    "mask": "by the masks",
    "classes": "by class",
    "subject": "as subject and background",
    "groups": "by groups of what looks alike",
    "whole": "as whole photos",
}


def regions_picture(photo: Photo, regions: RegionMap) -> Photo:
    """A photo with tinted regions, and the names and shares of these below.

    Args:
        regions: of the photo, at its size.
    """
    fills = {label: Fill((display_colour(label, name),)) for label, name in regions.names.items()}
    shares = {label: regions.share([label]) for label in labels_in(regions.visible_labels)}
    largest = [label for label in sorted(shares, key=lambda label: -shares[label]) if label != UNLABELLED]
    rows = [Row(fills[label], (regions.names[label], _percent(shares[label]))) for label in largest]
    pixels, longest = photo.in_srgb(), max(photo.height, photo.width)
    if longest < LEAST_SIDE:
        pixels = _scaled(pixels, LEAST_SIDE)
    panel = Panel("", pixels, regions, fills)
    return draw_panels([panel], [Row(None, ("region", "share")), *rows])


def correspondence_picture(content: Photo, styles: Sequence[Photo], found: Correspondence) -> Photo:
    """The content beside the styles: what takes its look from what has the same colour.

    The legend below says how large the regions are and how sure the program is of each match.

    Args:
        styles: in the order of `found.styles`.
    """
    fills = {
        region: Fill(hatched=True) if region.follows else Fill((display_colour(region.content_ids[0], region.name),))
        for region in found.regions
    }
    name = content.path.name if content.path else "the content photo"
    own = {label: fill for region, fill in fills.items() for label in region.content_ids}
    panels = [Panel(f"content: {name}", _scaled(content.fitted(PANEL), PANEL), found.content, own)]
    for place, (photo, style) in enumerate(zip(styles, found.styles, strict=True)):
        pixels = _scaled(photo.fitted(PANEL), PANEL)
        panels.append(Panel(_title(style, place, len(styles)), pixels, style.regions, _used(found, place, fills)))
    shares = ["share of the style"] if len(styles) == 1 else [f"of style {place + 1}" for place in range(len(styles))]
    head = Row(None, (f"matched {WAYS[found.found_by]}", "share of the content", *shares, ""))
    rows = [
        Row(
            fill,
            (
                f"{taker_name(found, region)} {FOLLOWS if region.follows else f'from {sources_name(found, region)}'}",
                _percent(found.content.share(region.content_ids)),
                *(
                    _percent(style.regions.share(ids)) if (ids := found.ids(place)[index]) else ""
                    for place, style in enumerate(found.styles)
                ),
                "" if region.follows else sureness_text(region.sureness),
            ),
        )
        for index, (region, fill) in enumerate(fills.items())
        if not region.follows or found.content.share(region.content_ids) >= LEAST_NAMED
    ]
    return draw_panels(panels, [head, *rows, *_rows_of_the_rest(panels)])


def _used(found: Correspondence, style: int, fills: Mapping[RegionMatch, Fill]) -> dict[int, Fill]:
    """How each label of a style is shown: in the colours of all regions that take from it; of small ones if no other
    does."""
    takers: dict[int, list[RegionMatch]] = {}
    for region, ids in zip(found.regions, found.ids(style), strict=True):
        for label in ids:
            takers.setdefault(label, []).append(region)
    large = {region for region in fills if found.content.share(region.content_ids) >= LEAST_NAMED}
    return {
        label: Fill(tuple(c for each in ([r for r in every if r in large] or every) for c in fills[each].colours))
        for label, every in takers.items()
    }


def _rows_of_the_rest(panels: Sequence[Panel]) -> list[Row]:
    """Rows for what is dimmed: what keeps its own look in the content, and what is not used of the styles."""
    content, *styles = [[i for i in labels_in(p.regions.visible_labels) if i not in p.fills] for p in panels]
    shares = [panel.regions.share(ids) for panel, ids in zip(panels, (content, *styles), strict=True)]
    rows = []
    if shares[0] >= LEAST_NAMED:
        names = listed(names_of(panels[0].regions, content)) or "what is in no region"
        rows.append(Row(Fill(), (f"{names} {KEEPS_LOOK}", _percent(shares[0]), *("" for _ in styles), "")))
    if max(shares[1:]) >= LEAST_NAMED:
        names = listed(list(dict.fromkeys(
            name for panel, ids in zip(panels[1:], styles, strict=True) for name in names_of(panel.regions, ids)
        )))  # fmt: skip
        text = f"not used{f': {names}' if names else ''}"
        rows.append(Row(Fill(), (text, "", *(_percent(share) if share else "" for share in shares[1:]), "")))
    return rows


def _percent(share: float) -> str:
    return "under 1%" if 0 < share < LEAST_NAMED else f"{share:.0%}"


def _title(style: MatchedStyle, place: int, count: int) -> str:
    number = f" {place + 1}" if count > 1 else ""
    return f"style{number}: {style.name}" + (f", for {style.region}" if style.region else "")


def _scaled(pixels: Pixels, longest: int) -> Pixels:
    """The photo with this longest side, in pixels."""
    factor = longest / max(pixels.shape[:2])
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return resize(pixels, height, width)
