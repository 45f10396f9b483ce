"""What the network that ships learns from, and what it is judged by: photos, their labels, and random squares of them.

`DATA` and `RENDERED`, which the training and the judging program are given, are folders as described in their own
README files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset

from segmentation.labels import UNLABELLED, UNSPECIFIED
from segmentation.training.augment import relit

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

    def __init__(self, samples: Sequence[Sample], looks: Sequence[Path], crop: int, seed: int) -> None:
        self.samples, self.looks, self.crop, self.seed = samples, looks, crop, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        rng = np.random.default_rng(self.seed)
        weights = np.array([sample.weight for sample in self.samples])
        while True:
            sample = self.samples[rng.choice(len(weights), p=weights / weights.sum())]
            pixels, label = random_crop(*read(sample), self.crop, rng)
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
