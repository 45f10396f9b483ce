"""Pseudo-labels: labels that a network predicts for photos without labels, for the second round of its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segmentation.labels import FOREGROUND, UNLABELLED, UNSPECIFIED
from segmentation.training.network import CLASSES, Network
from segmentation.training.network_file import segmenter_of
from segmentation.training.samples import Sample


def pseudo_labelled(network: Network, samples: Sequence[Sample], cameras: Path | None = None) -> list[Sample]:
    """Samples with labels that the network predicts, where it is sure.

    Args:
        network: the network after the first round of training.
        samples: photos without labels. The subject, if known, corrects the predictions.
        cameras: a folder with a folder of frames for each fixed camera, if they are to be learnt from.

    Returns:
        The samples with their new labels, and then all frames of all cameras. All frames of a camera have the same
        labels, predicted from its clearest frame: the one with the highest mean confidence among the brighter half.
    """
    segmenter = segmenter_of(network)
    result = []
    for sample in samples:
        chances = segmenter.probabilities(np.asarray(Image.open(sample.image).convert("RGB")))
        chances = _with_subject(chances, sample.subject)
        label = _sure(chances, sample.subject)
        result.append(replace(sample, label=_enlarged(label, sample.image)))
    for camera in sorted(path for path in cameras.iterdir() if path.is_dir()) if cameras else ():
        frames = sorted(camera.glob("*.jpg"))
        pictures = [np.asarray(Image.open(frame).convert("RGB")) for frame in frames]
        bright = np.median([picture.mean() for picture in pictures])
        seen = [segmenter.probabilities(picture) for picture in pictures if picture.mean() >= bright]
        label = _sure(max(seen, key=lambda chances: float(chances.max(0).mean())), None)
        result += [Sample(frame, _enlarged(label, frame), weight=0.0004) for frame in frames]
    return result


def _with_subject(chances: NDArray[np.float32], subject: int | None) -> NDArray[np.float32]:
    """Increases the probabilities of the subject, so that it has at least 0.6 in at least an eighth of the photo.

    If the subject is one of the foreground classes, it first takes over the probabilities of all foreground classes. A
    subject of 254 (any foreground) is treated as object. The odds of the subject grow by a factor of at most 20.
    """
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
    """The most probable class of each pixel, or 255 where its probability is below `least`.

    With a subject of 254 (any foreground), object becomes 254.
    """
    label: NDArray[np.uint8] = chances.argmax(0).astype(np.uint8)
    if subject == UNSPECIFIED:
        label[label == CLASSES - 1] = UNSPECIFIED
    label[chances.max(0) < least] = UNLABELLED
    return label


def _enlarged(label: NDArray[np.uint8], like: Path) -> NDArray[np.uint8]:
    """The label map at the size of the photo in the file `like`."""
    with Image.open(like) as photo:
        return np.array(Image.fromarray(label).resize(photo.size, Image.Resampling.NEAREST))
