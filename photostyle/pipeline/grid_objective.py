"""The objective of the method `grid` for a scene, by PyTorch: for graphics cards, and for any encoder and layers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.objective.colours import ColourTerm
from photostyle.objective.drift import DriftTerm
from photostyle.objective.edges import EdgeTerm
from photostyle.objective.laplacian import matting_laplacian
from photostyle.objective.photorealism import PhotorealismTerm
from photostyle.objective.regional import RegionalObjective, RegionalWeights
from photostyle.objective.structure import StructureTerm
from photostyle.objective.style import RelativeStyleTerm, mean_grams
from photostyle.pipeline.scene import Pixels, Scene, stack_photos, unstack_photos
from photostyle.pipeline.task import Task
from photostyle.regions.region_map import layer_masks
from photostyle.solvers.grid import Objective


def grid_objective(task: Task, scene: Scene, layers: tuple[str, ...], reference: Pixels) -> Objective:
    """The objective of a scene. Regions without a counterpart have nothing to be compared with in style and colours.

    Args:
        layers: those of the style term.
        reference: the photo after the closed form, `(H, W, 3)`. What hue and chroma drift in it is free.
    """
    settings, extract, photos = task.settings.grid, task.extract, scene.photos
    matched = len(task.correspondence.matched)
    image, masks = extract.tensor(scene.pixels), torch.from_numpy(scene.masks[:matched]).to(extract.device)
    shares = [task.correspondence.shares(place)[:matched] for place in range(len(scene.styles))]
    style_masks = [torch.from_numpy(style_mask[:matched]).to(extract.device) for style_mask in scene.style_masks]
    styles = [extract.tensor(style.pixels) for style in scene.styles]
    labels = scene.labels
    with torch.no_grad():
        carried = [layer_masks(style_mask, layers) for style_mask in style_masks]
        targets = {
            layer: mean_grams([
                (share, style.features[layer], mask[layer])
                for share, style, mask in zip(shares, scene.styles, carried, strict=True)
            ])
            for layer in layers
        }  # fmt: skip
    laplacian = matting_laplacian(scene.pixels, settings.epsilon, labels=labels)
    weights = RegionalWeights(
        settings.style, settings.colours, settings.structure, settings.edges, settings.photorealism, settings.drift
    )
    carried_masks = {
        layer: stack_photos(mask[:, None], photos)[:, 0]
        for layer, mask in layer_masks(unstack_photos(masks[:, None], photos)[:, 0], layers).items()
    }

    def features(image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        return {
            layer: stack_photos(feature, photos)
            for layer, feature in extract(unstack_photos(image, photos), layers).items()
        }

    objective = RegionalObjective(
        features, layers, weights,
        style=RelativeStyleTerm(targets, carried_masks),
        colours=ColourTerm(list(zip(shares, styles, style_masks, strict=True)), masks, task.settings.seed),
        structure=StructureTerm(image, torch.from_numpy(labels).to(extract.device)),
        edges=EdgeTerm(image, photos),
        photorealism=PhotorealismTerm(laplacian, device=extract.device),
        drift=DriftTerm(image, extract.tensor(reference), torch.from_numpy(labels).to(extract.device)),
    )  # fmt: skip

    def on_arrays(image: Pixels) -> tuple[float, NDArray[np.float64], dict[str, float]]:
        loss, gradient, terms = objective(extract.tensor(image))
        return loss, gradient[0].permute(1, 2, 0).cpu().numpy().astype(np.float64), terms

    return on_arrays
