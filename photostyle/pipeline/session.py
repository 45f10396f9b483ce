"""`transfer` and `Session`: the stages of a transfer in their order. A session keeps what many transfers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from hashlib import sha256
from operator import add
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from photostyle import __version__
from photostyle.compute.device import chosen_device, chosen_dtype, enough_memory, within_memory
from photostyle.encoders import weights as encoder_weights
from photostyle.encoders.features import Encode, FeatureExtractor, LazyEncoder
from photostyle.encoders.looking import Networks
from photostyle.errors import InputError, SettingsError
from photostyle.photo.photo import Photo, PhotoSource
from photostyle.pipeline import set_look
from photostyle.pipeline.methods import METHODS, needs_pytorch, solves_on_arrays
from photostyle.pipeline.rendering import Rendering, Solved, strengths_of
from photostyle.pipeline.result import Clock, Progress, Result
from photostyle.pipeline.set_look import SetLook, SetPhoto
from photostyle.pipeline.task import SolvedTransfer, Task
from photostyle.presets import load_preset
from photostyle.regions.correspondence import Correspondence
from photostyle.regions.found_regions import WITHOUT_NETWORK, RegionFinder, Segmentation
from photostyle.regions.mask_files import MaskSource, read_mask
from photostyle.regions.region_map import RegionMap
from photostyle.settings import EncoderSettings, Settings, check_one_look, keyword_changes
from photostyle.solvers.result import Status
from photostyle.styles.look_file import MOST_WEIGHT, StoredStyle, is_look, read_look
from photostyle.styles.matching import ContentPhoto, find_correspondence
from photostyle.styles.style import Style, StylePhoto

_T = TypeVar("_T")

SOFTWARE = f"photostyle {__version__}"
UNSOLVED = "nothing was solved for: with these settings the result is the content itself"


class Session:
    """The settings, the device and the encoder, loaded once for many photos.

    Args:
        preset: the name of a preset, or the path of a saved look, NAME.photostyle, whose settings are used. It is
            ignored if `settings` are given.
        settings: your own settings.
        device: the device to use instead of the one in the settings.
        progress: a function that is called at each accepted iterate, and at the start of each stage without iterates.
            Without this function, a download of weights shows no progress either.

    Raises:
        SettingsError: the preset is unknown, or this machine lacks the device.
        InputError: the look cannot be used.
        WeightsError: the encoder's weights are missing or wrong. Where solving does not need PyTorch, they are only
            read when they are first used.
    """

    def __init__(
        self,
        preset: str = "default",
        *,
        settings: Settings | None = None,
        device: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        if settings is None:
            settings = _settings_of(preset)
        if device is not None:
            settings = settings.with_changes({"device": device})
        self.settings = settings
        self.device = chosen_device(settings.device)
        self._networks = Networks() if solves_on_arrays(settings, self.device) else None
        self.dtype = chosen_dtype(settings.encoder.dtype, self.device) if self._networks is None else "float32"
        name, show_progress = settings.encoder.name, progress is not None
        path = encoder_weights.find_weights(name, progress=show_progress)
        self.weights: dict[str, str] = {name: encoder_weights.recorded_sha256(path)}
        encoder = LazyEncoder(partial(_loaded_encoder, settings.encoder, self.device, self.dtype))
        if needs_pytorch(settings, self.device):
            encoder.load()
        self._extract = FeatureExtractor(encoder, self.device)
        self._finder: RegionFinder | None = None
        self._progress = progress or (lambda _: None)

    @within_memory
    def style(
        self, source: PhotoSource, mask: MaskSource | None = None, *, weight: float = 1.0, region: str | None = None
    ) -> Style:
        """Reads and measures a style photo, with a mask of its regions if you have one. Or reads a saved look.

        Args:
            source: anything that `Photo.read` reads: a path, bytes, file object, PIL image, array or `Photo`. Or the
                path of a look, NAME.photostyle.
            mask: the regions of the photo: a path, an array of labels `(H, W)` or of colours `(H, W, 3)`, a PIL image
                or a `RegionMap`. It may have any size with the photo's proportions. Give none for a look, which has its
                own masks if its photos had any.
            weight: how much this style counts beside the styles that it is added to, above 0. The weights in a look are
                multiplied by it.
            region: the one region of the content that takes its look from this style. The other regions use the styles
                without a region; if there is none, they keep their own look.

        Raises:
            InputError: the photo, the mask or the look cannot be used.
            SettingsError: the weight is not above 0, or too large; a mask is given for a look; `region` is given for a
                look that has a region already.
        """
        if not 0 < weight <= MOST_WEIGHT:
            raise SettingsError(f"a weight above 0, up to {MOST_WEIGHT:g}", f"{weight:g}", "style")
        if is_look(source):
            return self._read_saved_look(str(source), mask, weight, region)
        photo = Photo.read(source)
        name = photo.path.name if photo.path else "the style photo"
        coverage = _visible_coverage(photo, self._sizes()[-1], name)
        pixels = tuple(photo.fitted(longest) for longest in self._sizes())
        regions = _regions_of(mask, photo, pixels[-1], coverage)
        stored = StoredStyle(name, photo.sha256, weight, region, pixels, regions, coverage)
        return Style((self._measure(photo, stored),), self.settings)

    def _read_saved_look(self, path: str, mask: MaskSource | None, weight: float, region: str | None) -> Style:
        if mask is not None:
            found = f"the mask {mask}" if isinstance(mask, (str, Path)) else "a mask"
            advice = "A saved look has its own masks, if its photos had any."
            raise SettingsError("no mask for a saved look", found, path, advice)
        look, sizes = read_look(path), self._sizes()
        photos, warnings = look.photos_for(path, sizes, weight, region), look.warnings(sizes[-1])
        digest = sha256(Path(path).read_bytes()).hexdigest()
        parts = []
        for stored in photos:
            pixels = np.ascontiguousarray(stored.pixels[-1])
            photo = Photo(pixels, stored.coverage, path=Path(path).absolute(), sha256=digest, warnings=warnings)
            parts.append(self._measure(photo, stored))
        return Style(tuple(parts), self.settings)

    def _measure(self, photo: Photo, stored: StoredStyle) -> StylePhoto:
        scales = tuple(self._extract.encoded(pixels, self._style_layers()) for pixels in stored.pixels)
        found = self._segmentation(stored.pixels[-1], stored.coverage) if stored.regions is None else None
        return StylePhoto(
            photo, stored.name, stored.sha256, scales, stored.regions, found, stored.weight, stored.region,
            stored.coverage,
        )  # fmt: skip

    @within_memory
    def transfer(
        self, content: PhotoSource, style: SetLook | Style | PhotoSource | Sequence[Style | PhotoSource], *,
        content_mask: MaskSource | None = None,
    ) -> Result:  # fmt: skip
        """Gives the content photo the look of the style.

        Args:
            content: anything that `Photo.read` reads.
            style: a measured style, or the source of a style; a list of these, which are added; or the look of a set,
                see `fit`.
            content_mask: the regions of the content; see `Session.style` for its forms. It must be given if every
                style, or every photo of the set, has a mask, and only then.

        Raises:
            InputError: a photo or a mask cannot be used.
            SettingsError: there is no style; only some of the photos have a mask; or a style or a strength is for a
                region that does not exist.
        """
        clock = Clock()
        photo, small, mask = self._read(content, content_mask, clock)
        if isinstance(style, SetLook):
            return self._transfer_in_set(photo, small, style, mask, clock)
        return self._match_and_solve(photo, small, mask, self._measure_style(style, clock), clock)

    @within_memory
    def correspondence(
        self, content: PhotoSource, style: Style | PhotoSource | Sequence[Style | PhotoSource], *,
        content_mask: MaskSource | None = None,
    ) -> Correspondence:  # fmt: skip
        """Which region of the content takes its look from which region of the style, as in `transfer`.

        Args:
            content, style, content_mask: see `transfer`. The style cannot be the look of a set.

        Raises:
            InputError, SettingsError: see `transfer`.
        """
        _, small, mask = self._read(content, content_mask, Clock())
        return find_correspondence(small, self._measure_style(style, Clock()), mask, self.settings)

    def _read(
        self, content: PhotoSource, mask: MaskSource | None, clock: Clock
    ) -> tuple[Photo, ContentPhoto, RegionMap | None]:
        """The content, also at the size of the solve, and its mask at that size."""
        with clock.part("read"):
            photo = Photo.read(content)
            small = self._content(photo)
            regions = _regions_of(mask, photo, small.pixels, small.coverage)
            return photo, small, regions

    def _match_and_solve(
        self, photo: Photo, small: ContentPhoto, mask: RegionMap | None, style: Style, clock: Clock
    ) -> Result:
        return self._solve(self._task(photo, small, mask, style, clock))

    def _task(self, photo: Photo, small: ContentPhoto, mask: RegionMap | None, style: Style, clock: Clock) -> Task:
        """The task for a method, with the correspondence."""
        style.check_masks(mask is not None)
        with clock.part("regions"):
            self._progress(Progress.begin("regions"))
            found = find_correspondence(small, style, mask, self.settings)
        strengths_of(self.settings.look, found)
        return Task(
            self.settings, self._extract, photo, small.pixels, style.parts, found, clock, self._progress,
            self._networks,
        )  # fmt: skip

    @within_memory
    def fit(
        self,
        photos: Sequence[PhotoSource],
        style: Style | PhotoSource | Sequence[Style | PhotoSource],
        *,
        content_masks: Sequence[MaskSource] | None = None,
    ) -> SetLook:
        """Finds one look for a set of photos, such as a burst, a panorama or a time lapse: see docs/sets.md.

        Args:
            photos: the set. If there are more than 16 photos, 16 of them are read, evenly spread over the set.
            style: see `Session.transfer`. It cannot be the look of a set.
            content_masks: the regions of each photo; see `Session.style` for their forms. Either all photos and styles
                have a mask, or none.

        Returns:
            The look of the set. Give it to `transfer` as the style of each photo of the set.

        Raises:
            InputError: a photo or a mask cannot be used.
            SettingsError: there is no photo or no style; only some photos have a mask; the method or the segmenter
                cannot find one look for a set; or a region does not exist.
        """
        clock = Clock()
        check_one_look(self.settings)
        if not photos:
            raise SettingsError.stating("no photo was given", "photos")
        if content_masks is not None and len(content_masks) != len(photos):
            found = f"{len(content_masks)} for {len(photos)} photos"
            raise SettingsError("one mask for each photo of the set, or none", found, "content_masks")
        set_photos = []
        with clock.part("read"):
            for place in set_look.spread_evenly(len(photos)):
                given = content_masks[place] if content_masks is not None else None
                _, small, mask = self._read(photos[place], given, Clock())
                segmentation = small.segment(small.pixels) if mask is None else None
                set_photos.append(SetPhoto(small.pixels, mask, segmentation, small.coverage))
        style = self._measure_style(style, clock)
        style.check_masks(content_masks is not None)
        look = set_look.fit_set_look(
            self.settings, self._extract, self._networks, style, set_photos, clock, self._progress
        )
        strengths_of(self.settings.look, look.correspondence)
        return look

    def _transfer_in_set(
        self, photo: Photo, small: ContentPhoto, look: SetLook, mask: RegionMap | None, clock: Clock
    ) -> Result:
        Style(look.styles, look.settings).check_measured_for(self.settings)
        with clock.part("regions"):
            self._progress(Progress.begin("regions"))
            seen = look.correspondence.found_by in ("classes", "subject")
            segmentation = small.segment(small.pixels) if seen else None
            regions = look.regions(small.pixels, mask, segmentation).seen(small.coverage)
            found = set_look.correspondence_in(look, regions)
        strengths_of(self.settings.look, found)
        task = Task(self.settings, self._extract, photo, small.pixels, look.styles, found, clock, self._progress)
        result = self._result(
            task, set_look.transfer_by_look(look, task), f"; one look for a set, found from {look.photos} photos"
        )
        return replace(result, warnings=(*(f"the set: {warning}" for warning in look.warnings), *result.warnings))

    def _measure_style(self, style: Style | PhotoSource | Sequence[Style | PhotoSource], clock: Clock) -> Style:
        given: list[Style | PhotoSource] = _as_list(style)
        if not given:
            raise SettingsError.stating("no style was given", "style")
        with clock.part("style"):
            if not all(isinstance(each, Style) for each in given):
                self._progress(Progress.begin("measure the style"))
            measured = reduce(add, [each if isinstance(each, Style) else self.style(each) for each in given])
        measured.check_measured_for(self.settings)
        return measured

    @within_memory
    def _solve(self, task: Task) -> Result:
        """Solves. If the settings leave the content unchanged, solving waits until other settings are rendered."""
        if not task.settings.leaves_content:
            return self._result(task, METHODS[task.settings.solver.method](task))

        def solve_again(_: Result, changed: Settings) -> Result:
            return self._solve(replace(task, settings=changed, clock=Clock()))

        from photostyle.pipeline import pixel_method

        result = self._result(task, pixel_method.unchanged_content(task))
        return replace(result, render=solve_again, warnings=(*result.warnings, UNSOLVED))

    def _result(self, task: Task, solved: SolvedTransfer, history: str = "") -> Result:
        settings, stages = task.settings, solved.stages
        rendering = self._rendering(task, solved, history)
        with task.clock.part("apply"):
            photo, enlarged = rendering.of(settings)
        warnings = task.warnings(enlarged, stages)
        return Result(
            photo=photo, terms=stages[-1].terms if stages else {},
            paper_terms=enough_memory(self.device)(solved.paper_terms),
            render=rendering.again, seconds=task.clock.seconds(), warnings=warnings,
            settings=settings, device=self.device, dtype=self.dtype,
            weights=self.weights, stages=stages, correspondence=task.correspondence,
            interrupted=any(stage.status is Status.INTERRUPTED for stage in stages),
        )  # fmt: skip

    def _rendering(self, task: Task, solved: SolvedTransfer, history: str = "") -> Rendering:
        origin = "; ".join(style.origin for style in task.styles) + history
        return Rendering(task.photo, task.pixels, task.correspondence, solved.apply, self.device, SOFTWARE, origin)

    def _sizes(self) -> tuple[int, ...]:
        """The longest sides, in pixels, at which a style is measured."""
        size = self.settings.solver.size
        return (size // 2, size) if self.settings.solver.method == "grid" else (size,)

    def _style_layers(self) -> tuple[str, ...]:
        """The layers at which a style is measured."""
        settings = self.settings
        if not needs_pytorch(settings, self.device):
            return ()
        if settings.solver.method == "grid":
            return settings.grid.layers
        return tuple(settings.objective.style_layers)

    def _content(self, photo: Photo) -> ContentPhoto:
        """The content at the size of the solve."""
        size = self.settings.solver.size
        coverage = _visible_coverage(photo, size, str(photo.path) if photo.path else "the content photo")
        return ContentPhoto(
            photo.fitted(size), lambda pixels: self._segmentation(pixels, coverage), self._extract, coverage
        )

    def _segmentation(
        self, pixels: NDArray[np.float32], coverage: NDArray[np.float32] | None = None
    ) -> Segmentation | None:
        """What the segmenter finds; None if it cannot look at a single photo."""
        name = self.settings.regions.segmenter
        if name in WITHOUT_NETWORK:
            return None
        if self._finder is None:
            self._finder = RegionFinder(name)
            self.weights[f"segmenter {name}"] = self._finder.segmenter.sha256
        return replace(self._finder.see(pixels), coverage=coverage)


def transfer(
    content: PhotoSource,
    style: PhotoSource | Sequence[PhotoSource],
    *,
    preset: str = "default",
    settings: Settings | None = None,
    strength: float | None = None,
    size: int | None = None,
    seed: int | None = None,
    segmenter: str | None = None,
    encoder: str | None = None,
    device: str | None = None,
    content_mask: MaskSource | None = None,
    style_mask: MaskSource | Sequence[MaskSource] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Gives one photo the look of another, or of several, each with the same weight.

    Args:
        content, style: anything that `Photo.read` reads: paths, bytes, file objects, PIL images, arrays or `Photo`s. A
            style may also be the path of a saved look, NAME.photostyle.
        preset, settings: see `Session`.
        strength, size, seed, segmenter, encoder, device: values to use instead of the preset's or those in `settings`.
            They are the settings `strength`, `solver.size`, `seed`, `regions.segmenter`, `encoder.name` and `device`.
            For all other settings, see `Settings`.
        content_mask, style_mask: see `Session.style`. Either all photos have a mask, or none.
        progress: see `Session`.

    Raises:
        SettingsError: there are not as many masks as styles; a value is out of its range; see `Session`.
        InputError: a photo or a mask cannot be used.
        WeightsError: see `Session`.
    """
    styles: list[PhotoSource] = _as_list(style)
    masks: list[MaskSource | None] = [None] * len(styles) if style_mask is None else _as_list(style_mask)
    if not styles:
        raise SettingsError.stating("no style was given", "style")
    if len(masks) != len(styles):
        raise SettingsError(f"a mask for each of {len(styles)} styles, or none", f"{len(masks)}", "style_mask")
    changes = keyword_changes(
        {
            "strength": strength, "size": size, "seed": seed, "segmenter": segmenter, "encoder": encoder,
            "device": device,
        }
    )  # fmt: skip
    base = _settings_of(preset) if settings is None else settings
    session, clock = Session(settings=base.with_changes(changes), progress=progress), Clock()
    photo, small, mask = session._read(content, content_mask, clock)
    with clock.part("style"):
        measured = reduce(add, map(session.style, styles, masks))
    return session._match_and_solve(photo, small, mask, measured, clock)


def solve(
    session: Session, content: PhotoSource, style: Style | PhotoSource | Sequence[Style | PhotoSource], *,
    content_mask: MaskSource | None = None,
) -> Solved:  # fmt: skip
    """Solves a transfer and renders nothing yet: `Solved.rendering` gives the photo of `Session.transfer`.

    Args:
        session: its settings do not leave the content unchanged.
        content, style, content_mask: see `Session.transfer`. The style cannot be the look of a set.

    Raises:
        InputError, SettingsError: see `Session.transfer`.
        SettingsError: the settings leave the content unchanged, so that there is nothing to solve for.
    """
    if session.settings.leaves_content:
        raise SettingsError.stating("with these settings there is nothing to solve for", "strength")
    clock = Clock()
    with enough_memory(session.device):
        photo, small, mask = session._read(content, content_mask, clock)
        task = session._task(photo, small, mask, session._measure_style(style, clock), clock)
        solved = METHODS[session.settings.solver.method](task)
    warnings = task.warnings((), solved.stages)
    return Solved(session._rendering(task, solved), warnings, solved.stages, clock.seconds())


def _loaded_encoder(settings: EncoderSettings, device: str, dtype: str) -> Encode:
    """The encoder on its device.

    Raises:
        WeightsError: its weights are missing or wrong.
        InputError: the device has too little memory.
    """
    import torch

    encoder = encoder_weights.load(settings.name, settings.pooling)
    with enough_memory(device):
        return encoder.compute_in(getattr(torch, dtype)).to(device).to(memory_format=torch.channels_last)


def _visible_coverage(photo: Photo, size: int, where: str) -> NDArray[np.float32] | None:
    """How much can be seen of a photo whose longest side has `size` px; None for all.

    Raises:
        InputError: nothing of it can be seen.
    """
    coverage = photo.fitted_coverage(size)
    if coverage is not None and not (coverage > 0).any():
        advice = "Every pixel is fully transparent. Export the photo without its alpha channel."
        raise InputError("a photo that can be seen", "nothing of it can be seen", where, advice)
    return coverage


def _regions_of(
    mask: MaskSource | None, photo: Photo, pixels: NDArray[np.float32], coverage: NDArray[np.float32] | None
) -> RegionMap | None:
    """The regions of a photo, given by a mask, at the size of `pixels`; None if there is no mask."""
    if mask is None:
        return None
    return read_mask(mask, pixels.shape[0], pixels.shape[1], photo.orientation).seen(coverage)


def _settings_of(preset: str) -> Settings:
    """The settings of a preset, by its name, or of a saved look, by its path."""
    return read_look(preset).settings if is_look(preset) else load_preset(preset)


def _as_list(given: _T | Sequence[_T]) -> list[_T]:
    """A list or a tuple becomes a list. Anything else becomes a list with one entry."""
    return list(given) if isinstance(given, list | tuple) else [cast("_T", given)]
