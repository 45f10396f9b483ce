from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.colour.cielab import lab
from photostyle.colour.skin_and_grey import grey_likelihood, skin_likelihood

# Monk, "The Monk Skin Tone Scale", 2019 (skintone.google), from the lightest to the darkest.
MONK = ("f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420")
SKINS = {"dark skin": "735244", "light skin": "c29682"}
"""The ColorChecker's patches in sRGB (McCamy, Marcus and Davidson, "A Color-Rendition Chart", 1976)."""
COLOURS = {
    "blue sky": "627a9d", "foliage": "576c43", "blue flower": "8580b1", "bluish green": "67bdaa", "orange": "d67e2c",
    "purplish blue": "505ba6", "moderate red": "c15a63", "purple": "5e3c6c", "yellow green": "9dbc40",
    "orange yellow": "e0a32e", "blue": "383d96", "green": "469449", "red": "af363c", "yellow": "e7c71f",
    "magenta": "bb5695", "cyan": "0885a1",
}  # fmt: skip
GREYS = ("f3f3f2", "c8c8c8", "a0a0a0", "7a7a79", "555555", "343434", "000000", "ffffff")


def values(code: str) -> NDArray[np.float32]:
    return lab(np.array([[int(code[at : at + 2], 16) / 255 for at in (0, 2, 4)]], np.float32))


@pytest.mark.parametrize("code", [*MONK, *SKINS.values()])
def test_skins_light_and_dark_count_as_skin(code: str) -> None:
    assert skin_likelihood(values(code)).item() > 0.25


@pytest.mark.parametrize("code", [*MONK[4:8], *SKINS.values()])
def test_skins_that_have_colour_count_in_full(code: str) -> None:
    assert skin_likelihood(values(code)).item() > 0.95


@pytest.mark.parametrize("code", [*COLOURS.values(), *GREYS])
def test_other_colours_do_not(code: str) -> None:
    assert skin_likelihood(values(code)).item() < 0.05


def test_greys_and_what_is_none() -> None:
    assert all(grey_likelihood(values(code)).item() == 1 for code in GREYS)
    assert all(grey_likelihood(values(code)).item() < 0.02 for code in (*COLOURS.values(), *SKINS.values()))


@pytest.mark.parametrize("likelihood", [skin_likelihood, grey_likelihood])
def test_likelihoods_are_continuous(likelihood: object) -> None:
    assert callable(likelihood)
    for axis in range(3):
        path = np.array([[60.0, -80, -80], [60, 20, 20], [60, 3, 5]], np.float32).repeat(20_001, 0)
        path[:, axis] = np.tile(np.linspace(-100, 100, 20_001), 3)
        steps = np.abs(np.diff(likelihood(path).reshape(3, -1)))
        assert float(steps.max()) < 0.02
