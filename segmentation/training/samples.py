"""The photos and labels for training and evaluating the network, and random crops of them.

The training and evaluation programs take two folders, `DATA` and `RENDERED`. Each folder has a README that describes
its files.
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
from segmentation.training.augment import recoloured, relit

TOPICS = {"beach": 3, "bus": 6, "elephant": 8, "flower": 2, "food": 9, "horse": 8, "monument": 1, "mountain": 5}
TOPICS |= {"people": 7}
"""The class that the photos of each Corel 1k topic show."""
LAST_ANIMAL, LAST_THING = 2_655_020, 4_612_504
"""WordNet numbers that group ImageNet's classes: those up to `LAST_ANIMAL` are animals. Those above it, up to
`LAST_THING`, are things made by people."""
PLACES = """
    altar apiary bakery bannister barbershop barn beacon bell_cote boathouse bookshop breakwater butcher_shop castle
    chainlink_fence church cinema cliff cliff_dwelling confectionery dam dock dome drilling_platform flagpole fountain
    greenhouse grocery_store hay home_theater lakeside library lumbermill manhole_cover maze megalith mobile_home
    monastery mosque obelisk palace patio picket_fence pier planetarium prison radio_telescope restaurant scoreboard
    shoe_shop sliding_door stage steel_arch_bridge stone_wall stupa suspension_bridge thatch tile_roof tobacco_shop
    totem_pole toyshop triumphal_arch vault viaduct water_tower window_screen window_shade worm_fence yurt"""
"""ImageNet's classes of things made by people that are not foreground."""


@dataclass(frozen=True)
class Sample:
    """A photo to learn from.

    Args:
        image: the file of the photo.
        label: the label map, as a file or an array. None if there is none.
        subject: a class that the photo shows somewhere. 254 means any foreground class. None if it is not known.
        blank: ids of the label map that are not reliable. Pixels with these ids are ignored.
        weight: how often the photo is drawn, relative to the others.
    """

    image: Path
    label: Path | NDArray[np.uint8] | None = None
    subject: int | None = None
    blank: tuple[int, ...] = ()
    weight: float = 1.0


def labelled(data: Path) -> tuple[list[Sample], list[Sample]]:
    """The photos of `scenes/train` with their labels, in two lists: those for training, and those for choosing the best
    network (every tenth)."""
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
    """The rendered scenes with their labels. Scenes of seed 1 are for training, scenes of higher seeds for evaluation.

    In scenes of the kinds `village` and `lake`, grass is labelled as ground. There, all ground is ignored.

    Args:
        folder: the folder `RENDERED`.
        held_out: True for the scenes for evaluation, False for the scenes for training.
    """
    samples = []
    for scene in sorted((folder / "scenes").iterdir()):
        if (int(scene.name.rsplit("_", 1)[1]) > 1) == held_out:
            blank = (4,) if scene.name.startswith(("village", "lake")) else ()
            samples += [Sample(p, scene / "labels.png", blank=blank, weight=0.005) for p in sorted(scene.glob("*.jpg"))]
    return samples


def subjects(data: Path) -> list[Sample]:
    """The photos in `photos` with a known subject but no label map."""
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
    """Photos with unknown content. Photos of fixed cameras are left out, since other parts of the project are tested on
    them."""
    return sorted(path for source in ("bsds500", "urban100") for path in (data / "photos").glob(f"{source}_*.jpg"))


class Crops(IterableDataset[tuple[Tensor, Tensor, Tensor, int]]):
    """An endless stream of random crops, as tuples of changed photo, photo, labels and subject.

    The photos are `(3, crop, crop) float32`, sRGB-encoded, [0, 1]: the crop after random changes of its light and
    colours, and as it is. The labels are `(crop, crop) int64`; 255 is no label. The subject is a class, 254 for any
    foreground, or 255 if it is not known.

    Args:
        samples: the photos.
        looks: files of photos whose colours may be transferred to the crops; see `relit`.
        crop: the side of a crop, in pixels.
        seed: the seed of all random choices.
    """

    def __init__(self, samples: Sequence[Sample], looks: Sequence[Path], crop: int, seed: int) -> None:
        self.samples, self.looks, self.crop, self.seed = samples, looks, crop, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor, int]]:
        rng = np.random.default_rng(self.seed)
        weights = np.array([sample.weight for sample in self.samples])
        while True:
            sample = self.samples[rng.choice(len(weights), p=weights / weights.sum())]
            pixels, label = random_crop(*read(sample), self.crop, rng)
            look = np.asarray(
                Image.open(self.looks[int(rng.integers(len(self.looks)))]).convert("RGB").resize((64, 64))
            )
            changed = relit(recoloured(pixels, label, rng), look, rng)
            relit_photo, photo = (torch.from_numpy(each.transpose(2, 0, 1).copy()) for each in (changed, pixels))
            subject = UNLABELLED if sample.subject is None else sample.subject
            yield relit_photo, photo, torch.from_numpy(label.astype(np.int64)), subject


def read(sample: Sample) -> tuple[Image.Image, Image.Image]:
    """The photo and its label map. Without a label map, all labels are 255."""
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
    """A random square of the photo and its labels, `(size, size, 3)` in [0, 1] and `(size, size)`.

    The photo is scaled first, so that its longest side is 0.9 to 2.4 times `size`. Half of the squares are mirrored.
    Where a square extends beyond the photo, it is grey and its labels are 255.
    """
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
