"""What a worker is given, the work on one photo or on the look of a set, and what it hands back.

All are plain values that can be pickled, so that another process or another machine can do the work.
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
    """One photo with one look.

    Args:
        content: path of the photo.
        output: path of the result relative to the output folder, with /; it names the job, too.
        styles: blended into one look.
        content_mask: path of the photo's regions; None where they are found automatically.
        part: path at which the worker leaves the bytes of the result; whoever keeps the manifest renames it.
        thumbnails: paths at which the worker leaves small pictures of the photo and of the result.
        look: that of the set, as the worker that found it has put it; None where each photo is solved for itself.
    """

    content: str
    output: str
    styles: tuple[StyleSource, ...]
    content_mask: str | None
    part: str
    thumbnails: tuple[str, str]
    look: bytes | None = field(default=None, repr=False)


PhotoSet: TypeAlias = tuple[tuple[str, str | None], ...]
"""Paths of the photos of a set that has one look, and of their masks."""


@dataclass(frozen=True)
class LookJob:
    """The look of a set, which its photos wait for.

    Args:
        output: names the job, and is no result's.
        styles: blended into one look.
        together: the set.
    """

    output: str
    styles: tuple[StyleSource, ...]
    photo_set: PhotoSet


@dataclass(frozen=True)
class Failure:
    """Why a photo could not be done.

    Args:
        kind: the class of the error.
        message: of the error, in one to three lines.
        fatal: the error where it would meet every photo, as a full disk does; this one is then not at fault.
    """

    kind: str
    message: str
    fatal: PhotostyleError | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Args:
        output: that of the job.
        failure: None where the part and its thumbnails are written, or the look is found.
        content_sha256: of the photo as it was read; None where it could not be.
        sha256: of the part; None where there is none.
        height, width: of the result in pixels.
        seconds: of every part of the work by name, and `total`.
        warnings: a line each.
        figures: what `figures.figures` says of the result.
        look: of a set, pickled; None of a photo.
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
        settings: of every transfer.
        threads: of the processor, for each worker.
    """

    settings: Settings
    threads: int
