from __future__ import annotations

import threading

import numpy as np
import pytest

from photostyle.compute import tiles
from photostyle.compute.tiles import for_each_tile
from segmentation.enlarge import Part


@pytest.mark.parametrize("size", [(1, 1), (4, 9), (100, 100)])
def test_every_pixel_is_in_one_tile(size: tuple[int, int]) -> None:
    seen, told = np.zeros((11, 20), int), list[int]()

    def work(part: Part) -> None:
        seen[part.pixels] += 1
        assert (part.height, part.width) == seen.shape and seen[part.pixels].shape == (part.rows, part.columns)

    for_each_tile(11, 20, work, told.append, size=size)
    assert (seen == 1).all()
    assert told[0] == 0 and told[-1] == 11 and told == sorted(told)


def test_tiles_are_worked_on_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "threads", lambda: 3)
    meeting = threading.Barrier(3, timeout=20)
    for_each_tile(3, 1, lambda part: meeting.wait() and None, size=(1, 1))


def test_an_error_in_a_tile_and_an_interrupt_end_the_work() -> None:
    done = list[Part]()

    def fail(part: Part) -> None:
        done.append(part)
        if part.top == 2:
            raise ValueError("in a tile")

    with pytest.raises(ValueError, match="in a tile"):
        for_each_tile(500, 1, fail, size=(1, 1))

    def stop(rows: int) -> None:
        if rows == 2:
            raise KeyboardInterrupt

    begun = threading.Semaphore(8)
    with pytest.raises(KeyboardInterrupt):
        for_each_tile(500, 1, lambda part: begun.acquire(timeout=0.1) and None, stop, size=(1, 1))
