"""A page that shows a whole set: every photo before and after, the worst results first, times and failures."""

from __future__ import annotations

import html
import io
import os
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from photostyle import __version__
from photostyle.batch import storage
from photostyle.batch.manifest import Record
from photostyle.batch.output_folder import THUMBNAILS, thumbnail_paths
from photostyle.batch.summary import duration_text, failures_by_reason
from photostyle.batch.thumbnails import THUMBNAIL
from photostyle.errors import OutputError
from photostyle.files import atomic_write

TEMPLATE = Path(__file__).with_name("report.html")
PAGE = "report.html"
NOTABLE = {"clipped": 0.02, "halo": 0.005, "unmatched": 0.25}
"""Shares from which a figure is worth a look (our choice); how far it is above them says which results come first."""
MEANINGS = {"clipped": "newly clipped", "halo": "edges turned round", "unmatched": "no counterpart"}
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
    cards = [_card(folder, output, record) for record in done]
    parts = {
        "title": f"{len(records)} photos",
        "summary": html.escape(_summary(planned, done, records)),
        "failures": _failures(records),
        "warnings": _warnings(records),
        "seconds": _times(done),
        "cards": "".join(cards) or '<p class="quiet">Nothing is done yet.</p>',
    }
    page = string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(parts)
    with atomic_write(os.path.join(folder, PAGE)) as file:
        file.write(page.encode(errors="backslashreplace"))  # names may be no Unicode


def badness(record: Record) -> float:
    """How far the worst figure of a result is above what is notable; 1 is notable."""
    return max((value / NOTABLE[name] for name, value in record.figures.items() if name in NOTABLE), default=0.0)


def _card(folder: str, output: str, record: Record) -> str:
    """A result beside its photo, with what the page sorts by."""
    name = html.escape(record.output)
    pictures, (height, width) = [], _set_look_outcome(record.height, record.width)
    for source, alt in zip(thumbnail_paths(output, record.output), ("before", "after"), strict=True):
        address = _copied(source, folder)
        pictures.append(
            f'<img src="{address}" loading="lazy" decoding="async" width="{width}" height="{height}" '
            f'alt="{name}, {alt}">' if address else f'<p class="quiet">no picture of it {alt}</p>'
        )  # fmt: skip
    figures = "".join(
        f"<li{' class=' + chr(34) + 'notable' + chr(34) if value >= NOTABLE.get(key, 2) else ''}>"
        f"{MEANINGS.get(key, key)} {value:.1%}</li>"
        for key, value in record.figures.items()
    )
    warnings = "".join(f"<li>{html.escape(warning)}</li>" for warning in record.warnings)
    count = f"{len(record.warnings)} warning" + "s" * (len(record.warnings) > 1)
    total = record.seconds.get("total", 0.0)
    keys = {"worst": badness(record), "seconds": total, **record.figures}
    data = " ".join(f'data-{key}="{value:.6g}"' for key, value in keys.items())
    return (
        f'<article {data} data-name="{name}"><div class="pair">{"".join(pictures)}</div><h3>{name}</h3>'
        f'<ul class="figures">{figures}<li>{total:.1f} s</li></ul>'
        + (f"<details><summary>{count}</summary><ul>{warnings}</ul></details>" * bool(warnings))
        + "</article>\n"
    )


def _copied(source: str, folder: str) -> str | None:
    """The address of a small picture beside the page; None where there is none."""
    try:
        data = storage.read(source)
        with Image.open(io.BytesIO(data)) as image:
            image.verify()
    except (OSError, SyntaxError):
        return None
    name = os.path.basename(source)
    with atomic_write(os.path.join(folder, THUMBNAILS, name)) as file:
        file.write(data)
    return f"{THUMBNAILS}/{name}"


def _set_look_outcome(height: int, width: int) -> tuple[int, int]:
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


def _failures(records: Sequence[Record]) -> str:
    found = failures_by_reason(records)
    if not found:
        return ""
    rows = "".join(
        f"<tr><td>{html.escape(cause)}</td><td class=number>{len(names)}</td>"
        f"<td>{html.escape(', '.join(names[:MOST_NAMES]))}</td></tr>\n"
        for cause, names in found.items()
    )
    head = "<tr><th>why</th><th class=number>photos</th><th>which</th></tr>"
    return f"<h2>Failed</h2><div class=scroll><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"


def _warnings(records: Sequence[Record]) -> str:
    counts = Counter(warning for record in records for warning in record.warnings)
    if not counts:
        return ""
    rows = "".join(f"<li>{html.escape(text)}: {count}</li>" for text, count in counts.most_common(20))
    return f"<details><summary>{len(counts)} kinds of warnings</summary><ul>{rows}</ul></details>"


def _times(done: Sequence[Record]) -> str:
    """The parts of the work: seconds of a photo in the mean and at most, and of all together."""
    parts: dict[str, list[float]] = {}
    for record in done:
        for part, seconds in record.seconds.items():
            parts.setdefault(part, []).append(seconds)
    head = "<tr><th>step</th><th class=number>mean, s</th><th class=number>most, s</th><th class=number>all</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(map(_time, parts.items()))}</tbody></table>"


def _time(part: tuple[str, Sequence[float]]) -> str:
    name, seconds = part
    mean, most, total = sum(seconds) / len(seconds), max(seconds), sum(seconds)
    cells = (f"{mean:.2f}", f"{most:.2f}", duration_text(total))
    return f"<tr><td>{html.escape(name)}</td>" + "".join(f"<td class=number>{cell}</td>" for cell in cells) + "</tr>\n"
