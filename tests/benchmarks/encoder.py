"""How well `compact` stands in for the encoder it was distilled from.

    python -m tests.benchmarks.encoder [--weights FILE] [--shared ../shared]

Two figures. On photos kept out of training, the share of the reference's feature variance that a linear map of the
features explains. On the authors' pairs, Spearman's rank correlation, between the two encoders, of the per-region
Gram distances to the style of eight pictures: content, the authors' result, a peer's, and five blends of the first
two; averaged over the pairs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from photostyle.encoders.encoder_file import load_encoder
from photostyle.encoders.fetch import read_photo
from photostyle.encoders.vgg import Encoder
from photostyle.encoders.weights import SHIPPED
from photostyle.objective.style import region_grams
from photostyle.photo.photo import Photo
from photostyle.photo.resizing import resize
from photostyle.regions.mask_files import read_mask
from photostyle.regions.region_map import layer_masks, region_masks
from photostyle.training.distill import JUDGED, DistillRecipe, explained_variance, load_reference, photo_files
from segmentation.matching import match

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
BLENDS = (1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6)


@torch.no_grad()
def grams(encoder: Encoder, image: torch.Tensor, masks: torch.Tensor) -> list[torch.Tensor]:
    features, carried = encoder(image, STYLE_LAYERS), layer_masks(masks, STYLE_LAYERS)
    return [region_grams(features[layer], carried[layer]) for layer in STYLE_LAYERS]


def distance(own: Sequence[torch.Tensor], style: Sequence[torch.Tensor], areas: torch.Tensor) -> float:
    """Mean over layers of the regions' relative Gram distances, weighted by area."""
    layers = [
        (areas * (a - b).flatten(1).norm(dim=1) / b.flatten(1).norm(dim=1)).sum() / areas.sum()
        for a, b in zip(own, style, strict=True)
    ]
    return float(torch.stack(layers).mean())


def at_size(path: Path, height: int, width: int) -> torch.Tensor:
    """A result as `(1, 3, H, W)`; some of the published ones are a pixel off their content's size."""
    pixels = resize(Photo.read(path).pixels, height, width)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def rank_correlation(encoder: Encoder, reference: Encoder, pair: Path) -> float:
    content, style = (read_photo(pair / f"{name}.png") for name in ("content", "style"))
    author, peer = (at_size(pair / f"{name}.png", *content.shape[2:]) for name in ("author", "pca_kd"))
    maps = [
        read_mask(pair / f"{name}_mask.png", *photo.shape[2:])
        for name, photo in (("content", content), ("style", style))
    ]
    regions = match(maps[0].labels, maps[1].labels, maps[0].names, maps[1].names).regions
    masks = torch.from_numpy(region_masks(maps[0].labels, [region.content_ids for region in regions]))
    style_masks = torch.from_numpy(region_masks(maps[1].labels, [region.style_ids for region in regions]))
    areas = masks.mean((1, 2))
    pictures = [content, author, peer, *((1 - share) * content + share * author for share in BLENDS)]
    rows = []
    for judge in (encoder, reference):
        target = grams(judge, style, style_masks)
        rows.append([distance(grams(judge, picture, masks), target, areas) for picture in pictures])
    return float(spearmanr(*rows).statistic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[3] / "shared")
    parser.add_argument("--pairs", type=int, default=20, help="how many of the pairs")
    options = parser.parse_args()
    encoder = load_encoder(options.weights)
    reference = load_reference(options.shared / "encoder" / "vgg19_16x.safetensors")
    fitting, judging = (
        photo_files(options.shared / "data" / "photos", DistillRecipe.skip, held_out=h) for h in (False, True)
    )
    explained = explained_variance(encoder, reference, fitting[::10], judging)
    print("share of feature variance explained: " + ", ".join(f"{layer} {explained[layer]:.3f}" for layer in JUDGED))
    pairs = sorted(path.parent for path in (options.shared / "pairs").glob("*/content.png"))[: options.pairs]
    ranks = {pair.name: rank_correlation(encoder, reference, pair) for pair in pairs}
    print(f"rank correlation of Gram distances: mean {np.mean(list(ranks.values())):.3f}, {json.dumps(ranks)}")


if __name__ == "__main__":
    main()
