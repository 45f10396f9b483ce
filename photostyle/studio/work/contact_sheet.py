"""A contact sheet: the results of a queue in one picture, with their names."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from photostyle.batch.output_folder import thumbnail_paths

CELL, MARGIN, LINE, COLUMNS = 240, 12, 22, 5
"""In pixels: side of a picture, space around it, height of its name; and the number of columns."""
PAPER, INK = (128, 128, 128), (16, 16, 16)
MOST = 400
"""Pictures on a sheet."""


def contact_sheet(folder: Path, outputs: Sequence[str]) -> bytes:
    """A JPEG of the small pictures that a batch has made of its results.

    Args:
        folder: the output folder of the batch.
        outputs: the results, relative to it. The first `MOST` are shown.
    """
    shown = outputs[:MOST]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    step = CELL + 2 * MARGIN
    sheet = Image.new("RGB", (columns * step, rows * (step + LINE)), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for place, output in enumerate(shown):
        left, top = place % columns * step + MARGIN, place // columns * (step + LINE) + MARGIN
        try:
            with Image.open(thumbnail_paths(str(folder), output)[1]) as picture:
                small = picture.convert("RGB")
        except (OSError, SyntaxError):
            continue  # the small picture has been removed; the result is there
        small.thumbnail((CELL, CELL))
        sheet.paste(small, (left + (CELL - small.width) // 2, top + (CELL - small.height) // 2))
        draw.text((left, top + CELL + 4), _fitting(output, font), INK, font)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _fitting(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The name, its middle left out if it is wider than a cell."""
    shown, kept = name, len(name)
    while font.getlength(shown) > CELL and kept > 2:
        kept -= 1
        shown = f"{name[: kept // 2]}…{name[-(kept - kept // 2) :]}"
    return shown
