"""The report of a batch: one page with every photo before and after, worst results first, and times and failures."""

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
"""From these shares on, a figure is worth a look (our choice). The results that exceed them most come first on the
page."""
MEANINGS = {"clipped": "newly clipped", "halo": "reversed edges", "unmatched": "no match"}
MOST_NAMES = 200
"""Most photos that are named for one cause of failure, so that the page stays fast even if all photos failed."""


def write_report(folder: str, output: str, planned: int, records: Sequence[Record]) -> None:
    """Writes the page, and next to it the folder with the small pictures that it shows.

    Args:
        folder: the folder of the report. It is made if it is missing. Files of an earlier report are replaced.
        output: the output folder of the batch, which has the small pictures.
        planned: number of photos in the set.
        records: the records of the photos that are done or have failed.

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
        file.write(page.encode(errors="backslashreplace"))  # file names may be invalid Unicode


def badness(record: Record) -> float:
    """The largest ratio between a figure of a result and its share in `NOTABLE`. From 1 on it is worth a look."""
    return max((value / NOTABLE[name] for name, value in record.figures.items() if name in NOTABLE), default=0.0)


def _card(folder: str, output: str, record: Record) -> dict[str, object]:
    """The entry for one result: the photo before and after, its figures, and the values that the page sorts by."""
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
    """Copies a small picture next to the page and returns its address. None if there is no readable picture."""
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
    """For each step of the work: mean and longest seconds for one photo, and the time for all photos together."""
    steps: dict[str, list[float]] = {}
    for record in done:
        for step, seconds in record.seconds.items():
            steps.setdefault(step, []).append(seconds)
    return [
        (step, sum(seconds) / len(seconds), max(seconds), duration_text(sum(seconds)))
        for step, seconds in steps.items()
    ]
