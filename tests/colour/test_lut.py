"""Tables of colours: laws of the fit, and files that other programs read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import photostyle.colour.lut as lut_module
from photostyle.colour.lut import Lut, cube_text, fit_lut, hald_image, transliterated


def colours(count: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random((count, 3))


def bent(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """A smooth map of colours that mixes the channels."""
    mixed = values @ np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0, 0.1, 0.6]]).T
    result: NDArray[np.float64] = 0.05 + 0.9 * mixed**1.3
    return result


def ramp(points: int) -> NDArray[np.float64]:
    steps = np.linspace(0, 1, points)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1)


@pytest.mark.parametrize("points", [5, 9, 33])
def test_pairs_of_equal_colours_give_the_identity(points: int) -> None:
    lut = fit_lut(colours(500), colours(500), np.ones(500), points)
    assert np.array_equal(lut.table, ramp(points))
    np.testing.assert_allclose(lut(colours(100, 1)), colours(100, 1), atol=1e-12)


def test_a_smooth_map_is_found() -> None:
    lut = fit_lut(colours(20_000), bent(colours(20_000)), np.ones(20_000), 17)
    assert np.abs(lut(colours(2000, 1)) - bent(colours(2000, 1))).max() < 0.01


def test_colours_that_do_not_occur_carry_on_what_is_near() -> None:
    """Of greys alone, made warmer: a colour between takes the same change, nearly, and none runs away."""
    greys = np.repeat(np.linspace(0.2, 0.8, 400)[:, None], 3, 1)
    shift = np.array([0.1, 0, -0.1])
    lut = fit_lut(greys, greys + shift, np.ones(400), 17)
    near = greys + np.array([0.05, -0.05, 0])
    np.testing.assert_allclose(lut(near), near + shift, atol=0.02)
    assert np.abs(lut.table - ramp(17)).max() < 0.15


def test_what_disagrees_is_averaged_by_weight() -> None:
    same = np.full((300, 3), 0.5)
    after = same.copy()
    after[:100] += 0.3
    lut = fit_lut(same, after, np.where(np.arange(300) < 100, 3, 0.5), 9)
    np.testing.assert_allclose(lut(same[:1]), 0.5 + 0.3 * 0.75, atol=2e-3)


def test_colours_outside_are_as_the_nearest_inside() -> None:
    lut = Lut(ramp(5) * 0.5)
    np.testing.assert_allclose(lut(np.array([[-0.2, 0.5, 1.7]])), [[0, 0.25, 0.5]])


def test_what_cannot_be_fitted_is_refused() -> None:
    for points in (0, 1, 16, 64):
        with pytest.raises(ValueError, match="points"):
            fit_lut(colours(5), colours(5), np.ones(5), points)
    with pytest.raises(ValueError, match="weight"):
        fit_lut(colours(5), colours(5), np.zeros(5), 5)


def test_a_fit_says_whether_it_converged(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after, weights = colours(2000), bent(colours(2000)), np.ones(2000)
    assert (fit_lut(before, after, weights, 9).residual, fit_lut(before, after, weights, 9).warnings) == (0, ())
    monkeypatch.setattr(lut_module, "ITERATIONS", 1)
    poor = fit_lut(before, after, weights, 5)
    assert poor.residual > lut_module.TOLERANCE
    (warning,) = poor.warnings
    assert f"did not converge: its residual is {poor.residual:.1g}" in warning


def test_colours_that_are_not_finite_are_refused() -> None:
    after = colours(5)
    after[2, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        fit_lut(colours(5), after, np.ones(5), 5)


@pytest.mark.parametrize("points", [33, 65])
@pytest.mark.filterwarnings("ignore")  # of what colour-science finds missing around it
def test_colour_science_reads_the_cube(points: int, tmp_path: Path) -> None:
    import colour

    table = np.clip(bent(ramp(points)), 0, 1)
    path = tmp_path / "look.cube"
    path.write_text(cube_text(Lut(table), 'a "late" Straße', ["one", "two"]), encoding="ascii")
    read = colour.read_LUT(str(path))
    assert isinstance(read, colour.LUT3D)
    assert (read.size, read.name, read.comments) == (points, "a 'late' Strasse", ["one", "two"])
    np.testing.assert_allclose(read.domain, [[0, 0, 0], [1, 1, 1]])
    np.testing.assert_allclose(read.table, table, atol=1e-6)
    some = colours(300, 2)
    np.testing.assert_allclose(read.apply(some), Lut(table)(some), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("city at 5 o'clock", "city at 5 o'clock"),
        ('été "q"\nnew', "ete 'q' new"),
        ("e\u0301te\u0301", "ete"),
        ("Ørsted, Łódź, Æon, đ, ß, œ", "Orsted, Lodz, aeon, d, ss, oe"),
        ("\u201clate\u201d \u201efrüh\u201c \u2018x\u2019 \u2013 «y»", "'late' 'fruh' 'x' - 'y'"),
        ("жар Москва", "zhar Moskva"),
        ("さくら 서울", "sakura seoul"),
        ("山の夕", "U+5C71noU+5915"),
        ("one\r\n\ttwo\u2028three\0", "one two three"),
        ("a\udcffb", "aU+DCFFb"),
        ("½ …", "1/2 ..."),
        ("x" * 300, "x" * 240),
    ],
)
def test_texts_are_written_in_ascii(text: str, plain: str) -> None:
    assert transliterated(text) == plain


def test_red_runs_fastest() -> None:
    rows = [line for line in cube_text(Lut(ramp(5)), "t", []).splitlines() if line[0].isdigit()]
    assert len(rows) == 125
    assert rows[1] == "0.250000 0.000000 0.000000"
    assert rows[5] == "0.000000 0.250000 0.000000"
    assert rows[25] == "0.000000 0.000000 0.250000"


def test_the_hald_of_the_identity_is_the_identity() -> None:
    picture = hald_image(Lut(ramp(5)), 3)
    wanted = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 3, indexing="ij"), -1)[..., ::-1].reshape(27, 27, 3)
    np.testing.assert_allclose(picture, wanted, atol=1e-6)


def test_in_grey_is_the_luma_of_the_lut() -> None:
    lut = Lut(bent(ramp(5)))
    grey = lut.in_grey()(colours(50))
    assert np.ptp(grey, axis=-1).max() < 1e-12
    np.testing.assert_allclose(grey[:, 0], lut(colours(50)) @ [0.299, 0.587, 0.114], atol=1e-12)
