"""The objective without PyTorch is held, term by term, to the modules that PyTorch differentiates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.encoders import weights
from photostyle.encoders.features import FeatureExtractor
from photostyle.encoders.looking import FINE_LAYERS, LAYERS, load_features, load_style_term
from photostyle.objective.arrays import regional
from photostyle.objective.arrays.colours import StyleRegions
from photostyle.objective.colours import ColourTerm
from photostyle.objective.drift import DriftTerm
from photostyle.objective.edges import EdgeTerm
from photostyle.objective.laplacian import matting_laplacian
from photostyle.objective.photorealism import PhotorealismTerm
from photostyle.objective.regional import RegionalObjective, RegionalWeights
from photostyle.objective.structure import StructureTerm
from photostyle.objective.style import RelativeStyleTerm, mean_grams
from photostyle.pipeline.scene import stack_photos, unstack_photos
from photostyle.regions.region_map import layer_masks
from photostyle.settings import GridSettings

Pixels = NDArray[np.float32]
SIZE = 64, 96


def photo(seed: int) -> Pixels:
    """A bright sky over dark ground, with soft shapes and grain, so that no two pixels are equal."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] / 20
    shapes = np.stack([np.sin(rows + k + seed) * np.cos(columns - k) for k in range(3)], 2)
    base = np.where(rows[..., None] < 1.6, (0.5, 0.6, 0.8), (0.3, 0.3, 0.2))
    return np.clip(base + 0.15 * shapes + rng.normal(0, 0.01, shapes.shape), 0.01, 0.99).astype(np.float32)


def halves(row: int) -> Pixels:
    """Two masks: above the row and below it, with a soft border."""
    share = 1 / (1 + np.exp((np.arange(SIZE[0]) - row) / 2))
    above = np.repeat(share[:, None], SIZE[1], 1)
    return np.stack([above, 1 - above]).astype(np.float32)


def weights_of(settings: GridSettings) -> RegionalWeights:
    return RegionalWeights(
        settings.style, settings.colours, settings.structure, settings.edges, settings.photorealism, settings.drift
    )


@pytest.mark.parametrize(("styles", "photos"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("layers", [LAYERS, FINE_LAYERS])
@pytest.mark.parametrize("only", ["style", "colours", "structure", "edges", "photorealism", "drift", "all"])
def test_values_and_gradients_are_those_of_the_modules(
    styles: int, photos: int, only: str, layers: tuple[str, ...]
) -> None:
    settings = GridSettings()
    if only != "all":
        names = ("style", "colours", "structure", "edges", "photorealism", "drift")
        settings = settings.model_copy(update={name: 0.0 for name in names if name != only})
    content, image, reference = (
        np.concatenate([photo(seed + place) for place in range(photos)]) for seed in (0, 10, 20)
    )
    masks = np.concatenate([halves(30 + place) for place in range(photos)], 1)
    labels = masks.argmax(0) + 3 * np.repeat(np.arange(photos), SIZE[0])[:, None]
    shares = ([1.0, 1.0],) if styles == 1 else ([1.0, 0.3], [0.0, 0.7])
    regions = [StyleRegions(photo(30 + k), halves(25 + k), share) for k, share in enumerate(shares)]
    value, gradient, terms = regional.RegionalObjective(
        content,
        reference,
        labels,
        masks,
        regions,
        settings,
        layers,
        load_features(),
        load_style_term(layers),
        photos=photos,
    )(image.astype(np.float64))

    encoder = weights.load("compact").requires_grad_(False)
    for tensor in (*encoder.parameters(), *encoder.buffers()):  # the files have half precision
        tensor.data = tensor.data.half().float()
    extract = FeatureExtractor(encoder, "cpu")
    found = [(each.shares, extract.encoded(each.pixels, LAYERS), torch.from_numpy(each.masks)) for each in regions]
    targets = {
        layer: mean_grams([
            (share, own.features[layer], layer_masks(mask, LAYERS)[layer]) for share, own, mask in found
        ])
        for layer in layers
    }  # fmt: skip
    before, after, where = extract.tensor(content), extract.tensor(reference), torch.from_numpy(labels)
    own_masks = unstack_photos(torch.from_numpy(masks)[:, None], photos)[:, 0]
    carried = {
        layer: stack_photos(mask[:, None], photos)[:, 0] for layer, mask in layer_masks(own_masks, LAYERS).items()
    }

    def features(image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        seen = extract(unstack_photos(image, photos), layers)
        return {layer: stack_photos(feature, photos) for layer, feature in seen.items()}

    colours = [(share, extract.tensor(own.pixels), mask) for share, own, mask in found]
    expected, slope, parts = RegionalObjective(
        features, layers, weights_of(settings),
        style=RelativeStyleTerm(targets, carried),
        colours=ColourTerm(colours, torch.from_numpy(masks), 0),
        structure=StructureTerm(before, where), edges=EdgeTerm(before, photos),
        photorealism=PhotorealismTerm(matting_laplacian(content, settings.epsilon, labels=labels)),
        drift=DriftTerm(before, after, where),
    )(extract.tensor(image))  # fmt: skip
    assert value == pytest.approx(expected, rel=2e-4)
    for name, part in parts.items():
        assert terms[name] == pytest.approx(part, rel=2e-4)
    wanted = slope[0].permute(1, 2, 0).numpy()
    assert np.linalg.norm(wanted) > 0
    # Where two pooled values are equal, the gradient of the style term may be another one; so may be the sign of the
    # colour term's where a projection is at its target but for rounding.
    apart = {"style": 2e-2, "all": 2e-2, "colours": 1e-2}.get(only, 1e-3)
    assert np.linalg.norm(gradient - wanted) / np.linalg.norm(wanted) < apart
