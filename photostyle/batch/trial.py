"""A short trial before a batch: every worker does one photo of the set, and the results are thrown away.

If the photos of the set share one look, the look is found first.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice

from photostyle.batch.capacity import TrialResult, pixels_of
from photostyle.batch.driver import look_jobs
from photostyle.batch.job import PhotoJob
from photostyle.batch.plan import Item
from photostyle.batch.storage import size
from photostyle.batch.worker_messages import JobDropped, JobFinished, WorkerLost, WorkerReady, Workers
from photostyle.errors import InputError, PhotostyleError


def run_trial(items: Sequence[Item], workers: Workers, count: int) -> list[TrialResult]:
    """Lets all workers do the largest photo of the set at the same time, as they will in the batch.

    Args:
        items: the photos of the set.
        workers: closed at the end.
        count: how many workers there are.

    Raises:
        PhotostyleError: the photo failed, or no worker starts.
    """
    item = max(items, key=lambda item: size(item.content))
    look_job = look_jobs([item]).get(item.output)
    loading: list[float] = []
    samples: list[TrialResult] = []
    look, look_seconds = None, 0.0
    try:
        with tempfile.TemporaryDirectory() as folder:
            over = _over(workers, item.content, loading)
            if look_job:
                workers.give(look_job)
                found = next(over).outcome
                look, look_seconds = found.look, (found.seconds or {})["total"]
            for place in range(count):
                part, before, after = (os.path.join(folder, f"{place}.{name}") for name in ("part", "0.jpg", "1.jpg"))
                output, thumbnails = f"{place}/{item.output}", (before, after)
                job = PhotoJob(item.content, output, item.styles, item.content_mask, part, thumbnails, look)
                workers.give(job, alone=True)
            for done in islice(over, count):
                seconds = dict(done.outcome.seconds or {})
                samples.append(
                    TrialResult(max(loading), seconds, pixels_of(item.content), done.peak_bytes, look_seconds)
                )
    finally:
        workers.close()
    return samples


def _over(workers: Workers, photo: str, loading: list[float]) -> Iterator[JobFinished]:
    """Yields each job when it is finished. Adds the seconds that each worker took to load to the list `loading`.

    Raises:
        PhotostyleError: a job failed, or no worker starts.
    """
    while True:
        for message in workers.messages(1):
            if isinstance(message, WorkerReady):
                loading.append(message.seconds)
            elif isinstance(message, WorkerLost | JobDropped):
                found = f"a worker that stopped{f': {message.reason}' if isinstance(message, WorkerLost) else ''}"
                raise PhotostyleError("a worker that finishes this photo", found, photo)
            elif isinstance(message, JobFinished):
                if failure := message.outcome.failure:
                    raise failure.fatal or InputError("a photo that can be styled", failure.message, photo)
                yield message
