"""Styles. A style is one style photo or several, measured at each size of the solve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from photostyle.compute.device import chosen_device, first_of_its_kind
from photostyle.encoders.features import EncodedPhoto
from photostyle.errors import SettingsError
from photostyle.photo.photo import Photo
from photostyle.regions.found_regions import Segmentation
from photostyle.regions.region_map import RegionMap
from photostyle.settings import Settings
from photostyle.styles.look_file import Look, StoredStyle, write_look

if TYPE_CHECKING:
    from torch import Tensor

MEASURED_BY = (
    "encoder",
    "solver.method",
    "solver.size",
    "objective.style_layers",
    "grid.style_layers",
    "grid.fine_layers",
    "regions.segmenter",
)
"""The settings that decide, beside the device, how a style is measured. A session with other values refuses it."""

GREY, MOST_COLOURED = 2.5 / 255, 1e-3
"""A pixel is grey if its channels are no further apart than the first; in a black-and-white photo, at most the second
share of the pixels is not grey. JPEG moves the channels of a grey photo apart by up to 2 levels (our choice)."""


@dataclass(frozen=True, eq=False)
class StylePhoto:
    """A measured style photo: its features at each layer of the style term, at each size of the solve.

    Args:
        photo: the photo at its own size. From a saved look, it has the size of the solve.
        name: the name of its file, for messages.
        sha256: of the file's bytes, hexadecimal; None if there was no file.
        scales: the measurements at each size. The last is the size of the solve, and `pixels` belong to it.
        regions: the mask of `pixels`; None if it has no mask.
        segmentation: what the segmenter finds in `pixels`; None if there is a mask or no network.
        weight: how much it counts beside the other photos, above 0.
        region: the one region of the content that it is for; None for all regions.
        coverage: `(H, W) float32`, linear, [0, 1]: how much of `pixels` can be seen; None for all.
    """

    photo: Photo
    name: str
    sha256: str | None
    scales: tuple[EncodedPhoto, ...] = field(repr=False)
    regions: RegionMap | None = field(repr=False)
    segmentation: Segmentation | None = field(repr=False)
    weight: float
    region: str | None
    coverage: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def pixels(self) -> NDArray[np.float32]:
        """The photo at the size of the solve, `(H, W, 3) float32, sRGB-encoded, [0, 1]`."""
        return self.scales[-1].pixels

    @property
    def features(self) -> Mapping[str, Tensor]:
        """The features of `pixels`, by layer."""
        return self.scales[-1].features

    @property
    def is_grey(self) -> bool:
        """Whether this is a black-and-white photo: the visible pixels, with few exceptions, have no colour."""
        pixels = self.pixels if self.coverage is None else self.pixels[self.coverage > 0]
        chroma = pixels.max(-1) - pixels.min(-1)
        return float((chroma > GREY).mean()) <= MOST_COLOURED

    @property
    def origin(self) -> str:
        """What a result's history says about this style photo."""
        share = "" if self.region is None else f" for {self.region}"
        return f"style {self.name}{share}, weight {self.weight:g}, sha256 {self.sha256 or 'unknown'}"


@dataclass(frozen=True, eq=False)
class Style:
    """One style photo or several, measured for a session's settings.

    `Session.style` makes it. Use `+` to add two styles, or `sum` for any number. A photo then takes its look from all
    of them, each by its weight.

    Args:
        parts: the style photos.
        settings: the settings of the session that measured them.
    """

    parts: tuple[StylePhoto, ...]
    settings: Settings = field(repr=False)

    def __add__(self, other: Style) -> Style:
        """The two styles together.

        Raises:
            SettingsError: they were measured with different settings.
        """
        other.check_measured_for(self.settings)
        return Style((*self.parts, *other.parts), self.settings)

    def __radd__(self, start: Literal[0]) -> Style:
        """Makes `sum(styles)` work, which begins with 0: 0 + style is the style itself."""
        return self if start == 0 else NotImplemented

    def check_measured_for(self, settings: Settings) -> None:
        """Raises SettingsError if the style was measured with other settings in `MEASURED_BY`, or on another device.

        The devices themselves are compared and not their names: `auto` is `cpu` on a machine without another device.
        """
        advice = "Measure the style with the method `style` of this session."
        for name in MEASURED_BY:
            wanted, found = (attrgetter(name)(each) for each in (settings, self.settings))
            if wanted != found:
                raise SettingsError(
                    f"a style measured with {name} = {wanted}", f"one measured with {name} = {found}", "style", advice
                )
        if settings.device != self.settings.device:
            here, there = (chosen_device(each.device) for each in (settings, self.settings))
            if first_of_its_kind(here) != first_of_its_kind(there):
                raise SettingsError(
                    f"a style measured on the device {here}", f"one measured on {there}", "style", advice
                )

    def check_masks(self, content_mask: bool) -> None:
        """Raises SettingsError if only some of the photos, the content and all style photos, have a mask.

        Args:
            content_mask: whether the content has a mask.
        """
        masked = [part.regions is not None for part in self.parts]
        if any(masked) != all(masked):
            without = self.parts[masked.index(False)].name
            raise SettingsError.stating(f"{without} has no mask, but other style photos have one", "style")
        if content_mask != masked[0]:
            given, missing = ("style", "content") if masked[0] else ("content", "style")
            advice = f"Give a mask for the {missing} too, or give none: regions are then found automatically."
            raise SettingsError.stating(f"the {given} has a mask, but the {missing} has none", advice=advice)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Saves the style and its settings as a look: a file that you can use like a style photo, see docs/styles.md.

        Args:
            path: the file, NAME.photostyle.
            overwrite: replace an existing file.

        Raises:
            SettingsError: the name does not end in .photostyle.
            OutputError: the file cannot be written.
        """
        photos = tuple(
            StoredStyle(
                p.name, p.sha256, p.weight, p.region, tuple(scale.pixels for scale in p.scales), p.regions, p.coverage
            )
            for p in self.parts
        )
        portable = self.settings.with_changes({"device": "auto", "output": {}})  # settings of one run, not of the look
        write_look(path, Look(portable, photos), overwrite=overwrite)
