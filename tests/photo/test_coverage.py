from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.photo.coverage import fill_unseen
from photostyle.photo.icc import SRGB
from photostyle.photo.photo import Photo
from photostyle.photo.resizing import LITTLE, resize, resize_seen
from tests.reference import coverage as reference

Pixels = NDArray[np.float32]


def cut_out(height: int = 45, width: int = 70, seed: int = 0) -> tuple[Pixels, Pixels]:
    """Noise, and a coverage with a hole, a soft border and single visible pixels."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - height / 2, columns - width / 3)
    coverage = np.clip((height / 3 - distance) / 6, 0, 1).astype(np.float32)
    coverage[2, width - 3] = 0.3
    return rng.random((height, width, 3), np.float32), coverage


class TestFillUnseen:
    @pytest.mark.parametrize(("height", "width"), [(1, 9), (8, 8), (21, 34)])
    def test_it_is_the_pyramid_of_its_definition(self, height: int, width: int) -> None:
        rng = np.random.default_rng(1)
        pixels = rng.random((height, width, 3), np.float32)
        coverage = np.where(rng.random((height, width)) < 0.1, rng.random((height, width)), 0).astype(np.float32)
        coverage[0, 0] = 0.5
        filled = fill_unseen(pixels, coverage)
        for channel in range(3):
            slow = reference.fill_unseen(pixels[..., channel].astype(float), coverage.astype(float))
            np.testing.assert_allclose(filled[..., channel], slow, atol=2e-6)

    def test_visible_colours_stay_and_nothing_depends_on_the_others(self) -> None:
        pixels, coverage = cut_out()
        filled = fill_unseen(pixels, coverage)
        for hidden in (0.0, 1.0):
            other = np.where(coverage[..., None] > 0, pixels, np.float32(hidden))
            assert fill_unseen(other, coverage).tobytes() == filled.tobytes()
        assert np.array_equal(filled[coverage > 0], pixels[coverage > 0])
        assert np.array_equal(fill_unseen(filled, coverage), filled)

    def test_the_fill_is_within_the_visible_colours_and_smooth(self) -> None:
        _, coverage = cut_out()
        constant = np.full((*coverage.shape, 3), 0.3, np.float32)
        np.testing.assert_allclose(fill_unseen(constant, coverage), constant, atol=1e-6)
        rows = np.linspace(0.2, 0.8, coverage.shape[0], dtype=np.float32)[:, None, None]
        filled = fill_unseen(np.broadcast_to(rows, constant.shape).copy(), coverage)
        seen = filled[coverage > 0]
        assert seen.min() - 1e-6 <= filled.min() <= filled.max() <= seen.max() + 1e-6
        steps = np.abs(np.diff(filled, axis=0)).max(), np.abs(np.diff(filled, axis=1)).max()
        assert max(steps) < 0.15

    def test_where_nothing_or_everything_is_seen_nothing_changes(self) -> None:
        pixels, coverage = cut_out()
        for weight in (0.0, 0.2, 1.0):
            assert np.array_equal(fill_unseen(pixels, np.full_like(coverage, weight)), pixels)

    def test_shapes_that_do_not_fit_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"\(45, 70, 3\) and \(70, 45\)"):
            fill_unseen(cut_out()[0], cut_out()[1].T)


class TestFitted:
    @pytest.mark.parametrize("longest", [33, 40, 70])
    def test_hidden_colours_do_not_count(self, longest: int) -> None:
        pixels, alpha = cut_out()
        found = Photo(pixels, alpha).fitted(longest)
        for hidden in (0.0, 1.0):
            other = np.where(alpha[..., None] > 0, pixels, np.float32(hidden))
            assert Photo(other, alpha).fitted(longest).tobytes() == found.tobytes()
        assert 0 <= found.min() <= found.max() <= 1

    def test_an_opaque_alpha_changes_no_byte(self) -> None:
        pixels, alpha = cut_out()
        opaque, plain = Photo(pixels, np.ones_like(alpha)), Photo(pixels)
        assert opaque.fitted(40).tobytes() == plain.fitted(40).tobytes()
        assert opaque.coverage is None and opaque.fitted_coverage(40) is None
        assert opaque.filled() is opaque

    def test_pixels_count_by_their_coverage(self) -> None:
        """A checkerboard of white and of black at a third of the coverage becomes three quarters white."""
        board = (np.indices((64, 64)).sum(0) % 2).astype(np.float32)
        photo = Photo(np.repeat(board[..., None], 3, 2).copy(), np.where(board > 0, 1, 1 / 3).astype(np.float32))
        small, seen = photo.fitted(32), photo.fitted_coverage(32)
        np.testing.assert_allclose(small[4:-4, 4:-4], 0.75, atol=0.02)
        assert seen is not None
        np.testing.assert_allclose(seen[4:-4, 4:-4], 2 / 3, atol=0.02)

    def test_equal_coverage_everywhere_is_none(self) -> None:
        pixels, _ = cut_out()
        thin = np.full(pixels.shape[:2], 0.5, np.float32)
        np.testing.assert_allclose(resize_seen(pixels, thin, 30, 41), resize(pixels, 30, 41), atol=1e-6)

    def test_where_little_is_seen_colours_stay_in_their_range(self) -> None:
        """The cubic's negative weights would bring any colour there."""
        pixels, alpha = cut_out()
        narrow = 0.4 + 0.2 * pixels
        found = resize_seen(narrow, alpha * np.float32(LITTLE), 20, 31)
        assert narrow.min() - 1e-6 <= found.min() <= found.max() <= narrow.max() + 1e-6

    def test_filled_keeps_everything_else(self) -> None:
        pixels, alpha = cut_out()
        filled = Photo(pixels, alpha, depth=16).filled()
        assert (filled.depth, filled.profile) == (16, SRGB)
        assert filled.alpha is alpha
        assert np.array_equal(filled.pixels, fill_unseen(pixels, alpha))
