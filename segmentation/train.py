"""Trains the network that ships.

    python -m segmentation.train train --data DATA --rendered RENDERED --trunk ENCODER -o compact.safetensors
    python -m segmentation.train evaluate --data DATA --rendered RENDERED compact.safetensors

Two rounds. In the first, photos with a label for each pixel, rendered scenes at every time of day, and photos of which
only a subject is known, by their file's name. In the second, the first round's network labels those photos and the
frames of fixed cameras, and all are learnt together. `DATA` and `RENDERED` are folders as described in their own
README files; `ENCODER` has the features that the trunk starts from.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm

from segmentation.augment import relit
from segmentation.labels import FOREGROUND, UNLABELLED, UNSPECIFIED
from segmentation.network import CLASSES, TRUNK, Network
from segmentation.segmenter import Segmenter, save_network

JUDGED = ("sky", "building", "vegetation", "water", "ground", "mountain", "foreground")
"""The seven classes of the project's figures; `foreground` is vehicle, person, animal and object together."""
TOPICS = {"beach": 3, "bus": 6, "elephant": 8, "flower": 2, "food": 9, "horse": 8, "monument": 1, "mountain": 5}
TOPICS |= {"people": 7}
"""Class that a photo of each topic of Corel 1k shows."""
LAST_ANIMAL, LAST_THING = 2_655_020, 4_612_504
"""WordNet numbers: ImageNet's classes up to the first are animals, up to the second things made by people."""
PLACES = """
    altar apiary bakery bannister barbershop barn beacon bell_cote boathouse bookshop breakwater butcher_shop castle
    chainlink_fence church cinema cliff cliff_dwelling confectionery dam dock dome drilling_platform flagpole fountain
    greenhouse grocery_store hay home_theater lakeside library lumbermill manhole_cover maze megalith mobile_home
    monastery mosque obelisk palace patio picket_fence pier planetarium prison radio_telescope restaurant scoreboard
    shoe_shop sliding_door stage steel_arch_bridge stone_wall stupa suspension_bridge thatch tile_roof tobacco_shop
    totem_pole toyshop triumphal_arch vault viaduct water_tower window_screen window_shade worm_fence yurt"""
"""Things made by people that are no foreground."""


@dataclass(frozen=True)
class Recipe:
    """Everything that the training depends on beside the data."""

    steps: int = 3_000
    second_steps: int = 3_000
    batch: int = 8
    crop: int = 256
    rate: float = 2e-3
    trunk_rate: float = 3e-4
    frozen: int = 4
    """Convolutions at the start of the trunk that stay as they are."""
    subject_weight: float = 0.3
    average: float = 0.998
    """Of the moving average of the weights, which is what is kept."""
    seed: int = 0


@dataclass(frozen=True)
class Sample:
    """A photo to learn from.

    Args:
        image: its file.
        label: its label map's file, or an array, or None.
        subject: class that it shows somewhere, 254 for any foreground, or None.
        blank: ids of its label map that are not to be trusted, and are ignored.
        weight: how often it is drawn, beside the others.
    """

    image: Path
    label: Path | NDArray[np.uint8] | None = None
    subject: int | None = None
    blank: tuple[int, ...] = ()
    weight: float = 1.0


def labelled(data: Path) -> tuple[list[Sample], list[Sample]]:
    """Photos of `scenes/train` to learn from, and every tenth to choose by."""
    files = json.loads((data / "manifest.json").read_text())["files"]
    scenes = [file for file in files if file.get("split") == "train"]
    shares = {"stanford": 0.50, "labelmefacade": 0.20, "camvid": 0.06}
    counts = {source: sum(scene["source"] == source for scene in scenes) for source in shares}
    samples = []
    for scene in scenes:
        rare = {3, 5} & set(scene["classes"])  # water, mountain
        weight = shares[scene["source"]] / counts[scene["source"]] * (3 if rare else 1)
        blank = (0,) if scene.get("label_note") else ()
        samples.append(Sample(data / scene["path"], data / scene["label"], blank=blank, weight=weight))
    held = samples[::10]
    return [sample for index, sample in enumerate(samples) if index % 10], held


def rendered(folder: Path, *, held_out: bool) -> list[Sample]:
    """Scenes of seed 1 to learn from, of higher seeds to judge by; grass, which two kinds call ground, is left out."""
    samples = []
    for scene in sorted((folder / "scenes").iterdir()):
        if (int(scene.name.rsplit("_", 1)[1]) > 1) == held_out:
            blank = (4,) if scene.name.startswith(("village", "lake")) else ()
            samples += [Sample(p, scene / "labels.png", blank=blank, weight=0.005) for p in sorted(scene.glob("*.jpg"))]
    return samples


def subjects(data: Path) -> list[Sample]:
    """Photos of `photos` of which the subject is known."""
    samples = []
    for file in json.loads((data / "manifest.json").read_text())["files"]:
        path = data / file["path"]
        if file["source"] == "corel" and path.parent.name == "photos":
            samples.append(Sample(path, subject=TOPICS[file["topic"]]))
        elif file["source"] == "imagenet":
            number, name = path.stem.split("_", 2)[1:]
            if int(number[1:]) <= LAST_ANIMAL:
                samples.append(Sample(path, subject=8))
            elif int(number[1:]) <= LAST_THING and name not in PLACES.split():
                samples.append(Sample(path, subject=UNSPECIFIED))
    return [replace(sample, weight=0.25 / len(samples)) for sample in samples]


def others(data: Path) -> list[Path]:
    """Photos of which nothing is known, without those of fixed cameras, on which other parts are tested."""
    return sorted(path for source in ("bsds500", "urban100") for path in (data / "photos").glob(f"{source}_*.jpg"))


class Crops(IterableDataset[tuple[Tensor, Tensor, int]]):
    """Endless `(3, crop, crop)` photos in [0, 1], their labels, and their subject or 255."""

    def __init__(self, samples: Sequence[Sample], looks: Sequence[Path], recipe: Recipe, seed: int) -> None:
        self.samples, self.looks, self.recipe, self.seed = samples, looks, recipe, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        rng = np.random.default_rng(self.seed)
        weights = np.array([sample.weight for sample in self.samples])
        while True:
            sample = self.samples[rng.choice(len(weights), p=weights / weights.sum())]
            pixels, label = random_crop(*read(sample), self.recipe.crop, rng)
            look = np.asarray(
                Image.open(self.looks[int(rng.integers(len(self.looks)))]).convert("RGB").resize((64, 64))
            )
            photo = relit(pixels, look, rng)
            subject = UNLABELLED if sample.subject is None else sample.subject
            yield torch.from_numpy(photo.transpose(2, 0, 1).copy()), torch.from_numpy(label.astype(np.int64)), subject


def read(sample: Sample) -> tuple[Image.Image, Image.Image]:
    """The photo and its label map, 255 throughout where it has none."""
    image = Image.open(sample.image).convert("RGB")
    if sample.label is None:
        label = np.full(image.size[::-1], UNLABELLED, np.uint8)
    else:
        label = np.array(Image.open(sample.label)) if isinstance(sample.label, Path) else sample.label.copy()
    label[np.isin(label, sample.blank)] = UNLABELLED
    return image, Image.fromarray(label)


def random_crop(
    image: Image.Image, label: Image.Image, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A square of the photo at a random scale, mirrored at random; what lies beyond the photo is grey and ignored."""
    longest = np.exp(rng.uniform(np.log(0.9 * size), np.log(2.4 * size)))
    scale = longest / max(image.size)
    width, height = (max(1, round(scale * extent)) for extent in image.size)
    left, top = (int(rng.integers(min(0, extent - size), max(0, extent - size) + 1)) for extent in (width, height))
    box = (left, top, left + size, top + size)
    pixels = image.resize((width, height), Image.Resampling.BICUBIC)
    inside = Image.new("L", (width, height), 255).crop(box)
    labels = np.asarray(label.resize((width, height), Image.Resampling.NEAREST).crop(box)).copy()
    within = np.asarray(inside) > 0
    cropped = np.asarray(pixels.crop(box), np.float32) / np.float32(255)
    cropped = np.where(within[..., None], cropped, np.float32(0.5)).astype(np.float32)
    labels[~within] = UNLABELLED
    if rng.random() < 0.5:
        cropped, labels = cropped[:, ::-1], labels[:, ::-1]
    return cropped, labels


def loss_of(logits: Tensor, labels: Tensor, subject: Tensor, subject_weight: float) -> Tensor:
    """Cross-entropy where there are labels, and, for photos with a subject, that a part of them shows it.

    Args:
        logits: `(B, 10, h, w)`; labels: `(B, H, W)`, 254 any foreground, 255 none; subject: `(B,)`, likewise.
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


def fit(network: Network, samples: Sequence[Sample], looks: Sequence[Path], recipe: Recipe, steps: int) -> Network:
    """AdamW with a cosine schedule; returns the moving average of the weights."""
    data = iter(DataLoader(Crops(samples, looks, recipe, recipe.seed + steps), recipe.batch, num_workers=1))
    still = [name for name, _ in TRUNK[: recipe.frozen]]
    trunk = [p for name, module in network.trunk.items() if name not in still for p in module.parameters()]
    for name in still:
        network.trunk[name].requires_grad_(False)
    above = [p for key, p in network.named_parameters() if not key.startswith("trunk.")]
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
        with torch.autocast("cpu", torch.bfloat16):
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


def pseudo_labelled(network: Network, samples: Sequence[Sample], cameras: Path) -> list[Sample]:
    """The samples with what the network sees in them, where it is sure, and the frames of every camera with what it
    sees in the clearest of them, which is the one of the highest mean confidence among the brighter half."""
    segmenter = Segmenter(network)
    result = []
    for sample in samples:
        chances = segmenter.probabilities(np.asarray(Image.open(sample.image).convert("RGB")))
        chances = _with_subject(chances, sample.subject)
        label = _sure(chances, sample.subject)
        result.append(replace(sample, label=_enlarged(label, sample.image)))
    for camera in sorted(path for path in cameras.iterdir() if path.is_dir()):
        frames = sorted(camera.glob("*.jpg"))
        pictures = [np.asarray(Image.open(frame).convert("RGB")) for frame in frames]
        bright = np.median([picture.mean() for picture in pictures])
        seen = [segmenter.probabilities(picture) for picture in pictures if picture.mean() >= bright]
        label = _sure(max(seen, key=lambda chances: float(chances.max(0).mean())), None)
        result += [Sample(frame, _enlarged(label, frame), weight=0.0004) for frame in frames]
    return result


def _with_subject(chances: NDArray[np.float32], subject: int | None) -> NDArray[np.float32]:
    """Raises the subject's probabilities so that an eighth of the photo at least shows it."""
    if subject is None:
        return chances
    chances = chances.copy()
    foreground = slice(FOREGROUND[0], None)
    if subject >= FOREGROUND[0]:
        into = subject if subject < CLASSES else CLASSES - 1
        total = chances[foreground].sum(0)
        chances[foreground] = 0
        chances[into] = total
        subject = into
    needed = np.quantile(chances[subject], 7 / 8)
    if needed < 0.6:
        odds = 1.5 * (1 - needed) / max(needed, 1e-3)
        chances[subject] *= min(odds, 20.0)
        chances /= chances.sum(0)
    return chances


def _sure(chances: NDArray[np.float32], subject: int | None, least: float = 0.55) -> NDArray[np.uint8]:
    label: NDArray[np.uint8] = chances.argmax(0).astype(np.uint8)
    if subject == UNSPECIFIED:
        label[label == CLASSES - 1] = UNSPECIFIED
    label[chances.max(0) < least] = UNLABELLED
    return label


def _enlarged(label: NDArray[np.uint8], like: Path) -> NDArray[np.uint8]:
    with Image.open(like) as photo:
        return np.array(Image.fromarray(label).resize(photo.size, Image.Resampling.NEAREST))


def confusion(segmenter: Segmenter, samples: Sequence[Sample]) -> NDArray[np.int64]:
    """`(7, 7)` counts of pixels, true class by row, over `JUDGED`."""
    table = np.zeros((len(JUDGED), len(JUDGED)), np.int64)
    for sample in samples:
        image, label = read(sample)
        truth = np.asarray(label)
        chances = torch.from_numpy(segmenter.probabilities(np.asarray(image)))
        chances = torch.cat([chances[: FOREGROUND[0]], chances[FOREGROUND[0] :].sum(0, keepdim=True)])
        enlarged = functional.interpolate(chances[None], truth.shape, mode="bilinear", align_corners=False)
        seen = enlarged[0].argmax(0).numpy()
        counted = truth != UNLABELLED
        rows = np.minimum(truth[counted], len(JUDGED) - 1).astype(np.int64)
        table += np.bincount(rows * len(JUDGED) + seen[counted], minlength=table.size).reshape(table.shape)
    return table


def figures(table: NDArray[np.int64]) -> Mapping[str, float]:
    """Pixel accuracy, mean intersection over union and that of every class that occurs, from a confusion matrix."""
    hits, union = np.diag(table), table.sum(0) + table.sum(1) - np.diag(table)
    there = table.sum(1) > 0
    per_class = {name: float(hits[i] / union[i]) for i, name in enumerate(JUDGED) if there[i]}
    mean = sum(per_class.values()) / len(per_class)
    return {"accuracy": float(hits.sum() / table.sum()), "mean IoU": mean, **per_class}


def start_from(network: Network, encoder: Path) -> None:
    """Copies the encoder's convolutions of the trunk's names into it, its scales of activation left out."""
    with safe_open(encoder, "pt") as file, torch.no_grad():
        for name, _ in TRUNK:
            convolution = network.trunk[name]
            assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
            convolution.weight.copy_(file.get_tensor(f"{name}.weight"))
            convolution.bias.copy_(file.get_tensor(f"{name}.bias"))


def train(data: Path, renders: Path, encoder: Path, output: Path, recipe: Recipe) -> None:
    torch.manual_seed(recipe.seed)
    began = time.monotonic()
    known, held = labelled(data)
    scenes, weak = rendered(renders, held_out=False), subjects(data)
    looks = sorted((data / "photos").glob("*.jpg"))
    network = Network()
    start_from(network, encoder)
    network = fit(network, [*known, *scenes, *weak], looks, recipe, recipe.steps)
    print("first round, kept out:", json.dumps(figures(confusion(Segmenter(network), held))), flush=True)
    torch.save(network.state_dict(), output.with_suffix(".checkpoint.pt"))
    if recipe.second_steps:
        unknown = [Sample(path, weight=1e-4) for path in others(data)]
        pseudo = pseudo_labelled(network, [*weak, *unknown], data / "timelapse")
        network = fit(network.requires_grad_(True), [*known, *scenes, *pseudo], looks, recipe, recipe.second_steps)
        print("second round, kept out:", json.dumps(figures(confusion(Segmenter(network), held))), flush=True)
    training = asdict(recipe) | {"minutes": round((time.monotonic() - began) / 60, 1)}
    save_network(output, network, training=json.dumps(training))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training, judging = commands.add_parser("train"), commands.add_parser("evaluate")
    for command in (training, judging):
        command.add_argument("--data", type=Path, required=True)
        command.add_argument("--rendered", type=Path, required=True)
    training.add_argument("--trunk", type=Path, required=True)
    training.add_argument("-o", "--output", type=Path, required=True)
    for name in ("steps", "second_steps", "batch", "crop", "seed"):
        training.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(Recipe, name))
    judging.add_argument("weights", type=Path)
    options = parser.parse_args()
    if options.command == "train":
        names = ("steps", "second_steps", "batch", "crop", "seed")
        recipe = Recipe(**{name: getattr(options, name) for name in names})
        train(options.data, options.rendered, options.trunk, options.output, recipe)
        return
    segmenter = Segmenter.load(options.weights)
    images = sorted((options.data / "scenes/test/images").glob("*.jpg"))
    test = [Sample(path, options.data / "scenes/test/labels" / f"{path.stem}.png") for path in images]
    scenes = rendered(options.rendered, held_out=True)
    groups = {"test": test} | {
        f"rendered at {time}": [sample for sample in scenes if sample.image.stem == time]
        for time in ("noon", "golden", "dusk", "night")
    }
    for group, samples in groups.items():
        table = confusion(segmenter, samples)
        print(f"{group}: " + ", ".join(f"{name} {value:.3f}" for name, value in figures(table).items()))
        for name, row in zip(JUDGED, table, strict=True):
            print(f"  {name:>10} " + " ".join(f"{share:6.3f}" for share in row / max(1, row.sum())))


if __name__ == "__main__":
    main()
