"""A worker: loads once what all jobs need, and does one job after the other."""

from __future__ import annotations

import os
import pickle
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import sha256
from operator import add
from typing import NamedTuple, TypeVar, cast

from photostyle.batch import storage
from photostyle.batch.job import Failure, LookJob, Outcome, PhotoJob, StyleSource, WorkerOptions
from photostyle.batch.quality_figures import quality_figures
from photostyle.batch.thumbnails import thumbnail
from photostyle.errors import InputError, OutputError, PhotostyleError, WeightsError
from photostyle.photo.encode import check_size_fits
from photostyle.photo.photo import Photo, format_of
from photostyle.pipeline.result import Result
from photostyle.pipeline.session import Session
from photostyle.pipeline.set_look import SetLook, spread_evenly
from photostyle.styles.style import Style

MOST_LOOKS = 4
"""Measured looks that are kept, about 40 MB each at 512 px. One style comes after the other."""
_T = TypeVar("_T")
_Look = TypeVar("_Look", Style, SetLook)


@dataclass(frozen=True, eq=False)
class ReadJob:
    """A job whose photo has been read. If it could not be read, `photo` is None. A `LookJob` reads its photos later."""

    job: PhotoJob | LookJob
    photo: Photo | None
    seconds: float
    outcome: Outcome


@dataclass(frozen=True, eq=False)
class SolvedJob:
    """A job that has been solved. If it failed or has nothing to write, `result` is None."""

    read: ReadJob
    result: Result | None
    outcome: Outcome


class EncodedResult(NamedTuple):
    """The bytes of a result and of its two thumbnails, what the format cannot hold, and the quality figures."""

    files: tuple[bytes, bytes, bytes]
    losses: tuple[str, ...]
    figures: Mapping[str, float]


class Worker:
    """Does jobs: one by one with `do`, or in three steps that may run on three threads for three jobs.

    No step raises: errors are part of the outcome.

    Args:
        options: what all jobs share.

    Raises:
        PhotostyleError: the settings, the weights or the device cannot be used.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self.session = Session(settings=options.settings)
        self._looks: OrderedDict[object, Style | SetLook] = OrderedDict()

    def do(self, job: PhotoJob | LookJob) -> Outcome:
        return self.write(self.solve(self.read(job)))

    def read(self, job: PhotoJob | LookJob) -> ReadJob:
        """Decodes the photo, and checks that its format can hold the result."""
        if isinstance(job, LookJob):
            return ReadJob(job, None, 0.0, Outcome(job.output))
        began = time.perf_counter()
        photo, failure = _attempt(lambda: _read_content(job))
        digest = photo.sha256 if photo else None
        outcome = Outcome(job.output, failure, digest)
        return ReadJob(job, photo, time.perf_counter() - began, outcome)

    def solve(self, read: ReadJob) -> SolvedJob:
        """Gives the photo its look, or finds the look of a set."""
        photo, job = read.photo, read.job
        if isinstance(job, LookJob):
            return SolvedJob(read, None, self._set_look_outcome(job))
        if photo is None:
            return SolvedJob(read, None, read.outcome)
        result, failure = _attempt(lambda: self.session.transfer(photo, self._look(job), content_mask=job.content_mask))
        return SolvedJob(read, result, replace(read.outcome, failure=failure))

    def write(self, solved: SolvedJob) -> Outcome:
        """Encodes the result, and writes it and the thumbnails where the job says."""
        read, result = solved.read, solved.result
        photo, job = read.photo, read.job
        if isinstance(job, LookJob) or photo is None or result is None:
            return solved.outcome
        began = time.perf_counter()
        encoded, failure = _attempt(lambda: _encoded(job, photo, result))
        if encoded is None:
            return replace(solved.outcome, failure=failure)
        try:
            for path, data in zip((job.part, *job.thumbnails), encoded.files, strict=True):
                storage.write(path, data)
        except (OutputError, OSError) as error:
            fatal = error if isinstance(error, OutputError) else _store_error(error)
            return replace(solved.outcome, failure=Failure(type(fatal).__name__, str(fatal), fatal))
        writing = time.perf_counter() - began
        solving = result.seconds["total"]
        seconds = {**result.seconds, "read": read.seconds, "write": writing, "total": read.seconds + solving + writing}
        return replace(
            solved.outcome,
            sha256=sha256(encoded.files[0]).hexdigest(),
            height=result.photo.height,
            width=result.photo.width,
            seconds=seconds,
            warnings=(*result.warnings, *encoded.losses),
            figures=encoded.figures,
        )

    def _look(self, job: PhotoJob) -> Style | SetLook:
        """The look of the set, or the measured and blended styles; kept from an earlier job if possible."""
        if job.look is not None:
            data = job.look
            return self._cached(sha256(data).digest(), lambda: cast("SetLook", pickle.loads(data)))
        return self._cached(job.styles, lambda: self._blended(job.styles))

    def _cached(self, key: object, make: Callable[[], _Look]) -> _Look:
        if key not in self._looks:
            self._looks[key] = make()
            if len(self._looks) > MOST_LOOKS:
                self._looks.popitem(last=False)
        self._looks.move_to_end(key)
        return cast("_Look", self._looks[key])

    def _blended(self, styles: Sequence[StyleSource]) -> Style:
        return reduce(add, [self._measured(source) for source in styles])

    def _set_look_outcome(self, job: LookJob) -> Outcome:
        """Finds the look of a set. Photos that cannot be read are ignored."""
        began = time.perf_counter()
        look, failure = _attempt(lambda: self._find_set_look(job))
        if look is None:
            return Outcome(job.output, failure)
        seconds = {**look.seconds, "total": time.perf_counter() - began}
        return Outcome(job.output, seconds=seconds, warnings=look.warnings, look=pickle.dumps(look))

    def _find_set_look(self, job: LookJob) -> SetLook:
        """Raises InputError: no photo can be read, or a mask cannot."""
        style = self._cached(job.styles, lambda: self._blended(job.styles))
        photos, masks, last = list[Photo](), list[str](), None
        for path, mask in (job.photo_set[place] for place in spread_evenly(len(job.photo_set))):
            try:
                photos.append(_shrunk(_read_photo(path), self.session.settings.solver.size))
            except InputError as error:
                last = error
                continue
            masks += [mask] if mask is not None else []
        if last and not photos:
            raise last
        return self.session.fit(photos, style, content_masks=masks or None)

    def _measured(self, source: StyleSource) -> Style:
        with storage.fetched(source.path) as path:
            return self.session.style(path, source.mask, weight=source.weight, region=source.region)


def _read_photo(path: str) -> Photo:
    with storage.fetched(path) as file:
        return Photo.read(file)


def _read_content(job: PhotoJob) -> Photo:
    photo = _read_photo(job.content)
    check_size_fits(photo.height, photo.width, format_of(job.output))
    return photo


def _shrunk(photo: Photo, longest: int) -> Photo:
    """The photo at the size of the solve, with what can be seen of it."""
    return Photo(photo.fitted(longest), photo.fitted_coverage(longest))


def _store_error(error: OSError) -> OutputError:
    return OutputError("an object that can be written", error.strerror or str(error), str(error.filename))


def _encoded(job: PhotoJob, photo: Photo, result: Result) -> EncodedResult:
    format = format_of(job.output)
    data = result.photo.encode(**result.settings.output.model_dump() | {"format": format})
    losses = tuple(f"content: {loss}" for loss in result.photo.losses(format, result.settings.output.metadata))
    return EncodedResult((data, thumbnail(photo), thumbnail(result.photo)), losses, quality_figures(photo, result))


def _attempt(step: Callable[[], _T]) -> tuple[_T | None, Failure | None]:
    """The result of a step, or its failure. For a bug the failure names the line."""
    try:
        return step(), None
    except PhotostyleError as error:
        fatal = error if isinstance(error, WeightsError) else None
        return None, Failure(type(error).__name__, str(error).removeprefix(f"{error.where}: "), fatal)
    except Exception as error:
        came = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(came.filename)}, line {came.lineno}"
        return None, Failure(type(error).__name__, f"{error} ({where})")
