"""What a file stores: samples as they are, before orientation and colours are looked at, and what all readers check."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from photostyle.errors import InputError
from photostyle.photo.embedded import NOTHING, Embedded

SHORTEST_SIDE = 32
"""Pixels that a side must have. At relu5_1 the encoder's grid is 16 times coarser, and needs two rows and columns."""

MOST_PIXELS = 250_000_000
"""Pixels that a photo may have. The largest cameras stay below this. As float32 it takes 3 GB."""

DAMAGED = "a whole photo"
AGAIN = "Copy or export it again."


class JpegTables(NamedTuple):
    """How a JPEG was compressed.

    Args:
        quantisation: the tables by component: that of luma, and those of chroma if they are others; 64 numbers each.
        subsampling: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.
    """

    quantisation: tuple[tuple[int, ...], ...]
    subsampling: int


class StoredImage(NamedTuple):
    """The samples of a file, and what it holds beside them.

    Args:
        samples: `(H, W)` or `(H, W, C)`, uint8 or uint16: grey, grey and alpha, RGB, or RGB and alpha.
        white: the sample of full intensity.
        depth: bits a channel.
        grey: whether the file holds no colour, whatever `samples` are.
        embedded: what the file holds beside the samples.
        premultiplied: whether the colours are stored times alpha.
        turned: whether the reader has applied the orientation.
        jpeg: how a JPEG was compressed.
        lossless: whether a WebP is.
    """

    samples: NDArray[Any]
    white: int
    depth: int
    grey: bool
    embedded: Embedded = NOTHING
    premultiplied: bool = False
    turned: bool = False
    jpeg: JpegTables | None = None
    lossless: bool = False


def shown_size(height: int, width: int) -> str:
    """A size as messages write it."""
    return f"{width:,} x {height:,} px (width x height)"


def check_size(height: int, width: int, where: str) -> None:
    """Raises InputError for a photo with too many pixels or too short a side, or with sides that are no numbers."""
    if not (isinstance(height, int) and isinstance(width, int)):
        raise InputError(DAMAGED, "a damaged one (its size is no number)", where, AGAIN)
    if height * width > MOST_PIXELS:
        raise InputError(f"at most {MOST_PIXELS:,} pixels", shown_size(height, width), where, "Make it smaller first.")
    if min(height, width) < SHORTEST_SIDE:
        raise InputError(f"sides of at least {SHORTEST_SIDE} px", shown_size(height, width), where)


def note_pages(pages: int, notes: list[str]) -> None:
    """Says that only the first of several pages or frames is read."""
    if pages > 1:
        notes.append(f"only the first of {pages} pages or frames is read")
