"""What the sliders of the look do: laws of `adjust`, and of the results that are rendered with it."""

from __future__ import annotations

import gc
import inspect
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import rgb2lab

from photostyle.errors import SettingsError
from photostyle.pipeline import session as session_module
from photostyle.pipeline.adjustments import Proxy, adjust
from photostyle.pipeline.result import Result
from photostyle.pipeline.session import Session, transfer
from photostyle.pipeline.task import SolvedTransfer, Task
from photostyle.settings import LookSettings, Settings

Pixels = NDArray[np.float32]
SLIDERS = ({"strength": 0.3}, {"look.lightness": 0.2}, {"look.contrast": 0.4}, {"look.colour": 0.6},
           {"look.keep_luminance": True}, {"look.skin": 0.7}, {"look.neutrals": 0.8})  # fmt: skip
NONE = {"look.lightness": 0, "look.contrast": 0, "look.colour": 0}


@pytest.fixture
def changed(scene: Pixels) -> Pixels:
    """`scene` darker and warmer, and with more contrast; all colours within sRGB."""
    return (0.1 + 0.8 * np.clip((scene - 0.4) * [1.3, 1.1, 0.7] + [0.4, 0.3, 0.2], 0, 1)).astype(np.float32)


def halves() -> Pixels:
    """`(3, 96, 128)`: masks of the upper and the lower half, and of nothing."""
    masks = np.zeros((3, 96, 128), np.float32)
    masks[0, :48], masks[1, 48:] = 1, 1
    return masks


def steer(content: Pixels, changed: Pixels, changes: dict[str, Any], **options: Any) -> Pixels:
    settings = Settings().with_changes(changes)
    return adjust(content, changed.copy(), settings, Proxy(content, changed, halves()), **options)


def test_the_full_look_and_the_content_are_the_ends(scene: Pixels, changed: Pixels) -> None:
    assert np.array_equal(steer(scene, changed, {}), changed)
    assert np.array_equal(steer(scene, changed, {"strength": 0}), scene)
    np.testing.assert_allclose(steer(scene, changed, NONE), scene, atol=1e-5)


def test_strength_mixes_as_encoded(scene: Pixels, changed: Pixels) -> None:
    np.testing.assert_allclose(steer(scene, changed, {"strength": 0.25}), 0.75 * scene + 0.25 * changed, atol=1e-6)


@pytest.mark.parametrize("tile", [(1, 128), (7, 33), (40, 512)])
def test_tiles_are_what_they_are_in_the_whole(tile: tuple[int, int], scene: Pixels, changed: Pixels) -> None:
    every = {name: value for change in SLIDERS for name, value in change.items()} | {"look.keep_luminance": False}
    for columns in (128, 101):
        content, look = scene[:, :columns].copy(), changed[:, :columns].copy()
        small = Proxy(scene, changed, halves())
        settings = Settings().with_changes(every)
        whole, parts = (adjust(content, look.copy(), settings, small, tile=size) for size in (content.shape[:2], tile))
        assert np.array_equal(whole, parts)


@pytest.mark.parametrize("strength", [0.5, 1])
def test_without_colour_the_contents_stays(strength: float, scene: Pixels, changed: Pixels) -> None:
    lighter = np.clip(0.2 + 0.7 * scene, 0, 1)  # of which no colour leaves sRGB with the content's a*, b*
    found = rgb2lab(steer(scene, lighter, {"look.colour": 0, "strength": strength}))
    np.testing.assert_allclose(found[..., 1:], rgb2lab(scene)[..., 1:], atol=0.02)
    wanted = rgb2lab((1 - strength) * scene + strength * lighter)[..., 0]
    np.testing.assert_allclose(found[..., 0], wanted, atol=0.02)


@pytest.mark.parametrize("changes", [{"look.keep_luminance": True}, {"look.lightness": 0, "look.contrast": 0}])
def test_the_contents_lightness_can_be_kept(changes: dict[str, Any], scene: Pixels, changed: Pixels) -> None:
    for strength in (0.5, 1):
        found = rgb2lab(steer(scene, changed, {**changes, "strength": strength}))
        np.testing.assert_allclose(found[..., 0], rgb2lab(scene)[..., 0], atol=0.05)
        assert np.abs(found[..., 1:] - rgb2lab(scene)[..., 1:]).mean() > 5 * strength


def test_lightness_is_of_the_regions_means_and_contrast_of_what_is_around_them(scene: Pixels, changed: Pixels) -> None:
    """In the insides of both halves, far from the border between them."""
    before, full = (rgb2lab(photo)[..., 0] for photo in (scene, changed))
    shifted, spread = (
        rgb2lab(steer(scene, changed, {"look.colour": 0, name: 0}))[..., 0]
        for name in ("look.contrast", "look.lightness")
    )
    for rows in (slice(0, 40), slice(60, 96)):
        moved = (shifted - before)[rows]
        assert moved.std() < 0.02
        np.testing.assert_allclose(moved.mean(), (full - before)[rows].mean(), atol=1.0)
        np.testing.assert_allclose(spread[rows], full[rows] - moved.mean(), atol=0.1)


@pytest.mark.parametrize("name", ["strength", "look.lightness", "look.contrast", "look.colour"])
def test_sliders_are_monotone_and_continuous(name: str, scene: Pixels, changed: Pixels) -> None:
    """In L*, for the first three, and in a* and b*, for the last, every step goes the same way and none far."""
    states = [rgb2lab(steer(scene, changed, {name: share})) for share in np.linspace(0, 1, 11)]
    steps = np.diff(states, axis=0)[..., 1:] if name == "look.colour" else np.diff(states, axis=0)[..., :1]
    total = states[-1] - states[0]
    assert np.abs(steps).max() < 0.25 * max(np.abs(total).max(), 1)
    whole = steps.sum(0)
    backwards = np.where(np.abs(whole) > 1, steps * np.sign(whole), 0)
    assert backwards.min() > -0.05


@pytest.mark.parametrize("changes", SLIDERS)
def test_colours_stay_within_bounds(changes: dict[str, Any], scene: Pixels) -> None:
    rng = np.random.default_rng(0)
    content, wild = (rng.random(scene.shape, np.float32) for _ in range(2))
    found = steer(content, wild, changes)
    assert 0 <= found.min() <= found.max() <= 1


def test_colours_beyond_srgb_stay_beyond(scene: Pixels, changed: Pixels) -> None:
    wide = scene.copy()
    wide[10:20, 10:20] = (-0.3, 1.02, -0.2)
    warmer = (wide + np.float32([0.02, 0, -0.02])).astype(np.float32)
    found = steer(wide, warmer, {"look.lightness": 0.5})
    assert found[15, 15].min() < -0.2


def chart(*codes: str) -> Pixels:
    """Patches of 32 px side by side, four a row."""
    colours = np.array([[int(code[at : at + 2], 16) for at in (0, 2, 4)] for code in codes]) / 255
    return np.kron(colours.reshape(-1, 4, 3), np.ones((32, 32, 1))).astype(np.float32)


CHART = chart("f3e7db", "c29682", "825c43", "3a312a", "808080", "202020", "f0f0f0", "c0c0c0",
              "627a9d", "576c43", "67bdaa", "383d96")  # fmt: skip
"""Skins, greys, and neither."""


@pytest.mark.parametrize(("name", "row"), [("look.skin", 0), ("look.neutrals", 1)])
def test_protection_keeps_what_it_names(name: str, row: int) -> None:
    look = np.clip(CHART * np.float32([0.9, 0.6, 0.5]) + np.float32(0.05), 0, 1)
    small = np.clip(CHART[::2, ::2], 0, 1).copy()
    wide = np.zeros((1, *small.shape[:2]), np.float32) + 1

    def found(amount: float) -> NDArray[np.float64]:
        settings = Settings().with_changes({name: amount})
        moved = adjust(CHART, look.copy(), settings, Proxy(small, look[::2, ::2].copy(), wide))
        change = rgb2lab(moved) - rgb2lab(CHART)
        colour = np.hypot(change[..., 1], change[..., 2])
        return np.array([[colour[r + 8 : r + 24, c + 8 : c + 24].mean() for c in range(0, 128, 32)]
                         for r in range(0, 96, 32)])  # fmt: skip

    free, half, held = (found(amount) for amount in (0, 0.5, 1))
    assert free.min() > 2
    assert (held[row] < 0.05 * free[row]).all()
    assert ((0.3 * free[row] < half[row]) & (half[row] < 0.7 * free[row])).all()
    np.testing.assert_allclose(held[2], free[2], rtol=0.05)


def test_protected_greys_still_take_lightness() -> None:
    look = np.clip(CHART * np.float32([0.5, 0.3, 0.2]), 0, 1)
    small, wide = CHART[::2, ::2].copy(), np.ones((1, 48, 64), np.float32)
    settings = Settings().with_changes({"look.neutrals": 1})
    found = rgb2lab(adjust(CHART, look.copy(), settings, Proxy(small, look[::2, ::2].copy(), wide)))
    np.testing.assert_allclose(found[40:56, 8:24, 0], rgb2lab(look)[40:56, 8:24, 0], atol=0.05)


FEW = Settings().with_changes(
    {
        "encoder.dtype": "float32", "solver.method": "grid", "solver.size": 128, "grid.coarse_iterations": 3,
        "grid.iterations": 3, "solver.iterations": 3, "solver.photorealistic_iterations": 3, "smoothing.radius": 5,
    }
)  # fmt: skip
PIXELS = FEW.with_changes({"solver.method": "pixels"})
BARE = PIXELS.with_changes({"smoothing.enabled": False})
PREVIEW = FEW.with_changes({"solver.method": "closed form"})
every_method = pytest.mark.parametrize(
    "settings", [FEW, PREVIEW, PIXELS, BARE],
    ids=["grid", "closed form", "pixels", "pixels, bare"],
)  # fmt: skip


@pytest.mark.usefixtures("small_encoder")
class TestRendered:
    def test_values_may_be_keywords(self, scene: Pixels, dusk: Pixels) -> None:
        result = transfer(scene, dusk, settings=PREVIEW.with_changes({"regions.segmenter": "none"}))
        named = result.rendered(strength=0.5, colour=0.3, regions={"whole photo": 0.9}, keep_luminance=True)
        dotted = {
            "strength": 0.5,
            "look.colour": 0.3,
            "look.regions": {"whole photo": 0.9},
            "look.keep_luminance": True,
        }
        assert named.settings == result.settings.with_changes(dotted)
        assert np.array_equal(named.photo.pixels, result.rendered(dotted).photo.pixels)
        both = result.rendered({"strength": 0.1, "look.skin": 0.2}, strength=0)
        assert (both.settings.strength, both.settings.look.skin) == (0, 0.2)
        assert result.rendered().settings == result.settings

    def test_the_keywords_are_the_sliders(self) -> None:
        keywords = set(inspect.signature(Result.rendered).parameters) - {"self", "changes"}
        assert keywords == {"strength", *LookSettings.model_fields}

    def test_a_wrong_keyword_is_a_type_error(self, scene: Pixels, dusk: Pixels) -> None:
        result = transfer(scene, dusk, settings=PREVIEW.with_changes({"regions.segmenter": "none"}))
        with pytest.raises(TypeError, match="'color'"):
            result.rendered(color=0.5)  # type: ignore[call-arg]

    @pytest.fixture
    def run(self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]) -> Any:
        def run(settings: Settings, changes: dict[str, Any]) -> Result:
            changed = settings.with_changes(changes)
            return transfer(scene, dusk, settings=changed, content_mask=masks[0], style_mask=masks[1])

        return run

    @every_method
    def test_it_is_what_a_run_gives(self, settings: Settings, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        method, solved = session_module.METHODS[settings.solver.method], []

        def counted(task: Task) -> SolvedTransfer:
            solved.append(task)
            return method(task)

        monkeypatch.setitem(session_module.METHODS, settings.solver.method, counted)
        result = run(settings, {})
        look = {"strength": 0.8, "look.colour": 0.7, "look.lightness": 0.3, "look.regions": {"sky": 0.5},
                "look.neutrals": 0.5, "look.skin": 1}  # fmt: skip
        for changes in (look, {"look.keep_luminance": True}, {"strength": 0}):
            before = len(solved)
            again = result.rendered(changes)
            assert len(solved) == before
            fresh = run(settings, changes)
            assert np.array_equal(again.photo.pixels, fresh.photo.pixels)
            assert again.settings == fresh.settings
        assert np.array_equal(again.rendered({"strength": 1}).photo.pixels, result.photo.pixels)

    @every_method
    def test_a_region_without_strength_stays_to_the_bit(self, settings: Settings, scene: Pixels, run: Any) -> None:
        full = run(settings, {})
        for name, kept, other in (("sky", slice(0, 38), slice(64, 96)), ("building", slice(64, 96), slice(0, 38))):
            found = full.rendered({f"look.regions.{name}": 0}).photo.pixels
            assert np.array_equal(found[kept], scene[kept])
            assert np.array_equal(found[other], full.photo.pixels[other])
            assert not np.array_equal(found[other], scene[other])

    def test_strengths_of_regions_mix_at_the_border_without_halos(self, scene: Pixels, run: Any) -> None:
        """With one strength for all regions the photo is what it is with that strength, shoulder aside."""
        result = run(FEW, {})
        by_region = result.rendered({"look.regions": {"sky": 0.6, "building": 0.6}}).photo.pixels
        straight = ((result.photo.pixels > 0.02) & (result.photo.pixels < 0.97)).all(2)
        assert straight.mean() > 0.5
        overall = result.rendered({"strength": 0.6}).photo.pixels
        np.testing.assert_allclose(by_region[straight], overall[straight], atol=0.005)

    def test_a_region_that_is_not_there_is_refused_before_the_solve(
        self, run: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        result = run(FEW, {})
        with pytest.raises(SettingsError, match=r"sky, building\), found 'sea'"):
            result.rendered({"look.regions.sea": 0.5})
        monkeypatch.setitem(session_module.METHODS, "grid", None)  # type: ignore[arg-type]
        for strength in (0, 1):
            with pytest.raises(SettingsError, match=r"sky, building\), found 'sea'"):
                run(FEW, {"look.regions.sea": 0.5, "strength": strength})

    @pytest.mark.parametrize("name", ["solver.size", "seed", "looks.colour", "strengths"])
    def test_what_decides_the_solution_is_refused(self, name: str, run: Any) -> None:
        result = run(PREVIEW, {})
        with pytest.raises(SettingsError, match="section look"):
            result.rendered({name: 1})
        with pytest.raises(SettingsError, match="strength"):
            result.rendered({"strength": 1.5})

    @pytest.mark.parametrize("changes", [{"strength": 0}, NONE, {"look.keep_luminance": True, "look.colour": 0}])
    def test_nothing_is_solved_for_where_nothing_shows(
        self, changes: dict[str, Any], scene: Pixels, run: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        solve = session_module.METHODS["grid"]
        monkeypatch.setitem(session_module.METHODS, "grid", None)  # type: ignore[arg-type]
        result = run(FEW, changes)
        assert np.array_equal(result.photo.pixels, scene)
        assert (result.stages, result.trace, result.terms) == ((), (), {})
        assert any("nothing was solved for" in warning for warning in result.warnings)
        assert set(result.paper_terms()) == {"content", "style", "photorealism", "total_variation"}
        monkeypatch.setitem(session_module.METHODS, "grid", solve)
        full = {"strength": 1, "look.lightness": 1, "look.contrast": 1, "look.colour": 1, "look.keep_luminance": False}
        solved, fresh = result.rendered(full), run(FEW, {})
        assert np.array_equal(solved.photo.pixels, fresh.photo.pixels)
        assert [stage.name for stage in solved.stages] == [stage.name for stage in fresh.stages]

    def test_what_was_solved_for_keeps_no_other_photo_alive(self, scene: Pixels, dusk: Pixels) -> None:
        result = Session(settings=FEW.with_changes({"regions.segmenter": "none"})).transfer(scene, dusk)
        first = weakref.ref(result.photo)
        result = result.rendered({"strength": 0.5})
        gc.disable()
        try:
            assert first() is None
        finally:
            gc.enable()
