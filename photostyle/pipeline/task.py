"""What a method gets, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photostyle.encoders.features import FeatureExtractor
from photostyle.encoders.looking import Networks
from photostyle.photo.photo import Photo
from photostyle.pipeline.result import Clock, Progress, stage_warnings
from photostyle.regions.correspondence import Correspondence
from photostyle.settings import Settings
from photostyle.solvers.result import Outcome, Step
from photostyle.styles.style import StylePhoto


@dataclass(frozen=True)
class Task:
    """What a method gets: the photos, the correspondence of their regions, and where to report progress.

    `networks` solve without PyTorch, see `photostyle.pipeline.methods.solves_on_arrays`. A session loads them once.
    """

    settings: Settings
    extract: FeatureExtractor
    photo: Photo
    pixels: NDArray[np.float32]
    styles: tuple[StylePhoto, ...]
    correspondence: Correspondence
    clock: Clock
    progress: Callable[[Progress], None]
    networks: Networks | None = None

    def report(self, step: Step, iterations: int) -> None:
        """Reports an accepted iterate of a stage that has at most `iterations` iterations."""
        self.progress(Progress(step.stage, step.iteration, iterations, step.loss, step.terms))

    def warnings(self, applied: Sequence[str], stages: Sequence[Outcome]) -> tuple[str, ...]:
        """All that the user should know: what the photos, masks and the correspondence say, and how solving went.

        Args:
            applied: warnings of the full-size pass.
            stages: how each stage of the solver went.
        """
        return (
            *(f"content: {warning}" for warning in self.photo.warnings),
            *(
                f"{'style' if len(self.styles) == 1 else part.name}: {warning}"
                for part in self.styles
                for warning in part.photo.warnings
            ),
            *(f"content mask: {warning}" for warning in self.correspondence.content.warnings),
            *(
                f"{'style' if len(self.styles) == 1 else part.name} mask: {warning}"
                for part in self.correspondence.styles
                for warning in part.regions.warnings
            ),
            *self.correspondence.messages, *applied, *stage_warnings(stages),
        )  # fmt: skip


@dataclass(frozen=True)
class SolvedTransfer:
    """What a method found.

    Args:
        stages: how each stage went.
        apply: a function of a photo and the strengths of the correspondence's regions, [0, 1] each. It gives the
            photo's pixels with their new look, as a new array, and warnings. It keeps what was solved for in memory,
            but not the task.
        paper_terms: a function that gives the terms of Luan et al. 2017 for the photo at the size of the solve,
            weighted as in the settings.
    """

    stages: tuple[Outcome, ...]
    apply: Callable[[Photo, Sequence[float]], tuple[NDArray[np.float32], tuple[str, ...]]]
    paper_terms: Callable[[], Mapping[str, float]]
