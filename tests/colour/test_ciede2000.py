from __future__ import annotations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000

from photostyle.colour.ciede2000 import ciede2000

# Of the 34 pairs that Sharma, Wu and Dalal (2005) publish in table 1: those where implementations part.
PAIRS = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "apart"), PAIRS)
def test_published_pairs(first: tuple[float, ...], second: tuple[float, ...], apart: float) -> None:
    assert ciede2000(np.array(first), np.array(second)) == pytest.approx(apart, abs=1e-4)
    assert ciede2000(np.array(second), np.array(first)) == pytest.approx(apart, abs=1e-4)


def test_it_is_scikit_images() -> None:
    first, second = np.random.default_rng(0).uniform([0, -90, -90], [100, 90, 90], (2, 5000, 3))
    np.testing.assert_allclose(ciede2000(first, second), deltaE_ciede2000(first, second), atol=1e-9)
    assert (ciede2000(first, first) == 0).all()
