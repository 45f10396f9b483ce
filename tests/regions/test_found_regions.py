from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.errors import WeightsError
from photostyle.regions import found_regions
from photostyle.regions.found_regions import NEARBY, RegionFinder, Segmentation, match_by_class
from segmentation import segmenter
from segmentation.labels import UNLABELLED

SURE = 0.94


def seen(*shares: tuple[int, float], kind: int = 8, sure: float = SURE) -> Segmentation:
    """A photo of ten by ten coarse squares, from top to bottom so much of each class, in colours of their own."""
    labels = np.concatenate([np.full(round(100 * share), label, np.uint8) for label, share in shares]).reshape(10, 10)
    probabilities = np.full((7, 10, 10), (1 - sure) / 6, np.float32)
    np.put_along_axis(probabilities, labels[None].astype(np.intp), sure, 0)
    kinds = np.zeros((4, 10, 10), np.float32)
    kinds[kind - 6] = probabilities[6]
    colours = np.random.default_rng(0).random((7, 3), np.float32)
    return Segmentation(np.kron(colours[labels], np.ones((8, 8, 1), np.float32)), probabilities, kinds)


def test_scenery_is_matched_by_class() -> None:
    found, reason = match_by_class(seen((0, 0.5), (1, 0.5)), seen((0, 0.3), (1, 0.7)))
    assert found is not None and not reason
    assert [region.name for region in found.matching.regions] == ["sky", "building"]
    assert np.mean(found.content.labels == 0) == pytest.approx(0.5, abs=0.01)
    assert np.mean(found.style.labels == 0) == pytest.approx(0.3, abs=0.01)


def test_what_the_style_alone_has_is_not_used_unless_similar() -> None:
    found, _ = match_by_class(seen((0, 0.5), (2, 0.5)), seen((0, 0.4), (5, 0.4), (1, 0.2)))
    assert found is not None
    (sky, plants) = found.matching.regions
    assert (sky.name, plants.name, plants.style_ids) == ("sky", "vegetation", (5,))
    assert np.mean(found.style.labels == UNLABELLED) == pytest.approx(0.2, abs=0.05)


def test_the_style_takes_the_classes_of_the_content_where_they_are_likely() -> None:
    style = seen((0, 0.8), (2, 0.2))
    style.probabilities[1] += 0.5 * style.probabilities[2]
    style.probabilities[2] *= 0.5
    found, _ = match_by_class(seen((0, 0.5), (1, 0.5)), style)
    assert found is not None
    assert np.mean(found.style.labels == 1) == pytest.approx(0.2, abs=0.05)


def test_foreground_is_one_region_and_of_its_likeliest_kind_in_a_mask() -> None:
    content, style = seen((0, 0.6), (6, 0.4), kind=6), seen((0, 0.7), (6, 0.3), kind=9)
    found, _ = match_by_class(content, style)
    assert found is not None
    assert [region.name for region in found.matching.regions] == ["sky", "foreground"]
    assert set(np.unique(content.classes().labels)) == {0, 6}
    assert set(np.unique(style.classes().labels)) == {0, 9}


@pytest.mark.parametrize(
    ("content", "style", "reason"),
    [
        (seen((0, 0.4), (6, 0.6)), seen((0, 0.5), (1, 0.5)), "60% of the content"),
        (seen((0, 0.4), (1, 0.6)), seen((6, 1.0)), "100% of the style"),
        (seen((0, 0.2), (1, 0.8)), seen((0, 0.5), (2, 0.5)), "in common"),
        (seen((1, 1.0)), seen((0, 1.0)), "in common"),
        (seen((2, 1.0)), seen((2, 1.0)), "plants"),
        (seen((0, 0.5), (1, 0.5), sure=0.7), seen((0, 0.5), (1, 0.5)), "70% sure of what the content photo shows"),
        (seen((0, 0.5), (1, 0.5)), seen((0, 0.5), (1, 0.5), sure=0.7), "70% sure of what the style photo shows"),
    ],
)
def test_what_is_no_common_scenery_is_not_matched_by_class(
    content: Segmentation, style: Segmentation, reason: str
) -> None:
    found, why = match_by_class(content, style)
    assert found is None
    assert reason in why


def test_the_network_that_ships_sees_a_photo(scene: NDArray[np.float32]) -> None:
    seen = RegionFinder("compact").see(scene)
    np.testing.assert_allclose(seen.probabilities.sum(0), 1, atol=1e-5)
    np.testing.assert_allclose(seen.kinds.sum(0), seen.probabilities[6], atol=1e-6)
    classes = seen.classes()
    assert classes.labels.shape == seen.labels().shape == scene.shape[:2]
    assert set(np.unique(classes.labels)) <= set(classes.names) == set(range(10))


def test_the_network_looks_again_only_for_a_subject(
    scene: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    finder, sizes = RegionFinder("compact"), []
    probabilities = finder.segmenter.probabilities

    def look(photo: NDArray[np.uint8], *, size: int = segmenter.SIZE) -> NDArray[np.float32]:
        sizes.append(size)
        return probabilities(photo, size=size)

    monkeypatch.setattr(finder.segmenter, "probabilities", look)
    seen = finder.see(scene)
    seen.scenery, seen.classes()
    assert sizes == [segmenter.SIZE]
    for found in (seen, replace(seen)):
        assert found.nearby is not None and found.nearby.shape == found.things.shape
        assert found.has_subject in (True, False)
    assert sizes == [segmenter.SIZE, NEARBY]


def test_the_last_few_photos_are_not_looked_at_again(
    scene: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    finder, looks = RegionFinder("compact"), []
    look = finder.segmenter.probabilities

    def counted(photo: NDArray[np.uint8], **options: int) -> NDArray[np.float32]:
        looks.append(photo)
        return look(photo, **options)

    monkeypatch.setattr(finder.segmenter, "probabilities", counted)
    first = finder.see(scene)
    assert finder.see(scene.copy()) is first and len(looks) == 1
    assert finder.see(np.ascontiguousarray(scene.reshape(-1, 96, 3))) is not first and len(looks) == 2
    for number in range(found_regions.KEPT):
        finder.see(scene * np.float32(0.9 - 0.1 * number))
    again = finder.see(scene)
    assert again is not first and len(looks) == 3 + found_regions.KEPT
    assert np.array_equal(again.probabilities, first.probabilities)


def test_an_altered_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    altered = tmp_path / "compact.onnx"
    altered.write_bytes(segmenter.SHIPPED.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(segmenter, "SHIPPED", altered)
    with pytest.raises(WeightsError, match=f"sha256 {segmenter.SHA256}"):
        RegionFinder("compact")


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("segmentation_models_pytorch", reason="pip install photostyle[hub]")
    with pytest.raises(WeightsError, match=r"config\.json"):
        RegionFinder(str(tmp_path))


def test_labels_come_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = seen((0, 0.4), (1, 0.3), (4, 0.3))
    whole = photo.labels()
    monkeypatch.setattr(found_regions, "STRIP", 1000)
    np.testing.assert_array_equal(photo.labels(), whole)
