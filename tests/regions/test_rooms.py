from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.regions.found_regions import NATURE, SKY, WALL, JointSegmentation, RegionFinder, Segmentation
from photostyle.regions.rooms import room
from photostyle.regions.same_view import find_views, segmentation_in_view

GROUND, THING = 4, 6


def bedroom(
    sure: float = 0.7, nature: float = 0.0, light: float = 0.8, bed: bool = True
) -> tuple[NDArray[np.float32], ...]:
    """A wall that is taken for sky with the probability `sure`, a floor, and a bed that begins 2 places too high.

    Args:
        nature: share of the columns whose wall is taken for plants.
        light: luma of the wall.
        bed: without it, the place of the bed is taken for wall.
    """
    labels = np.full((24, 32), SKY)
    labels[16:] = GROUND
    labels[10:20, 8:24] = THING if bed else WALL
    labels[:8, : round(nature * 32)] = NATURE[0]
    chances = np.full((7, 24, 32), (1 - 0.9) / 6, np.float32)
    np.put_along_axis(chances, labels[None], np.float32(0.9), 0)
    edge = np.zeros(labels.shape, bool)
    edge[10:12, 8:24] = True
    chances[:, edge] = 0.02
    chances[THING if bed else WALL][edge], chances[WALL if bed else THING][edge] = 0.6, 0.3
    wall = labels == SKY
    chances[:, wall] = (1 - sure) / 2 / 5
    chances[SKY][wall], chances[WALL][wall] = sure, (1 - sure) / 2
    pixels = np.full((24, 32, 3), light, np.float32)
    pixels[16:] = (0.4, 0.3, 0.2)
    pixels[12:20, 8:24] = (0.2, 0.1, 0.5)
    return chances, np.kron(pixels, np.ones((4, 4, 1), np.float32))


def found(*photo: NDArray[np.float32]) -> NDArray[np.float32] | None:
    return room(*photo, sky=SKY, wall=WALL, things=THING, nature=NATURE)


def test_the_sky_of_a_room_is_a_wall_and_regions_end_where_their_colours_do() -> None:
    chances, pixels = bedroom()
    result = found(chances, pixels)
    assert result is not None
    np.testing.assert_allclose(result.sum(0), 1, atol=1e-5)
    labels = result.argmax(0)
    assert result[SKY].max() == 0 and (labels[:10] == WALL).all()
    assert (labels[10:12, 9:23] == WALL).all() and (chances.argmax(0)[10:12, 9:23] == THING).all()
    assert (labels[12:20, 8:24] == THING).all() and (labels[20:] == GROUND).all()


@pytest.mark.parametrize("photo", [bedroom(sure=0.95), bedroom(nature=0.4), bedroom(light=0.1), bedroom(bed=False)])
def test_a_sure_sky_a_landscape_a_night_and_a_facade_are_no_rooms(photo: tuple[NDArray[np.float32], ...]) -> None:
    assert found(*photo) is None


def test_a_photo_without_a_sky_is_left_alone() -> None:
    chances, pixels = bedroom()
    chances[[SKY, WALL]] = chances[[WALL, SKY]]
    assert found(chances, pixels) is None


def test_what_the_network_knows_is_judged_by_what_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    chances, pixels = bedroom(sure=0.6)
    finder = RegionFinder("compact")
    kinds = np.concatenate([chances[:THING], *[chances[THING:] / 4] * 4])
    monkeypatch.setattr(finder.segmenter, "probabilities", lambda photo, size=0: kinds)
    seen = finder.see(pixels)
    assert set(np.unique(seen.scenery.labels)) == {WALL, GROUND, THING}
    assert seen.confidence == pytest.approx(chances.max(0).mean(), abs=1e-5)
    assert seen.foreground == pytest.approx(np.mean(chances.argmax(0) == THING))
    np.testing.assert_allclose(seen.kinds.sum(0), seen.probabilities[THING], atol=1e-5)
    np.testing.assert_allclose(seen.things, chances[THING] / 2 + seen.nearby / 2, atol=1e-5)  # type: ignore[operator]
    joint = JointSegmentation.of([seen, plain(seen)], 96, 128)
    assert joint.confidence == pytest.approx(seen.confidence, abs=1e-3)
    assert joint.probabilities.max(0).mean() > joint.confidence + 0.05
    (view,) = find_views([seen, plain(seen)])
    shared = segmentation_in_view(plain(seen), [view])
    assert shared.confidence == pytest.approx(seen.confidence, abs=1e-3)
    np.testing.assert_array_equal(shared.probabilities, (seen.probabilities + seen.as_seen) / 2)


def plain(seen: Segmentation) -> Segmentation:
    """The same photo as if it showed no room."""
    return Segmentation(seen.pixels, seen.as_seen, seen.kinds, look_again=seen.look_again)
