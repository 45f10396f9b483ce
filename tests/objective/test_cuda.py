"""Every term of the objectives on a graphics card, held to its value and its gradient on the processor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.encoders.features import FeatureExtractor
from photostyle.encoders.vgg import Encoder
from photostyle.objective.colours import ColourTerm
from photostyle.objective.content import ContentTerm
from photostyle.objective.edges import EdgeTerm
from photostyle.objective.laplacian import matting_laplacian
from photostyle.objective.photorealism import PhotorealismTerm
from photostyle.objective.smoothness import total_variation
from photostyle.objective.structure import StructureTerm
from photostyle.objective.style import RelativeStyleTerm, StyleTerm, mean_grams, with_own_look
from photostyle.objective.total import with_gradient
from photostyle.regions.region_map import layer_masks
from tests.cuda import CPU, CUDA, on_cuda

Pixels = NDArray[np.float32]
Term = Callable[[Tensor], Tensor]
TermOf = Callable[[Pixels, Pixels, torch.device], Term]
LAYERS = ("relu1_1", "relu3_1")


def encoder_on(device: torch.device) -> FeatureExtractor:
    torch.manual_seed(0)
    encoder = Encoder((8,) * 13, padding="reflect").to(device).to(memory_format=torch.channels_last)
    return FeatureExtractor(encoder.requires_grad_(False), str(device))


def halves(pixels: Pixels, device: torch.device) -> Tensor:
    """Two hard masks, with rows between them that are in neither."""
    masks = torch.zeros(2, *pixels.shape[:2])
    masks[0, :40], masks[1, 50:] = 1, 1
    return masks.to(device)


def colours(scene: Pixels, dusk: Pixels, device: torch.device) -> Term:
    style = encoder_on(device).tensor(dusk)
    return ColourTerm([((1.0, 1.0), style, halves(dusk, device))], halves(scene, device), 0)


def content(scene: Pixels, dusk: Pixels, device: torch.device) -> Term:
    extract = encoder_on(device)
    term = ContentTerm(extract(extract.tensor(scene), LAYERS))
    return lambda image: term(extract(image, LAYERS))


def edges(scene: Pixels, dusk: Pixels, device: torch.device) -> Term:
    return EdgeTerm(encoder_on(device).tensor(scene), photos=2)


def photorealism(scene: Pixels, dusk: Pixels, device: torch.device) -> Term:
    return PhotorealismTerm(matting_laplacian(scene, 1e-5), device=device)


def relative_style(scene: Pixels, dusk: Pixels, device: torch.device) -> Term:
    extract = encoder_on(device)
    features, masks = extract(extract.tensor(dusk), LAYERS), layer_masks(halves(dusk, device), LAYERS)
    light = extract(extract.tensor(np.sqrt(dusk)), LAYERS)
    targets = {
        layer: mean_grams([((0.5, 1.0), features[layer], masks[layer]), ((0.5, 0.0), light[layer], masks[layer])])
        for layer in LAYERS
    }
    term = RelativeStyleTerm(targets, layer_masks(halves(scene, device), LAYERS))
    return lambda image: term(extract(image, LAYERS))


def structure(scene: Pixels, dusk: Pixels, device: torch.device) -> Term:
    return StructureTerm(encoder_on(device).tensor(scene), halves(scene, device).argmax(0))


def style(scene: Pixels, dusk: Pixels, device: torch.device) -> Term:
    extract = encoder_on(device)
    features, masks = extract(extract.tensor(dusk), LAYERS), layer_masks(halves(dusk, device), LAYERS)
    targets = {layer: mean_grams([((1.0, 1.0), features[layer], masks[layer])]) for layer in LAYERS}
    own = extract(extract.tensor(scene), LAYERS)
    masks, targets = with_own_look(layer_masks(halves(scene, device), LAYERS), targets, own, 0.001)
    term = StyleTerm(targets, masks, dict.fromkeys(LAYERS, 1.0))
    return lambda image: term(extract(image, LAYERS))


def variation(scene: Pixels, dusk: Pixels, device: torch.device) -> Term:
    return total_variation


@on_cuda
@pytest.mark.parametrize(
    "term_of", [colours, content, edges, photorealism, relative_style, structure, style, variation]
)
def test_value_and_gradient_are_those_of_the_processor(
    term_of: Callable[[Pixels, Pixels, torch.device], Term],
    scene: Pixels,
    dusk: Pixels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    image = torch.from_numpy(np.random.default_rng(4).normal(scene, 0.05).clip(0, 1).astype(np.float32))
    image = image.permute(2, 0, 1)[None].contiguous()
    results = []
    for device in (CPU, CUDA):
        term = term_of(scene, dusk, device)
        value, gradient, _ = with_gradient(lambda x, term=term: {"term": term(x)}, image.to(device))
        assert gradient.device.type == device.type
        results.append((value, gradient.cpu()))
    (wanted, slope), (value, found) = results
    assert value == pytest.approx(wanted, rel=1e-3)
    assert float((found - slope).norm()) < 0.01 * float(slope.norm())
