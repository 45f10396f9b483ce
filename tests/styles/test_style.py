"""Transfers from several styles, from styles of a region, and from saved looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from photostyle.errors import InputError, SettingsError
from photostyle.photo.photo import Photo
from photostyle.pipeline.session import Session, transfer
from photostyle.regions.mask_files import write_mask
from photostyle.regions.region_map import RegionMap
from photostyle.settings import OutputSettings, Settings
from photostyle.styles import style as style_module
from photostyle.styles.style import Style
from tests.conftest import made_scene

Pixels = NDArray[np.float32]
PIXELS = Settings().with_changes(
    {
        "encoder.dtype": "float32", "solver.method": "pixels", "solver.size": 96,
        "solver.iterations": 25, "solver.photorealistic_iterations": 15,
        "smoothing.radius": 5, "regions.segmenter": "clusters", "grid.coarse_iterations": 4, "grid.iterations": 4,
    }
)  # fmt: skip
GRID = PIXELS.with_changes({"solver.method": "grid"})
PREVIEW = PIXELS.with_changes({"solver.method": "closed form"})
every_method = pytest.mark.parametrize("settings", [PIXELS, GRID, PREVIEW], ids=["pixels", "grid", "closed form"])
SKY, BUILDING = slice(0, 44), slice(58, 80)


@pytest.fixture(scope="session")
def night() -> Pixels:
    """`(80, 120, 3)`: a dark blue sky over a green ground."""
    return made_scene(np.array([0.1, 0.12, 0.35]), np.array([0.2, 0.5, 0.25]), seed=2)[:80, :120].copy()


@pytest.mark.usefixtures("small_encoder")
class TestBlend:
    @every_method
    def test_the_same_style_twice_is_the_style(
        self, settings: Settings, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]
    ) -> None:
        session = Session(settings=settings)
        style = session.style(dusk, masks[1])
        once = session.transfer(scene, style, content_mask=masks[0])
        twice = session.transfer(scene, style + style, content_mask=masks[0])
        assert np.abs(twice.photo.pixels - once.photo.pixels).max() < 1 / 255
        assert [source.share for source in twice.correspondence.regions[0].sources] == [0.5, 0.5]

    @every_method
    def test_a_weight_next_to_nothing_is_none(
        self, settings: Settings, scene: Pixels, dusk: Pixels, night: Pixels, masks: tuple[Path, Path]
    ) -> None:
        session = Session(settings=settings)
        alone, faint = session.style(dusk, masks[1]), session.style(night, masks[1], weight=1e-9)
        once, both = (
            session.transfer(scene, style, content_mask=masks[0]).photo.pixels for style in (alone, alone + faint)
        )
        assert np.abs(both - once).max() < 1 / 255

    @every_method
    def test_order_changes_nothing_but_rounding(
        self, settings: Settings, scene: Pixels, dusk: Pixels, night: Pixels, masks: tuple[Path, Path]
    ) -> None:
        session = Session(settings=settings)
        styles = [session.style(dusk, masks[1], weight=2), session.style(night, masks[1])]
        one, other = (
            session.transfer(scene, order, content_mask=masks[0]).photo.pixels for order in (styles, styles[::-1])
        )
        assert np.abs(one - other).max() < 1 / 255

    @every_method
    def test_colours_lie_between_those_of_the_styles(
        self, settings: Settings, scene: Pixels, dusk: Pixels, night: Pixels, masks: tuple[Path, Path]
    ) -> None:
        session = Session(settings=settings)
        styles = [session.style(photo, masks[1]) for photo in (dusk, night)]
        first, second, both = (
            session.transfer(scene, style, content_mask=masks[0]).photo.pixels for style in (*styles, styles)
        )
        for rows in (SKY, BUILDING):
            means = [each[rows].mean((0, 1)) for each in (first, second, both)]
            assert np.abs(means[2] - (means[0] + means[1]) / 2).max() < 0.3 * np.abs(means[0] - means[1]).max()

    def test_clusters_are_those_of_all_photos(self, scene: Pixels, dusk: Pixels, night: Pixels) -> None:
        result = transfer(scene, [dusk, night], settings=PREVIEW)
        assert len(result.correspondence.styles) == 2
        for region in result.correspondence.regions:
            assert [source.style for source in region.sources] == [0, 1]
            assert {source.ids for source in region.sources} == {region.content_ids}

    def test_each_photo_as_a_whole(self, scene: Pixels, dusk: Pixels, night: Pixels) -> None:
        result = transfer(scene, [dusk, night], settings=PREVIEW.with_changes({"regions.segmenter": "none"}))
        wanted = (dusk.mean((0, 1)) + night.mean((0, 1))) / 2
        np.testing.assert_allclose(result.photo.pixels.mean((0, 1)), wanted, atol=0.03)


@pytest.mark.usefixtures("small_encoder")
class TestRegions:
    @every_method
    def test_a_region_takes_its_colours_from_its_own_style(
        self, settings: Settings, scene: Pixels, dusk: Pixels, night: Pixels, masks: tuple[Path, Path]
    ) -> None:
        session = Session(settings=settings)
        styles = [session.style(night, masks[1], region="sky"), session.style(dusk, masks[1])]
        out = session.transfer(scene, styles, content_mask=masks[0]).photo.pixels
        for rows, wanted in ((SKY, night), (BUILDING, dusk)):
            before, after = (np.abs(each[rows].mean((0, 1)) - wanted[rows].mean((0, 1))).max() for each in (scene, out))
            assert after < 0.5 * before

    @every_method
    def test_the_rest_keeps_its_look_without_a_style(
        self, settings: Settings, scene: Pixels, night: Pixels, masks: tuple[Path, Path]
    ) -> None:
        session = Session(settings=settings)
        result = session.transfer(scene, session.style(night, masks[1], region="sky"), content_mask=masks[0])
        change = result.photo.pixels - scene
        assert np.abs(change[:40].mean((0, 1))).max() > 0.3
        assert np.abs(change[60:].mean((0, 1))).max() < 0.03
        assert any("no style for building" in warning for warning in result.warnings)

    def test_by_class(self, scene: Pixels, dusk: Pixels) -> None:
        """With the network that ships; what it sees in a made scene is its own affair, but sky there is."""
        session = Session(settings=PREVIEW.with_changes({"regions.segmenter": "compact"}))
        seen = session.style(dusk).parts[0].segmentation
        assert seen is not None
        common = set(seen.scenery.names.values())
        with pytest.raises(SettingsError, match="expected a region of the content"):
            session.transfer(scene, session.style(dusk, region="moon"))
        if "sky" in common:
            result = session.transfer(scene, session.style(dusk, region="sky"))
            assert [region.name for region in result.correspondence.regions] == ["sky"]


@pytest.mark.usefixtures("small_encoder")
class TestLook:
    @every_method
    def test_a_saved_look_gives_the_same_bytes(
        self, settings: Settings, scene: Pixels, dusk: Pixels, night: Pixels, tmp_path: Path
    ) -> None:
        Photo(dusk).save(tmp_path / "dusk.png")
        session = Session(settings=settings)
        look = session.style(tmp_path / "dusk.png", weight=2) + session.style(night)
        path = tmp_path / "evening.photostyle"
        look.save(path)
        (tmp_path / "dusk.png").unlink()
        again = Session(str(path))
        assert again.settings == settings
        kept = again.style(path)
        assert [part.name for part in kept.parts] == ["dusk.png", "the style photo"]
        once, twice = (s.transfer(scene, each).photo.pixels for s, each in ((session, look), (again, kept)))
        assert np.array_equal(once, twice)
        kept.save(tmp_path / "copy.photostyle")
        assert (tmp_path / "copy.photostyle").read_bytes() == path.read_bytes()

    def test_masks_and_regions_are_kept(
        self, scene: Pixels, dusk: Pixels, night: Pixels, masks: tuple[Path, Path], tmp_path: Path
    ) -> None:
        session = Session(settings=PREVIEW)
        look = session.style(night, masks[1], region="sky") + session.style(dusk, masks[1])
        look.save(tmp_path / "a.photostyle")
        once, twice = (
            session.transfer(scene, each, content_mask=masks[0]).photo.pixels
            for each in (look, tmp_path / "a.photostyle")
        )
        assert np.array_equal(once, twice)
        with pytest.raises(SettingsError, match="the style has a mask, but the content has none"):
            session.transfer(scene, tmp_path / "a.photostyle")
        with pytest.raises(SettingsError, match="this look cannot be used for"):
            session.style(tmp_path / "a.photostyle", region="building")
        with pytest.raises(SettingsError, match="no mask for a saved look"):
            session.style(tmp_path / "a.photostyle", masks[1])

    def test_a_look_can_be_weighted_and_given_to_a_region(self, dusk: Pixels, tmp_path: Path) -> None:
        session = Session(settings=PREVIEW)
        session.style(dusk, weight=2).save(tmp_path / "a.photostyle")
        (part,) = session.style(tmp_path / "a.photostyle", weight=3, region="sky").parts
        assert (part.weight, part.region) == (6.0, "sky")

    def test_a_look_of_the_grid_serves_the_other_methods(self, scene: Pixels, dusk: Pixels, tmp_path: Path) -> None:
        for name, settings in (("grid", GRID), ("preview", PREVIEW)):
            Session(settings=settings).style(dusk).save(tmp_path / f"{name}.photostyle")
        preview = Session(settings=PREVIEW)
        photos = [preview.transfer(scene, source).photo.pixels for source in (tmp_path / "grid.photostyle", dusk)]
        assert np.array_equal(*photos)

    def test_a_look_of_one_size_gives_the_grid_its_half(self, scene: Pixels, dusk: Pixels, tmp_path: Path) -> None:
        Session(settings=PREVIEW).style(dusk).save(tmp_path / "preview.photostyle")
        session = Session(settings=GRID)
        (part,), (own,) = (session.style(source).parts for source in (tmp_path / "preview.photostyle", dusk))
        assert [scale.pixels.shape for scale in part.scales] == [scale.pixels.shape for scale in own.scales]
        assert np.array_equal(part.pixels, own.pixels)
        np.testing.assert_allclose(part.scales[0].pixels, own.scales[0].pixels, atol=0.1)
        assert np.abs(session.transfer(scene, tmp_path / "preview.photostyle").photo.pixels - scene).max() > 0.1

    def test_a_look_is_shrunk_for_a_smaller_size(
        self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path
    ) -> None:
        small = Session(settings=GRID.with_changes({"solver.size": 64}))
        Session(settings=GRID).style(dusk, masks[1]).save(tmp_path / "a.photostyle")
        (part,), (own,) = (small.style(*source).parts for source in ((tmp_path / "a.photostyle",), (dusk, masks[1])))
        assert [scale.pixels.shape[:2] for scale in part.scales] == [scale.pixels.shape[:2] for scale in own.scales]
        np.testing.assert_allclose(part.pixels, own.pixels, atol=0.15)
        assert part.regions is not None and own.regions is not None
        assert part.regions.names == own.regions.names
        assert np.mean(part.regions.labels != own.regions.labels) < 0.05
        result = small.transfer(scene, tmp_path / "a.photostyle", content_mask=masks[0])
        assert not any("saved at" in warning for warning in result.warnings)

    def test_a_look_is_not_enlarged_for_a_larger_size_and_says_so(
        self, scene: Pixels, dusk: Pixels, tmp_path: Path
    ) -> None:
        Session(settings=GRID).style(dusk).save(tmp_path / "a.photostyle")
        session = Session(settings=GRID.with_changes({"solver.size": 128}))
        (part,) = session.style(tmp_path / "a.photostyle").parts
        assert part.pixels.shape == (64, 96, 3)
        warnings = session.transfer(scene, tmp_path / "a.photostyle").warnings
        message = "the look was saved at 96 px and is used at that size, but the content is solved at 128 px"
        assert f"style: {message}" in warnings

    def test_a_look_keeps_what_is_its_own_alone(self, dusk: Pixels, tmp_path: Path) -> None:
        settings = PREVIEW.with_changes({"output.depth": 16, "output.metadata": "none", "look.colour": 0.5})
        Session(settings=settings, device="cpu").style(dusk).save(tmp_path / "a.photostyle")
        kept = Session(str(tmp_path / "a.photostyle")).settings
        assert (kept.device, kept.output, kept.look.colour) == ("auto", OutputSettings(), 0.5)


@pytest.mark.usefixtures("small_encoder")
class TestMeasured:
    def test_styles_add_up_by_sum(self, dusk: Pixels, night: Pixels) -> None:
        session = Session(settings=PREVIEW)
        styles = [session.style(dusk), session.style(night, weight=2)]
        added = sum(styles)
        assert isinstance(added, Style)
        assert added.parts == (styles[0] + styles[1]).parts
        with pytest.raises(TypeError):
            sum(styles, 1)  # type: ignore[call-overload]

    @pytest.mark.skipif(torch.cuda.is_available(), reason="here auto is CUDA: there is no second name for the CPU")
    @pytest.mark.parametrize("devices", [("auto", "cpu"), ("cpu", "auto")])
    def test_a_style_serves_the_same_device_by_another_name(
        self, devices: tuple[str, str], scene: Pixels, dusk: Pixels
    ) -> None:
        one, other = (Session(settings=GRID, device=device) for device in devices)
        style = one.style(dusk)
        assert np.array_equal(other.transfer(scene, style).photo.pixels, one.transfer(scene, style).photo.pixels)

    def test_a_style_of_another_device_is_refused(self, dusk: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
        style = Session(settings=PREVIEW, device="cpu").style(dusk)
        monkeypatch.setattr(style_module, "chosen_device", str)
        with pytest.raises(SettingsError, match="on the device cuda:1, found one measured on cpu"):
            style.check_measured_for(PREVIEW.with_changes({"device": "cuda:1"}))


@pytest.mark.usefixtures("small_encoder")
class TestBadInput:
    @pytest.mark.parametrize("weight", [0, -1, 1e31, float("nan"), float("inf")])
    def test_weights(self, weight: float, dusk: Pixels) -> None:
        with pytest.raises(SettingsError, match="a weight above 0"):
            Session(settings=PREVIEW).style(dusk, weight=weight)

    def test_no_style(self, scene: Pixels) -> None:
        with pytest.raises(SettingsError, match="no style was given"):
            Session(settings=PREVIEW).transfer(scene, [])

    def test_masks_for_some_of_the_styles(self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]) -> None:
        session = Session(settings=PREVIEW)
        with pytest.raises(SettingsError, match="the style photo has no mask"):
            session.transfer(scene, [session.style(dusk, masks[1]), dusk], content_mask=masks[0])
        with pytest.raises(SettingsError, match="a mask for each of 2 styles, or none, found 1"):
            transfer(scene, [dusk, dusk], settings=PREVIEW, content_mask=masks[0], style_mask=masks[1])

    def test_styles_of_other_settings_do_not_add_up(self, dusk: Pixels) -> None:
        with pytest.raises(SettingsError, match=r"solver\.method"):
            Session(settings=GRID).style(dusk) + Session(settings=PREVIEW).style(dusk)

    def test_a_region_that_a_photo_lacks(
        self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path
    ) -> None:
        session = Session(settings=PREVIEW)
        with pytest.raises(SettingsError, match=r"a region of the content \(sky, building\), found lake"):
            session.transfer(scene, session.style(dusk, masks[1], region="lake"), content_mask=masks[0])
        write_mask(tmp_path / "sky.png", RegionMap(np.zeros(dusk.shape[:2], np.uint8), {0: "sky"}))
        with pytest.raises(InputError, match="of building or more in both photos"):
            session.transfer(scene, session.style(dusk, tmp_path / "sky.png", region="building"), content_mask=masks[0])
