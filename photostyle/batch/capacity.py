"""How many workers fit on this machine, and how long a set will take them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from photostyle.batch.memory import free_bytes
from photostyle.compute.nvidia import has_nvidia_card
from photostyle.photo.file_size import pixel_count
from photostyle.settings import Settings
from segmentation.threads import available_cores

BASE_BYTES = {"compact": 1_200_000_000, "vgg19": 2_200_000_000}
"""Memory of a worker without its photos, at 512 px; measured with `tests/benchmarks/batch.py`."""
BYTES_A_PIXEL = 75
"""Memory of a worker for its photos: 33 for the photo that is being solved (measured at 24 megapixels and 700 px), 12
for the next one, 24 for the one that is being written and its result; rounded up."""
UNKNOWN_PIXELS = 50_000_000
"""Assumed size of a photo whose header does not give one (our choice)."""
USABLE_SHARE = 0.85
"""Share of the free memory that workers may use (our choice)."""


def pixels_of(path: str) -> int:
    """How many pixels a photo has, according to its header."""
    return pixel_count(path) or UNKNOWN_PIXELS


def worker_bytes(settings: Settings, pixels: int) -> int:
    """Memory that a worker needs for photos of this many pixels."""
    return BASE_BYTES[settings.encoder.name] + BYTES_A_PIXEL * pixels


def worker_count(settings: Settings, largest: int, photos: int) -> int:
    """One for each processor, if the memory allows: two workers with one thread each do more than one worker with two
    (docs/batch.md). On a GPU one worker, which keeps it busy.

    Args:
        settings: of the batch.
        largest: pixels of the largest photo.
        photos: how many there are.
    """
    if settings.device not in ("auto", "cpu") or (settings.device == "auto" and has_nvidia_card()):
        return 1
    free = free_bytes()
    in_memory = available_cores() if free is None else int(USABLE_SHARE * free // worker_bytes(settings, largest))
    return max(1, min(available_cores(), in_memory, photos))


@dataclass(frozen=True)
class Estimate:
    """What a set will cost.

    Args:
        seconds: from start to end.
        peak_bytes: most memory of all workers together.
    """

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class TrialResult:
    """What one photo cost a worker while all workers were busy.

    Args:
        loading: seconds before the first photo.
        seconds: duration of each step by its name.
        pixels: size of the photo.
        peak_bytes: most memory of the worker.
        look_seconds: duration of finding the look of the set; 0 if each photo is solved on its own.
    """

    loading: float
    seconds: dict[str, float]
    pixels: int
    peak_bytes: int
    look_seconds: float = 0.0


FULL_SIZE = ("read", "apply", "write")
"""Steps that take longer for larger photos. The others depend on the size of the solve only."""


def estimate(samples: Sequence[TrialResult], pixels: Sequence[int], workers: int, looks: int = 0) -> Estimate:
    """What a batch will cost, from a trial in which every worker did one photo.

    Args:
        samples: one for each worker.
        pixels: size of each photo of the batch.
        workers: how many do them.
        looks: how many looks of sets are found first.
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
