"""Styles: style photos measured at every size of the solve, one or several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from photostyle.compute.device import chosen_device
from photostyle.encoders.features import EncodedPhoto
from photostyle.errors import SettingsError
from photostyle.photo.photo import Photo
from photostyle.regions.found_regions import Segmentation
from photostyle.regions.region_map import RegionMap
from photostyle.settings import Settings
from photostyle.styles.look_file import Look, StoredStyle, write_look

MEASURED_BY = (
    "encoder",
    "solver.method",
    "solver.size",
    "objective.style_layers",
    "grid.style_layers",
    "regions.segmenter",
)
"""Settings on which it depends what a style is measured for, beside the device."""


@dataclass(frozen=True, eq=False)
class StylePhoto:
    """A style photo, measured: its features at every layer of the style term, at every size of the solve.

    Args:
        photo: as read, at its own size; of a saved look, at that of the solve.
        name: of its file, as messages call it.
        sha256: of the file's bytes, hexadecimal; None where there was none.
        scales: from the smallest to that of the solve; `pixels` are the last one's.
        regions: of `pixels`; None where no mask was given.
        segmentation: what the segmenter sees in `pixels`; None where there is a mask or no network.
        weight: above 0, beside those of the other photos.
        region: of the content, that alone takes its look from this photo; None for all.
    """

    photo: Photo
    name: str
    sha256: str | None
    scales: tuple[EncodedPhoto, ...] = field(repr=False)
    regions: RegionMap | None = field(repr=False)
    segmentation: Segmentation | None = field(repr=False)
    weight: float
    region: str | None

    @property
    def pixels(self) -> NDArray[np.float32]:
        """`(H, W, 3) float32, sRGB-encoded, [0, 1]`, at the size of the solve."""
        return self.scales[-1].pixels

    @property
    def features(self) -> Mapping[str, Tensor]:
        """Of `pixels`."""
        return self.scales[-1].features

    @property
    def origin(self) -> str:
        """What a result's history says of it."""
        share = "" if self.region is None else f" for {self.region}"
        return f"style {self.name}{share}, weight {self.weight:g}, sha256 {self.sha256 or 'unknown'}"


@dataclass(frozen=True, eq=False)
class Style:
    """One style photo or several, measured for a session's settings.

    Made by `Session.style`. `+` puts two together, and `sum` any number, so that a photo takes its look from
    all of them, each by its weight.

    Args:
        parts: the style photos.
        settings: the settings of the session that measured them.
    """

    parts: tuple[StylePhoto, ...]
    settings: Settings = field(repr=False)

    def __add__(self, other: Style) -> Style:
        """Both looks together.

        Raises:
            SettingsError: they were measured for other settings.
        """
        other.check_measured_for(self.settings)
        return Style((*self.parts, *other.parts), self.settings)

    def __radd__(self, start: Literal[0]) -> Style:
        """The look itself, so that `sum(styles)`, which begins with 0, adds them."""
        return self if start == 0 else NotImplemented

    def check_measured_for(self, settings: Settings) -> None:
        """Raises SettingsError for a style measured by another encoder, at other layers or another size, or elsewhere.

        Devices are compared, not their names: `auto` is `cpu` where there is no other.
        """
        advice = "Measure it with this session's `style`."
        for name in MEASURED_BY:
            wanted, found = (attrgetter(name)(each) for each in (settings, self.settings))
            if wanted != found:
                raise SettingsError(f"a style measured with {name} = {wanted}", str(found), "style", advice)
        if settings.device != self.settings.device:
            here, there = (chosen_device(each.device) for each in (settings, self.settings))
            if (here.type, here.index or 0) != (there.type, there.index or 0):
                raise SettingsError(
                    f"a style measured on the device {here}", f"one measured on {there}", "style", advice
                )

    def check_masks(self, content_mask: bool) -> None:
        """Raises SettingsError unless the content and every style photo have a mask, or none of them has one.

        Args:
            content_mask: whether the content has one.
        """
        masked = [part.regions is not None for part in self.parts]
        if any(masked) != all(masked):
            without = self.parts[masked.index(False)].name
            raise SettingsError.stating(f"{without} has no mask, but other style photos have one", "style")
        if content_mask != masked[0]:
            given, missing = ("style", "content") if masked[0] else ("content", "style")
            raise SettingsError("a mask for both photos or for neither", f"one for the {given} only",
                                advice=f"give one for the {missing} too, or leave both to the segmenter")  # fmt: skip

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes the look as a file that goes in wherever a style photo does; docs/styles.md says what it holds.

        Args:
            path: the file, NAME.photostyle.
            overwrite: replace an existing file.

        Raises:
            SettingsError: another ending.
            OutputError: the file cannot be written.
        """
        kept = tuple(
            StoredStyle(p.name, p.sha256, p.weight, p.region, tuple(scale.pixels for scale in p.scales), p.regions)
            for p in self.parts
        )
        anywhere = self.settings.with_changes({"device": "auto", "output": {}})  # of the look, not of one run's files
        write_look(path, Look(anywhere, kept), overwrite=overwrite)
