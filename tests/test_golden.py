"""The presets on `samples/` are as good as they were: figures, not pictures, so that other processors pass.

`python -m tests.golden --write` makes `tests/golden.json` anew after a change that is meant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest

from tests import golden
from tests.reference import scores

RELATIVE = {"style": 0.04, "gram": 0.04, "affine": 0.05, "edges": 0.015, "regions": 0.01}
"""How far a figure may be from the kept one, as a share of it.

Runs that are as good differ from it by at most 2.0 % (style), 1.5 % (gram), 3.7 % (affine) and 1.0 % (edges): with one
thread, with other sums of equal terms, and with the code tidied up.
"""
MORE_HALO = 0.02
"""By how much the share of reversed edges may be above the kept one, in per cent of all strong edges."""


def complaints(found: Mapping[str, float], kept: Mapping[str, float]) -> list[str]:
    """A line for each figure that is too far from the kept one."""
    lines = [
        f"{name}: expected {kept[name]} within {100 * share:.0f} %, found {found[name]:.4f}"
        for name, share in RELATIVE.items()
        if abs(found[name] - kept[name]) > share * kept[name]
    ]
    if found["halo"] > kept["halo"] + MORE_HALO:
        lines.append(f"halo: expected at most {kept['halo'] + MORE_HALO:.4f}, found {found['halo']:.4f}")
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("name", golden.CASES)
def test_figures_are_as_good_as_they_were(name: str) -> None:
    kept = json.loads(golden.RECORD.read_text(encoding="utf-8"))
    assert complaints(golden.measure(name), kept[name]) == []


def test_every_figure_is_compared() -> None:
    kept = json.loads(golden.RECORD.read_text(encoding="utf-8"))
    assert set(kept) == set(golden.CASES)
    for figures in kept.values():
        assert set(figures) == {*RELATIVE, "halo"}
        assert complaints(figures, figures) == []
        for name in figures:
            assert len(complaints(figures | {name: figures[name] * 1.06 + 0.03}, figures)) == 1


class TestScores:
    """The figures themselves: what they are by definition."""

    noise = np.random.default_rng(0).random((60, 80, 3))
    halves = np.repeat(np.array([0, 1], np.uint8), 30)[:, None].repeat(80, axis=1)

    def test_a_photo_is_its_own_style(self) -> None:
        assert scores.style_distance(self.noise, self.noise, self.halves, self.halves) == 0

    def test_colours_count_and_places_do_not(self) -> None:
        mirrored = self.noise[:, ::-1]
        assert scores.style_distance(mirrored, self.noise, self.halves, self.halves) == pytest.approx(0, abs=1e-9)
        assert scores.style_distance(self.noise[::-1], self.noise, self.halves, self.halves) > 0.1

    def test_sliced_distance_of_a_shift_is_its_mean_share(self) -> None:
        """Of a shift v it is the mean of |v . axis|: half of |v| over the sphere."""
        points = self.noise.reshape(-1, 3)
        assert scores.sliced_distance(points + np.array([0, 0, 2.0]), points) == pytest.approx(1, rel=0.01)

    def test_an_affine_recolouring_has_next_to_no_residual(self) -> None:
        matrix = np.array([[0.5, 0.2, 0], [0.1, 0.6, 0.1], [0, 0.3, 0.4]])
        assert scores.affine_residual(self.noise, self.noise @ matrix + 0.05) < 0.05
        other = np.random.default_rng(1).random((60, 80, 3))
        expected = 255 * np.sqrt(1 / 12 * (25 - 4) / 25)  # three slopes and a mean are fitted to 25 pixels
        assert scores.affine_residual(self.noise, other) == pytest.approx(expected, rel=0.02)

    def test_a_negative_reverses_every_edge(self) -> None:
        assert scores.halo_share(self.noise, 1 - self.noise) == 100
        assert scores.halo_share(self.noise, self.noise) == 0

    def test_likeness_of_edges_is_one_for_the_same_edges(self) -> None:
        assert scores.edge_likeness(self.noise, self.noise * 0.5) == pytest.approx(1)
        assert scores.edge_likeness(self.noise, self.noise[::-1]) < 0.5

    def test_regions_that_only_one_photo_has_are_an_error(self) -> None:
        with pytest.raises(ValueError, match="found none"):
            scores.style_distance(self.noise, self.noise, self.halves, self.halves + np.uint8(2))
