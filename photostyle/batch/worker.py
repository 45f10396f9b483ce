"""A worker: loads once what all photos need, and does one job after the other."""

from __future__ import annotations

import os
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import sha256
from operator import add
from typing import NamedTuple, TypeVar

from photostyle.batch import storage
from photostyle.batch.figures import figures, thumbnail
from photostyle.batch.job import Failure, Job, Options, Outcome, StyleSource
from photostyle.errors import InputError, OutputError, PhotostyleError, WeightsError
from photostyle.outcome import Result
from photostyle.photo import Photo, format_of
from photostyle.pipeline import Session
from photostyle.sets import SetLook
from photostyle.task import Style

MOST_STYLES = 4
"""Looks kept as measured, some 40 MB each at 512 px; jobs come style after style."""
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Read:
    """A job whose photo has been read, or the outcome of one whose photo cannot be."""

    job: Job
    photo: Photo | None
    seconds: float
    outcome: Outcome


@dataclass(frozen=True, eq=False)
class Solved:
    """A job that waits to be written, or the outcome of one that failed."""

    read: Read
    result: Result | None
    outcome: Outcome


class Made(NamedTuple):
    """The bytes of a result and of its two thumbnails, what they cannot hold, and the result's figures."""

    files: tuple[bytes, bytes, bytes]
    losses: tuple[str, ...]
    figures: Mapping[str, float]


class Worker:
    """Does jobs, one by one with `do`, or in three steps that may be on three threads, each one job ahead of the next.

    None of the steps raises; what goes wrong is in the outcome.

    Args:
        options: what all jobs share.

    Raises:
        PhotostyleError: the settings, the weights or the device cannot be used.
    """

    def __init__(self, options: Options) -> None:
        import torch

        torch.set_num_threads(options.threads)
        self.session = Session(settings=options.settings)
        self._looks: OrderedDict[object, Style | SetLook] = OrderedDict()

    def do(self, job: Job) -> Outcome:
        return self.write(self.solve(self.read(job)))

    def read(self, job: Job) -> Read:
        """Decodes the photo."""
        began = time.perf_counter()
        photo, failure = _tried(lambda: _photo(job.content))
        digest = photo.sha256 if photo else None
        outcome = Outcome(job.output, failure, digest)
        return Read(job, photo, time.perf_counter() - began, outcome)

    def solve(self, read: Read) -> Solved:
        """Gives the photo its look."""
        photo, job = read.photo, read.job
        if photo is None:
            return Solved(read, None, read.outcome)
        result, failure = _tried(lambda: self.session.transfer(photo, self._look(job), content_mask=job.content_mask))
        return Solved(read, result, replace(read.outcome, failure=failure))

    def write(self, solved: Solved) -> Outcome:
        """Encodes the result, and leaves it and the thumbnails where the job says."""
        read, result = solved.read, solved.result
        photo, job = read.photo, read.job
        if photo is None or result is None:
            return solved.outcome
        began = time.perf_counter()
        made, failure = _tried(lambda: _made(job, photo, result))
        if made is None:
            return replace(solved.outcome, failure=failure)
        try:
            for path, data in zip((job.part, *job.thumbnails), made.files, strict=True):
                storage.write(path, data)
        except (OutputError, OSError) as error:
            fatal = error if isinstance(error, OutputError) else _refused(error)
            return replace(solved.outcome, failure=Failure(type(fatal).__name__, str(fatal), fatal))
        writing = time.perf_counter() - began
        solving = result.seconds["total"]
        seconds = {**result.seconds, "read": read.seconds, "write": writing, "total": read.seconds + solving + writing}
        return replace(
            solved.outcome,
            sha256=sha256(made.files[0]).hexdigest(),
            height=result.photo.height,
            width=result.photo.width,
            seconds=seconds,
            warnings=(*result.warnings, *made.losses),
            figures=made.figures,
        )

    def _look(self, job: Job) -> Style | SetLook:
        """The styles measured and put together, and fitted to the set where it has one look; or what an earlier job of
        the same styles and set has found, which every worker finds alike."""
        key = (job.styles, job.together)
        if key not in self._looks:
            style = reduce(add, [self._measured(source) for source in job.styles])
            self._looks[key] = self._fitted(style, job.together) if job.together else style
            if len(self._looks) > MOST_STYLES:
                self._looks.popitem(last=False)
        self._looks.move_to_end(key)
        return self._looks[key]

    def _fitted(self, style: Style, together: Sequence[tuple[str, str | None]]) -> SetLook:
        """The look of a set, without the photos that cannot be read.

        Raises:
            InputError: none can be read, or a mask cannot.
        """
        while True:
            masks = [mask for _, mask in together if mask is not None]
            try:
                return self.session.fit([path for path, _ in together], style, content_masks=masks or None)
            except InputError as error:
                readable = [(path, mask) for path, mask in together if path != error.where]
                if len(readable) in (0, len(together)):
                    raise
                together = readable

    def _measured(self, source: StyleSource) -> Style:
        with storage.fetched(source.path) as path:
            return self.session.style(path, source.mask, weight=source.weight, region=source.region)


def _photo(path: str) -> Photo:
    with storage.fetched(path) as file:
        return Photo.read(file)


def _refused(error: OSError) -> OutputError:
    return OutputError("an object that can be written", error.strerror or str(error), str(error.filename))


def _made(job: Job, photo: Photo, result: Result) -> Made:
    format = format_of(job.output)
    data = result.photo.encode(**result.settings.output.model_dump() | {"format": format})
    losses = tuple(f"content: {loss}" for loss in result.photo.losses(format, result.settings.output.metadata))
    return Made((data, thumbnail(photo), thumbnail(result.photo)), losses, figures(photo, result))


def _tried(step: Callable[[], _T]) -> tuple[_T | None, Failure | None]:
    """What the step gives, or how it failed; a bug is told with the lines that it came through."""
    try:
        return step(), None
    except PhotostyleError as error:
        fatal = error if isinstance(error, WeightsError) else None
        return None, Failure(type(error).__name__, str(error).removeprefix(f"{error.where}: "), fatal)
    except Exception as error:
        came = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(came.filename)}, line {came.lineno}"
        return None, Failure(type(error).__name__, f"{error} ({where})")
