"""Shows the progress of a run on standard error."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from photostyle.pipeline.result import Progress

SECONDS_ON_A_TERMINAL = 0.2
SECONDS_IN_A_FILE = 10.0
"""Least time between two updates of a bar. It is longer in a file, so that a log does not fill with updates."""
FORMAT = "{desc}: {percentage:3.0f}% |{bar:20}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"


class ProgressBar:
    """Prints one line for each stage. A stage with iterations gets a bar with the loss terms and the time left.

    It is called with every `Progress`.
    """

    def __init__(self) -> None:
        self.stage = ""
        self.bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self.stage:
            self._begin(progress)
        if self.bar is None:
            return
        if progress.terms:
            terms = {"loss": progress.loss, **progress.terms}
            self.bar.set_postfix({name: f"{value:.3g}" for name, value in terms.items()}, refresh=False)
        self.bar.update(progress.iteration - self.bar.n)

    def close(self) -> None:
        """Ends the bar of the last stage. Its last state stays on the screen."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _begin(self, progress: Progress) -> None:
        from tqdm import tqdm

        self.close()
        self.stage = progress.stage
        if not progress.iterations:
            print(progress.stage, file=sys.stderr)
            return
        interval = SECONDS_ON_A_TERMINAL if sys.stderr.isatty() else SECONDS_IN_A_FILE
        self.bar = tqdm(
            total=progress.iterations,
            desc=progress.stage,
            file=sys.stderr,
            mininterval=interval,
            maxinterval=interval,
            bar_format=FORMAT,
        )
