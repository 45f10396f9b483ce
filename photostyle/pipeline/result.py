"""What a transfer reports while it runs, and what it returns."""

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
    """How far a transfer is: the stage, the number of the accepted iterate, the loss and its weighted terms.

    In the stage `apply` the iterations are rows of the full-size photo. There the loss is NaN and there are no terms.
    """

    stage: str
    iteration: int
    iterations: int
    loss: float
    terms: Mapping[str, float]

    @classmethod
    def begin(cls, stage: str) -> Progress:
        """The start of a stage that does not report how far it is."""
        return cls(stage, 0, 0, math.nan, {})


@dataclass(frozen=True)
class Result:
    """What a transfer returns.

    Args:
        photo: the content photo with its new look, at its own size.
        terms: the weighted terms of the objective at the end of the last stage; empty if nothing was solved for.
        paper_terms: a function that computes the weighted terms of Luan et al. 2017, so that methods can be compared.
            For the method `pixels` they are `terms`.
        render: a function that makes this result for other settings; `rendered` calls it.
        seconds: how long each part of the run took, by name, and the whole run, `total`.
        warnings: what the user should know, a line each.
        settings, device, dtype, weights: what the result was made with; `weights` is `{name: sha256}`.
        stages: how each stage of the solver went.
        correspondence: the regions at the size of the solve, and which region took its look from which.
        interrupted: whether the user stopped the solver; `photo` is then the best so far.
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

        `rendered(strength=0.5, colour=0.8)` gives the same bytes as a run with these settings. Settings that are not
        named stay as they are in this result. If the settings left the content unchanged, nothing was solved for; then
        every call solves first, so call `rendered` on the result that it gives.

        Memory: a result keeps the content and its own `photo` at full size, what was solved for (less than 1 MB; with
        the method `pixels` a photo at the size of the solve), and the encoder and the style's features for
        `paper_terms`. Deleting the result frees all of it.

        Args:
            changes: values by dotted names, such as `{"strength": 0.5, "look.regions.sky": 0.8}`.
            strength: the setting of that name.
            lightness, contrast, colour, keep_luminance, regions, skin, neutrals: the settings of these names in the
                section `look`. They win over `changes`. `regions` replaces the strengths of all regions.

        Raises:
            SettingsError: a setting that cannot be changed here, a value out of its range, or an unknown region.
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
    """Measures how many seconds each part of a run takes."""

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
    """A warning for every stage that was interrupted, whose line search failed, or whose loss was not finite."""
    worth_a_warning = (Status.NOT_FINITE, Status.LINE_SEARCH, Status.INTERRUPTED)
    return tuple(
        f"{stage.name}: {stage.status.value} after {stage.iterations} iterations. {stage.status.advice}"
        for stage in stages
        if stage.status in worth_a_warning
    )
