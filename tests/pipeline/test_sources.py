"""What photos and masks may be, the keywords of `transfer`, and the Python examples of the documentation."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import photostyle
from photostyle.errors import InputError, SettingsError
from photostyle.photo.photo import Photo
from photostyle.pipeline import session as session_module
from photostyle.pipeline.session import Session, transfer
from photostyle.regions.mask_files import read_mask
from photostyle.settings import Settings

Pixels = NDArray[np.float32]
PREVIEW = Settings.preset("preview", size=128, segmenter="none", **{"encoder.dtype": "float32"})


def labels_of(mask: Path, photo: Pixels) -> NDArray[np.uint8]:
    return read_mask(mask, *photo.shape[:2]).labels


@pytest.mark.usefixtures("small_encoder")
class TestSources:
    def test_photos_are_bytes_and_file_objects_wherever_they_are_paths(
        self, scene: Pixels, dusk: Pixels, tmp_path: Path
    ) -> None:
        data = {name: Photo.read(photo).encode("PNG") for name, photo in (("city", scene), ("sunset", dusk))}
        for name, each in data.items():
            (tmp_path / f"{name}.png").write_bytes(each)
        wanted = transfer(tmp_path / "city.png", tmp_path / "sunset.png", settings=PREVIEW)
        session = Session(settings=PREVIEW)
        with open(tmp_path / "sunset.png", "rb") as file:
            style = session.style(file)
        assert style.parts[0].name == "sunset.png"
        found = [
            transfer(data["city"], io.BytesIO(data["sunset"]), settings=PREVIEW),
            transfer(io.BytesIO(data["city"]), [data["sunset"]], settings=PREVIEW),
            session.transfer(bytearray(data["city"]), style),
            session.transfer(memoryview(data["city"]), session.fit([data["city"]], data["sunset"])),
        ]
        for result in found[:3]:
            assert np.array_equal(result.photo.pixels, wanted.photo.pixels)
        assert found[3].photo.size == wanted.photo.size

    @pytest.mark.parametrize("kind", ["labels", "wide labels", "image", "regions", "painted"])
    def test_masks_are_whatever_holds_regions(
        self, kind: str, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]
    ) -> None:
        def mask_of(path: Path, photo: Pixels) -> Any:
            labels = labels_of(path, photo)
            return {
                "labels": labels,
                "wide labels": labels.astype(np.int64),
                "image": Image.fromarray(labels),
                "regions": photostyle.RegionMap(labels, {0: "sky", 1: "building"}),
                "painted": np.array([[0, 0, 255], [0, 255, 0]], np.uint8)[labels],
            }[kind]

        content_mask, style_mask = (mask_of(*each) for each in zip(masks, (scene, dusk), strict=True))
        wanted = transfer(scene, dusk, settings=PREVIEW, content_mask=masks[0], style_mask=masks[1]).photo.pixels
        found = transfer(scene, dusk, settings=PREVIEW, content_mask=content_mask, style_mask=style_mask)
        assert np.array_equal(found.photo.pixels, wanted)
        session = Session(settings=PREVIEW)
        style = session.style(dusk, style_mask)
        assert np.array_equal(session.transfer(scene, style, content_mask=content_mask).photo.pixels, wanted)
        looks = [session.fit([scene], session.style(dusk, each), content_masks=[mine])
                 for mine, each in ((content_mask, style_mask), masks)]  # fmt: skip
        one, other = (
            session.transfer(scene, look, content_mask=mine).photo.pixels
            for look, mine in zip(looks, (content_mask, masks[0]), strict=True)
        )
        np.testing.assert_allclose(one, other, atol=1e-4)

    def test_labels_of_arrays_are_named_by_their_numbers(
        self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]
    ) -> None:
        own, its = (labels_of(*each) for each in zip(masks, (scene, dusk), strict=True))
        result = transfer(scene, dusk, settings=PREVIEW, content_mask=own, style_mask=its)
        assert [region.name for region in result.correspondence.regions] == ["region 0", "region 1"]
        kept = result.rendered(regions={"region 0": 0}).photo.pixels
        assert np.array_equal(kept[:30], scene[:30])

    @pytest.mark.parametrize(
        ("mask", "message"),
        [
            (np.zeros((96, 128), np.float32), r"\(96, 128\) float32"),
            (np.zeros((96, 128, 2), np.uint8), r"\(96, 128, 2\) uint8"),
            (np.zeros((96, 96), np.uint8), "proportions, found 96 x 96 px for a photo of 128 x 96 px"),
            (np.full((96, 128), 300), "found 300 at row 0, column 0"),
        ],
    )
    def test_a_wrong_mask_is_refused_before_the_style_is_measured(
        self, mask: NDArray[Any], message: str, scene: Pixels, dusk: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = Session(settings=PREVIEW)
        monkeypatch.setattr(Session, "_measure", None)
        with pytest.raises(InputError, match=message):
            transfer(scene, dusk, settings=PREVIEW, content_mask=mask, style_mask=np.zeros((80, 120), np.uint8))
        with pytest.raises(InputError, match=message):
            session.transfer(scene, dusk, content_mask=mask)
        with pytest.raises(InputError, match=message):
            session.fit([scene], dusk, content_masks=[mask])
        with pytest.raises(InputError, match="the mask: "):
            session.style(dusk, mask)

    def test_a_saved_look_takes_no_mask(self, dusk: Pixels, tmp_path: Path) -> None:
        session = Session(settings=PREVIEW)
        session.style(dusk).save(tmp_path / "a.photostyle")
        with pytest.raises(SettingsError, match=r"no mask for a saved look, found a mask"):
            session.style(tmp_path / "a.photostyle", np.zeros((80, 120), np.uint8))


@pytest.mark.usefixtures("small_encoder")
class TestKeywords:
    def test_keywords_are_settings(self, scene: Pixels, dusk: Pixels) -> None:
        result = transfer(
            scene, dusk, preset="preview", strength=0.6, size=96, seed=5, segmenter="none", encoder="compact",
            device="cpu",
        )  # fmt: skip
        wanted = Settings.preset("preview", strength=0.6, size=96, seed=5, segmenter="none", device="cpu")
        assert result.settings == wanted
        assert np.array_equal(result.photo.pixels, transfer(scene, dusk, settings=wanted).photo.pixels)
        changed = transfer(scene, dusk, settings=wanted, size=64, strength=0)
        assert (changed.settings.solver.size, changed.settings.strength, changed.settings.seed) == (64, 0, 5)

    def test_wrong_keywords_and_values(self, scene: Pixels, dusk: Pixels) -> None:
        with pytest.raises(TypeError, match="'colour'"):
            transfer(scene, dusk, colour=0.5)  # type: ignore[call-arg]
        with pytest.raises(SettingsError, match="strength"):
            transfer(scene, dusk, strength=2)
        with pytest.raises(SettingsError, match="no style was given"):
            transfer(scene, [])

    def test_the_seconds_of_the_style_count(self, scene: Pixels, dusk: Pixels) -> None:
        seconds = transfer(scene, dusk, settings=PREVIEW).seconds
        assert {"read", "style", "regions", "apply", "total"} <= set(seconds)
        assert seconds["total"] >= seconds["read"] + seconds["style"] + seconds["regions"]


@pytest.mark.usefixtures("small_encoder")
def test_the_examples_of_the_interface(
    scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = {"solver.size": 96, "grid.coarse_iterations": 2, "grid.iterations": 2, "encoder.dtype": "float32"}
    monkeypatch.setattr(session_module, "load_preset", lambda name: Settings.preset(name).with_changes(few))
    Photo.read(scene).save("city.jpg")
    Photo.read(dusk).save("sunset.jpg")
    photo_bytes, style_array = Path("city.jpg").read_bytes(), np.asarray(Photo.read("sunset.jpg"))
    labels, style_labels = labels_of(masks[0], scene), labels_of(masks[1], dusk)

    result = photostyle.transfer("city.jpg", "sunset.jpg")
    result.photo.save("out.jpg")
    assert result.terms and result.seconds["total"] > 0 and isinstance(result.warnings, tuple)
    result = photostyle.transfer(
        photo_bytes, style_array, content_mask=labels, style_mask=style_labels, strength=0.7
    )  # fmt: skip
    assert np.asarray(result.photo).shape == (96, 128, 3)
    assert result.photo.to_pil().size == result.photo.size == (128, 96)
    assert result.rendered(strength=0.4).settings.strength == 0.4

    session = photostyle.Session(preset="default", device="auto")
    style = session.style("sunset.jpg")
    for number, path in enumerate(["city.jpg", Path("city.jpg")]):
        session.transfer(path, style).photo.save(f"out {number}.jpg")
    assert Path("out 0.jpg").read_bytes() == Path("out 1.jpg").read_bytes() == Path("out.jpg").read_bytes()
