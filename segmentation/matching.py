"""Which regions of the content photo answer to which of the style photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.labels import UNLABELLED

LEAST_SHARE = 1e-3
"""Of a photo, for a region to be measured; that of the project's scoring program, `tools/score.py`."""


@dataclass(frozen=True)
class Region:
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
class Matching:
    """What takes its look from what.

    Args:
        regions: those common to both photos, in the order of the content's ids. Never empty.
        content_only: regions that the style lacks; they are in no region and keep their own look.
        style_only: regions that the content lacks; their look is not used.
        too_small: regions below the least share of a photo that has them; they keep their own look.
        messages: what the user should know, a line each.
    """

    regions: tuple[Region, ...]
    content_only: tuple[Unmatched, ...]
    style_only: tuple[Unmatched, ...]
    too_small: tuple[Unmatched, ...]
    messages: tuple[str, ...]


def match(
    content_labels: NDArray[np.uint8],
    style_labels: NDArray[np.uint8],
    content_names: Mapping[int, str] | None = None,
    style_names: Mapping[int, str] | None = None,
    *,
    least_share: float = LEAST_SHARE,
) -> Matching:
    """Matches the regions of two photos by name; without names, by id.

    Photos that have no region in common are matched as wholes, in one region; no other is then listed.

    Args:
        content_labels, style_labels: `(H, W) uint8`, of any two sizes; 255 is no region.
        content_names, style_names: `{id: name}`; ids of equal name are one region, an id without a name is named
            after itself.
        least_share: of either photo, [0, 1]; a smaller region is not measured.

    Raises:
        ValueError: a label map without pixels.
    """
    content, style = _group(content_labels, content_names or {}), _group(style_labels, style_names or {})
    content_shares, style_shares = _shares(content, content_labels), _shares(style, style_labels)
    regions: list[Region] = []
    content_only: list[Unmatched] = []
    style_only: list[Unmatched] = []
    too_small: list[Unmatched] = []
    for name in dict.fromkeys((*content, *style)):
        shares = [s[name] for s in (content_shares, style_shares) if name in s]
        unmatched = Unmatched(name, content_shares.get(name, 0.0), style_shares.get(name, 0.0))
        if min(shares) < least_share:
            too_small.append(unmatched)
        elif name not in style:
            content_only.append(unmatched)
        elif name not in content:
            style_only.append(unmatched)
        else:
            regions.append(Region(name, content[name], style[name]))
    lists = tuple(content_only), tuple(style_only), tuple(too_small)
    if regions:
        messages = _messages(*lists, float(np.mean(content_labels == UNLABELLED)), least_share)
        return Matching(tuple(regions), *lists, messages)
    whole = Region("whole photo", _ids(content_labels), _ids(style_labels))
    message = (
        "the photos have no region in common, so the whole of the one takes the look of the whole of the other"
        f" (content: {_listed(content)}; style: {_listed(style)})"
    )
    return Matching((whole,), (), (), (), (message,))


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


def _messages(
    content_only: Sequence[Unmatched],
    style_only: Sequence[Unmatched],
    too_small: Sequence[Unmatched],
    unlabelled: float,
    least_share: float,
) -> tuple[str, ...]:
    """A line for everything that matters: specks that are too small in every photo that has them do not."""
    lines = [
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


def _listed(groups: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(groups) or "no region"
