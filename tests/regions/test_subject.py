from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from photostyle.photo.resizing import resize
from photostyle.regions.found_regions import JointSegmentation, Segmentation
from photostyle.regions.region_map import RegionMap
from photostyle.regions.subject import BACKGROUND, SUBJECT, Subject, find_subject
from segmentation.labels import UNLABELLED

Pixels = NDArray[np.float32]
Mask = NDArray[np.bool_]

HEIGHT, WIDTH = 96, 128


def disc(row: float = 48, column: float = 64, radius: float = 26) -> Mask:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    found: Mask = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
    return found


def before_a_gradient(inside: Mask) -> Pixels:
    """A textured red thing before a gradient of grey."""
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=inside.shape), 1)
    thing = np.array([0.7, 0.25, 0.2]) + 0.3 * texture[..., None]
    backdrop = np.linspace(0.4, 0.8, HEIGHT)[:, None, None] + np.zeros((HEIGHT, WIDTH, 3))
    return np.clip(np.where(inside[..., None], thing, backdrop), 0, 1).astype(np.float32)


def blurred(inside: Mask, sigma: float = 3, most: float = 0.9) -> Pixels:
    """What a network says of a thing: blurred, at a quarter of the size."""
    smooth = most * ndimage.gaussian_filter(inside.astype(np.float32), sigma) + 0.05
    return resize(smooth[..., None], HEIGHT // 4, WIDTH // 4)[..., 0]


def overlap(found: RegionMap, inside: Mask) -> float:
    mask = found.labels == SUBJECT
    return float((mask & inside).sum() / (mask | inside).sum())


@pytest.mark.parametrize(
    "inside", [disc(), disc(column=30, radius=20) | disc(column=98, radius=20), disc(row=96, radius=50)]
)
def test_one_thing_two_things_and_one_at_the_border_are_found_to_the_edge(inside: Mask) -> None:
    pixels = before_a_gradient(inside)
    subject = find_subject(pixels, blurred(inside))
    assert subject.is_clear
    assert subject.share == pytest.approx(inside.mean(), abs=0.03)
    assert overlap(subject.regions(pixels), inside) > 0.93


def before_black(inside: Mask) -> Pixels:
    """A bright thing before a black backdrop with a little noise."""
    noise = 0.01 * np.random.default_rng(3).random((HEIGHT, WIDTH, 3))
    fire = np.array([0.9, 0.5, 0.1]) - 0.3 * np.random.default_rng(4).random((HEIGHT, WIDTH, 1))
    return np.where(inside[..., None], fire, noise).astype(np.float32)


UNKNOWN = np.full((HEIGHT // 4, WIDTH // 4), 0.1, np.float32)


def test_before_a_plain_backdrop_a_thing_needs_no_name() -> None:
    pixels = before_black(disc())
    subject = find_subject(pixels, UNKNOWN)
    assert subject.is_clear
    assert overlap(subject.regions(pixels), disc()) > 0.9
    assert not find_subject(before_a_gradient(disc()), UNKNOWN).is_clear


def test_what_the_network_knows_counts_more_than_a_plain_backdrop() -> None:
    """An orange disc and a blue one on black: the network knows the orange one only."""
    known, other = disc(column=35, radius=22), disc(column=95, radius=22)
    pixels = np.where(other[..., None], np.float32([0.2, 0.5, 0.9]), before_black(known)).astype(np.float32)
    assert overlap(find_subject(pixels, blurred(known, most=0.95)).regions(pixels), known) > 0.85
    assert overlap(find_subject(pixels, UNKNOWN).regions(pixels), known | other) > 0.85


def test_colours_complete_what_the_network_sees_in_part() -> None:
    """The network is sure of the left half only; the right half has the same colours."""
    inside = disc()
    things = blurred(inside)
    things[:, WIDTH // 8 :] *= 0.55
    subject = find_subject(before_a_gradient(inside), things)
    assert (things[:, WIDTH // 8 :] <= 0.53).all()
    assert overlap(replace(subject, sureness=1).regions(before_a_gradient(inside)), inside) > 0.9


def test_a_hole_is_filled_if_it_is_small() -> None:
    for radius, filled in ((4, True), (13, False)):
        hole = disc(radius=radius)
        pixels = before_a_gradient(disc(radius=36) & ~hole)
        subject = find_subject(pixels, blurred(disc(radius=36) & ~hole, sigma=1))
        assert subject.is_clear
        assert (subject.regions(pixels).labels[48, 64] == SUBJECT) == filled


def test_a_small_island_is_background() -> None:
    island = disc(row=12, column=12, radius=5)
    inside = disc() | island
    pixels = before_a_gradient(inside)
    labels = find_subject(pixels, blurred(inside, sigma=1)).regions(pixels).labels
    assert labels[48, 64] == SUBJECT and labels[12, 12] == BACKGROUND


@pytest.mark.parametrize(
    ("inside", "things"),
    [
        pytest.param(disc(), np.full((24, 32), 0.05, np.float32), id="nothing"),
        pytest.param(disc(), np.full((24, 32), 0.95, np.float32), id="nothing else"),
        pytest.param(disc(), blurred(disc(), most=0.5), id="something that the network is not sure of"),
        pytest.param(disc(radius=10), blurred(disc(radius=10)), id="a detail"),
        pytest.param(disc(radius=70), blurred(disc(radius=70)), id="hardly a background"),
        pytest.param(disc(), blurred(disc(column=90)), id="something beside the edges"),
    ],
)
def test_a_photo_without_one_clear_subject_is_all_background(inside: Mask, things: Pixels) -> None:
    pixels = before_a_gradient(inside)
    subject = find_subject(pixels, things)
    assert not subject.is_clear
    assert set(np.unique(subject.regions(pixels).labels)) == {BACKGROUND}


def test_a_landscape_has_no_subject() -> None:
    rows = np.arange(HEIGHT)[:, None, None] / HEIGHT
    texture = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(HEIGHT, WIDTH, 1)), (1, 1, 0))
    pixels = np.where(rows < 0.5, [0.4, 0.6, 0.9], np.array([0.2, 0.4, 0.1]) + 0.2 * texture)
    things = np.full((24, 32), 0.03, np.float32)
    things[12:14, 3:6] = 0.8
    assert not find_subject(np.clip(pixels, 0, 1).astype(np.float32), things).is_clear


def test_only_what_can_be_seen_counts() -> None:
    inside = disc()
    coverage = np.ones((HEIGHT, WIDTH), np.float32)
    coverage[:, 64:] = 0
    pixels = before_a_gradient(inside)
    hidden = np.where(coverage[..., None] > 0, pixels, np.float32(1))
    first, other = (find_subject(each, blurred(inside), coverage) for each in (pixels, hidden))
    assert first.is_clear and other.is_clear
    assert first.share == pytest.approx(inside[:, :64].mean(), abs=0.03)
    found = other.regions(hidden, coverage)
    assert (found.labels[:, 64:] == UNLABELLED).all() and set(np.unique(found.labels[:, :64])) == {BACKGROUND, SUBJECT}


def test_a_cutout_has_no_background() -> None:
    inside = disc()
    assert not find_subject(before_a_gradient(inside), blurred(inside), inside.astype(np.float32)).is_clear


def test_the_same_photo_has_the_same_subject() -> None:
    pixels, things = before_a_gradient(disc()), blurred(disc())
    first, second = (find_subject(pixels, things) for _ in range(2))
    np.testing.assert_array_equal(first.probability, second.probability)
    assert (first.share, first.sureness, first.edge) == (second.share, second.sureness, second.edge)


def test_stacked_photos_have_a_subject_if_each_of_them_has() -> None:
    inside = disc()
    probabilities = np.zeros((7, 24, 32), np.float32)
    probabilities[6] = blurred(inside)
    probabilities[1] = 1 - probabilities[6]
    photo = Segmentation(before_a_gradient(inside), probabilities, np.zeros((4, 24, 32), np.float32))
    empty = replace(photo, probabilities=np.roll(probabilities, 5, 0))
    assert photo.has_subject and not empty.has_subject
    both = JointSegmentation.of([photo, photo], HEIGHT // 2, WIDTH // 2)
    assert both.has_subject
    assert both.subject.labels.shape == (HEIGHT, WIDTH // 2)
    assert np.mean(both.subject.labels == SUBJECT) == pytest.approx(inside.mean(), abs=0.03)
    assert not JointSegmentation.of([photo, empty], HEIGHT // 2, WIDTH // 2).has_subject


def test_the_second_look_counts_as_much_as_the_first() -> None:
    probabilities = np.zeros((7, 2, 2), np.float32)
    probabilities[6] = 0.2
    photo = Segmentation(np.zeros((8, 8, 3), np.float32), probabilities, np.zeros((4, 2, 2), np.float32))
    np.testing.assert_allclose(photo.things, 0.2)
    np.testing.assert_allclose(replace(photo, look_again=lambda: np.full((2, 2), 0.6, np.float32)).things, 0.4)


def test_the_limits_of_a_clear_subject() -> None:
    clear = Subject(np.zeros((2, 2), np.float32), 0.3, 0.6, 2.0)
    assert clear.is_clear
    for worse in ({"share": 0.05}, {"share": 0.8}, {"sureness": 0.4}, {"edge": 1.5}):
        assert not replace(clear, **worse).is_clear
