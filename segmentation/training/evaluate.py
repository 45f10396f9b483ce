"""Measures how accurate a network is.

    python -m segmentation.training.evaluate --data DATA --rendered RENDERED segmentation/compact.onnx

None of the pictures are used for training. There are three kinds:

- every tenth photo with labels. The best network is chosen on these photos.
- the test photos. They are not used for the choice either.
- rendered scenes, at each time of day.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from segmentation.labels import FOREGROUND, UNLABELLED
from segmentation.segmenter import Segmenter
from segmentation.training.samples import Sample, labelled, read, rendered

JUDGED = ("sky", "building", "vegetation", "water", "ground", "mountain", "foreground")
"""The seven classes for which the accuracy is measured. `foreground` is vehicle, person, animal and object together."""


def confusion(segmenter: Segmenter, samples: Sequence[Sample]) -> NDArray[np.int64]:
    """The confusion matrix over the classes of `JUDGED`: counts of pixels, `(7, 7)`.

    Rows are true classes, columns are predicted classes. Pixels without a label do not count.
    """
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
    """Figures from a confusion matrix: the pixel accuracy, the mean intersection over union (IoU), and the IoU of every
    class that occurs in the true labels."""
    hits, union = np.diag(table), table.sum(0) + table.sum(1) - np.diag(table)
    there = table.sum(1) > 0
    per_class = {name: float(hits[i] / union[i]) for i, name in enumerate(JUDGED) if there[i]}
    mean = sum(per_class.values()) / len(per_class)
    return {"accuracy": float(hits.sum() / table.sum()), "mean IoU": mean, **per_class}


def groups(data: Path, renders: Path) -> dict[str, list[Sample]]:
    """The groups of pictures for the evaluation, each with its name."""
    images = sorted((data / "scenes/test/images").glob("*.jpg"))
    test = [Sample(path, data / "scenes/test/labels" / f"{path.stem}.png") for path in images]
    scenes = rendered(renders, held_out=True)
    return {"chosen by": labelled(data)[1], "test": test} | {
        f"rendered, {time}": [sample for sample in scenes if sample.image.stem == time]
        for time in ("noon", "golden", "dusk", "night")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rendered", type=Path, required=True)
    parser.add_argument("weights", type=Path)
    options = parser.parse_args()
    segmenter = Segmenter.load(options.weights)
    for group, samples in groups(options.data, options.rendered).items():
        table = confusion(segmenter, samples)
        print(f"{group}: " + ", ".join(f"{name} {value:.3f}" for name, value in figures(table).items()), flush=True)
        for name, row in zip(JUDGED, table, strict=True):
            print(f"  {name:>10} " + " ".join(f"{share:6.3f}" for share in row / max(1, row.sum())))


if __name__ == "__main__":
    main()
