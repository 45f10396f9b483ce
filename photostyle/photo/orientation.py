"""Orientation: how stored pixels become upright (EXIF 3.0, tag 274)."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray


class Turn(NamedTuple):
    """How stored pixels become upright: rows and columns are swapped first, then they may run backwards.

    Args:
        swapped: whether rows and columns are swapped.
        rows_back, columns_back: whether the rows, and the columns, of the result run backwards.
    """

    swapped: bool = False
    rows_back: bool = False
    columns_back: bool = False

    def point(self, column: float, row: float, width: float = 1, height: float = 1) -> tuple[float, float]:
        """A place in the stored picture, as a place in the upright one.

        Args:
            column, row: the place.
            width, height: of the stored picture, in the unit of the place.
        """
        if self.swapped:
            column, row, width, height = row, column, height, width
        return (width - column if self.columns_back else column), (height - row if self.rows_back else row)

    def pixels(self, stored: NDArray[Any]) -> NDArray[Any]:
        """`(H, W, ...)` as stored -> `(H, W, ...)` or `(W, H, ...)` upright, a view."""
        upright = stored.swapaxes(0, 1) if self.swapped else stored
        return upright[:: -1 if self.rows_back else 1, :: -1 if self.columns_back else 1]

    def size(self, width: float, height: float) -> tuple[float, float]:
        """The upright width and height of something that has this size in the stored picture."""
        return (height, width) if self.swapped else (width, height)


TURNS = {
    1: Turn(),
    2: Turn(columns_back=True),
    3: Turn(rows_back=True, columns_back=True),
    4: Turn(rows_back=True),
    5: Turn(swapped=True),
    6: Turn(swapped=True, columns_back=True),
    7: Turn(swapped=True, rows_back=True, columns_back=True),
    8: Turn(swapped=True, rows_back=True),
}
"""By EXIF's orientation."""
