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
        table += compare(enlarged[0].argmax(0).numpy(), truth)
    return table


def compare(found: NDArray[np.integer], truth: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The confusion matrix of one photo: counts of pixels, `(7, 7)`. Rows are true classes.

    Args:
        found: `(H, W)`, places in `JUDGED`.
        truth: `(H, W) uint8`, ids of classes; 254 counts as foreground, and 255 does not count.
    """
    size, counted = len(JUDGED), truth != UNLABELLED
    rows = np.minimum(truth[counted], size - 1).astype(np.int64)
    return np.bincount(rows * size + found[counted], minlength=size * size).reshape(size, size)


def in_percent(table: NDArray[np.int64]) -> str:
    """A confusion matrix as a table in Markdown: percent of each true class, and of all pixels in the first column."""
    head = f"| true class | of all | {' | '.join(JUDGED)} |\n|{' --- |' * (len(JUDGED) + 2)}"
    shares = 100 * np.concatenate(
        [table.sum(1, keepdims=True) / table.sum(), table / np.maximum(table.sum(1), 1)[:, None]], 1
    )
    rows = (
        f"| {name} | {' | '.join(f'{share:.1f}' for share in row)} |" for name, row in zip(JUDGED, shares, strict=True)
    )
    return "\n".join([head, *rows])


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
        print(in_percent(table), flush=True)


if __name__ == "__main__":
    main()
