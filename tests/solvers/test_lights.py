from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.solvers.full_size import apply_grids
from photostyle.solvers.lights import LEAST_GAIN, keep_lights
from photostyle.solvers.surfaces import Surfaces

Pixels = NDArray[np.float32]
LAMP = np.array([1.0, 0.8, 0.5], np.float32)


def night(lit: float = 0.03, dark: float = 0.08) -> tuple[Pixels, Pixels]:
    """A dark photo of 60 x 80 pixels with orange lights on a share of it, and the mask of its one region."""
    rng = np.random.default_rng(0)
    photo = (dark + 0.05 * rng.random((60, 80, 3))).astype(np.float32)
    photo.reshape(-1, 3)[rng.permutation(4800)[: round(4800 * lit)]] = LAMP
    return photo, np.ones((1, 60, 80), np.float32)


def dusk(gain: float = 0.5, lift: float = 0.3) -> NDArray[np.float64]:
    """Grids of a blue dusk: less contrast, less red, more blue."""
    grids = np.zeros((1, 2, 3, 6, 4, 3))
    grids[..., :3, :] = gain * np.eye(3)
    grids[..., 3, :] = lift * np.array([0.7, 0.9, 1.5])
    return grids


def changed(grids: NDArray[np.float64], photo: Pixels, mask: Pixels) -> Pixels:
    masks = np.concatenate([mask, 1 - mask])
    return apply_grids(photo, masks, grids, Surfaces.of(photo, masks))


def hue(colour: NDArray[np.floating]) -> NDArray[np.floating]:
    return colour / colour.sum()


def test_lamps_keep_their_hue_and_the_rest_follows() -> None:
    photo, mask = night()
    lamps = (photo == LAMP).all(2)
    plain, kept = (changed(own, photo, mask) for own in (dusk(), keep_lights(dusk(), photo, mask)))
    assert np.abs(hue(kept[lamps].mean(0)) - hue(LAMP)).max() < 0.03
    assert np.abs(hue(plain[lamps].mean(0)) - hue(LAMP)).max() > 0.06
    np.testing.assert_array_equal(kept[~lamps], plain[~lamps])


@pytest.mark.parametrize("gain", [0.1, 0.9, 3.0])
def test_lamps_are_as_bright_as_the_map_says_within_limits(gain: float) -> None:
    photo, mask = night()
    lamps, grids = (photo == LAMP).all(2), dusk(gain, lift=0)
    found = float(changed(keep_lights(grids, photo, mask), photo, mask)[lamps].mean(0) @ LUMA)
    assert found / (LAMP @ LUMA) == pytest.approx(np.clip(gain, LEAST_GAIN, 1), abs=0.02)


@pytest.mark.parametrize(
    ("lit", "dark"), [(0.03, 0.5), (0.4, 0.08), (0.0, 0.08)], ids=["day", "bright surfaces", "no lights"]
)
def test_what_has_no_small_lights_is_what_it_was(lit: float, dark: float) -> None:
    photo, mask = night(lit, dark)
    plain, kept = (changed(own, photo, mask) for own in (dusk(), keep_lights(dusk(), photo, mask)))
    np.testing.assert_array_equal(kept, plain)


def test_a_day_that_becomes_night_gets_no_lights() -> None:
    """Windows far brighter than a wall by day are no lamps."""
    photo, mask = night(0.03, 0.45)
    assert np.array_equal(keep_lights(dusk(0.2, 0), photo, mask), dusk(0.2, 0))


def test_each_region_is_judged_by_itself() -> None:
    photo, _ = night()
    photo[:20] = 0.6
    masks = np.zeros((3, 60, 80), np.float32)
    masks[0, :20], masks[1, 20:, :79], masks[2, 20:, 79] = 1, 1, 1
    grids = np.concatenate([dusk()] * 3)
    kept = keep_lights(grids, photo, masks)
    assert np.array_equal(kept[0], grids[0])
    assert not np.array_equal(kept[1], grids[1])
    assert np.array_equal(kept[2], grids[2])  # too few pixels
