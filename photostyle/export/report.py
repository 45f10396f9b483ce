"""The report of a run: the files that `--report FOLDER` writes."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from photostyle import __version__
from photostyle.errors import OutputError, SettingsError
from photostyle.export.pages import render_page
from photostyle.files import atomic_write, check_folder, check_target, endings, make_folder, sha256
from photostyle.photo.photo import Photo
from photostyle.pipeline.result import Result
from photostyle.regions.correspondence import FOLLOWS, Correspondence, MatchedStyle
from photostyle.regions.in_words import source_name, sureness_text
from photostyle.regions.mask_files import NAMES_FILE, write_mask
from photostyle.regions.region_map import RegionMap, overlay
from photostyle.solvers.result import Step
from photostyle.styles.style import Style
from segmentation.matching import KEEPS_LOOK

FILES = ("run.json", "loss.csv", "loss.png", "content_mask.png", "style_mask.png", NAMES_FILE, "report.html")
"""The files of a report with one style. Regions of further styles are in `style_mask_2.png` and so on."""
LONGEST_SIDE = 1400
"""Longest side in pixels of the pictures in report.html: sharp on a laptop's screen, and the page has about 2 MB."""
QUALITY = 85
PACKAGES = ("torch", "torchvision", "numpy", "scipy", "Pillow")


def check_report_folder(folder: str | Path, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Checks before any work that `write_report` can write to a folder, and that it may.

    Args:
        folder: the folder of the report. It may be missing, but its parent folder must exist.
        overwrite: whether the files of an earlier report may be replaced.
        inputs: files that must never be written to.

    Raises:
        SettingsError: matplotlib, which draws the curves, is not installed.
        OutputError: the parent folder is missing; the folder is a file or cannot be written to; or one of the files
            exists and `overwrite` is false, or it is one of `inputs`.
    """
    if find_spec("matplotlib") is None:
        advice = "Install it: python -m pip install 'photostyle[report]'"
        raise SettingsError("matplotlib, which draws the curves of a report", "no such package", "--report", advice)
    folder, inputs = Path(folder), tuple(inputs)
    check_folder(folder)
    if not folder.exists():
        return
    for name in (*FILES, *(path.name for path in folder.glob("style_mask_*.png"))):
        check_target(folder / name, overwrite, inputs)


def write_report(
    folder: str | Path,
    result: Result,
    content: Photo,
    style: Style,
    *,
    inputs: Mapping[str, Path | str],
    styles: Sequence[Mapping[str, Any]],
    output: Path | None,
    command: Sequence[str],
    overwrite: bool = False,
) -> None:
    """Writes the files in `FILES`.

    Each file is written completely or not at all.

    Args:
        folder: the folder of the report. It is made if it is missing. Its parent folder must exist.
        result: the result of the transfer.
        content: the content photo.
        style: the style.
        inputs: the files that were read, by role: content, style, content_mask and style_mask. The roles for a second
            style are style_2 and style_mask_2, and so on. "-" is standard input.
        styles: the weight and the region of each style in `inputs`.
        output: the file that `result.photo` was written to; None if there is none.
        command: the words of the command line; empty if there was none.
        overwrite: whether the files of an earlier report are replaced.

    Raises:
        OutputError: the folder or a file cannot be written, or a file exists without `overwrite`.
    """
    folder = Path(folder)
    make_folder(folder)
    try:
        (folder / NAMES_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError("a folder that can be written to", error.strerror or str(error), str(folder)) from error
    sums = {str(photo.path or "-"): photo.sha256 for photo in (content, *(part.photo for part in style.parts))}
    run = {
        "command": list(command),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": {role: _entry(path, sums) for role, path in inputs.items()},
        "styles": [dict(each) for each in styles],
        "output": _entry(output, {}) if output else None,
        "weights": dict(result.weights),
        "seed": result.settings.seed,
        "device": result.device,
        "dtype": result.dtype,
        **summary(result),
        "paper_terms": {name: _finite(value) for name, value in result.paper_terms().items()},
        "regions": correspondence_entry(result.correspondence),
        "versions": versions(),
        "settings": result.settings.to_dict(),
    }
    run_text = json.dumps(run, indent=2)
    curves = _curves(result.trace)
    page = _page(result, content, style, run_text, curves)
    for name, data in (("run.json", run_text.encode()), ("loss.csv", _table(result.trace)), ("loss.png", curves)):
        _write(folder / name, data, overwrite)
    write_mask(folder / "content_mask.png", result.correspondence.content, overwrite=overwrite)
    names_used = dict(result.correspondence.content.names)
    for each, ending in zip(result.correspondence.styles, endings(len(style.parts)), strict=True):
        regions = _renumbered(each.regions, names_used)
        write_mask(folder / f"style_mask{ending}.png", regions, overwrite=overwrite)
        names_used |= regions.names
    _write(
        folder / "report.html", page.encode(errors="backslashreplace"), overwrite
    )  # file names may be invalid Unicode


def summary(result: Result) -> dict[str, Any]:
    """A summary of a run for JSON. Losses and terms that are not finite are None."""
    return {
        "preset": result.settings.preset,
        "interrupted": result.interrupted,
        "seconds": dict(result.seconds),
        "terms": {name: _finite(value) for name, value in result.terms.items()},
        "stages": [stage.summary() | {"loss": _finite(stage.loss)} for stage in result.stages],
        "warnings": list(result.warnings),
    }


def correspondence_entry(found: Correspondence) -> dict[str, Any]:
    """A correspondence for JSON: how regions were found, where each takes its look from, and how each style matches."""
    return {
        "found_by": found.found_by,
        "regions": [
            asdict(region) | {"follows": region.follows, "sureness": region.sureness} for region in found.regions
        ],
        "styles": [
            {"name": each.name, "weight": each.weight, "region": each.region, **asdict(each.matching)}
            for each in found.styles
        ],
    }


def versions() -> dict[str, str]:
    """The versions of photostyle, Python and the packages that a result depends on."""
    own = {"photostyle": __version__, "python": platform.python_version()}
    return own | {name: metadata.version(name) for name in PACKAGES}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _entry(path: Path | str, known: Mapping[str, str | None]) -> dict[str, str | None]:
    where = "-" if str(path) == "-" else str(Path(path).absolute())
    return {"path": where, "sha256": known.get(where) or (None if where == "-" else sha256(where))}


def _write(path: Path, data: bytes, overwrite: bool) -> None:
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(data)


def _renumbered(regions: RegionMap, others: Mapping[int, str]) -> RegionMap:
    """The same regions with new ids where necessary, so that one classes.json can name the regions of all masks.

    Args:
        others: the names that ids have already. No id of the result has another name there.
    """
    ids = {name: label for label, name in others.items()}
    names_used = dict(others)
    free = iter(sorted(set(range(255)) - set(others) - set(regions.names)))
    table = np.arange(256, dtype=np.uint8)
    for label, name in regions.names.items():
        if names_used.get(label, name) != name:
            table[label] = ids[name] if name in ids else next(free)
        names_used[int(table[label])] = name
    return RegionMap(table[regions.labels], {int(table[label]): name for label, name in regions.names.items()})


def _table(trace: Sequence[Step]) -> bytes:
    """loss.csv: one row for each iterate. Seconds are from the start of its stage, and terms are weighted."""
    terms = _terms(trace)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["stage", "iteration", "evaluations", "seconds", "loss", *terms])
    for row in trace:
        values = [row.terms.get(term, "") for term in terms]
        writer.writerow([row.stage, row.iteration, row.evaluations, f"{row.seconds:.3f}", row.loss, *values])
    return text.getvalue().encode()


def _terms(trace: Sequence[Step]) -> list[str]:
    return list(dict.fromkeys(term for row in trace for term in row.terms))


def _curves(trace: Sequence[Step]) -> bytes:
    """loss.png: the loss and its weighted terms over the iterates of all stages. A vertical line is a new stage."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="iteration, all stages", ylabel="weighted loss")
    axes.grid(alpha=0.3)
    lines = {"loss": [row.loss for row in trace]}
    lines |= {term: [row.terms.get(term, math.nan) for row in trace] for term in _terms(trace)}
    for name, values in lines.items():
        positive = [value if value > 0 else math.nan for value in values]
        if any(map(math.isfinite, positive)):
            axes.semilogy(positive, label=name, linewidth=2 if name == "loss" else 1.2)
    for place, (before, row) in enumerate(pairwise(trace), start=1):
        if row.stage != before.stage:
            axes.axvline(place, color="grey", linestyle=":", label=f"{row.stage} begins")
    if axes.get_lines():
        axes.legend()
    else:
        axes.text(0.5, 0.5, "nothing was optimised", ha="center", va="center", transform=axes.transAxes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _page(result: Result, content: Photo, style: Style, run_text: str, curves: bytes) -> str:
    before = content.fitted(LONGEST_SIDE)
    name = content.path.name if content.path else "content"
    correspondence = result.correspondence
    pictures = [part.photo.fitted(LONGEST_SIDE) for part in style.parts]
    return render_page(
        "run.html",
        title=f"{name} with the look of {' and '.join(part.name for part in style.parts)}",
        summary=f"photostyle {__version__}, preset {result.settings.preset}, encoder {result.settings.encoder.name}, "
        f"{result.device}, {result.dtype}, seed {result.settings.seed}"
        + (", interrupted: the best result so far" if result.interrupted else ""),
        warnings=result.warnings,
        before=_jpeg(before),
        after=_jpeg(result.photo.fitted(LONGEST_SIDE)),
        height=before.shape[0],
        width=before.shape[1],
        styles=[_figure(_jpeg(pixels), part) for pixels, part in zip(pictures, correspondence.styles, strict=True)],
        content_regions=_jpeg(_tinted(before, correspondence.content)),
        style_regions=[
            _figure(_jpeg(_tinted(pixels, part.regions)), part)
            for pixels, part in zip(pictures, correspondence.styles, strict=True)
        ],
        regions=_region_rows(correspondence),
        curves=_data("png", curves),
        terms=list(result.terms.items()),
        stages=[
            (s.name, s.iterations, s.evaluations, round(s.seconds, 2), s.loss, f"{s.status.value}. {s.status.advice}")
            for s in result.stages
        ],
        seconds=[(part, round(spent, 2)) for part, spent in result.seconds.items()],
        run=run_text,
    )


def _region_rows(correspondence: Correspondence) -> list[tuple[str, str]]:
    """For every region, what it takes its look from, or why it takes none."""
    rows, kept = [], f": {KEEPS_LOOK}" if len(correspondence.styles) == 1 else ""
    for region in correspondence.matched:
        names = [source_name(correspondence, source) for source in region.sources]
        if len(correspondence.styles) > 1:
            names = [f"{name} ({source.share:.0%})" for name, source in zip(names, region.sources, strict=True)]
        taken = f"taken from {', '.join(names)}"
        rows.append((region.name, ", ".join(filter(None, (taken, sureness_text(region.sureness))))))
    following = [region.name for region in correspondence.regions if region.follows]
    rows += [(name, FOLLOWS) for name in following]
    if following:
        kept = ""
    for style in correspondence.styles:
        named = f"{style.name}: " if len(correspondence.styles) > 1 else ""
        own = style.matching
        rows += [(f"{named}{part.name} of the {part.photo}", f"treated as {part.into}") for part in own.merged]
        rows += [(f"{named}{region.name}", f"only in the content{kept}") for region in own.content_only]
        rows += [(f"{named}{region.name}", "only in the style: not used") for region in own.style_only]
        rows += [(f"{named}{region.name}", f"too small to measure{kept}") for region in own.too_small]
    return rows


def _figure(picture: str, style: MatchedStyle) -> dict[str, object]:
    """A picture of a style photo, with its name, weight and region."""
    return {"picture": picture, "name": style.name, "weight": style.weight, "region": style.region}


def _tinted(pixels: np.ndarray[Any, np.dtype[np.float32]], regions: RegionMap) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The photo as the page shows it, with a tint for each region: `(h, w, 3) float32, sRGB-encoded, [0, 1]`."""
    rows, columns = (
        (np.arange(shown) * 2 + 1) * found // (2 * shown)
        for shown, found in zip(pixels.shape[:2], regions.labels.shape, strict=True)
    )
    return overlay(pixels, RegionMap(regions.labels[rows[:, None], columns], regions.names))


def _jpeg(pixels: np.ndarray[Any, np.dtype[np.float32]]) -> str:
    return _data("jpeg", Photo(pixels).encode("JPEG", QUALITY))


def _data(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
