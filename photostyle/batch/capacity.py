"""How many workers a machine has room for, and how long a set will take them."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from photostyle.batch.memory import ROOT, free_bytes
from photostyle.settings import Settings

BASE_BYTES = {"compact": 1_200_000_000, "vgg19": 2_200_000_000}
"""Memory of a worker beside the photos, at 512 px; measured: `tests/benchmarks/batch.py`."""
BYTES_A_PIXEL = 75
"""Of the photos of a worker: 33 for the one that is solved (README, 24 megapixels beside 700 px), 12 for one that
waits, and 24 for one that is written and its result; rounded up."""
UNKNOWN_PIXELS = 50_000_000
"""What a photo is taken for whose size its header does not say."""
USABLE_SHARE = 0.85
"""Share of the free memory that workers may fill (our choice)."""


def pixels_of(path: str) -> int:
    """How many pixels a photo has, by its header."""
    try:
        with Image.open(path) as image:
            return image.width * image.height
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return UNKNOWN_PIXELS


def worker_bytes(settings: Settings, pixels: int) -> int:
    """Memory that a worker needs for photos of so many pixels."""
    return BASE_BYTES[settings.encoder.name] + BYTES_A_PIXEL * pixels


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_count(settings: Settings, largest: int, photos: int) -> int:
    """One for every processor, as the memory allows: two workers of one thread do more than one of two
    (docs/batch.md). On another device than the processor one, which its work fills.

    Args:
        settings: of the batch.
        largest: pixels of the largest photo.
        photos: how many there are.
    """
    if settings.device not in ("auto", "cpu") or (settings.device == "auto" and _has_cuda()):
        return 1
    free = free_bytes()
    look_job = processors() if free is None else int(USABLE_SHARE * free // worker_bytes(settings, largest))
    return max(1, min(processors(), look_job, photos))


def _has_cuda(root: Path = ROOT) -> bool:
    """Whether there is a CUDA device, as far as can be said without loading torch: Linux has a file for it, and in
    WSL2 Windows brings the driver's library."""
    return any((root / path).exists() for path in ("dev/nvidia0", "usr/lib/wsl/lib/libcuda.so.1"))


@dataclass(frozen=True)
class Estimate:
    """What a set will cost.

    Args:
        seconds: from start to end.
        peak_bytes: of all workers together, at most.
    """

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class TrialResult:
    """What one photo has cost a worker while all of them were at work.

    Args:
        loading: seconds before the first photo.
        seconds: of the parts of the work by name.
        pixels: of the photo.
        peak_bytes: of the worker.
        fitting: seconds that the look of the set took, 0 where each photo is solved for itself.
    """

    loading: float
    seconds: dict[str, float]
    pixels: int
    peak_bytes: int
    look_seconds: float = 0.0


FULL_SIZE = ("read", "apply", "write")
"""Parts of the work whose time grows with the photo's size; that of the others is of the size of the solve."""


def estimate(samples: Sequence[TrialResult], pixels: Sequence[int], workers: int, looks: int = 0) -> Estimate:
    """What photos of so many pixels will cost, from samples of which every worker has done one.

    Args:
        samples: one for each worker.
        pixels: of the photos that are to be done.
        workers: who do them.
        looks: of sets, that are found first.
    """
    look_seconds = samples[0].look_seconds * math.ceil(looks / workers)
    loading = max(sample.loading for sample in samples)
    whole = sum(sample.seconds["total"] for sample in samples) / len(samples)
    grows = sum(sample.seconds.get(part, 0.0) for sample in samples for part in FULL_SIZE) / len(samples)
    a_pixel = grows / samples[0].pixels
    work = sum(whole - grows + a_pixel * size for size in pixels)
    longest = whole - grows + a_pixel * max(pixels)
    seconds = loading + look_seconds + max(work / workers, longest)
    return Estimate(seconds, workers * max(sample.peak_bytes for sample in samples))
