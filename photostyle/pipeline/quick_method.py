"""The method `few steps`, which the preset `fast` uses: the first steps of the method `grid`, without PyTorch.

The steps are made at half the size of the solve. The objective is that of `default` with the encoder `compact`.
"""

from __future__ import annotations

import numpy as np

from photostyle.encoders.looking import STRIDE
from photostyle.objective.arrays.colours import StyleRegions
from photostyle.objective.arrays.regional import RegionalObjective
from photostyle.photo.resizing import resize
from photostyle.pipeline.grid_method import Grids, closed_form_grids, fixed_colours, transfer_by_grids
from photostyle.pipeline.result import Progress
from photostyle.pipeline.scene import Pixels, Scene, masks_of, scene_of, shrink_masks
from photostyle.pipeline.task import SolvedTransfer, Task
from photostyle.solvers import quick
from photostyle.solvers.bilateral import Shape
from photostyle.solvers.result import Outcome, Step
from photostyle.solvers.whitening import Stiffness

STAGE = "solve, quick"
LEAST = 4 * STRIDE
"""Fewest rows and columns that the encoder takes."""


def transfer(task: Task) -> SolvedTransfer:
    """The method `few steps`."""
    settings = task.settings.grid
    with task.clock.part("masks"):
        measured, coarse = masks_of(task)
        scene = scene_of(task, -1, measured, coarse)
    grids, outcome = solve_grids(task, scene, Shape(settings.rows, settings.warmths, settings.lumas))
    return transfer_by_grids(task, coarse, grids, (outcome,))


def solve_grids(task: Task, scene: Scene, shape: Shape) -> tuple[Grids, Outcome]:
    """The grids after the first steps, `(K, rows, warmths, lumas, 4, 3)`, and how the solver went.

    The grids of regions without a counterpart stay those of the closed form, as with the method `grid`.

    Args:
        task: its settings, styles and correspondence are used. Its photo is not: the photos are in `scene`.
        scene: the photos at the size of the solve.
        shape: the shape of the grids.
    """
    settings, clock, matched = task.settings.grid, task.clock, len(task.correspondence.matched)
    with clock.part("closed form"):
        task.progress(Progress.begin("closed form"))
        reference = closed_form_grids(task, scene, shape)
    with clock.part("objective"):
        task.progress(Progress.begin("objective"))
        small = _halved(scene)
        slices = quick.Slices(
            small.surface_colours[:matched], small.soft[:matched], fixed_colours(small, reference[matched:]), shape
        )
        changed = slices.changed(reference[:matched].reshape(-1, 3))[0].astype(np.float32)
        objective = _objective(task, small, changed)

    def report(step: Step) -> None:
        task.report(step, settings.coarse_iterations)

    with clock.part(STAGE):
        grids, outcome = quick.solve(
            objective, slices, reference[:matched],
            Stiffness.of(settings), iterations=settings.coarse_iterations, history=settings.history,
            tolerance=settings.tolerance, patience=settings.patience, report=report, stage=STAGE,
        )  # fmt: skip
    return np.concatenate([grids, reference[matched:]]), outcome


def _objective(task: Task, scene: Scene, reference: Pixels) -> RegionalObjective:
    matched = len(task.correspondence.matched)
    styles = []
    for place, (style, masks) in enumerate(zip(scene.styles, scene.style_masks, strict=True)):
        pixels = _halved_photo(style.pixels)
        shares = [float(share) for share in task.correspondence.shares(place)[:matched]]
        styles.append(StyleRegions(pixels, shrink_masks(masks[:matched], pixels), shares))
    networks = task.networks
    return RegionalObjective(
        scene.pixels, reference, scene.labels, scene.masks[:matched], styles, task.settings.grid, networks.features,
        networks.style_term, seed=task.settings.seed, photos=scene.photos,
    )  # fmt: skip


def _halved(scene: Scene) -> Scene:
    """The scene at about half the size; see `_halved_photo`. Its styles keep their size."""
    pixels = np.concatenate([_halved_photo(photo) for photo in np.split(scene.pixels, scene.photos)])
    return Scene(
        pixels, shrink_masks(scene.masks, pixels), lambda: shrink_masks(scene.soft, pixels), scene.styles,
        scene.style_masks, scene.photos,
    )  # fmt: skip


def _halved_photo(pixels: Pixels) -> Pixels:
    """A photo `(H, W, 3)` at about half its size. Rows and columns are multiples of the encoder's `STRIDE`.

    So its proportions may change a little.
    """
    rows, columns = (max(LEAST, STRIDE * round(extent / 2 / STRIDE)) for extent in pixels.shape[:2])
    return resize(pixels, rows, columns)
