"""The methods `grid` and `closed form`, which the presets `default` and `preview` use.

Both find affine maps of colour on bilateral grids at a small size. The maps can then be applied at any size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photostyle.compute.threads import one_blas_thread
from photostyle.photo.photo import Photo
from photostyle.pipeline.result import Progress
from photostyle.pipeline.scene import Pixels, Scene, masks_of, scene_of
from photostyle.pipeline.task import SolvedTransfer, Task
from photostyle.regions.correspondence import Correspondence, RegionMatch
from photostyle.regions.edge_masks import refine_fine
from photostyle.solvers import closed_form
from photostyle.solvers.bilateral import RegionSlice, Shape, coefficients_of, grids_in_grey, sliced
from photostyle.solvers.full_size import FullSizeLook, apply_at_full_size
from photostyle.solvers.lights import keep_lights
from photostyle.solvers.result import Outcome, Status, Step
from photostyle.solvers.surfaces import Surfaces
from segmentation.matching import SURFACES

if TYPE_CHECKING:
    from photostyle.solvers.grid import Objective

Grids = NDArray[np.float64]
Strengths = Sequence[float]
MatchedColours = tuple[Pixels, list[closed_form.StyleTarget]]

PREVIEW = Shape(9, 1, 17)
"""Shape of the grids for the method `closed form`: nine rows of cells for the layout, and one warmth, since the closed
form is the same for all. 17 lumas are enough to follow its lightness curve."""


def transfer(task: Task) -> SolvedTransfer:
    """The method `grid`: solves for the grids, first at half the size. The closed form is the start."""
    settings = task.settings.grid
    with task.clock.part("masks"):
        measured, coarse = masks_of(task)
        scenes = [scene_of(task, place, measured, coarse) for place in (-2, -1)]
    grids, stages = solve_grids(task, scenes, Shape(settings.rows, settings.warmths, settings.lumas))
    return transfer_by_grids(task, coarse, grids, stages)


def preview(task: Task) -> SolvedTransfer:
    """The method `closed form`: the closed form without a solver."""
    with task.clock.part("masks"):
        measured, coarse = masks_of(task)
        scene = scene_of(task, -1, measured, coarse)
    with task.clock.part("closed form"):
        task.progress(Progress.begin("closed form"))
        grids = closed_form_grids(task, scene, PREVIEW)
    return transfer_by_grids(task, coarse, grids, ())


@one_blas_thread()
def solve_grids(task: Task, scenes: Sequence[Scene], shape: Shape) -> tuple[Grids, tuple[Outcome, ...]]:
    """Solves for the grids. Returns them with the outcome of every stage.

    The grids of regions without a counterpart stay those of the closed form. Nothing is measured there, and the terms
    of other regions would move them, since the encoder sees some way beyond the border of a region.

    Args:
        task: its settings, styles and correspondence are used. Its photo is not: the photos are in `scenes`.
        scenes: the photos at half the size of the solve, and at the size of the solve.
        shape: the shape of the grids.
    """
    from photostyle.solvers.grid import Slices, Solver
    from photostyle.solvers.whitening import Stiffness

    settings, clock = task.settings.grid, task.clock
    with clock.part("closed form"):
        task.progress(Progress.begin("closed form"))
        reference = closed_form_grids(task, scenes[-1], shape)
    matched = len(task.correspondence.matched)
    grids, following = reference[:matched], reference[matched:]
    solver = Solver(grids, Stiffness.of(settings), settings.history)
    stages: list[Outcome] = []
    sizes = (
        ("solve, coarse", settings.coarse_iterations, settings.style_layers),
        ("solve, fine", settings.iterations, settings.fine_layers),
    )
    for (name, most, layers), scene in zip(sizes, scenes, strict=True):
        if not most:
            continue
        with clock.part(f"objective, {name.split()[-1]}"):
            task.progress(Progress.begin("objective"))
            slices = Slices(
                scene.surface_colours[:matched], scene.soft[:matched], fixed_colours(scene, following), shape
            )
            changed = slices.changed(solver.reference.reshape(-1, 3))[0]
            objective = _objective(task, scene, layers, changed)

        def report(step: Step, most: int = most) -> None:
            task.report(step, most)

        with clock.part(name):
            grids, outcome = solver(
                objective, slices, grids, iterations=most, tolerance=settings.tolerance, patience=settings.patience,
                report=report, stage=name,
            )  # fmt: skip
        stages.append(outcome)
        if outcome.status in (Status.INTERRUPTED, Status.NOT_FINITE):
            break
    return np.concatenate([grids, following]), tuple(stages)


def _objective(task: Task, scene: Scene, layers: tuple[str, ...], reference: Pixels) -> Objective:
    """The objective of a scene, on arrays or by PyTorch.

    Args:
        layers: those of the style term.
        reference: the photo after the closed form, `(H, W, 3)`.
    """
    if task.networks is None:
        from photostyle.pipeline.grid_objective import grid_objective

        return grid_objective(task, scene, layers, reference)
    from photostyle.pipeline.array_objective import array_objective

    return array_objective(task, task.networks, scene, layers, reference)


def fixed_colours(scene: Scene, following: Grids) -> Pixels:
    """`(H, W, 3)`: what the pixels that are not solved for add to the photo, before the shoulder.

    Args:
        following: the grids of the last regions of the scene, which are not solved for.
    """
    fixed: Pixels = scene.soft[-1][..., None] * scene.surface_colours[-1]
    if len(following):
        part = slice(-1 - len(following), -1)
        shape, parts = Shape(*following.shape[1:4]), zip(scene.surface_colours[part], scene.soft[part], strict=True)
        slices = [RegionSlice(*each, shape) for each in parts]
        fixed += sliced(slices, following, scene.soft[0].size).reshape(fixed.shape)
    return fixed


def closed_form_grids(task: Task, scene: Scene, shape: Shape) -> Grids:
    """The closed form as grids, `(K, rows, warmths, lumas, 4, 3)`.

    Each region has one map of colours by optimal transport, which is the same for all warmths, and in all rows but for
    the layout that the style shows. Regions without a counterpart have an affine map of others together. A region that
    takes its look only from black-and-white styles is mapped to greys. In photos taken at night, small lights keep
    their hue; see `photostyle.solvers.lights`.
    """
    settings, correspondence = task.settings.grid, task.correspondence
    has_layout = shape.rows > 1 and correspondence.found_by not in ("groups", "whole")
    layout, matched = settings.layout if has_layout else 0.0, _matched_colours(correspondence, scene)
    maps = [
        closed_form.fit(scene.pixels, mask, styles, lightness=settings.lightness, layout=layout)
        for mask, styles in matched
    ]
    maps += [
        _following_map(region, correspondence, matched, scene.pixels)
        for region in correspondence.regions[len(matched) :]
    ]
    maps = [own.in_grey() if grey else own for own, grey in zip(maps, correspondence.grey_regions, strict=True)]
    grids = coefficients_of(maps, scene.pixels, scene.masks[:-1], shape)
    coloured = np.flatnonzero(~np.array(correspondence.grey_regions, bool))
    grids[coloured] = keep_lights(grids[coloured], scene.pixels, scene.masks[coloured])
    return grids


def _following_map(
    region: RegionMatch, correspondence: Correspondence, matched: Sequence[MatchedColours], pixels: Pixels
) -> closed_form.ColourMap:
    """The map of a region without a counterpart: the change of all other regions together.

    A surface takes the change of the other surfaces if there are any: a sky that becomes orange says less about a wall.

    Args:
        matched: see `_matched_colours`.
        pixels: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
    """
    surfaces = [each for each, other in zip(matched, correspondence.matched, strict=True) if other.name in SURFACES]
    return closed_form.fit_overall(pixels, surfaces if surfaces and region.name in SURFACES else matched)


def overall_grid(task: Task, scene: Scene, shape: Shape) -> Grids:
    """The grid of regions without a counterpart, `(rows, warmths, lumas, 4, 3)`: the change of the whole photo."""
    overall = closed_form.fit_overall(scene.pixels, _matched_colours(task.correspondence, scene))
    grid: Grids = coefficients_of([overall], scene.pixels, scene.masks[:1], shape)[0]
    return grid


def _matched_colours(correspondence: Correspondence, scene: Scene) -> list[MatchedColours]:
    """For each region with a counterpart its measured mask, and the style photos and masks that it takes from."""
    return [
        (mask, [(s.share, scene.styles[s.style].pixels, scene.style_masks[s.style][place]) for s in region.sources])
        for place, (mask, region) in enumerate(zip(scene.masks, correspondence.matched, strict=False))
    ]


def transfer_by_grids(task: Task, coarse: Pixels, grids: Grids, stages: tuple[Outcome, ...]) -> SolvedTransfer:
    """Makes a transfer from grids of any origin. It can be applied to the task's photo at any size.

    Args:
        task: the photo and its correspondence.
        coarse: `(K + 1, H, W) float32`: the masks of the K regions of the task's photo, and the mask of the pixels in
            no region. See `photostyle.regions.edge_masks.coarse_masks`.
        grids: `(K, rows, warmths, lumas, 4, 3)`.
        stages: how each stage of the solver went.
    """
    grids, regions = _ending_in_grey(grids, task.correspondence), len(grids)
    small = refine_fine(coarse, task.pixels)
    surfaces, denoise = Surfaces.of(task.pixels, small.of(task.pixels)), task.settings.grid.denoise
    apply = GridLook(coarse, surfaces, grids, denoise, task.progress)

    def terms() -> Mapping[str, float]:
        from photostyle.pipeline import pixel_method

        changed = apply_at_full_size(task.pixels, small, surfaces, grids, [1.0] * regions, denoise=denoise)
        return pixel_method.paper_terms(task, changed)

    return SolvedTransfer(stages, apply, terms)


@dataclass(frozen=True, eq=False)
class GridLook:
    """What was solved for, as a function; see `photostyle.pipeline.task.SolvedTransfer`. It does not keep the task.

    Args:
        coarse: see `transfer_by_grids`.
        surfaces: the surfaces of the masks, at the size of the solve.
        grids: `(K, rows, warmths, lumas, 4, 3)`; one more if everything becomes grey.
        denoise: see `photostyle.solvers.full_size.apply_at_full_size`.
        progress: is told how many rows are finished; None for nobody. Without it the object can be pickled.
    """

    coarse: Pixels = field(repr=False)
    surfaces: Surfaces = field(repr=False)
    grids: Grids = field(repr=False)
    denoise: float
    progress: Callable[[Progress], None] | None = field(default=None, repr=False)

    def __call__(self, photo: Photo, strengths: Strengths) -> tuple[Pixels, tuple[str, ...]]:
        def tell(rows: int) -> None:
            if self.progress is not None:
                self.progress(Progress("apply", rows, photo.height, math.nan, {}))

        masks = refine_fine(self.coarse, photo.pixels)
        changed = apply_at_full_size(
            photo.pixels, masks, self.surfaces, self.grids, strengths,
            profile=photo.profile, denoise=self.denoise, tell=tell,
        )  # fmt: skip
        return changed, ()

    def for_parts(self, photo: Photo, strengths: Strengths) -> FullSizeLook:
        """The same for single parts of the photo."""
        masks = refine_fine(self.coarse, photo.pixels)
        return FullSizeLook(
            photo.pixels, masks, self.surfaces, self.grids, strengths, photo.profile, self.denoise
        )  # fmt: skip


def _ending_in_grey(grids: Grids, correspondence: Correspondence) -> Grids:
    """The grids, those of regions that become grey with their lumas only.

    If everything becomes grey, there is one grid more, for the pixels in no region: their own luma.
    """
    changed = [
        grids_in_grey(grid) if grey else grid for grid, grey in zip(grids, correspondence.grey_regions, strict=True)
    ]
    if correspondence.all_grey:
        unchanged = np.broadcast_to(np.eye(4, 3), grids.shape[1:])
        changed.append(grids_in_grey(unchanged))
    return np.stack(changed)
