"""Work on a large photo, one tile after another, on all cores.

NumPy's operations let other threads run meanwhile, and a tile has so many pixels that they take much longer than the
words of Python between them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from segmentation.enlarge import Part
from segmentation.threads import threads

ROWS, COLUMNS = 256, 512
"""The size of a tile in pixels. See docs/performance.md for others."""


def for_each_tile(
    height: int,
    width: int,
    work: Callable[[Part], None],
    tell: Callable[[int], None] = lambda rows: None,
    *,
    size: tuple[int, int] = (ROWS, COLUMNS),
) -> None:
    """Calls `work` for each tile of a photo, in several threads.

    Args:
        height, width: of the photo, in pixels.
        tell: is called with the number of finished rows, before the first row of tiles and after each.
        size: rows and columns of a tile, in pixels.
    """
    rows, columns = size
    tell(0)
    with ThreadPoolExecutor(threads()) as pool:
        tiles = [
            [
                pool.submit(work, Part(min(rows, height - top), min(columns, width - left), height, width, top, left))
                for left in range(0, width, columns)
            ]
            for top in range(0, height, rows)
        ]
        try:
            for row, futures in enumerate(tiles, start=1):
                for future in futures:
                    future.result()
                tell(min(row * rows, height))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
