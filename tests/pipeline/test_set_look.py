from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from photostyle.errors import InputError, SettingsError
from photostyle.objective.edges import EdgeTerm
from photostyle.photo.photo import Photo
from photostyle.pipeline import session as session_module
from photostyle.pipeline import set_look
from photostyle.pipeline.scene import stack_photos, unstack_photos
from photostyle.pipeline.session import Session
from photostyle.regions.found_regions import Segmentation
from photostyle.regions.mask_files import write_mask
from photostyle.regions.region_map import RegionMap
from photostyle.regions.subject import BACKGROUND, SUBJECT
from photostyle.settings import Settings
from tests.conftest import made_scene
from tests.regions.test_subject import before_a_gradient, blurred, disc

Pixels = NDArray[np.float32]
GRID = Settings().with_changes(
    {
        "encoder.dtype": "float32", "solver.method": "grid", "solver.size": 128, "regions.segmenter": "none",
        "grid.coarse_iterations": 4, "grid.iterations": 4,
    }
)  # fmt: skip
PREVIEW = GRID.with_changes({"solver.method": "closed form"})
every_method = pytest.mark.parametrize("settings", [GRID, PREVIEW], ids=["grid", "closed form"])


@pytest.fixture(scope="module")
def frames() -> list[Pixels]:
    """Three scenes whose light differs, of two proportions."""
    skies, grounds = ((0.45, 0.6, 0.9), (0.6, 0.65, 0.8), (0.3, 0.45, 0.8)), ((0.3, 0.32, 0.25), (0.4, 0.3, 0.2))
    first, second, third = (
        made_scene(np.array(sky), np.array(grounds[place % 2]), place) for place, sky in enumerate(skies)
    )
    return [first, second, np.ascontiguousarray(third[:, :96])]


def session_that_sees(
    monkeypatch: pytest.MonkeyPatch, probabilities: Callable[[Pixels], NDArray[np.float32]]
) -> Session:
    """A session of `PREVIEW` whose network gives these probabilities of the classes for a photo, `(7, h, w)`."""

    class Finder:
        def __init__(self, name: str) -> None:
            self.segmenter = SimpleNamespace(sha256="5" * 64)

        def see(self, pixels: Pixels) -> Segmentation:
            seen = probabilities(pixels)
            return Segmentation(pixels, seen, np.zeros((4, *seen.shape[1:]), np.float32))

    monkeypatch.setattr(session_module, "RegionFinder", Finder)
    return Session(settings=PREVIEW.with_changes({"regions.segmenter": "compact"}))


@pytest.mark.usefixtures("small_encoder")
class TestOneLook:
    @every_method
    def test_equal_colours_become_equal_colours_wherever_they_lie(
        self, settings: Settings, frames: list[Pixels], dusk: Pixels
    ) -> None:
        session = Session(settings=settings)
        look = session.fit(frames, dusk)
        turned = np.ascontiguousarray(frames[0][::-1, ::-1])
        pan = np.ascontiguousarray(frames[0][10:80, 30:100])
        whole, back, part = (session.transfer(each, look).photo.pixels for each in (frames[0], turned, pan))
        assert np.array_equal(back[::-1, ::-1], whole)
        assert np.array_equal(part, whole[10:80, 30:100])
        assert np.abs(whole - frames[0]).mean() > 0.05

    @every_method
    def test_the_order_of_the_photos_changes_nothing(
        self, settings: Settings, frames: list[Pixels], dusk: Pixels
    ) -> None:
        session = Session(settings=settings)
        style = session.style(dusk)
        looks = [session.fit(order, style) for order in (frames, frames[::-1])]
        assert np.array_equal(looks[0].grids, looks[1].grids)

    def test_the_closed_form_of_one_photo_is_that_of_the_photo(self, frames: list[Pixels], dusk: Pixels) -> None:
        session = Session(
            settings=PREVIEW.with_changes({"grid.layout": 0.0})
        )  # a set's look is the same at all heights
        alone = session.transfer(frames[0], dusk).photo.pixels
        in_set = session.transfer(frames[0], session.fit(frames[:1], dusk)).photo.pixels
        np.testing.assert_allclose(in_set, alone, atol=1e-5)

    def test_the_solver_gains_on_the_closed_form(self, frames: list[Pixels], dusk: Pixels) -> None:
        look = Session(settings=GRID).fit(frames, dusk)
        assert [stage.name for stage in look.stages] == ["solve, coarse", "solve, fine"]
        coarse = [step.loss for step in look.stages[0].trace]
        assert coarse[-1] < 0.9 * coarse[0]
        assert look.grids.shape == (1, 1, 1, GRID.grid.lumas, 4, 3)
        assert set(look.terms) == {"style", "colours", "structure", "edges", "photorealism", "drift", "stiffness"}

    def test_two_copies_of_a_photo_have_the_terms_of_one(self, frames: list[Pixels], dusk: Pixels) -> None:
        """But for the pixels that the colours are sampled at, and the windows of the edge term that hold a seam."""
        session = Session(settings=GRID)
        style = session.style(dusk)
        one, two = (session.fit(frames[:1] * count, style).stages[0].trace[0].terms for count in (1, 2))
        for name, near in {
            "style": 1e-4,
            "structure": 1e-4,
            "photorealism": 1e-4,
            "colours": 0.02,
            "edges": 0.1,
        }.items():
            assert two[name] == pytest.approx(one[name], rel=near)

    def test_the_look_follows_the_whole_set(self, frames: list[Pixels], dusk: Pixels) -> None:
        """The closed form carries the mean of all photos, and not that of each, to the style's."""
        session = Session(settings=PREVIEW.with_changes({"grid.lightness": 0}))
        frames = frames[:2]
        look = session.fit(frames, dusk)
        gains, offset = look.grids[0, 0, 0, 0, :3], look.grids[0, 0, 0, 0, 3]
        means = np.stack([frame.mean((0, 1), dtype=np.float64) for frame in frames])
        wanted = dusk.mean((0, 1), dtype=np.float64)
        np.testing.assert_allclose(means.mean(0) @ gains + offset, wanted, atol=2e-3)
        assert np.abs(means[0] @ gains + offset - wanted).max() > 0.01

    def test_a_look_can_be_pickled(self, frames: list[Pixels], dusk: Pixels) -> None:
        session = Session(settings=GRID)
        look = session.fit(frames, dusk)
        again = pickle.loads(pickle.dumps(look))
        once, twice = (session.transfer(frames[0], each) for each in (look, again))
        assert np.array_equal(once.photo.pixels, twice.photo.pixels)
        assert set(once.paper_terms()) == {"content", "style", "photorealism", "total_variation"}

    def test_strength_and_history(self, frames: list[Pixels], dusk: Pixels) -> None:
        session = Session(settings=PREVIEW)
        result = session.transfer(frames[0], session.fit(frames, dusk))
        half = result.rendered({"strength": 0.5}).photo.pixels
        np.testing.assert_allclose(half, (frames[0] + result.photo.pixels) / 2, atol=1e-6)
        assert np.array_equal(result.rendered({"strength": 0}).photo.pixels, frames[0])
        assert b"one look for a set, found from 3 photos" in (result.photo.metadata.xmp or b"")

    def test_a_large_set_is_read_one_photo_at_a_time(
        self, dusk: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[str] = []
        photo = made_scene(np.array([0.45, 0.6, 0.9]), np.array([0.3, 0.3, 0.2]), 0)
        large = np.kron(photo, np.ones((8, 8, 1), np.float32))

        def made(source: object) -> Photo:
            read.append(str(source))
            return Photo(large.copy())

        session = Session(settings=PREVIEW)
        style = session.style(dusk)
        monkeypatch.setattr(session_module.Photo, "read", made)
        tracemalloc.start()
        try:
            session.fit([f"{place:03}.jpg" for place in range(100)], style)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(read) == set_look.MOST_PHOTOS
        assert peak < 5 * large.nbytes


@pytest.mark.usefixtures("small_encoder")
class TestRegions:
    def test_masks(self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path) -> None:
        labels = np.zeros(scene.shape[:2], np.uint8)
        labels[:50] = 7
        (tmp_path / "other").mkdir()
        other = tmp_path / "other" / "mask.png"
        write_mask(other, RegionMap(labels, {7: "sky", 0: "building"}))
        session = Session(settings=PREVIEW)
        style = session.style(dusk, masks[1])
        look = session.fit([scene, scene], style, content_masks=[masks[0], other])
        assert [region.name for region in look.correspondence.regions] == ["building", "sky"]
        first, second = (session.transfer(scene, look, content_mask=mask).photo.pixels for mask in (masks[0], other))
        assert np.array_equal(first, second)
        with pytest.raises(SettingsError, match="every photo needs one"):
            session.transfer(scene, look)

    def test_what_is_uncertain_in_a_mask_is_told(self, scene: Pixels, dusk: Pixels, tmp_path: Path) -> None:
        painted = np.zeros((*scene.shape[:2], 3), np.uint8)
        painted[:40] = (26, 26, 255)
        mask = tmp_path / "painted.png"
        Image.fromarray(painted).save(mask)
        session = Session(settings=PREVIEW)
        halves = np.zeros((*dusk.shape[:2], 3), np.uint8)
        halves[:40] = (0, 0, 255)
        Image.fromarray(halves).save(tmp_path / "style.png")
        look = session.fit([scene], session.style(dusk, tmp_path / "style.png"), content_masks=[mask])
        told = session.transfer(scene, look, content_mask=mask).warnings
        assert [warning.partition(":")[0] for warning in told if "#1a1aff" in warning] == ["content mask"]

    @every_method
    @pytest.mark.parametrize("unmatched", ["follow", "keep"])
    def test_a_region_that_the_set_does_not_know(
        self, settings: Settings, unmatched: str, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path
    ) -> None:
        labels = np.ones(scene.shape[:2], np.uint8)
        labels[:50] = 3
        (tmp_path / "other").mkdir()
        write_mask(tmp_path / "other" / "mask.png", RegionMap(labels, {3: "water", 1: "building"}))
        session = Session(settings=settings.with_changes({"regions.unmatched": unmatched}))
        look = session.fit([scene], session.style(dusk, masks[1]), content_masks=[masks[0]])
        result = session.transfer(scene, look, content_mask=tmp_path / "other" / "mask.png")
        if unmatched == "keep":
            assert np.array_equal(result.photo.pixels[:40], scene[:40])
            assert any(warning.startswith("52.1% of the photo") for warning in result.warnings)
            return
        assert look.overall is not None
        gains, offset = look.overall[0, 0, 0, :3], look.overall[0, 0, 0, 3]
        wanted = np.clip(scene[:30] @ gains + offset, 0.01, 0.98)
        np.testing.assert_allclose(result.photo.pixels[:30], wanted, atol=0.02)
        assert (
            "the set has no water, so water in this photo (52.1% of it) follows the change of the rest of the photo"
        ) in result.warnings
        assert [(region.name, region.follows) for region in result.correspondence.regions] == [
            ("building", False), ("sky", False), ("water", True),
        ]  # fmt: skip

    @every_method
    def test_a_region_of_the_set_without_a_counterpart_follows(
        self, settings: Settings, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path
    ) -> None:
        labels = np.ones(scene.shape[:2], np.uint8)
        labels[:50], labels[80:] = 0, 3
        (tmp_path / "other").mkdir()
        lakeside = tmp_path / "other" / "mask.png"
        write_mask(lakeside, RegionMap(labels, {0: "sky", 1: "building", 3: "water"}))
        session = Session(settings=settings)
        look = session.fit([scene, scene], session.style(dusk, masks[1]), content_masks=[masks[0], lakeside])
        assert [(region.name, region.follows) for region in look.correspondence.regions] == [
            ("building", False), ("sky", False), ("water", True),
        ]  # fmt: skip
        assert any("water" in line and "follows the change of the rest" in line for line in look.warnings)
        assert look.overall is not None
        np.testing.assert_array_equal(look.grids[2], look.overall)
        result = session.transfer(scene, look, content_mask=lakeside)
        assert np.abs(result.photo.pixels[88:] - scene[88:]).mean() > 0.02

    def test_with_a_style_for_the_sky_alone_what_the_set_does_not_know_keeps_its_look(
        self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path
    ) -> None:
        labels = np.full(scene.shape[:2], 3, np.uint8)
        labels[:50] = 0
        (tmp_path / "other").mkdir()
        write_mask(tmp_path / "other" / "mask.png", RegionMap(labels, {0: "sky", 3: "water"}))
        session = Session(settings=PREVIEW)
        look = session.fit([scene], session.style(dusk, masks[1], region="sky"), content_masks=[masks[0]])
        result = session.transfer(scene, look, content_mask=tmp_path / "other" / "mask.png")
        assert np.array_equal(result.photo.pixels[60:], scene[60:])

    def test_a_class_that_the_set_does_not_have_follows(
        self, monkeypatch: pytest.MonkeyPatch, frames: list[Pixels], dusk: Pixels
    ) -> None:
        turns = iter([(0, 1), (0, 1), (0, 3)])

        def seen(pixels: Pixels) -> NDArray[np.float32]:
            upper, lower = next(turns)
            probabilities = np.zeros((7, 12, 16), np.float32)
            probabilities[upper, :6] = probabilities[lower, 6:] = 1
            return probabilities

        session = session_that_sees(monkeypatch, seen)
        look = session.fit(frames[:1], session.style(dusk))
        result = session.transfer(frames[1], look)
        assert [(region.name, region.follows) for region in result.correspondence.regions] == [
            ("sky", False), ("building", False), ("water", True),
        ]  # fmt: skip
        assert any("the set has no water" in warning for warning in result.warnings)
        assert np.abs(result.photo.pixels[70:] - frames[1][70:]).mean() > 0.02

    def test_classes_are_matched_for_the_set_and_asked_of_every_photo(
        self, monkeypatch: pytest.MonkeyPatch, frames: list[Pixels], dusk: Pixels
    ) -> None:
        """What one photo lets through as mountain counts as vegetation where the set has next to no mountain."""
        shown = {"style": (0, 2), "a": (0, 2), "b": (0, 2), "odd": (0, 5)}
        turns = iter(shown.values())

        def seen(pixels: Pixels) -> NDArray[np.float32]:
            upper, lower = next(turns)
            probabilities = np.zeros((7, 12, 16), np.float32)
            probabilities[upper, :6] = 1
            probabilities[lower, 6:], probabilities[2, 6:] = 0.8, 0.2
            if lower == 2:
                probabilities[2, 6:] = 1
            return probabilities

        session = session_that_sees(monkeypatch, seen)
        look = session.fit(frames[:2], session.style(dusk))
        assert (look.correspondence.found_by, [region.name for region in look.correspondence.regions]) == (
            "classes",
            ["sky", "vegetation"],
        )
        result = session.transfer(frames[0], look)
        assert set(result.correspondence.content.names.values()) == {"sky", "vegetation"}

    def test_photos_of_one_view_have_the_same_regions_whatever_is_seen_in_one_of_them(
        self, monkeypatch: pytest.MonkeyPatch, frames: list[Pixels], dusk: Pixels
    ) -> None:
        """Of three photos of one wall the middle one, in fog, is taken for sky as a whole."""
        photos = [frames[0], 0.2 + 0.5 * frames[0], 0.8 * frames[0]]
        fog = photos[1].mean()

        def seen(pixels: Pixels) -> NDArray[np.float32]:
            probabilities = np.zeros((7, 12, 16), np.float32)
            probabilities[0, :6] = probabilities[1, 6:] = 1
            if abs(pixels.mean() - fog) < 1e-3:
                probabilities[0], probabilities[1] = 1, 0
            return probabilities

        session = session_that_sees(monkeypatch, seen)
        style = session.style(dusk)
        look = session.fit(photos, style)
        found = [session.transfer(photo, look).correspondence.content.labels for photo in photos]
        assert all(np.mean(labels != found[0]) < 0.02 for labels in found) and set(np.unique(found[0])) == {0, 1}
        assert set(np.unique(session.transfer(photos[1], style).correspondence.content.labels)) == {0}

    def test_a_set_of_photos_of_one_thing_has_subject_and_background(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def seen(pixels: Pixels) -> NDArray[np.float32]:
            probabilities = np.zeros((7, 24, 32), np.float32)
            probabilities[6] = blurred(disc(radius=47)) if pixels.std() > 0.05 else 0.05
            probabilities[1] = 1 - probabilities[6]
            return probabilities

        session = session_that_sees(monkeypatch, seen)
        thing = before_a_gradient(disc(radius=47))
        photos = [thing, np.ascontiguousarray(thing[:, ::-1])]
        look = session.fit(photos, thing[..., ::-1].copy())
        assert (look.correspondence.found_by, [region.name for region in look.correspondence.regions]) == (
            "subject",
            ["background", "subject"],
        )
        found = session.transfer(photos[0], look).correspondence
        assert [region.name for region in found.regions] == ["background", "subject"]
        assert np.mean(found.content.labels == SUBJECT) == pytest.approx(disc(radius=47).mean(), abs=0.03)
        plain = session.transfer(np.full((96, 128, 3), 0.5, np.float32), look).correspondence
        assert set(np.unique(plain.content.labels)) == {BACKGROUND}

    def test_what_is_no_scenery_is_one_region(
        self, monkeypatch: pytest.MonkeyPatch, frames: list[Pixels], dusk: Pixels
    ) -> None:
        def seen(pixels: Pixels) -> NDArray[np.float32]:
            probabilities = np.zeros((7, 12, 16), np.float32)
            probabilities[6] = 1
            return probabilities

        session = session_that_sees(monkeypatch, seen)
        look = session.fit(frames, dusk)
        assert look.correspondence.found_by == "whole"
        note = "100% of the content photo is not scenery, so each photo counts as one region"
        assert note in look.warnings
        result = session.transfer(frames[0], look)
        assert [region.name for region in result.correspondence.regions] == ["whole photo"]
        assert f"the set: {note}" in result.warnings


@pytest.mark.usefixtures("small_encoder")
class TestErrors:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [({"solver.method": "pixels"}, r"solver\.method"), ({"regions.segmenter": "clusters"}, r"regions\.segmenter")],
    )
    def test_settings_without_a_look_for_a_set(
        self, changes: dict[str, object], message: str, scene: Pixels, dusk: Pixels
    ) -> None:
        with pytest.raises(SettingsError, match=message):
            Session(settings=PREVIEW.with_changes(changes)).fit([scene], dusk)

    def test_photos_and_masks(self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]) -> None:
        session = Session(settings=PREVIEW)
        with pytest.raises(SettingsError, match="no photo was given"):
            session.fit([], dusk)
        with pytest.raises(SettingsError, match="1 for 2 photos"):
            session.fit([scene, scene], session.style(dusk, masks[1]), content_masks=[masks[0]])
        with pytest.raises(SettingsError, match="the style has a mask, but the content has none"):
            session.fit([scene], session.style(dusk, masks[1]))
        with pytest.raises(SettingsError, match="the content has a mask, but the style has none"):
            session.fit([scene], dusk, content_masks=[masks[0]])
        with pytest.raises(InputError, match="nowhere"):
            session.fit([scene, "nowhere.jpg"], dusk)
        look = session.fit([scene], dusk)
        with pytest.raises(SettingsError, match="a photo cannot have one"):
            session.transfer(scene, look, content_mask=masks[0])

    def test_a_strength_of_a_region_that_is_not_there(self, scene: Pixels, dusk: Pixels) -> None:
        with pytest.raises(SettingsError, match=r"look\.regions"):
            Session(settings=PREVIEW.with_changes({"look.regions.lake": 0.5})).fit([scene], dusk)

    def test_a_look_of_another_session_is_refused(self, scene: Pixels, dusk: Pixels) -> None:
        look = Session(settings=PREVIEW).fit([scene], dusk)
        with pytest.raises(SettingsError, match=r"solver\.method"):
            Session(settings=GRID).transfer(scene, look)


def test_photos_are_chosen_evenly() -> None:
    assert set_look.spread_evenly(5) == [0, 1, 2, 3, 4]
    chosen = set_look.spread_evenly(500)
    assert len(chosen) == set_look.MOST_PHOTOS
    assert set(np.diff(chosen)) <= {31, 32} and chosen[0] == 499 - chosen[-1]


def test_photos_are_stacked_one_below_the_other() -> None:
    pictures = torch.arange(2 * 3 * 4 * 5 * 6).reshape(6, 4, 5, 6)
    assert torch.equal(unstack_photos(stack_photos(pictures, 3), 3), pictures)
    assert torch.equal(stack_photos(pictures, 3)[0, :, 5:10], pictures[1])


def test_between_stacked_photos_there_is_no_edge(scene: Pixels, dusk: Pixels) -> None:
    """A seam that gets stronger costs nothing; the same step within a photo does."""
    upper, lower = torch.from_numpy(scene), torch.from_numpy(np.ascontiguousarray(scene[::-1]))

    def picture(step: float) -> torch.Tensor:
        return torch.cat([upper / 2, lower / 2 + step]).permute(2, 0, 1)[None]

    assert float(EdgeTerm(picture(0.0), 2)(picture(0.4))) < 1e-6
    assert float(EdgeTerm(picture(0.0), 1)(picture(0.4))) > 1e-3
