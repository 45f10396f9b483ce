from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photostyle.regions.colour_walk import COHERENCE, ColourWalk, colour_laplacian


def picture() -> NDArray[np.float32]:
    """A red square on grey, with some noise."""
    pixels = np.full((24, 32, 3), 0.6, np.float32)
    pixels[8:16, 12:20] = (0.8, 0.1, 0.1)
    noise = np.random.default_rng(0).normal(scale=0.02, size=pixels.shape).astype(np.float32)
    return np.clip(pixels + noise, 0, 1)


def inside(top: int, bottom: int, left: int, right: int, sure: float = 0.65) -> NDArray[np.float32]:
    """Probabilities of two regions: `sure` that a rectangle is the second and that the rest is the first."""
    second = np.full((24, 32), 1 - sure, np.float32)
    second[top:bottom, left:right] = sure
    return np.stack([1 - second, second])


def test_a_random_walk_keeps_a_constant_prior() -> None:
    laplacian = colour_laplacian(np.random.default_rng(2).normal(size=(5, 7, 3)) * 20).toarray()
    np.testing.assert_allclose(laplacian.sum(1), 0, atol=1e-12)
    np.testing.assert_array_equal(laplacian, laplacian.T)
    assert np.linalg.eigvalsh(laplacian).min() > -1e-12
    walked = np.linalg.solve(np.eye(35) + COHERENCE * laplacian, np.full(35, 0.3))
    np.testing.assert_allclose(walked, 0.3)


def test_a_walk_brings_neighbours_together_but_not_across_a_border() -> None:
    walk, prior = ColourWalk(picture()), np.full((24, 32), 0.5)
    prior[8:16, 12:20] = 1
    prior[12, 16] = 0
    found = walk.settle(prior)
    assert found[12, 16] > 0.6 and found[8:16, 12:20].min() > 0.6
    assert abs(found[3, 3] - 0.5) < 0.01 and found[12, 10] < 0.6


def test_regions_grow_to_where_their_colours_end() -> None:
    truth = inside(8, 16, 12, 20).argmax(0)
    for rough in (inside(6, 14, 10, 18), inside(9, 18, 13, 23), inside(7, 17, 11, 21)):
        found = ColourWalk(picture()).grown(rough)
        np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)
        before, after = (np.mean(each.argmax(0) != truth) for each in (rough, found))
        assert before > 0.04 and after < 0.7 * before
        assert (found.argmax(0) == 1)[8:16, 12:20].mean() > 0.95


def test_what_is_sure_stays_whatever_its_colour() -> None:
    sure = np.stack([np.full((24, 32), 0.99, np.float32), np.full((24, 32), 0.01, np.float32)])
    assert ColourWalk(picture()).grown(sure)[0].min() > 0.9


def test_frequencies_add_up_and_follow_the_weights() -> None:
    walk = ColourWalk(picture())
    red = np.zeros((24, 32))
    red[8:16, 12:20] = 1
    inner, outer = walk.frequencies(red), walk.frequencies(1 - red)
    assert abs(inner.sum() - 1) < 1e-9 and abs(outer.sum() - 1) < 1e-9
    assert np.minimum(inner, outer).sum() < 0.05
