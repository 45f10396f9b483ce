"""The recipe of a transfer, and the session that keeps what many transfers share. Here alone the stages meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from photostyle.device import chosen_device, chosen_dtype
from photostyle.encoders import weights as encoder_weights
from photostyle.errors import SettingsError
from photostyle.laplacian import matting_laplacian
from photostyle.masks import RegionMap, layer_masks, read_mask, soft_masks
from photostyle.objective.content import Content
from photostyle.objective.photorealism import Photorealism
from photostyle.objective.smoothness import total_variation
from photostyle.objective.style import Style as StyleTerm
from photostyle.objective.style import region_grams, with_own_look
from photostyle.objective.total import Objective, Weights
from photostyle.outcome import Clock, Progress, Result, TraceRow, complaints, outcome_of
from photostyle.photo import Photo, resize
from photostyle.regions import WITHOUT_NETWORK, Finder, Matched, Seen, matched
from photostyle.settings import Settings, load_preset
from photostyle.smoothing import apply_maps, smooth_maps
from photostyle.solvers.pixels import Stage, noise, solve
from photostyle.solvers.result import Solution, Status, Step
from segmentation.clusters import cluster
from segmentation.matching import match

if TYPE_CHECKING:
    Source = str | Path | Image.Image | NDArray[Any] | Photo

CLUSTER_LAYER, CLUSTER_SIZE = "relu4_1", 384
"""Features that `clusters` looks at; see `segmentation.clusters.cluster` for the measurement behind it."""


@dataclass(frozen=True, eq=False)
class Style:
    """A style photo, measured: its features at every layer of the style term, at the size of the solve.

    Made by `Session.style`, for the session's settings.

    Args:
        photo: as read, at its own size.
        pixels: `(H, W, 3) float32, sRGB-encoded, [0, 1]`, at the size of the solve.
        features: of `pixels`, `{layer: (1, C, h, w)}` in the encoder's dtype, on the session's device.
        regions: of `pixels`; None where no mask was given.
        seen: what the session's segmenter sees in `pixels`; None where there is a mask or no network.
        settings: of the session that measured it.
    """

    photo: Photo
    pixels: NDArray[np.float32] = field(repr=False)
    features: Mapping[str, Tensor] = field(repr=False)
    regions: RegionMap | None = field(repr=False)
    seen: Seen | None = field(repr=False)
    settings: Settings = field(repr=False)


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
        self._finder: Finder | None = None
        self._progress = progress or (lambda _: None)

    def style(self, source: Source, mask: str | Path | None = None) -> Style:
        """Reads and measures a style photo, with its region mask if it has one.

        Raises:
            InputError: the photo or the mask cannot be used.
        """
        photo = Photo.read(source)
        pixels = photo.fitted(self.settings.solver.size)
        regions = read_mask(mask, *pixels.shape[:2]) if mask is not None else None
        with torch.inference_mode():
            features = self._features(self._tensor(pixels), tuple(self.settings.objective.style_layers))
        return Style(photo, pixels, features, regions, self._seen(pixels) if mask is None else None, self.settings)

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
        with clock.part("objective"):
            self._tell("objective")
            first, second = self._objectives(pixels, style, regions)
        solutions, trace = self._solve(pixels, first, second, clock)
        with clock.part("apply"):
            self._tell("apply")
            solved = solutions[-1].point[0].permute(1, 2, 0).cpu().numpy() if solutions else pixels
            changed, enlarged = self._applied(photo, pixels, solved)
            result = photo.with_pixels(blended(photo.pixels, changed, self.settings.strength))
        warnings = (
            *(f"content: {warning}" for warning in photo.warnings),
            *(f"style: {warning}" for warning in style.photo.warnings),
            *regions.matching.messages, *enlarged,
        )  # fmt: skip
        names = [stage.name for stage in self._stages(first, second)]
        outcomes = tuple(outcome_of(name, solution) for name, solution in zip(names, solutions, strict=False))
        return Result(
            photo=result, terms=solutions[-1].terms if solutions else {}, seconds=clock.seconds(),
            warnings=(*warnings, *complaints(outcomes)), settings=self.settings, device=str(self.device),
            dtype=str(self.dtype).removeprefix("torch."), weights=self.weights,
            stages=outcomes, trace=trace, content_regions=regions.content, style_regions=regions.style,
            matching=regions.matching, interrupted=any(s.status is Status.INTERRUPTED for s in solutions),
        )  # fmt: skip

    def _check_measured_alike(self, style: Style) -> None:
        """Raises SettingsError for a style that was measured by another encoder, at other layers or at another size."""
        for name in ("encoder", "solver.size", "objective.style_layers", "regions.segmenter", "device"):
            wanted, found = (attrgetter(name)(settings) for settings in (self.settings, style.settings))
            if wanted != found:
                advice = "Measure it with this session's `style`."
                raise SettingsError(f"a style measured with {name} = {wanted}", str(found), "style", advice)

    def _tell(self, stage: str) -> None:
        self._progress(Progress(stage, 0, 0, float("nan"), {}))

    def _tensor(self, pixels: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].to(self.device)

    def _features(self, image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        features: dict[str, Tensor] = self.encoder(image.contiguous(memory_format=torch.channels_last), layers)
        return features

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
                self._features(self._tensor(Photo(picture).fitted(CLUSTER_SIZE)), (CLUSTER_LAYER,))[CLUSTER_LAYER]
                for picture in pictures
            ]
        clusters = cluster(*(f[0].float().cpu().numpy() for f in features), seed=self.settings.seed)
        maps = []
        for picture, soft in zip(pictures, (clusters.content_probabilities, clusters.style_probabilities), strict=True):
            probabilities = resize(np.ascontiguousarray(soft.transpose(1, 2, 0)), *picture.shape[:2])
            labels = probabilities.argmax(2).astype(np.uint8)
            maps.append(RegionMap(labels, {label: f"cluster {label + 1}" for label in range(len(soft))}))
        return maps[0], maps[1]

    def _objectives(self, pixels: NDArray[np.float32], style: Style, regions: Matched) -> tuple[Objective, Objective]:
        """The objective without photorealism and with it."""
        settings = self.settings.objective
        image = self._tensor(pixels)
        style_layers = tuple(settings.style_layers)
        layers = tuple(dict.fromkeys((*settings.content_layers, *style_layers)))
        with torch.no_grad():
            features = self._features(image, layers)
            masks, style_masks = (
                layer_masks(torch.from_numpy(soft_masks(photo.labels, ids)).to(self.device), style_layers)
                for photo, ids in (
                    (regions.content, [region.content_ids for region in regions.matching.regions]),
                    (regions.style, [region.style_ids for region in regions.matching.regions]),
                )
            )
            targets = {layer: region_grams(style.features[layer], style_masks[layer]) for layer in style_layers}
            masks, targets = with_own_look(masks, targets, features, self.settings.regions.smallest)
        weights = Weights(settings.content, settings.style, 0.0, settings.total_variation)
        photorealism = (
            Photorealism(matting_laplacian(pixels, settings.epsilon), device=self.device)
            if settings.photorealism and self.settings.solver.photorealistic_iterations
            else no_photorealism
        )
        content = Content({layer: features[layer] for layer in settings.content_layers})
        style_term = StyleTerm(targets, masks, settings.style_layers)
        first, second = (
            Objective(
                self._features, layers, chosen, content=content, style=style_term,
                photorealism=photorealism, total_variation=total_variation,
            )
            for chosen in (weights, replace(weights, photorealism=settings.photorealism))
        )  # fmt: skip
        return first, second

    def _stages(self, first: Objective, second: Objective) -> list[Stage]:
        solver = self.settings.solver
        stages = [
            Stage("solve", first, solver.iterations),
            Stage("solve with photorealism", second, solver.photorealistic_iterations),
        ]
        return [stage for stage in stages if stage.iterations]

    def _solve(
        self, pixels: NDArray[np.float32], first: Objective, second: Objective, clock: Clock
    ) -> tuple[list[Solution], tuple[TraceRow, ...]]:
        solver, trace = self.settings.solver, []

        def report(stage: Stage, step: Step) -> None:
            trace.append(TraceRow(stage.name, step.iteration, step.evaluations, step.seconds, step.loss, step.terms))
            self._progress(Progress(stage.name, step.iteration, stage.iterations, step.loss, step.terms))

        start = self._tensor(pixels)
        if solver.start == "noise":
            start = noise(pixels.shape[0], pixels.shape[1], self.settings.seed).to(self.device)
        with clock.part("solve"):
            solutions = solve(
                self._stages(first, second), start, history=solver.history, tolerance=solver.tolerance,
                patience=solver.patience, report=report,
            )  # fmt: skip
        return solutions, tuple(trace)

    def _applied(
        self, photo: Photo, pixels: NDArray[np.float32], solved: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """What was solved for, at the photo's own size, with a warning where that blurs it."""
        smoothing = self.settings.smoothing
        if smoothing.enabled:
            maps = smooth_maps(np.ascontiguousarray(solved), pixels, radius=smoothing.radius, edge=smoothing.edge)
            return apply_maps(maps, photo.pixels), ()
        if solved.shape == photo.pixels.shape:
            return solved, ()
        height, width = solved.shape[:2]
        warning = f"solved at {width} x {height} px and enlarged without smoothing: the result is softer than the photo"
        return resize(np.ascontiguousarray(solved), photo.height, photo.width), (warning,)


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


def no_photorealism(image: Tensor) -> Tensor:
    """Stands where the photorealism term has no weight and its Laplacian was not built: a scalar 0."""
    return image.new_zeros(())


def blended(content: NDArray[np.float32], changed: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """The content for strength 0, bit for bit, the changed photo for 1, and a mixture between."""
    if strength in (0.0, 1.0):
        return changed if strength else content
    return content + np.float32(strength) * (changed - content)
