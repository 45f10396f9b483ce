"""The recipes of `default` and `preview`: affine maps of colour on grids, found at a small size, applied at any."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from photostyle import by_pixels
from photostyle.laplacian import matting_laplacian
from photostyle.masks import layer_masks, soft_masks
from photostyle.objective.colours import Colours
from photostyle.objective.edges import Edges
from photostyle.objective.photorealism import Photorealism
from photostyle.objective.regional import RegionalObjective, RegionalWeights
from photostyle.objective.structure import Structure
from photostyle.objective.style import RelativeStyle, region_grams
from photostyle.outcome import Progress
from photostyle.photo import Photo
from photostyle.profiles import SRGB, Profile
from photostyle.solvers import closed_form
from photostyle.solvers.bilateral import Shape, coefficients_of, recoloured
from photostyle.solvers.grid import Solver, Stiffness
from photostyle.solvers.result import Solution, Status, Step
from photostyle.task import Scale, Solved, Task, Trace
from segmentation.refine import Refined, refine

Pixels = NDArray[np.float32]
Grids = NDArray[np.float64]

PREVIEW = Shape(1, 1, 17)
"""The grid of the closed form, the same everywhere in the photo: as many lumas as its curve of lightness can bend."""
WIDE, NARROW, EPSILON = 0.02, 0.006, 1e-4
"""Radii, as shares of the longest side, and least variance of colour of the two passes that bring masks to the photo's
edges: the wide one moves a border to the edge near by, the narrow one follows it. Of eight ways tried on the authors'
pairs they leave the least that is not locally affine: 1.22 levels with the closed form, 1.47 with one pass of 0.006."""
STRIP = 200_000
"""Pixels of the full-size photo that are worked on at once: some 30 MB, a fifth faster than five times as many."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Content and style at one size, with the hard masks of their matched regions.

    Args:
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1], of the content.
        masks: `(K + 1, H, W) float32`, [0, 1], of the content, the last what is in no region.
        soft: as `masks`, brought to the edges of the photo.
        style: the style photo, measured; style_masks: `(K, h, w) float32`, [0, 1], of it.
    """

    pixels: Pixels
    masks: Pixels
    soft: Pixels
    style: Scale
    style_masks: Pixels


def transfer(task: Task) -> Solved:
    """Solves for the grids, from the closed form, coarse to fine."""
    settings, clock = task.settings.grid, task.clock
    shape = Shape(settings.rows, settings.columns, settings.lumas)
    stiffness = Stiffness(settings.across, settings.along, settings.prior, settings.chroma)
    with clock.part("masks"):
        hard, wide = _masks(task)
        scenes = [_scene(task, scale, hard, wide) for scale in task.style.scales]
    with clock.part("closed form"):
        task.tell("closed form")
        reference = _closed_form(scenes[-1], shape, settings.lightness)
    grids, trace = reference, Trace(task.progress)
    solver = Solver(reference, stiffness, task.settings.solver.history, task.encode.device)
    solutions: list[tuple[str, Solution]] = []
    iterations = (settings.coarse_iterations, settings.iterations)
    for name, scene, most in zip(("solve, coarse", "solve, fine"), scenes, iterations, strict=True):
        if not most:
            continue
        with clock.part(f"objective, {name.split()[-1]}"):
            task.tell("objective")
            objective = _objective(task, scene)

        def report(step: Step, name: str = name, most: int = most) -> None:
            trace.add(name, most, step)

        with clock.part(name):
            grids, solution = solver(
                objective, scene.pixels, scene.soft[:-1], scene.soft[-1], grids, iterations=most,
                tolerance=settings.tolerance, patience=settings.patience, report=report,
            )  # fmt: skip
        solutions.append((name, solution))
        if solution.status in (Status.INTERRUPTED, Status.NOT_FINITE):
            break
    return _solved(task, wide, grids, tuple(solutions), trace)


def preview(task: Task) -> Solved:
    """The closed form alone."""
    with task.clock.part("masks"):
        hard, wide = _masks(task)
        scene = _scene(task, task.style.scales[-1], hard, wide)
    with task.clock.part("closed form"):
        task.tell("closed form")
        grids = _closed_form(scene, PREVIEW, task.settings.grid.lightness)
    return _solved(task, wide, grids, (), Trace(task.progress))


def _masks(task: Task) -> tuple[Pixels, Pixels]:
    """`(K + 1, H, W)` at the size of the solve: hard masks of the matched regions and of what is in none, and the same
    after the first of the two passes."""
    ids = [region.content_ids for region in task.regions.matching.regions]
    masks = soft_masks(task.regions.content.labels, ids)
    hard = np.concatenate([masks, 1 - masks.sum(0, keepdims=True)])
    return hard, refine(hard, task.pixels, radius=WIDE, epsilon=EPSILON).of(task.pixels)


def _followed(wide: Pixels, pixels: Pixels) -> Refined:
    """The second pass, for a photo of any size."""
    return refine(wide, pixels, radius=NARROW, epsilon=EPSILON)


def _scene(task: Task, style: Scale, hard: Pixels, wide: Pixels) -> Scene:
    """The task at one of the style's sizes."""
    last = style is task.style.scales[-1]
    pixels = task.pixels if last else task.photo.fitted(task.settings.solver.size // 2)
    ids = [region.style_ids for region in task.regions.matching.regions]
    style_masks = soft_masks(task.regions.style.labels, ids)
    return Scene(
        pixels, _shrunk(hard, pixels), _followed(wide, pixels).of(pixels),
        style, _shrunk(style_masks, style.pixels),
    )  # fmt: skip


def _shrunk(masks: Pixels, like: Pixels) -> Pixels:
    """Masks at the size of a photo."""
    rows, columns = like.shape[:2]
    if masks.shape[1:] == (rows, columns):
        return masks
    smaller = [Image.fromarray(mask).resize((columns, rows), Image.Resampling.BOX) for mask in masks]
    return np.stack([np.asarray(mask) for mask in smaller])


def _closed_form(scene: Scene, shape: Shape, lightness: float) -> Grids:
    """`(K, rows, columns, lumas, 4, 3)`: every region's optimal transport, the same in all rows and columns."""
    maps = [
        closed_form.fit(scene.pixels, mask, scene.style.pixels, style_mask, lightness=lightness)
        for mask, style_mask in zip(scene.masks[:-1], scene.style_masks, strict=True)
    ]
    return coefficients_of(maps, scene.pixels, scene.masks[:-1], shape)


def _objective(task: Task, scene: Scene) -> RegionalObjective:
    settings, encode = task.settings.grid, task.encode
    layers = tuple(settings.style_layers)
    image, style = encode.tensor(scene.pixels), encode.tensor(scene.style.pixels)
    masks, style_masks = (torch.from_numpy(m).to(encode.device) for m in (scene.masks[:-1], scene.style_masks))
    labels = scene.soft.argmax(0)
    with torch.no_grad():
        carried = layer_masks(style_masks, layers)
        targets = {layer: region_grams(scene.style.features[layer], carried[layer]) for layer in layers}
    laplacian = matting_laplacian(scene.pixels, settings.epsilon, labels=labels)
    weights = RegionalWeights(
        settings.style, settings.colours, settings.structure, settings.edges, settings.photorealism
    )
    return RegionalObjective(
        encode, layers, weights,
        style=RelativeStyle(targets, layer_masks(masks, layers)),
        colours=Colours(style, style_masks, masks, task.settings.seed),
        structure=Structure(image, torch.from_numpy(labels).to(encode.device)),
        edges=Edges(image),
        photorealism=Photorealism(laplacian, device=encode.device),
    )  # fmt: skip


def _solved(
    task: Task, wide: Pixels, grids: Grids, solutions: tuple[tuple[str, Solution], ...], trace: Trace
) -> Solved:
    def apply(photo: Photo) -> tuple[Pixels, tuple[str, ...]]:
        def tell(rows: int) -> None:
            task.progress(Progress("apply", rows, photo.height, math.nan, {}))

        followed = _followed(wide, photo.pixels)
        return full_size(photo.pixels, followed, grids, task.encode.device, profile=photo.profile, tell=tell), ()

    def terms() -> Mapping[str, float]:
        solved = full_size(task.pixels, _followed(wide, task.pixels), grids, task.encode.device)
        with torch.no_grad():
            parts = by_pixels.objectives(task)[1].terms(task.encode.tensor(solved))
        return {name: float(value) for name, value in parts.items()}

    return Solved(solutions, tuple(trace.rows), apply, terms)


def full_size(
    pixels: Pixels,
    masks: Refined,
    grids: Grids,
    device: torch.device,
    strip: int = STRIP,
    profile: Profile = SRGB,
    tell: Callable[[int], None] = lambda rows: None,
) -> Pixels:
    """A photo through the grids, some rows at a time; every strip is what it is in the whole, bit for bit.

    Args:
        pixels: `(H, W, 3) float32`, encoded as `profile` says, [0, 1].
        masks: of the grids' K regions and of what is in none, as functions of `pixels`.
        grids: `(K, rows, columns, lumas, 4, 3)`, of sRGB-encoded colours.
        strip: pixels worked on at once.
        tell: called with the number of rows that are done, before the first strip and after each.
    """
    height, width = pixels.shape[:2]
    result, step = np.empty_like(pixels), max(1, strip // width)
    tell(0)
    for row in range(0, height, step):
        rows = pixels[row : row + step]
        soft = masks.of(rows, row, height)
        result[row : row + step] = recoloured(
            rows, soft[:-1], soft[-1], grids, profile=profile, first_row=row, height=height, device=device
        )
        tell(row + len(rows))
    return result
