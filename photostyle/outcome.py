"""What a transfer tells while it runs and hands back at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from photostyle.masks import RegionMap
from photostyle.photo import Photo
from photostyle.settings import Settings
from segmentation.matching import Matching


@dataclass(frozen=True)
class Progress:
    """Where a transfer is: the stage, its accepted iterate, the loss and its weighted terms there."""

    stage: str
    iteration: int
    iterations: int
    loss: float
    terms: Mapping[str, float]


@dataclass(frozen=True)
class StageOutcome:
    """How a stage of the solver ended: why, what that means, and at what cost in seconds."""

    name: str
    status: str
    advice: str
    iterations: int
    evaluations: int
    seconds: float
    loss: float


@dataclass(frozen=True)
class TraceRow:
    """One accepted iterate: evaluations and seconds since its stage began, the loss and its weighted terms."""

    stage: str
    iteration: int
    evaluations: int
    seconds: float
    loss: float
    terms: Mapping[str, float]


@dataclass(frozen=True)
class Result:
    """A transfer's outcome.

    Args:
        photo: the content photo in its own size with its new look.
        terms: the objective's weighted terms at the end of the last stage, in the paper's units.
        seconds: of every part of the run by name, and `total`.
        warnings: what the user should know, a line each.
        settings, device, dtype, weights: what it was made with; `weights` is `{encoder: sha256}`.
        stages, trace: how the solver went.
        content_regions, style_regions: at the size of the solve; `matching` says which took its look from which.
        interrupted: whether the solver was stopped; `photo` is then the best so far.
    """

    photo: Photo
    terms: Mapping[str, float]
    seconds: Mapping[str, float]
    warnings: tuple[str, ...]
    settings: Settings
    device: str
    dtype: str
    weights: Mapping[str, str]
    stages: tuple[StageOutcome, ...]
    trace: tuple[TraceRow, ...]
    content_regions: RegionMap
    style_regions: RegionMap
    matching: Matching
    interrupted: bool
