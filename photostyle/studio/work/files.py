"""Results and LUTs as files. They have the bytes that the command line gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from photostyle.errors import OutputError
from photostyle.export.lut_files import whole_lut, write_lut
from photostyle.files import endings, make_folder
from photostyle.photo.photo import Photo
from photostyle.pipeline.rendering import Rendering
from photostyle.pipeline.result import Result
from photostyle.settings import OutputSettings, Settings
from photostyle.studio.work.stored_transfer import StoredTransfer

POINTS = 33
"""Points along each side of a .cube file."""
MOST_SAME = 10_000
"""Files of the same name that are told apart by a number."""


def rendered(stored: StoredTransfer, photo: Photo, settings: Settings) -> tuple[Photo, tuple[str, ...]]:
    """The photo with these settings, as `photostyle run` makes it, and warnings."""
    rendering: Rendering = stored.rendering(photo)
    return rendering.of(settings)


def save(photo: Photo, folder: Path, name: str, output: OutputSettings, inputs: Sequence[Path]) -> dict[str, Any]:
    """Writes a result into a folder, which is made if it is missing. A file that is there gets no other content: the
    new one is called `NAME_2`.

    Args:
        photo: the result.
        folder: where to.
        name: of the file, with its ending.
        output: how it is written. The format is not `auto`.
        inputs: files that are never written to.

    Returns:
        The path, the size in bytes and the sha256 of the file, and what its format cannot hold.

    Raises:
        OutputError: it cannot be written.
        SettingsError: the format cannot hold it.
    """
    make_folder(folder)
    path = _free_path(folder, name)
    if any(path == each for each in inputs):
        raise OutputError.stating("this is one of the inputs, which are never written to", str(path))
    photo.save(path, **output.model_dump())
    data = path.read_bytes()
    losses = [f"content: {loss}" for loss in photo.losses(output.format, output.metadata)]
    return {"path": str(path), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "warnings": losses}


def write_table(stored: StoredTransfer, content: Photo, settings: Settings, title: str, target: Path) -> dict[str, Any]:
    """Fits one LUT for the whole photo as `photostyle look` does, and writes it.

    Args:
        title: what the LUT says it is.
        target: NAME.cube, or NAME.png for a HaldCLUT.

    Returns:
        Mean and 95th percentile of CIEDE2000 between the LUT's colours and the result's.
    """
    photo, warnings = rendered(stored, content, settings)
    found = stored.correspondence
    result = Result(
        photo=photo, terms={}, paper_terms=dict, render=lambda result, _: result, seconds={}, warnings=warnings,
        settings=settings, device=stored.device, dtype="float32", weights={}, stages=(), correspondence=found,
        interrupted=False,
    )  # fmt: skip
    lut, error = whole_lut(content, result, POINTS)
    write_lut(target, lut, error, title)
    return {"mean": error.mean, "p95": error.p95}


def _free_path(folder: Path, name: str) -> Path:
    """The first of `NAME`, `NAME_2`, `NAME_3`, ... that is free."""
    first = folder / name
    for ending in endings(MOST_SAME):
        path = first.with_name(f"{first.stem}{ending}{first.suffix}")
        if not path.exists() and not path.is_symlink():
            return path
    raise OutputError.stating("there are too many files of this name", str(first), "Choose another name.")
