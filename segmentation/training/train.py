"""Trains the network that comes with the package.

    python -m segmentation.training.train --data DATA --rendered RENDERED --trunk TRUNK -o compact.safetensors

The training has two rounds. The first round uses photos with a label for each pixel, rendered scenes at every time of
day, and photos for which only the subject is known, from the name of the file or folder. Then the network of the first
round labels the photos with only a subject, more photos with unknown content, and the frames of fixed cameras. The
second round uses these photos together with the labelled photos and scenes. The result is the mean of the weights after
the two rounds.

`TRUNK` is the file with the ImageNet weights that the trunk starts from. `segmentation/training/trunk.py` says where to
get it. `segmentation/training/evaluate.py` measures how good the result is.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm

from segmentation.labels import FOREGROUND, UNLABELLED, UNSPECIFIED
from segmentation.network import CLASSES, Network
from segmentation.segmenter import Segmenter, save_network
from segmentation.training.evaluate import confusion, figures
from segmentation.training.pseudo_labels import pseudo_labelled
from segmentation.training.samples import Crops, Sample, labelled, others, rendered, subjects
from segmentation.training.trunk import start_from


@dataclass(frozen=True)
class SegmenterRecipe:
    """All settings of the training. Together with the data they determine the result."""

    steps: int = 3_000
    second_steps: int = 3_000
    batch: int = 8
    crop: int = 256
    rate: float = 2e-3
    trunk_rate: float = 2e-4
    frozen: int = 2
    """The number of stages at the start of the trunk that are not trained. The stem is not trained either."""
    subject_weight: float = 0.3
    average: float = 0.998
    """The decay of the exponential moving average of the weights. This average is the result of a round."""
    seed: int = 0


def loss_of(logits: Tensor, labels: Tensor, subject: Tensor, subject_weight: float) -> Tensor:
    """The loss: cross-entropy at the labelled pixels, plus a term for photos with a known subject.

    The second term is the negative log-probability of the subject, averaged over the eighth of the photo where the
    subject is most probable. So it is small if at least this part of the photo shows the subject.

    Args:
        logits: `(B, 10, h, w)`.
        labels: `(B, H, W)`: ids of classes, 254 for any foreground, 255 for no label.
        subject: `(B,)`: ids of classes, 254 for any foreground, 255 for no known subject.
        subject_weight: the weight of the second term.
    """
    logits = functional.interpolate(logits.float(), labels.shape[-2:], mode="bilinear")
    chances = functional.log_softmax(logits, 1)
    any_foreground = chances[:, FOREGROUND[0] :].logsumexp(1, keepdim=True)
    known = labels < CLASSES
    picked = torch.gather(chances, 1, labels.where(known, torch.zeros_like(labels))[:, None])
    entropy = -torch.where(known, picked[:, 0], any_foreground[:, 0])
    counted = (labels != UNLABELLED).float()
    loss = (entropy * counted).sum() / counted.sum().clamp_min(1)
    shown = [index for index, value in enumerate(subject.tolist()) if value != UNLABELLED]
    if shown:
        parts = []
        for index in shown:
            value = int(subject[index])
            plane = any_foreground[index, 0] if value == UNSPECIFIED else chances[index, value]
            parts.append(-plane.flatten().topk(plane.numel() // 8).values.mean())
        loss = loss + subject_weight * torch.stack(parts).sum() / len(subject)
    return loss


def fit(
    network: Network, samples: Sequence[Sample], looks: Sequence[Path], recipe: SegmenterRecipe, steps: int
) -> Network:
    """Trains the network with AdamW and a cosine schedule. Returns the moving average of the weights.

    Args:
        network: the network to train. Its weights are changed.
        samples: the photos to learn from.
        looks: files of photos whose colours may be transferred to the training photos.
        recipe: the settings.
        steps: the number of steps.
    """
    data = iter(DataLoader(Crops(samples, looks, recipe.crop, recipe.seed + steps), recipe.batch, num_workers=1))
    for part in (network.stem, *network.stages[: recipe.frozen]):
        part.requires_grad_(False)
    trunk = [p for part in network.stages[recipe.frozen :] for p in part.parameters()]
    above = [p for key, p in network.named_parameters() if not key.startswith(("stem.", "stages."))]
    groups = [{"params": trunk, "lr": recipe.trunk_rate}, {"params": above, "lr": recipe.rate}]
    rates = [recipe.trunk_rate, recipe.rate]
    optimiser = torch.optim.AdamW(groups, weight_decay=1e-2)
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    network.train().to(memory_format=torch.channels_last)
    mean = 0.0
    progress = tqdm(range(steps), mininterval=20, file=sys.stderr)
    for step in progress:
        share = min(1.0, (step + 1) / 200) * 0.5 * (1 + float(np.cos(np.pi * step / steps)))
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = share * rate
        image, labels, subject = next(data)
        logits = network(image.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits, labels, subject, recipe.subject_weight)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        keep = min(recipe.average, (step + 1) / (step + 10))
        with torch.no_grad():
            for average, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
                average.lerp_(value, 1 - keep) if average.is_floating_point() else average.copy_(value)
        mean = float(loss.detach()) if step == 0 else 0.99 * mean + 0.01 * float(loss.detach())
        if step % 100 == 0:
            progress.set_postfix(loss=f"{mean:.3f}")
    return averaged


def mean_of(first: Network, second: Network) -> Network:
    """A network whose weights are the means of the weights of two networks (Wortsman et al., "Model soups", ICML
    2022)."""
    mean = copy.deepcopy(second)
    with torch.no_grad():
        for value, other in zip(mean.state_dict().values(), first.state_dict().values(), strict=True):
            if value.is_floating_point():
                value.lerp_(other, 0.5)
    return mean


def train(data: Path, renders: Path, trunk: Path, output: Path, recipe: SegmenterRecipe) -> None:
    torch.manual_seed(recipe.seed)
    began = time.monotonic()
    known, held = labelled(data)
    scenes, weak = rendered(renders, held_out=False), subjects(data)
    looks = sorted((data / "photos").glob("*.jpg"))
    network = Network()
    start_from(network, trunk)
    network = fit(network, [*known, *scenes, *weak], looks, recipe, recipe.steps)
    print("held-out photos, first round:", json.dumps(figures(confusion(Segmenter(network), held))), flush=True)
    torch.save(network.state_dict(), output.with_suffix(".checkpoint.pt"))
    if recipe.second_steps:
        unknown = [Sample(path, weight=1e-4) for path in others(data)]
        pseudo = pseudo_labelled(network, [*weak, *unknown], data / "timelapse")
        again = copy.deepcopy(network).requires_grad_(True)
        second = fit(again, [*known, *scenes, *pseudo], looks, recipe, recipe.second_steps)
        print("held-out photos, second round:", json.dumps(figures(confusion(Segmenter(second), held))), flush=True)
        network = mean_of(network, second)
        print("held-out photos, mean of both:", json.dumps(figures(confusion(Segmenter(network), held))), flush=True)
    training = asdict(recipe) | {"minutes": round((time.monotonic() - began) / 60, 1)}
    save_network(output, network, training=json.dumps(training))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "rendered", "trunk"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    names = ("steps", "second_steps", "batch", "crop", "seed")
    for name in names:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(SegmenterRecipe, name))
    options = parser.parse_args()
    recipe = SegmenterRecipe(**{name: getattr(options, name) for name in names})
    train(options.data, options.rendered, options.trunk, options.output, recipe)


if __name__ == "__main__":
    main()
