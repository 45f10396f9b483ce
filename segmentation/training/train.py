"""Trains the network that comes with the package.

    python -m segmentation.training.train --data DATA --rendered RENDERED --start TRUNK -o compact.onnx

The training has three rounds:

1. The first round uses photos with a label for each pixel, rendered scenes at every time of day, and photos for which
   only the subject is known, from the name of the file or folder.
2. The network of the first round labels the photos with only a subject, more photos with unknown content, and the
   frames of fixed cameras. The second round uses these photos together with the labelled photos and scenes. It ends
   with the mean of the weights after both rounds.
3. That network labels the photos anew, without the cameras. In the third round it also learns to see in a photo with
   other light and colours what it sees in the photo itself. The result is the network after this round.

`TRUNK` is the file with the ImageNet weights that the trunk starts from. `segmentation/training/trunk.py` says where to
get it. With a network that this program wrote instead, only the third round is done.
`segmentation/training/evaluate.py` measures how good the result is.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm

from segmentation.labels import FOREGROUND, UNLABELLED, UNSPECIFIED
from segmentation.training.evaluate import confusion, figures
from segmentation.training.network import CLASSES, Network
from segmentation.training.network_file import load_network, save_network, segmenter_of
from segmentation.training.pseudo_labels import pseudo_labelled
from segmentation.training.samples import Crops, Sample, labelled, others, rendered, subjects
from segmentation.training.trunk import start_from


@dataclass(frozen=True)
class SegmenterRecipe:
    """All settings of the training. Together with the data they determine the result."""

    steps: int = 3_000
    second_steps: int = 3_000
    third_steps: int = 3_000
    consistency: float = 0.5
    """The weight of the consistency term in the third round."""
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


SURE = 0.6
"""The teacher's probability of a class from which on the network learns from it."""


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


def consistency(logits: Tensor, taught: Tensor) -> Tensor:
    """The cross-entropy to the classes that a teacher sees in the unchanged crop, where the teacher is sure.

    Args:
        logits: `(B, 10, h, w)`, of the changed crop.
        taught: `(B, 10, h, w)`, probabilities. They count where one is at least `SURE`.
    """
    counted = (taught.amax(1) >= SURE).float()
    entropy = -(taught * functional.log_softmax(logits.float(), 1)).sum(1)
    return (counted * entropy).sum() / counted.sum().clamp_min(1)


def fit(
    network: Network,
    samples: Sequence[Sample],
    looks: Sequence[Path],
    recipe: SegmenterRecipe,
    steps: int,
    *,
    share: float = 1.0,
    taught: bool = False,
) -> Network:
    """Trains the network with AdamW and a cosine schedule. Returns the moving average of the weights.

    With a teacher, the average of the weights so far looks at every crop before its light and colours are changed, and
    the network learns to see the same in the changed crop: Tarvainen and Valpola, "Mean teachers are better role
    models", NeurIPS 2017.

    Args:
        network: the network to train. Its weights are changed.
        samples: the photos to learn from.
        looks: files of photos whose colours may be transferred to the training photos.
        recipe: the settings.
        steps: the number of steps.
        share: the learning rates are this share of the recipe's.
        taught: whether there is a teacher.
    """
    data = iter(DataLoader(Crops(samples, looks, recipe.crop, recipe.seed + steps), recipe.batch, num_workers=1))
    for part in (network.stem, *network.stages[: recipe.frozen]):
        part.requires_grad_(False)
    trunk = [p for part in network.stages[recipe.frozen :] for p in part.parameters()]
    above = [p for key, p in network.named_parameters() if not key.startswith(("stem.", "stages."))]
    groups = [{"params": trunk, "lr": recipe.trunk_rate}, {"params": above, "lr": recipe.rate}]
    rates = [share * recipe.trunk_rate, share * recipe.rate]
    optimiser = torch.optim.AdamW(groups, weight_decay=1e-2)
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    network.train().to(memory_format=torch.channels_last)
    mean = 0.0
    progress = tqdm(range(steps), mininterval=20, file=sys.stderr)
    for step in progress:
        now = min(1.0, (step + 1) / 200) * 0.5 * (1 + float(np.cos(np.pi * step / steps)))
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = now * rate
        image, unchanged, labels, subject = next(data)
        logits = network(image.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits, labels, subject, recipe.subject_weight)
        if taught:
            with torch.no_grad():
                seen = averaged(unchanged.contiguous(memory_format=torch.channels_last)).softmax(1)
            loss = loss + recipe.consistency * consistency(logits, seen)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        keep = recipe.average if taught else min(recipe.average, (step + 1) / (step + 10))
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


def train(data: Path, renders: Path, start: Path, output: Path, recipe: SegmenterRecipe) -> None:
    """Trains a network in three rounds and writes it.

    Args:
        data, renders: see `segmentation.training.samples`.
        start: the weights of the trunk, or a network that `save_network` wrote. With a network, only the third round is
            done.
        output: the file to write.
        recipe: the settings.
    """
    torch.manual_seed(recipe.seed)
    began = time.monotonic()
    known, held = labelled(data)
    scenes, weak = rendered(renders, held_out=False), subjects(data)
    looks = sorted((data / "photos").glob("*.jpg"))
    unknown = [Sample(path, weight=1e-4) for path in others(data)]

    def tell(name: str, network: Network) -> None:
        print(f"held-out photos, {name}:", json.dumps(figures(confusion(segmenter_of(network), held))), flush=True)
        torch.save(network.state_dict(), output.with_suffix(f".{name}.pt"))

    if start.suffix == ".onnx":
        network = load_network(start)
        recipe = replace(recipe, steps=0, second_steps=0)
    else:
        network = Network()
        start_from(network, start)
        network = fit(network, [*known, *scenes, *weak], looks, recipe, recipe.steps)
        tell("first", network)
        pseudo = pseudo_labelled(network, [*weak, *unknown], data / "timelapse")
        second = fit(_trainable(network), [*known, *scenes, *pseudo], looks, recipe, recipe.second_steps)
        tell("second", second)
        network = mean_of(network, second)
    tell("third-start", network)
    unknown = [replace(sample, weight=3e-4) for sample in unknown]  # a fifth of all photos
    pseudo = pseudo_labelled(network, [*weak, *unknown])
    third = fit(
        _trainable(network), [*known, *scenes, *pseudo], looks, recipe, recipe.third_steps, share=0.5, taught=True
    )
    tell("third", third)
    training = asdict(recipe) | {"minutes": round((time.monotonic() - began) / 60, 1)}
    save_network(output, third, training=json.dumps(training))


def _trainable(network: Network) -> Network:
    return copy.deepcopy(network).requires_grad_(True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "rendered", "start"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    names = ("steps", "second_steps", "third_steps", "batch", "crop", "seed")
    for name in names:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(SegmenterRecipe, name))
    options = parser.parse_args()
    recipe = SegmenterRecipe(**{name: getattr(options, name) for name in names})
    train(options.data, options.rendered, options.start, options.output, recipe)


if __name__ == "__main__":
    main()
