"""The method `pixels`, which the presets `paper` and `gatys` use: every pixel is an unknown.

The first stage solves without the photorealism term, the second stage with it. A stage with 0 iterations is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.compute.tiles import for_each_tile
from photostyle.objective.content import ContentTerm
from photostyle.objective.laplacian import matting_laplacian
from photostyle.objective.photorealism import PhotorealismTerm
from photostyle.objective.smoothness import total_variation
from photostyle.objective.style import StyleTerm, mean_grams, with_own_look
from photostyle.objective.total import Objective, Weights
from photostyle.photo.photo import Photo
from photostyle.photo.resizing import resize
from photostyle.pipeline.result import Progress
from photostyle.pipeline.task import SolvedTransfer, Task
from photostyle.regions.edge_masks import coarse_masks, measured_masks, refine_fine, saturate_masks
from photostyle.regions.region_map import layer_masks
from photostyle.settings import SmoothingSettings
from photostyle.solvers.affine_smoothing import apply_maps, smooth_maps
from photostyle.solvers.pixels import Stage, noise, solve
from photostyle.solvers.result import Step
from segmentation.enlarge import Part


def transfer(task: Task) -> SolvedTransfer:
    """The method `pixels`: solves for the pixels at the size of the solve.

    When the result is applied, it is brought to the size of the photo by smoothing or by plain enlarging.
    """
    settings, clock = task.settings, task.clock
    with clock.part("objective"):
        task.progress(Progress.begin("objective"))
        first, second = objectives(task)
    stages = [
        Stage("solve", first, settings.solver.iterations),
        Stage("solve with photorealism", second, settings.solver.photorealistic_iterations),
    ]
    stages = [stage for stage in stages if stage.iterations]
    start = task.extract.tensor(task.pixels)
    if settings.solver.start == "noise":
        start = noise(task.pixels.shape[0], task.pixels.shape[1], settings.seed).to(task.extract.device)

    def report(stage: Stage, step: Step) -> None:
        task.report(step, stage.iterations)

    with clock.part("solve"):
        solutions = solve(
            stages, start, history=settings.solver.history, tolerance=settings.solver.tolerance,
            patience=settings.solver.patience, report=report,
        )  # fmt: skip
    solved = solutions[-1].point[0].permute(1, 2, 0).cpu().numpy() if solutions else task.pixels
    outcomes = tuple(solution.outcome for solution in solutions)

    def terms() -> Mapping[str, float]:
        return outcomes[-1].terms if outcomes else {}

    return SolvedTransfer(outcomes, _FullSize.of(task, np.ascontiguousarray(solved)), terms)


def paper_terms(task: Task, pixels: NDArray[np.float32]) -> dict[str, float]:
    """The weighted terms of Luan et al. 2017 for a photo at the size of the solve.

    Args:
        task: the content, the styles and their correspondence.
        pixels: the photo, `(H, W, 3) float32`, sRGB-encoded, [0, 1].
    """
    with torch.no_grad():
        parts = objectives(task)[1].terms(task.extract.tensor(pixels))
    return {name: float(value) for name, value in parts.items()}


def unchanged_content(task: Task) -> SolvedTransfer:
    """The outcome if the settings leave the content unchanged: the content itself."""

    def terms() -> dict[str, float]:
        return paper_terms(task, task.pixels)

    return SolvedTransfer((), lambda photo, _: (photo.pixels.copy(), ()), terms)


def objectives(task: Task) -> tuple[Objective, Objective]:
    """The objective of Luan et al. 2017, first without the photorealism term and then with it.

    What has no counterpart is held to its own look, for any setting `regions.unmatched`.
    """
    task = replace(task, correspondence=task.correspondence.without_following())
    settings, extract = task.settings.objective, task.extract
    image = extract.tensor(task.pixels)
    style_layers = tuple(settings.style_layers)
    layers = tuple(dict.fromkeys((*settings.content_layers, *style_layers)))
    with torch.no_grad():
        features = extract(image, layers)
        ids = [region.content_ids for region in task.correspondence.regions]
        content = task.correspondence.content
        carried = layer_masks(torch.from_numpy(measured_masks(content, ids)).to(extract.device), style_layers)
        masks = {layer: mask[:-1] for layer, mask in carried.items()}
        # Without coverage it is what the masks leave over. With it, what cannot be seen is left out.
        rest = None if content.coverage is None else {layer: mask[-1:] for layer, mask in carried.items()}
        targets = _targets(task, style_layers)
        masks, targets = with_own_look(masks, targets, features, task.settings.regions.smallest, rest)
    weights = Weights(settings.content, settings.style, 0.0, settings.total_variation)
    photorealism = (
        PhotorealismTerm(matting_laplacian(task.pixels, settings.epsilon), device=extract.device)
        if settings.photorealism and task.settings.solver.photorealistic_iterations
        else no_photorealism
    )
    content_term = ContentTerm({layer: features[layer] for layer in settings.content_layers})
    style_term = StyleTerm(targets, masks, settings.style_layers)
    first, second = (
        Objective(
            extract, layers, chosen, content=content_term, style=style_term,
            photorealism=photorealism, total_variation=total_variation,
        )
        for chosen in (weights, replace(weights, photorealism=settings.photorealism))
    )  # fmt: skip
    return first, second


def _targets(task: Task, layers: tuple[str, ...]) -> dict[str, Tensor]:
    """`{layer: (R, C, C)}`: for each region the `mean_grams` of the styles, weighted by their shares of the region."""
    extract, styles = task.extract, []
    for place, style in enumerate(task.styles):
        features = style.features
        if missing := tuple(layer for layer in layers if layer not in features):
            features = {**features, **extract(extract.tensor(style.pixels), missing)}
        hard = task.correspondence.styles[place].regions.masks(task.correspondence.ids(place))
        masks = layer_masks(torch.from_numpy(hard).to(extract.device), layers)
        styles.append((task.correspondence.shares(place), features, masks))
    return {layer: mean_grams([(s, f[layer], m[layer]) for s, f, m in styles]) for layer in layers}


def no_photorealism(image: Tensor) -> Tensor:
    """A scalar 0. It replaces the photorealism term if that is not used, so that its Laplacian need not be built."""
    return image.new_zeros(())


@dataclass(frozen=True, eq=False)
class _FullSize:
    """Brings the solved pixels to the size of the photo.

    Args:
        solved: the solved pixels, `(h, w, 3) float32`, sRGB-encoded, [0, 1].
        pixels: the content at the size of the solve, in the same form.
        coarse: `(K + 1, h, w) float32`: the masks of the regions, and the mask of the pixels in no region. See
            `photostyle.regions.edge_masks.coarse_masks`.
        smoothing: the settings of the section `smoothing`.
        progress: is called at the start.
    """

    solved: NDArray[np.float32]
    pixels: NDArray[np.float32]
    coarse: NDArray[np.float32]
    smoothing: SmoothingSettings
    progress: Callable[[Progress], None]

    @classmethod
    def of(cls, task: Task, solved: NDArray[np.float32]) -> _FullSize:
        ids = [region.content_ids for region in task.correspondence.regions]
        coarse = coarse_masks(task.correspondence.content, ids, task.pixels)
        return cls(solved, task.pixels, coarse, task.settings.smoothing, task.progress)

    def __call__(self, photo: Photo, strengths: Sequence[float]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        self.progress(Progress.begin("apply"))
        changed, warnings = self._enlarged(photo)
        if min(strengths) < 1:
            lost, masks = 1 - np.array(strengths, np.float32), refine_fine(self.coarse, photo.pixels)

            def work(part: Part) -> None:
                before, after = photo.pixels[part.pixels], changed[part.pixels]
                kept = np.tensordot(lost, saturate_masks(masks.of(before, part)[:-1]), 1)[..., None]
                after[:] = np.where(kept > 0, after + kept * (before - after), after)
                after[:] = np.where(kept < 1, after, before)

            for_each_tile(photo.height, photo.width, work)
        return changed, warnings

    def _enlarged(self, photo: Photo) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """The solved pixels at the size of the photo, as a new array, and a warning if enlarging makes them softer."""
        if self.smoothing.enabled:
            maps = smooth_maps(self.solved, self.pixels, radius=self.smoothing.radius, edge=self.smoothing.edge)
            return apply_maps(maps, photo.pixels, photo.profile), ()
        if self.solved.shape == photo.pixels.shape:
            return np.clip(photo.profile.from_srgb(self.solved), 0, 1), ()
        height, width = self.solved.shape[:2]
        warning = f"solved at {width} x {height} px and enlarged without smoothing: the result is softer than the photo"
        enlarged = resize(self.solved, photo.height, photo.width)
        return np.clip(photo.profile.from_srgb(enlarged), 0, 1), (warning,)
