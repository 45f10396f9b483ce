"""Photos with transparency, as cut-outs are: what cannot be seen does not count, whatever colours it has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.errors import InputError
from photostyle.photo.photo import Photo
from photostyle.pipeline.result import Result
from photostyle.pipeline.session import Session, transfer
from photostyle.regions.region_map import RegionMap
from photostyle.settings import Settings
from photostyle.styles.look_file import read_look

Pixels = NDArray[np.float32]

BASE = {
    "encoder.dtype": "float32", "solver.size": 96, "regions.segmenter": "none", "grid.coarse_iterations": 4,
    "grid.iterations": 4, "solver.iterations": 4, "solver.photorealistic_iterations": 4, "smoothing.radius": 5,
}  # fmt: skip
METHODS = {
    "preview": {"solver.method": "closed form"},
    "default": {"solver.method": "grid"},
    "paper": {"solver.method": "pixels"},
    "gatys": {"solver.method": "pixels", "objective.photorealism": 0, "smoothing.enabled": False},
}
every_method = pytest.mark.parametrize("method", METHODS)
by_network = pytest.param("compact", marks=pytest.mark.slow)
pytestmark = [pytest.mark.usefixtures("small_encoder"), pytest.mark.slow]


def settings_of(method: str, **changes: object) -> Settings:
    return Settings().with_changes({**BASE, **METHODS[method], **changes})


def alpha_of(pixels: Pixels) -> Pixels:
    """An ellipse with a soft border, and nothing around it."""
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    distance = np.hypot(rows / pixels.shape[0] - 0.5, columns / pixels.shape[1] - 0.5)
    return np.clip((0.42 - distance) * 20, 0, 1).astype(np.float32)


def hiding(pixels: Pixels, hidden: str) -> Photo:
    """The same cut-out: black, white or noise where nobody sees it."""
    alpha, rng = alpha_of(pixels), np.random.default_rng(7)
    colours = {"black": np.zeros(3), "white": np.ones(3), "noise": rng.random(pixels.shape)}[hidden]
    return Photo(np.where(alpha[..., None] > 0, pixels, colours).astype(np.float32), alpha)


def check_same_result(make: Callable[[str], Result]) -> None:
    """The visible part is the same bytes for all hidden colours; hidden colours and alpha stay as they are."""
    results = {hidden: make(hidden).photo for hidden in ("black", "noise")}
    visible = [photo.pixels if photo.alpha is None else photo.pixels[photo.alpha > 0] for photo in results.values()]
    assert visible[0].tobytes() == visible[1].tobytes()


@every_method
@pytest.mark.parametrize("segmenter", ["none", "clusters", by_network])
def test_hidden_colours_of_the_content(method: str, segmenter: str, scene: Pixels, dusk: Pixels) -> None:
    session = Session(settings=settings_of(method, **{"regions.segmenter": segmenter}))
    style = session.style(dusk)
    check_same_result(lambda hidden: session.transfer(hiding(scene, hidden), style))


@every_method
@pytest.mark.parametrize("segmenter", ["none", "clusters", by_network])
def test_hidden_colours_of_the_style(method: str, segmenter: str, scene: Pixels, dusk: Pixels) -> None:
    session = Session(settings=settings_of(method, **{"regions.segmenter": segmenter}))
    check_same_result(lambda hidden: session.transfer(scene, hiding(dusk, hidden)))


@every_method
def test_hidden_colours_with_masks(method: str, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]) -> None:
    check_same_result(
        lambda hidden: transfer(
            hiding(scene, hidden), hiding(dusk, hidden), settings=settings_of(method), content_mask=masks[0],
            style_mask=masks[1],
        )
    )  # fmt: skip


@pytest.mark.parametrize("method", ["preview", "default"])
@pytest.mark.parametrize("segmenter", ["none", by_network])
def test_hidden_colours_in_a_set(method: str, segmenter: str, scene: Pixels, dusk: Pixels) -> None:
    session = Session(settings=settings_of(method, **{"regions.segmenter": segmenter}))

    def make(hidden: str) -> Result:
        photos = [hiding(scene, hidden), Photo(scene[:, ::-1].copy())]
        look = session.fit(photos, hiding(dusk, hidden))
        return session.transfer(photos[0], look)

    check_same_result(make)


def test_hidden_colours_with_adjustments(scene: Pixels, dusk: Pixels) -> None:
    changes = {"look.lightness": 0.3, "look.skin": 0.5, "look.neutrals": 0.5, "strength": 0.8}
    settings = settings_of("preview", **changes)
    check_same_result(lambda hidden: transfer(hiding(scene, hidden), dusk, settings=settings))


@pytest.mark.parametrize("with_mask", [False, True])
def test_a_saved_look_has_no_hidden_colours(
    scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path, with_mask: bool
) -> None:
    session, data = Session(settings=settings_of("default")), []
    mask = masks[1] if with_mask else None
    for hidden in ("black", "noise"):
        style = session.style(hiding(dusk, hidden), mask)
        style.save(tmp_path / f"{hidden}.photostyle")
        data.append((tmp_path / f"{hidden}.photostyle").read_bytes())
    assert data[0] == data[1]
    stored = read_look(tmp_path / "black.photostyle").photos[0]
    assert stored.coverage is not None
    content = {"content_mask": masks[0]} if with_mask else {}
    direct = session.transfer(scene, style, **content).photo.pixels  # type: ignore[arg-type]
    saved = session.transfer(scene, tmp_path / "black.photostyle", **content).photo.pixels  # type: ignore[arg-type]
    assert np.array_equal(direct, saved)
    smaller = Session(settings=settings_of("default", **{"solver.size": 64}))
    assert smaller.style(tmp_path / "black.photostyle").parts[0].coverage is not None


@every_method
def test_hidden_colours_and_alpha_stay(method: str, scene: Pixels, dusk: Pixels) -> None:
    content = hiding(scene, "noise")
    assert content.alpha is not None
    result = transfer(content, dusk, settings=settings_of(method)).photo
    hidden = content.alpha == 0
    assert np.array_equal(result.pixels[hidden], content.pixels[hidden])
    assert result.alpha is not None and np.array_equal(result.alpha, content.alpha)
    assert np.abs(result.pixels - content.pixels)[~hidden].mean() > 0.01
    unchanged = transfer(content, dusk, settings=settings_of(method, strength=0.0)).photo
    assert np.array_equal(unchanged.pixels, content.pixels)


@every_method
def test_an_opaque_alpha_changes_nothing(method: str, scene: Pixels, dusk: Pixels) -> None:
    plain = transfer(scene, dusk, settings=settings_of(method)).photo.pixels
    opaque = [Photo(photo, np.ones(photo.shape[:2], np.float32)) for photo in (scene, dusk)]
    assert np.array_equal(transfer(*opaque, settings=settings_of(method)).photo.pixels, plain)


@pytest.mark.parametrize("method", ["preview", "default"])
def test_the_border_of_a_cut_out_takes_the_whole_look(method: str, scene: Pixels, dusk: Pixels) -> None:
    """No place that is seen counts as in no region because what is beside it cannot be seen."""
    content = hiding(scene, "white")
    assert content.alpha is not None
    settings = settings_of(method, **{"look.regions": {}})
    result = transfer(content, dusk, settings=settings)
    assert {region.name for region in result.correspondence.regions} == {"whole photo"}
    assert not any("no region" in warning for warning in result.warnings)
    change = np.abs(result.photo.pixels - content.pixels).mean(2)
    border, inside = (content.alpha > 0) & (content.alpha < 0.5), content.alpha == 1
    sky = np.arange(len(scene))[:, None] < 40
    assert change[border & sky].mean() > 0.6 * change[inside & sky].mean()


def test_a_style_counts_by_its_coverage(scene: Pixels) -> None:
    """Of a style that is reddish where it can be seen and bluish where a tenth can be seen, the result is reddish."""
    style = np.full((96, 128, 3), 0.4, np.float32)
    style[:, :64, 0], style[:, 64:, 2] = 0.6, 0.6
    alpha = np.ones((96, 128), np.float32)
    alpha[:, 64:] = 0.1
    settings = settings_of("preview", **{"grid.lightness": 0.0})
    red, _, blue = transfer(scene, Photo(style, alpha), settings=settings).photo.pixels.mean((0, 1))
    assert (red, blue) == (pytest.approx(0.4 + 0.2 / 1.1, abs=0.01), pytest.approx(0.4 + 0.02 / 1.1, abs=0.01))


def test_equal_coverage_everywhere_is_as_opaque(scene: Pixels, dusk: Pixels) -> None:
    for method in ("preview", "default"):
        thin = [Photo(photo, np.full(photo.shape[:2], 0.3, np.float32)) for photo in (scene, dusk)]
        found = transfer(*thin, settings=settings_of(method)).photo.pixels
        wanted = transfer(scene, dusk, settings=settings_of(method)).photo.pixels
        np.testing.assert_allclose(found, wanted, atol=2 / 255)


def test_a_photo_of_which_nothing_is_seen_is_refused(scene: Pixels, dusk: Pixels) -> None:
    session = Session(settings=settings_of("preview"))
    nothing = Photo(scene, np.zeros(scene.shape[:2], np.float32))
    with pytest.raises(InputError, match="nothing of it can be seen"):
        session.transfer(nothing, dusk)
    with pytest.raises(InputError, match="nothing of it can be seen"):
        session.transfer(scene, nothing)
    with pytest.raises(InputError, match="nothing of it can be seen"):
        session.fit([scene, nothing], dusk)


def test_masks_count_only_where_the_photo_is_seen(scene: Pixels, dusk: Pixels) -> None:
    """Labels under full transparency do not count either, and shares are shares of what can be seen."""
    alpha = np.ones(scene.shape[:2], np.float32)
    alpha[:, 100:] = 0
    labels = (np.arange(96)[:, None] >= 50) * np.ones((1, 128), np.uint8)
    hidden = np.where(alpha > 0, labels, 2).astype(np.uint8)
    names = {0: "sky", 1: "building", 2: "water"}
    style_mask = RegionMap((np.arange(80)[:, None] >= 50) * np.ones((1, 120), np.uint8), {0: "sky", 1: "building"})
    results = [
        transfer(
            Photo(scene, alpha), dusk, settings=settings_of("preview", **{"solver.size": 128}), style_mask=style_mask,
            content_mask=RegionMap(each.astype(np.uint8), names),
        )
        for each in (labels, hidden)
    ]  # fmt: skip
    assert np.array_equal(results[0].photo.pixels, results[1].photo.pixels)
    assert results[0].warnings == results[1].warnings == ()
