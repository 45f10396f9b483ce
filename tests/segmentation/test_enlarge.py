from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from segmentation.enlarge import Part, enlarged


def twin(plane: NDArray[np.float32], part: Part) -> NDArray[np.float64]:
    """Linear interpolation between the centres of cells, a pixel at a time."""
    found = np.empty((part.rows, part.columns))
    for row, column in np.ndindex(found.shape):
        places = (part.top + row + 0.5) / part.height, (part.left + column + 0.5) / part.width
        total = 0.0
        at = [np.clip(place * cells - 0.5, 0, cells - 1) for place, cells in zip(places, plane.shape, strict=True)]
        for cell in np.ndindex(plane.shape):
            total += plane[cell] * np.prod([max(0.0, 1 - abs(a - c)) for a, c in zip(at, cell, strict=True)])
        found[row, column] = total
    return found


@pytest.mark.parametrize("cells", [(1, 1), (1, 6), (5, 7), (23, 31), (40, 50)])
def test_it_is_linear_between_the_centres_of_cells(cells: tuple[int, int]) -> None:
    planes = np.random.default_rng(0).random((2, *cells), np.float32)
    for part in (Part.whole(23, 31), Part(5, 9, 23, 31, 3, 22), Part(1, 1, 23, 31, 22, 30), Part(3, 4, 23, 31)):
        found = enlarged(planes, part)
        np.testing.assert_allclose(found, [twin(plane, part) for plane in planes], atol=1e-6)
        assert np.array_equal(found, enlarged(planes, Part.whole(23, 31))[:, *part.pixels])
