"""Sums up a batch in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.batch.manifest import Record


def failures_by_reason(records: Sequence[Record]) -> dict[str, list[str]]:
    """The photos that failed, grouped by the first line of their error; the most frequent reason first."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record.status == "failed":
            first = (record.message or "").partition("\n")[0]
            found.setdefault(f"{record.error}: {first}", []).append(record.content)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[1])))


def duration_text(seconds: float) -> str:
    """A duration such as 12 s, 3 min or 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
