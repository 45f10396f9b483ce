"""The quick sliders held to the program that makes the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.errors import InputError
from photostyle.photo.photo import Photo
from photostyle.pipeline.adjustments import adjust
from photostyle.pipeline.session import Session, solve
from photostyle.regions.region_map import RegionMap
from photostyle.settings import Settings
from photostyle.studio.work.part_view import PartView
from photostyle.studio.work.proxy_view import ProxyView
from photostyle.studio.work.quick_adjust import Places, QuickAdjust
from photostyle.studio.work.stored_transfer import StoredTransfer, load, store

Pixels = NDArray[np.float32]
SETTINGS: list[dict[str, Any]] = [
    {},
    {"strength": 0.0},
    {"strength": 0.37},
    {"look.contrast": 0.4, "look.lightness": 0.4},
    {"look.colour": 0.0},
    {"look.keep_luminance": True},
    {"look.keep_luminance": True, "look.colour": 0.3, "strength": 0.5},
    {"look.contrast": 0.0, "look.lightness": 0.0, "look.colour": 1.0},
]
MAPPED: list[dict[str, Any]] = [
    {"look.lightness": 0.2},
    {"look.contrast": 0.2},
    {"look.skin": 1.0, "strength": 0.8},
    {"look.neutrals": 0.6},
    {"look.skin": 0.5, "look.neutrals": 1.0, "look.lightness": 0.5, "look.contrast": 0.9, "strength": 0.7},
]


def colours(seed: int) -> Pixels:
    """`(60, 50, 3)`: all of sRGB, with black, white and saturated colours."""
    found = np.random.default_rng(seed).random((60, 50, 3)).astype(np.float32)
    found[:8] = np.rint(found[:8])
    return found


def planes(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels.reshape(-1, 3).T)


@pytest.mark.parametrize("changes", SETTINGS, ids=str)
def test_any_colours_are_adjusted_as_in_files(changes: dict[str, Any]) -> None:
    """Within one level of 255; where no display shows the chroma, within some more."""
    before, after = colours(1), colours(2)
    settings = Settings().with_changes(changes)
    wanted = 255 * adjust(before, after.copy(), settings, None)
    quick = QuickAdjust(planes(before))
    found = quick(planes(after), settings.strength, settings.look, Places(), 0).reshape(before.shape)
    apart = np.abs(found - wanted)
    assert np.percentile(apart, 90) <= 1.0
    assert apart.max() < 8


def test_what_is_kept_between_sliders_does_not_go_stale() -> None:
    before, first, second = colours(1), colours(2), colours(3)
    quick = QuickAdjust(planes(before))

    def shown(after: Pixels, key: int, **changes: Any) -> NDArray[np.uint8]:
        settings = Settings().with_changes({key_.replace("_", "."): value for key_, value in changes.items()})
        fresh = QuickAdjust(planes(before))(planes(after), settings.strength, settings.look, Places(), 0)
        found = quick(planes(after), settings.strength, settings.look, Places(), key)
        assert (found == fresh).all()
        return found

    shown(first, 1, look_contrast=0.5)
    shown(first, 1, look_contrast=0.2)
    shown(second, 2, look_contrast=0.2)
    shown(second, 2, look_contrast=0.2, strength=0.5)
    shown(second, 2, strength=0.5)
    shown(first, 1, look_contrast=0.2)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[StoredTransfer, Photo]:
    """A transfer with two regions, as it comes back from its file, and its photo."""
    rng, size = np.random.default_rng(0), 96
    rows = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    photo = np.clip(0.15 + 0.6 * rows + 0.1 * rng.random((size, 128, 3), np.float32), 0, 1).astype(np.float32)
    photo[:48, :, 2] *= 0.6
    style = np.clip(0.9 - 0.5 * rows + 0.1 * rng.random((size, 128, 3), np.float32), 0, 1).astype(np.float32)
    style[:48, :, 0] *= 0.7
    labels = np.zeros((size, 128), np.uint8)
    labels[48:] = 1
    mask = RegionMap(labels, {0: "sky", 1: "ground"})
    session = Session("preview")
    content = Photo.read(photo)
    solved = solve(session, content, session.style(style, mask), content_mask=mask)
    path = tmp_path_factory.mktemp("stored") / "1.solved"
    store(path, StoredTransfer.of(solved, session.settings))
    return load(path), content


@pytest.mark.parametrize("changes", [*SETTINGS, *MAPPED], ids=str)
def test_a_proxy_looks_as_the_file(stored: tuple[StoredTransfer, Photo], changes: dict[str, Any]) -> None:
    transfer, photo = stored
    settings = transfer.settings.with_changes(changes)
    wanted, _ = transfer.rendering(photo).of(settings)
    found = ProxyView(transfer, photo.pixels).render(settings)
    apart = np.abs(found - 255 * wanted.pixels)
    assert np.percentile(apart, 99) <= 1.0 and apart.max() < 4


@pytest.mark.parametrize(
    "changes",
    [
        {"look.regions": {"sky": 0.5}},
        {"look.regions": {"sky": 0.0, "ground": 0.3}},
        {"look.regions": {"ground": 0.6}, "look.lightness": 0.3, "look.contrast": 0.8},
    ],
    ids=str,
)
def test_strengths_of_regions_are_close(stored: tuple[StoredTransfer, Photo], changes: dict[str, Any]) -> None:
    transfer, photo = stored
    settings = transfer.settings.with_changes(changes)
    wanted, _ = transfer.rendering(photo).of(settings)
    view = ProxyView(transfer, photo.pixels)
    while view.prepare():
        pass
    apart = np.abs(view.render(settings) - 255 * wanted.pixels)
    assert apart.mean() < 1.5 and np.percentile(apart, 99) < 6


@pytest.mark.parametrize("changes", [*SETTINGS, *MAPPED, {"look.regions": {"sky": 0.5}}], ids=str)
def test_parts_have_the_values_of_the_file_bit_for_bit(
    stored: tuple[StoredTransfer, Photo], changes: dict[str, Any]
) -> None:
    transfer, photo = stored
    settings = transfer.settings.with_changes(changes)
    wanted, _ = transfer.rendering(photo).of(settings)
    part = slice(30, 71), slice(13, 100)
    found = PartView(transfer, photo, settings.look).render(settings, part)
    assert (found == wanted.pixels[part]).all()


def test_parts_of_a_transparent_photo(stored: tuple[StoredTransfer, Photo]) -> None:
    transfer, photo = stored
    alpha = np.ones(photo.pixels.shape[:2], np.float32)
    alpha[:40, :50] = 0
    clear = replace(photo, alpha=alpha)
    wanted, _ = transfer.rendering(clear).of(transfer.settings)
    part = slice(20, 60), slice(30, 70)
    found = PartView(transfer, clear, transfer.settings.look).render(transfer.settings, part)
    assert (found == wanted.pixels[part]).all()
    assert (found[:20, :20] == photo.pixels[20:40, 30:50]).all()


def test_a_file_of_something_else_is_no_transfer(tmp_path: Path) -> None:
    import pickle
    import zlib

    (tmp_path / "1.solved").write_bytes(zlib.compress(pickle.dumps({"a": 1})))
    with pytest.raises(TypeError, match="a stored transfer"):
        load(tmp_path / "1.solved")
    with pytest.raises(InputError, match="no longer here"):
        load(tmp_path / "2.solved")
