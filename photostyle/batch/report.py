"""A page that shows a whole set: every photo before and after, the worst results first, times and failures."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Sequence

from PIL import Image

from photostyle import __version__
from photostyle.batch import storage
from photostyle.batch.manifest import Record
from photostyle.batch.output_folder import THUMBNAILS, thumbnail_paths
from photostyle.batch.summary import duration_text, failures_by_reason
from photostyle.batch.thumbnails import THUMBNAIL
from photostyle.errors import OutputError
from photostyle.export.pages import render_page
from photostyle.files import atomic_write

PAGE = "report.html"
NOTABLE = {"clipped": 0.02, "halo": 0.005, "unmatched": 0.25}
"""Shares from which a figure is worth a look (our choice); how far it is above them says which results come first."""
MEANINGS = {"clipped": "newly clipped", "halo": "reversed edges", "unmatched": "no match"}
MOST_NAMES = 200
"""Photos named for one cause of failures, so that the page stays quick where all have failed."""


def write_report(folder: str, output: str, planned: int, records: Sequence[Record]) -> None:
    """Writes the page and, beside it, the folder of small pictures that it shows.

    Args:
        folder: made where it is missing; the files of an earlier report are replaced.
        output: of the batch, which has the small pictures.
        planned: how many photos the set has.
        records: of those that are done or have failed.

    Raises:
        OutputError: the folder or a file cannot be written.
    """
    try:
        os.makedirs(os.path.join(folder, THUMBNAILS), exist_ok=True)
    except OSError as error:
        raise OutputError("a folder that can be made", error.strerror or str(error), folder) from error
    done = sorted((record for record in records if record.status == "done"), key=badness, reverse=True)
    warnings = Counter(warning for record in records for warning in record.warnings)
    page = render_page(
        "set.html",
        title=f"{len(records)} photos",
        summary=_summary(planned, done, records),
        failures=list(failures_by_reason(records).items()),
        most_names=MOST_NAMES,
        cards=[_card(folder, output, record) for record in done],
        times=_times(done),
        warnings=warnings.most_common(20),
        kinds_of_warnings=len(warnings),
    )
    with atomic_write(os.path.join(folder, PAGE), overwrite=True) as file:
        file.write(page.encode(errors="backslashreplace"))  # names may be no Unicode


def badness(record: Record) -> float:
    """How far the worst figure of a result is above what is notable; 1 is notable."""
    return max((value / NOTABLE[name] for name, value in record.figures.items() if name in NOTABLE), default=0.0)


def _card(folder: str, output: str, record: Record) -> dict[str, object]:
    """A result beside its photo, with what the page sorts by."""
    before, after = (_copied(source, folder) for source in thumbnail_paths(output, record.output))
    height, width = _shown_size(record.height, record.width)
    total = record.seconds.get("total", 0.0)
    return {
        "name": record.output, "before": before, "after": after, "height": height, "width": width,
        "ranks": {"worst": badness(record), "seconds": total, **record.figures},
        "figures": [
            (f"{MEANINGS.get(key, key)} {value:.1%}", value >= NOTABLE.get(key, 2))
            for key, value in record.figures.items()
        ],
        "seconds": total, "warnings": record.warnings,
    }  # fmt: skip


def _copied(source: str, folder: str) -> str | None:
    """The address of a small picture beside the page; None where there is none."""
    try:
        data = storage.read(source)
        with Image.open(io.BytesIO(data)) as image:
            image.verify()
    except (OSError, SyntaxError):
        return None
    name = os.path.basename(source)
    with atomic_write(os.path.join(folder, THUMBNAILS, name), overwrite=True) as file:
        file.write(data)
    return f"{THUMBNAILS}/{name}"


def _shown_size(height: int, width: int) -> tuple[int, int]:
    scale = THUMBNAIL / max(height, width, 1)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _summary(planned: int, done: Sequence[Record], records: Sequence[Record]) -> str:
    failed, left = len(records) - len(done), planned - len(records)
    counts = [
        f"{len(done)} of {planned} done",
        *([f"{failed} failed"] * bool(failed)),
        *([f"{left} left"] * bool(left)),
    ]
    notable = sum(badness(record) >= 1 for record in done)
    return f"photostyle {__version__}: {', '.join(counts)}; {notable} worth a look"


def _times(done: Sequence[Record]) -> list[tuple[str, float, float, str]]:
    """The steps of the work: mean and largest seconds of a photo, and the time of all photos together."""
    steps: dict[str, list[float]] = {}
    for record in done:
        for step, seconds in record.seconds.items():
            steps.setdefault(step, []).append(seconds)
    return [
        (step, sum(seconds) / len(seconds), max(seconds), duration_text(sum(seconds)))
        for step, seconds in steps.items()
    ]
