"""What a transfer tells while it runs and hands back at its end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from photostyle.errors import SettingsError
from photostyle.photo.photo import Photo
from photostyle.regions.correspondence import Correspondence
from photostyle.settings import Settings
from photostyle.solvers.result import Outcome, Status, Step


@dataclass(frozen=True)
class Progress:
    """Where a transfer is: the stage, its accepted iterate, the loss and its weighted terms there.

    In the stage `apply`, iterations are rows of the full-size photo; loss is NaN and terms are empty there.
    """

    stage: str
    iteration: int
    iterations: int
    loss: float
    terms: Mapping[str, float]

    @classmethod
    def begin(cls, stage: str) -> Progress:
        """That a stage begins which does not tell how far it is."""
        return cls(stage, 0, 0, math.nan, {})


@dataclass(frozen=True)
class Result:
    """A transfer's outcome.

    Args:
        photo: the content photo in its own size with its new look.
        terms: the objective's weighted terms at the end of the last stage; empty where nothing was solved for.
        paper_terms: computes the weighted terms of Luan et al. 2017 of what was solved for, so that methods can be
            set side by side; for the method `pixels` they are `terms`.
        render: makes this result for other settings; `rendered` calls it.
        seconds: of every part of the run by name, and `total`.
        warnings: what the user should know, a line each.
        settings, device, dtype, weights: what it was made with; `weights` is `{encoder: sha256}`.
        stages: how each stage of the solver went.
        correspondence: the regions at the size of the solve, and which took its look from which.
        interrupted: whether the solver was stopped; `photo` is then the best so far.
    """

    photo: Photo
    terms: Mapping[str, float]
    paper_terms: Callable[[], Mapping[str, float]]
    render: Callable[[Result, Settings], Result]
    seconds: Mapping[str, float]
    warnings: tuple[str, ...]
    settings: Settings
    device: str
    dtype: str
    weights: Mapping[str, str]
    stages: tuple[Outcome, ...]
    correspondence: Correspondence
    interrupted: bool

    @property
    def trace(self) -> tuple[Step, ...]:
        """The accepted iterates of all stages."""
        return tuple(step for stage in self.stages for step in stage.trace)

    def rendered(
        self,
        changes: Mapping[str, Any] | None = None,
        *,
        strength: float | None = None,
        lightness: float | None = None,
        contrast: float | None = None,
        colour: float | None = None,
        keep_luminance: bool | None = None,
        regions: Mapping[str, float] | None = None,
        skin: float | None = None,
        neutrals: float | None = None,
    ) -> Result:
        """The same transfer with other values of `strength` and of the section `look`, without solving again.

        `rendered(strength=0.5, colour=0.8)` gives the very photo that a run with these settings would; what is not
        named stays as it is here. Where nothing was solved for, since the settings left the content as it was, this
        solves first, every time: go on from what it gives.

        Of the full-size photos a result keeps the content beside its own `photo`: the full look is made anew, in
        strips. The rest is what was solved for (under a MB, or with the method `pixels` the photo of that size), and,
        through `paper_terms`, the encoder and the style's features. Dropping the result frees all of it.

        Args:
            changes: values by dotted names, such as `{"strength": 0.5, "look.regions.sky": 0.8}`.
            strength: as the setting of that name.
            lightness, contrast, colour, keep_luminance, regions, skin, neutrals: as the settings of these names in the
                section `look`; they go before `changes`. `regions` takes the place of all strengths of regions.

        Raises:
            SettingsError: another setting, a value out of its range, a region that is not there.
        """
        sliders = {
            "lightness": lightness, "contrast": contrast, "colour": colour, "keep_luminance": keep_luminance,
            "regions": regions, "skin": skin, "neutrals": neutrals,
        }  # fmt: skip
        named = {"strength": strength} | {f"look.{name}": value for name, value in sliders.items()}
        every = {**(changes or {}), **{name: value for name, value in named.items() if value is not None}}
        for name in every:
            if name != "strength" and not name.startswith("look."):
                advice = "Other settings decide what is solved for: transfer again."
                raise SettingsError("strength, or a setting of the section look", repr(name), "rendered", advice)
        return self.render(self, self.settings.with_changes(every))


class Clock:
    """Seconds of the parts of a run."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._parts: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._parts[name] = time.perf_counter() - began

    def seconds(self) -> dict[str, float]:
        return {**self._parts, "total": time.perf_counter() - self._began}


def stage_warnings(stages: Sequence[Outcome]) -> tuple[str, ...]:
    """A warning for every stage that ended in a way the user should know of."""
    worth_a_warning = (Status.NOT_FINITE, Status.LINE_SEARCH, Status.INTERRUPTED)
    return tuple(
        f"{stage.name}: {stage.status.value} after {stage.iterations} iterations. {stage.status.advice}"
        for stage in stages
        if stage.status in worth_a_warning
    )
