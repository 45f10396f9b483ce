"""The objective of the method `grid` for a scene, on NumPy arrays: on the processor, with the encoder `compact`."""

from __future__ import annotations

from photostyle.encoders.looking import Networks
from photostyle.objective.arrays.colours import StyleRegions
from photostyle.objective.arrays.regional import RegionalObjective
from photostyle.pipeline.scene import Pixels, Scene
from photostyle.pipeline.task import Task
from photostyle.solvers.grid import Objective


def array_objective(
    task: Task, networks: Networks, scene: Scene, layers: tuple[str, ...], reference: Pixels
) -> Objective:
    """The objective of a scene.

    Args:
        layers: those of the style term.
        reference: the photo after the closed form, `(H, W, 3)`. What hue and chroma drift in it is free.
    """
    matched = len(task.correspondence.matched)
    styles = [
        StyleRegions(style.pixels, masks[:matched], [float(s) for s in task.correspondence.shares(place)[:matched]])
        for place, (style, masks) in enumerate(zip(scene.styles, scene.style_masks, strict=True))
    ]
    return RegionalObjective(
        scene.pixels, reference, scene.labels, scene.masks[:matched], styles, task.settings.grid, layers,
        networks.features, networks.style_term(layers), seed=task.settings.seed, photos=scene.photos,
    )  # fmt: skip
