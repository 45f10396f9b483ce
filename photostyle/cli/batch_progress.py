"""Progress and messages of a batch: text for people, JSON for programs."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from photostyle.batch.summary import duration_text, failures_by_reason
from photostyle.cli.common import put
from photostyle.cli.progress import SECONDS_IN_A_FILE, SECONDS_ON_A_TERMINAL

if TYPE_CHECKING:
    from photostyle.batch.capacity import Estimate
    from photostyle.batch.driver import BatchEvent
    from photostyle.batch.job import LookJob
    from photostyle.batch.manifest import Record
    from photostyle.batch.plan import Item, Plan
    from photostyle.batch.resume import RemainingWork

MOST_NAMES = 3
"""Photos that are named for one reason of failures."""


class BatchProgress(Protocol):
    """Reports what a batch does."""

    def damaged(self, lines: int) -> None: ...

    def planned(self, plan: Plan, work: RemainingWork) -> None: ...

    def listed(self, work: RemainingWork) -> None: ...

    def estimated(self, estimate: Estimate, workers: int) -> None: ...

    def working(self, workers: int) -> None: ...

    def event(self, event: BatchEvent) -> None: ...

    def tick(self) -> None: ...

    def stopping(self) -> None: ...

    def summary(self, plan: Plan, records: Sequence[Record], seconds: float, peak_bytes: int) -> None: ...


class JsonProgress:
    """One JSON object in each line of standard output; docs/batch.md lists the values of `event`."""

    def damaged(self, lines: int) -> None:
        _put("warning", message=f"damaged lines in the manifest: {lines}")

    def planned(self, plan: Plan, work: RemainingWork) -> None:
        _put("plan", photos=len(plan.items), todo=len(work.todo), done=work.done, failed=len(work.failed),
             reasons=work.reasons(), skipped=dict(plan.skipped))  # fmt: skip

    def listed(self, work: RemainingWork) -> None:
        for item, reason in work.todo:
            styles = [style.path for style in item.styles]
            _put("todo", content=item.content, output=item.output, styles=styles, reason=reason)

    def estimated(self, estimate: Estimate, workers: int) -> None:
        _put("estimate", seconds=round(estimate.seconds, 1), peak_bytes=estimate.peak_bytes, workers=workers)

    def working(self, workers: int) -> None:
        _put("workers", workers=workers)

    def event(self, event: BatchEvent) -> None:
        from photostyle.batch.driver import LookFound, LookStarted, PhotoEnded, PhotoStarted, Retrying

        if isinstance(event, PhotoStarted):
            _put("started", content=event.item.content, output=event.item.output)
        elif isinstance(event, LookStarted):
            _put("fitting", **_about(event.look_job))
        elif isinstance(event, LookFound):
            _put("fitted", **_about(event.look_job), seconds=round(event.seconds, 3), warnings=event.warnings)
        elif isinstance(event, Retrying):
            _put("again", **_about(event.item), message=event.reason)
        elif isinstance(event, PhotoEnded):
            _put(event.record.status, **{k: v for k, v in asdict(event.record).items() if k != "status"})

    def tick(self) -> None:
        return

    def stopping(self) -> None:
        _put("stopping")

    def summary(self, plan: Plan, records: Sequence[Record], seconds: float, peak_bytes: int) -> None:
        done = sum(record.status == "done" for record in records)
        failed = len(records) - done
        _put("summary", photos=len(plan.items), done=done, failed=failed, left=len(plan.items) - len(records),
             causes=[{"cause": cause, "photos": names} for cause, names in failures_by_reason(records).items()],
             seconds=round(seconds, 3), peak_bytes=peak_bytes)  # fmt: skip


class TextProgress:
    """Messages and one line of progress on standard error. On a terminal the line is updated in place."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._quiet, self._verbose, self._dry = arguments.quiet, arguments.verbose, arguments.dry_run
        self._terminal = sys.stderr.isatty()
        self._every = SECONDS_ON_A_TERMINAL if self._terminal else SECONDS_IN_A_FILE
        self._told = time.monotonic()
        self._began: float | None = None
        self._now: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._todo = 0
        self._shown = False

    def damaged(self, lines: int) -> None:
        self._say(f"warning: damaged lines in the manifest: {lines}. Photos without a record count as not done")

    def planned(self, plan: Plan, work: RemainingWork) -> None:
        self._todo = len(work.todo)
        if self._quiet:
            return
        parts = [f"{len(plan.items)} photos"]
        parts += [f"{work.done} done already"] if work.done else []
        parts += [f"{len(work.failed)} failed before (--retry-failed tries them again)"] if work.failed else []
        reasons = ", ".join(f"{count} {reason}" for reason, count in work.reasons().items() if reason != "new")
        parts.append(f"{self._todo} to do" + (f" ({reasons})" if reasons else ""))
        skipped = ", ".join(f"{count} {reason}" for reason, count in plan.skipped.items())
        self._say("; ".join(parts) + (f"; left out: {skipped}" if skipped else ""))

    def listed(self, work: RemainingWork) -> None:
        for item, reason in work.todo:
            styles = " + ".join(style.path for style in item.styles)
            put(f"{item.content} -> {item.output}  ({styles}; {reason})")

    def estimated(self, estimate: Estimate, workers: int) -> None:
        put(
            f"about {duration_text(estimate.seconds)} and {estimate.peak_bytes / 1e9:.1f} GB of memory "
            f"with {workers} worker{'s' * (workers > 1)}"
        )

    def working(self, workers: int) -> None:
        if not self._quiet:
            trying = "trying the largest photo" if self._dry else "loading"
            self._say(f"{workers} worker{'s' * (workers > 1)}, {trying}")

    def event(self, event: BatchEvent) -> None:
        from photostyle.batch.driver import LookFound, LookStarted, PhotoEnded, PhotoStarted, Retrying

        if isinstance(event, PhotoStarted):
            self._began = self._began or time.monotonic()
            self._now[event.item.output] = event.item.content
        elif isinstance(event, LookStarted):
            if not self._quiet:
                self._say(f"finding {_name(event.look_job)}")
        elif isinstance(event, LookFound):
            if not self._quiet:
                self._say(f"found {_name(event.look_job)} in {event.seconds:.1f} s")
            for warning in event.warnings:
                self._say(f"warning: {_name(event.look_job)}: {warning}")
        elif isinstance(event, Retrying):
            self._now.pop(event.item.output, None)
            self._say(f"warning: {_name(event.item)}: its worker died ({event.reason}); another one will try it")
        elif isinstance(event, PhotoEnded):
            self._ended(event.record)

    def tick(self) -> None:
        if self._quiet or self._began is None or time.monotonic() - self._told < self._every:
            return
        self._told = time.monotonic()
        line = self._line()
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{line[:width]}", end="", file=sys.stderr, flush=True)
            self._shown = True
        else:
            print(f"photostyle: {line}", file=sys.stderr, flush=True)

    def stopping(self) -> None:
        first = f" after the {len(self._now)} photos at work; Ctrl-C again stops at once" if self._now else ""
        self._say(f"stopping{first}")

    def summary(self, plan: Plan, records: Sequence[Record], seconds: float, peak_bytes: int) -> None:
        if self._shown:
            print(file=sys.stderr)
            self._shown = False
        done = sum(record.status == "done" for record in records)
        failed, left = len(records) - done, len(plan.items) - len(records)
        for reason, names in failures_by_reason(records).items():
            named = ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" * (len(names) > MOST_NAMES))
            self._say(f"failed: {reason}: {named}")
        warned = sum(bool(record.warnings) for record in records)
        if not self._quiet or failed or left:
            parts = [f"{done} of {len(plan.items)} done in {duration_text(seconds)}"]
            parts += [f"{failed} failed (--retry-failed tries them again)"] if failed else []
            parts += [f"{left} left: run the same command again to continue"] if left else []
            parts += (
                [f"{warned} with warnings (--verbose or --report shows them)"] if warned and not self._verbose else []
            )
            parts += [f"at most {peak_bytes / 1e9:.1f} GB per worker"] if peak_bytes and self._verbose else []
            self._say("; ".join(parts))

    def _ended(self, record: Record) -> None:
        self._now.pop(record.output, None)
        self._counts[record.status] += 1
        if record.status == "failed":
            self._say(f"failed: {record.content}: {record.error}: {' '.join((record.message or '').split())}")
        elif self._verbose:
            self._say(f"wrote {record.output} in {record.seconds.get('total', 0):.1f} s")
            for warning in record.warnings:
                self._say(f"warning: {record.output}: {' '.join(warning.split())}")

    def _line(self) -> str:
        done, failed = self._counts["done"], self._counts["failed"]
        spent = time.monotonic() - (self._began or time.monotonic())
        parts = [f"{done} of {self._todo} done"] + ([f"{failed} failed"] if failed else [])
        if over := done + failed:
            parts.append(
                f"{60 * over / spent:.1f} per minute, {duration_text((self._todo - over) * spent / over)} left"
            )
        if self._now:
            parts.append("now " + ", ".join(self._now.values()))
        return " | ".join(parts)

    def _say(self, message: str) -> None:
        start = "\r\033[K" if self._shown else ""
        self._shown = False
        print(f"{start}photostyle: {message}", file=sys.stderr, flush=True)


def _put(event: str, **fields: Any) -> None:
    put(json.dumps({"event": event, **fields}))


def _about(work: Item | LookJob) -> dict[str, Any]:
    """The fields of an event about a photo, or about the look of a set."""
    from photostyle.batch.job import LookJob

    if isinstance(work, LookJob):
        return {"photos": len(work.photo_set), "styles": [style.path for style in work.styles]}
    return {"content": work.content, "output": work.output}


def _name(work: Item | LookJob) -> str:
    """The name of a photo, or of the look of a set, in a message."""
    from photostyle.batch.job import LookJob

    if isinstance(work, LookJob):
        return f"one look from {' + '.join(style.path for style in work.styles)} for {len(work.photo_set)} photos"
    return work.content
