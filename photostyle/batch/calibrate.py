"""A short trial before a batch: every worker does one photo of the set, and the results are thrown away."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from photostyle.batch.capacity import Sample, pixels_of
from photostyle.batch.job import Job
from photostyle.batch.plan import Item
from photostyle.batch.storage import size
from photostyle.batch.workers import Dropped, Finished, Lost, Ready, Workers
from photostyle.errors import InputError, PhotostyleError


def calibrated(items: Sequence[Item], workers: Workers, count: int) -> list[Sample]:
    """Has all workers do the largest photo of the set at once, as they will be at work later.

    Args:
        items: of the set.
        workers: closed at the end.
        count: how many they are.

    Raises:
        PhotostyleError: the photo cannot be done, or no worker can start.
    """
    item = max(items, key=lambda item: size(item.content))
    loading: list[float] = []
    samples: list[Sample] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            for place in range(count):
                part, before, after = (os.path.join(folder, f"{place}.{name}") for name in ("part", "0.jpg", "1.jpg"))
                output, thumbnails = f"{place}/{item.output}", (before, after)
                job = Job(item.content, output, item.styles, item.content_mask, part, thumbnails, item.together)
                workers.give(job, alone=True)
            while len(samples) < count:
                for said in workers.news(1):
                    if isinstance(said, Ready):
                        loading.append(said.seconds)
                    elif isinstance(said, Lost | Dropped):
                        found = f"one that died{f': {said.reason}' if isinstance(said, Lost) else ''}"
                        raise PhotostyleError("a worker that does one photo", found, item.content)
                    elif isinstance(said, Finished):
                        outcome = said.outcome
                        if outcome.failure:
                            raise outcome.failure.fatal or InputError(
                                "a photo to try", outcome.failure.message, item.content
                            )
                        samples.append(
                            Sample(max(loading), dict(outcome.seconds or {}), pixels_of(item.content), said.peak_bytes)
                        )
    finally:
        workers.close()
    return samples
