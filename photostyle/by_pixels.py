"""The recipe of `paper` and `gatys`: every pixel is an unknown, in two stages, without and with photorealism."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.laplacian import matting_laplacian
from photostyle.masks import layer_masks, soft_masks
from photostyle.objective.content import Content
from photostyle.objective.photorealism import Photorealism
from photostyle.objective.smoothness import total_variation
from photostyle.objective.style import Style as StyleTerm
from photostyle.objective.style import region_grams, with_own_look
from photostyle.objective.total import Objective, Weights
from photostyle.photo import Photo, resize
from photostyle.smoothing import apply_maps, smooth_maps
from photostyle.solvers.pixels import Stage, noise, solve
from photostyle.solvers.result import Step
from photostyle.task import Solved, Task, Trace


def transfer(task: Task) -> Solved:
    """Solves for the pixels at the size of the solve; the result is smoothed or enlarged to the photo's own."""
    settings, clock = task.settings, task.clock
    with clock.part("objective"):
        task.tell("objective")
        first, second = objectives(task)
    stages = [
        Stage("solve", first, settings.solver.iterations),
        Stage("solve with photorealism", second, settings.solver.photorealistic_iterations),
    ]
    stages = [stage for stage in stages if stage.iterations]
    start = task.encode.tensor(task.pixels)
    if settings.solver.start == "noise":
        start = noise(task.pixels.shape[0], task.pixels.shape[1], settings.seed).to(task.encode.device)
    trace = Trace(task.progress)

    def report(stage: Stage, step: Step) -> None:
        trace.add(stage.name, stage.iterations, step)

    with clock.part("solve"):
        solutions = solve(
            stages, start, history=settings.solver.history, tolerance=settings.solver.tolerance,
            patience=settings.solver.patience, report=report,
        )  # fmt: skip
    solved = solutions[-1].point[0].permute(1, 2, 0).cpu().numpy() if solutions else task.pixels
    named = tuple((stage.name, solution) for stage, solution in zip(stages, solutions, strict=False))

    def terms() -> Mapping[str, float]:
        return solutions[-1].terms if solutions else {}

    return Solved(named, tuple(trace.rows), lambda photo: _applied(task, photo, solved), terms)


def objectives(task: Task) -> tuple[Objective, Objective]:
    """The objective of Luan et al. 2017 without photorealism and with it."""
    settings, encode = task.settings.objective, task.encode
    image = encode.tensor(task.pixels)
    style_layers = tuple(settings.style_layers)
    layers = tuple(dict.fromkeys((*settings.content_layers, *style_layers)))
    with torch.no_grad():
        features = encode(image, layers)
        style_features = task.style.features
        if missing := tuple(layer for layer in style_layers if layer not in style_features):
            style_features = {**style_features, **encode(encode.tensor(task.style.pixels), missing)}
        masks, style_masks = (
            layer_masks(torch.from_numpy(soft_masks(photo.labels, ids)).to(encode.device), style_layers)
            for photo, ids in (
                (task.regions.content, [region.content_ids for region in task.regions.matching.regions]),
                (task.regions.style, [region.style_ids for region in task.regions.matching.regions]),
            )
        )
        targets = {layer: region_grams(style_features[layer], style_masks[layer]) for layer in style_layers}
        masks, targets = with_own_look(masks, targets, features, task.settings.regions.smallest)
    weights = Weights(settings.content, settings.style, 0.0, settings.total_variation)
    photorealism = (
        Photorealism(matting_laplacian(task.pixels, settings.epsilon), device=encode.device)
        if settings.photorealism and task.settings.solver.photorealistic_iterations
        else no_photorealism
    )
    content = Content({layer: features[layer] for layer in settings.content_layers})
    style_term = StyleTerm(targets, masks, settings.style_layers)
    first, second = (
        Objective(
            encode, layers, chosen, content=content, style=style_term,
            photorealism=photorealism, total_variation=total_variation,
        )
        for chosen in (weights, replace(weights, photorealism=settings.photorealism))
    )  # fmt: skip
    return first, second


def no_photorealism(image: Tensor) -> Tensor:
    """Stands where the photorealism term has no weight and its Laplacian was not built: a scalar 0."""
    return image.new_zeros(())


def _applied(task: Task, photo: Photo, solved: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """What was solved for, at the photo's own size, with a warning where that blurs it."""
    task.tell("apply")
    smoothing = task.settings.smoothing
    if smoothing.enabled:
        maps = smooth_maps(np.ascontiguousarray(solved), task.pixels, radius=smoothing.radius, edge=smoothing.edge)
        return apply_maps(maps, photo.pixels, photo.profile), ()
    if solved.shape == photo.pixels.shape:
        return np.clip(photo.profile.from_srgb(solved), 0, 1), ()
    height, width = solved.shape[:2]
    warning = f"solved at {width} x {height} px and enlarged without smoothing: the result is softer than the photo"
    enlarged = resize(np.ascontiguousarray(solved), photo.height, photo.width)
    return np.clip(photo.profile.from_srgb(enlarged), 0, 1), (warning,)
