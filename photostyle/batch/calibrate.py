"""A short trial before a batch: every worker does one photo of the set, and the results are thrown away.

A set that has one look gets it first.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice

from photostyle.batch.capacity import Sample, pixels_of
from photostyle.batch.driver import fits_of
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
    fit = fits_of([item]).get(item.output)
    loading: list[float] = []
    samples: list[Sample] = []
    look, fitting = None, 0.0
    try:
        with tempfile.TemporaryDirectory() as folder:
            over = _over(workers, item.content, loading)
            if fit:
                workers.give(fit)
                found = next(over).outcome
                look, fitting = found.look, (found.seconds or {})["total"]
            for place in range(count):
                part, before, after = (os.path.join(folder, f"{place}.{name}") for name in ("part", "0.jpg", "1.jpg"))
                output, thumbnails = f"{place}/{item.output}", (before, after)
                job = Job(item.content, output, item.styles, item.content_mask, part, thumbnails, look)
                workers.give(job, alone=True)
            for done in islice(over, count):
                seconds = dict(done.outcome.seconds or {})
                samples.append(Sample(max(loading), seconds, pixels_of(item.content), done.peak_bytes, fitting))
    finally:
        workers.close()
    return samples


def _over(workers: Workers, photo: str, loading: list[float]) -> Iterator[Finished]:
    """The jobs that are done, as they are; what workers took to load is added to the list.

    Raises:
        PhotostyleError: one cannot be done, or no worker can start.
    """
    while True:
        for said in workers.news(1):
            if isinstance(said, Ready):
                loading.append(said.seconds)
            elif isinstance(said, Lost | Dropped):
                found = f"one that died{f': {said.reason}' if isinstance(said, Lost) else ''}"
                raise PhotostyleError("a worker that does one photo", found, photo)
            elif isinstance(said, Finished):
                if failure := said.outcome.failure:
                    raise failure.fatal or InputError("a photo to try", failure.message, photo)
                yield said
