"""The recipe of a transfer, and the session that keeps what many transfers share. Here alone the stages meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from photostyle import __version__, by_grid, by_pixels
from photostyle.device import chosen_device, chosen_dtype
from photostyle.encoders import weights as encoder_weights
from photostyle.errors import SettingsError
from photostyle.masks import RegionMap, read_mask
from photostyle.outcome import Clock, Progress, Result, complaints, outcome_of
from photostyle.photo import Photo, resize
from photostyle.regions import WITHOUT_NETWORK, Finder, Matched, Seen, matched
from photostyle.settings import Settings, load_preset
from photostyle.solvers.result import Status
from photostyle.task import Encode, Scale, Style, Task
from segmentation.clusters import cluster
from segmentation.matching import match

if TYPE_CHECKING:
    Source = str | Path | Image.Image | NDArray[Any] | Photo

CLUSTER_LAYER, CLUSTER_SIZE = "relu4_1", 384
"""Features that `clusters` looks at; see `segmentation.clusters.cluster` for the measurement behind it."""


METHODS = {"grid": by_grid.transfer, "closed form": by_grid.preview, "pixels": by_pixels.transfer}


class Session:
    """Settings, device and encoder, loaded once for many photos.

    Args:
        preset: name of a preset; unused where `settings` are given.
        settings: settings of one's own.
        device: overrides the settings' device.
        progress: called at every accepted iterate and at the start of every other stage; without it a download of
            weights is silent, too.

    Raises:
        SettingsError: an unknown preset, or a device that this machine lacks.
        WeightsError: the encoder's weights are missing or not the ones they should be.
    """

    def __init__(
        self,
        preset: str = "default",
        *,
        settings: Settings | None = None,
        device: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        settings = settings or load_preset(preset)
        if device is not None:
            settings = settings.with_changes({"device": device})
        self.settings = settings
        self.device = chosen_device(settings.device)
        self.dtype = chosen_dtype(settings.encoder.dtype, self.device)
        name, talking = settings.encoder.name, progress is not None
        self.encoder = encoder_weights.load(name, settings.encoder.pooling, progress=talking)
        self.weights: dict[str, str] = {name: encoder_weights.recorded_sha256(encoder_weights.find_weights(name))}
        self.encoder.compute_in(self.dtype).to(self.device).to(memory_format=torch.channels_last)
        self._encode = Encode(self.encoder, self.device)
        self._finder: Finder | None = None
        self._progress = progress or (lambda _: None)

    def style(self, source: Source, mask: str | Path | None = None) -> Style:
        """Reads and measures a style photo, with its region mask if it has one.

        Raises:
            InputError: the photo or the mask cannot be used.
        """
        photo, size = Photo.read(source), self.settings.solver.size
        layers = self._style_layers()
        sizes = (size // 2, size) if self.settings.solver.method == "grid" else (size,)
        scales = []
        for longest in sizes:
            pixels = photo.fitted(longest)
            with torch.inference_mode():
                features = self._encode(self._encode.tensor(pixels), layers) if layers else {}
            scales.append(Scale(pixels, features))
        regions = read_mask(mask, *pixels.shape[:2]) if mask is not None else None
        return Style(photo, tuple(scales), regions, self._seen(pixels) if mask is None else None, self.settings)

    def transfer(self, content: Source, style: Style | Source, *, content_mask: str | Path | None = None) -> Result:
        """Gives the content photo the look of the style.

        Args:
            content: a path, PIL image, array or `Photo`.
            style: a measured style, or the source of one.
            content_mask: regions of the content; there if and only if the style has its own.

        Raises:
            InputError: a photo or mask that cannot be used.
            SettingsError: a mask for one of the photos only.
        """
        clock = Clock()
        with clock.part("read"):
            photo = Photo.read(content)
        if not isinstance(style, Style):
            with clock.part("style"):
                self._tell("measure the style")
                style = self.style(style)
        self._check_measured_alike(style)
        if (content_mask is None) != (style.regions is None):
            given, missing = ("content", "style") if style.regions is None else ("style", "content")
            raise SettingsError("a mask for both photos or for neither", f"one for the {given} only",
                                advice=f"give one for the {missing} too, or leave both to the segmenter")  # fmt: skip
        pixels = photo.fitted(self.settings.solver.size)
        with clock.part("regions"):
            self._tell("regions")
            regions = self._regions(pixels, style, content_mask)
        task = Task(self.settings, self._encode, photo, pixels, style, regions, clock, self._progress)
        solved = METHODS[self.settings.solver.method](task)
        with clock.part("apply"):
            changed, enlarged = solved.apply(photo)
            result = photo.with_pixels(blended(photo.pixels, changed, self.settings.strength))
            result = result.with_event(f"photostyle {__version__}", provenance(self.settings, style.photo))
        warnings = (
            *(f"content: {warning}" for warning in photo.warnings),
            *(f"style: {warning}" for warning in style.photo.warnings),
            *regions.matching.messages, *enlarged,
        )  # fmt: skip
        solutions = [solution for _, solution in solved.solutions]
        outcomes = tuple(outcome_of(name, solution) for name, solution in solved.solutions)
        return Result(
            photo=result, terms=solutions[-1].terms if solutions else {}, paper_terms=solved.paper_terms,
            seconds=clock.seconds(),
            warnings=(*warnings, *complaints(outcomes)), settings=self.settings, device=str(self.device),
            dtype=str(self.dtype).removeprefix("torch."), weights=self.weights,
            stages=outcomes, trace=solved.trace, content_regions=regions.content, style_regions=regions.style,
            matching=regions.matching, interrupted=any(s.status is Status.INTERRUPTED for s in solutions),
        )  # fmt: skip

    def _style_layers(self) -> tuple[str, ...]:
        """Layers at which a style is measured."""
        method = self.settings.solver.method
        if method == "closed form":
            return ()
        return tuple(self.settings.grid.style_layers if method == "grid" else self.settings.objective.style_layers)

    def _check_measured_alike(self, style: Style) -> None:
        """Raises SettingsError for a style that was measured by another encoder, at other layers or at another size."""
        for name in (
            "encoder",
            "solver.method",
            "solver.size",
            "objective.style_layers",
            "grid.style_layers",
            "regions.segmenter",
            "device",
        ):
            wanted, found = (attrgetter(name)(settings) for settings in (self.settings, style.settings))
            if wanted != found:
                advice = "Measure it with this session's `style`."
                raise SettingsError(f"a style measured with {name} = {wanted}", str(found), "style", advice)

    def _tell(self, stage: str) -> None:
        self._progress(Progress(stage, 0, 0, float("nan"), {}))

    def _seen(self, pixels: NDArray[np.float32]) -> Seen | None:
        """What the segmenter sees, None where it is none that looks at one photo at a time."""
        name = self.settings.regions.segmenter
        if name in WITHOUT_NETWORK:
            return None
        if self._finder is None:
            self._finder = Finder(name)
            self.weights[f"segmenter {name}"] = self._finder.segmenter.sha256
        return self._finder.see(pixels)

    def _regions(self, pixels: NDArray[np.float32], style: Style, content_mask: str | Path | None) -> Matched:
        note: tuple[str, ...] = ()
        if content_mask is not None and style.regions is not None:
            content, other = read_mask(content_mask, *pixels.shape[:2]), style.regions
        elif self.settings.regions.segmenter == "none":
            content, other = (
                RegionMap(np.zeros(picture.shape[:2], np.uint8), {0: "whole photo"})
                for picture in (pixels, style.pixels)
            )
        else:
            seen = self._seen(pixels)
            if seen is not None and style.seen is not None:
                found, reason = matched(seen, style.seen)
                if found is not None:
                    return found
                note = (f"{reason}, so regions are clusters of what looks alike in both",)
            content, other = self._clustered(pixels, style.pixels)
        matching = match(content.labels, other.labels, content.names, other.names,
                         least_share=self.settings.regions.smallest)  # fmt: skip
        return Matched(content, other, replace(matching, messages=(*note, *matching.messages)))

    def _clustered(self, *pictures: NDArray[np.float32]) -> tuple[RegionMap, RegionMap]:
        with torch.inference_mode():
            features = [
                self._encode(self._encode.tensor(Photo(picture).fitted(CLUSTER_SIZE)), (CLUSTER_LAYER,))[CLUSTER_LAYER]
                for picture in pictures
            ]
        clusters = cluster(*(f[0].float().cpu().numpy() for f in features), seed=self.settings.seed)
        maps = []
        for picture, soft in zip(pictures, (clusters.content_probabilities, clusters.style_probabilities), strict=True):
            probabilities = resize(np.ascontiguousarray(soft.transpose(1, 2, 0)), *picture.shape[:2])
            labels = probabilities.argmax(2).astype(np.uint8)
            maps.append(RegionMap(labels, {label: f"cluster {label + 1}" for label in range(len(soft))}))
        return maps[0], maps[1]


def transfer(
    content: Source,
    style: Source,
    *,
    preset: str = "default",
    settings: Settings | None = None,
    device: str | None = None,
    content_mask: str | Path | None = None,
    style_mask: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Gives one photo the look of another; see `Session` for the arguments and the errors."""
    session = Session(preset, settings=settings, device=device, progress=progress)
    return session.transfer(content, session.style(style, style_mask), content_mask=content_mask)


def provenance(settings: Settings, style: Photo) -> str:
    """What a result's history says of how it was made."""
    name = style.path.name if style.path else "no file"
    return f"preset {settings.preset}, strength {settings.strength:g}, style {name}, sha256 {style.sha256 or 'unknown'}"


def blended(content: NDArray[np.float32], changed: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """The content for strength 0, bit for bit, the changed photo for 1, and a mixture between."""
    if strength in (0.0, 1.0):
        return changed if strength else content
    return content + np.float32(strength) * (changed - content)
