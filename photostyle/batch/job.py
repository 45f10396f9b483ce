"""Jobs and their outcomes: a job asks a worker to style one photo, or to find the look of a set.

All are plain values that can be pickled, so that another process or machine can do the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from photostyle.errors import PhotostyleError
from photostyle.settings import Settings


@dataclass(frozen=True)
class StyleSource:
    """A style photo or a saved look; the arguments of `Session.style`."""

    path: str
    mask: str | None = None
    weight: float = 1.0
    region: str | None = None


@dataclass(frozen=True)
class PhotoJob:
    """Style one photo.

    Args:
        content: path of the photo.
        output: path of the result relative to the output folder, with /; also the name of the job.
        styles: blended into one look.
        content_mask: path of the photo's region mask; None if the regions are found automatically.
        part: path where the worker writes the result; the driver renames it after it is recorded.
        thumbnails: paths where the worker writes small pictures of the photo and of the result.
        look: the look of the set, as another worker found it; None if each photo is solved on its own.
    """

    content: str
    output: str
    styles: tuple[StyleSource, ...]
    content_mask: str | None
    part: str
    thumbnails: tuple[str, str]
    look: bytes | None = field(default=None, repr=False)


PhotoSet: TypeAlias = tuple[tuple[str, str | None], ...]
"""Paths of the photos that share one look, each with the path of its mask or None."""


@dataclass(frozen=True)
class LookJob:
    """Find the look of a set; its photos wait for it.

    Args:
        output: the name of the job; no result has this name.
        styles: blended into one look.
        photo_set: the photos of the set.
    """

    output: str
    styles: tuple[StyleSource, ...]
    photo_set: PhotoSet


@dataclass(frozen=True)
class Failure:
    """Why a job failed.

    Args:
        kind: the name of the error's class.
        message: the error's text, one to three lines.
        fatal: the error itself if it concerns every photo, such as a full disk. Then this photo is not to blame.
    """

    kind: str
    message: str
    fatal: PhotostyleError | None = None


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job.

    Args:
        output: the output of the job.
        failure: None if the result and its thumbnails are written, or the look is found.
        content_sha256: digest of the photo as it was read; None if it could not be read.
        sha256: digest of the result; None if there is none.
        height, width: size of the result in pixels.
        seconds: duration of every step by name, and `total`.
        warnings: one line each.
        figures: what `quality_figures` finds in the result.
        look: the look of a set, pickled; None for a photo.
    """

    output: str
    failure: Failure | None = None
    content_sha256: str | None = None
    sha256: str | None = None
    height: int = 0
    width: int = 0
    seconds: Mapping[str, float] | None = None
    warnings: tuple[str, ...] = ()
    figures: Mapping[str, float] | None = None
    look: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class WorkerOptions:
    """What all jobs of a batch share.

    Args:
        settings: the settings of every transfer.
        threads: processor threads of each worker.
    """

    settings: Settings
    threads: int
