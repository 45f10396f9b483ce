"""Regions in a worker: found, shown, mended and written."""

from __future__ import annotations

from collections.abc import Mapping

from segmentation.palette import display_colour


def colour_of(label: int, names: Mapping[int, str]) -> str:
    """The colour that shows a label, as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*display_colour(label, names.get(label, "")))
