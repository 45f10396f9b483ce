from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from photostyle.encoders.vgg import CONVOLUTIONS, LAYERS, Encoder
from photostyle.errors import InputError, OutputError
from photostyle.regions.mask_files import labels_from_picture, read_mask, write_mask
from photostyle.regions.region_map import RegionMap, layer_masks, overlay, region_masks
from segmentation.labels import NAMES
from segmentation.palette import PALETTE, colours_from_labels
from tests.reference.masks import layer_mask
from tests.shared import shared

IDS = np.array([[0, 0, 1], [4, 4, 255]], np.uint8)


def save(path: Path, pixels: NDArray[np.uint8], mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def describe(folder: Path, names: object) -> None:
    (folder / "classes.json").write_text(json.dumps(names))


def test_a_grey_mask_has_class_ids_with_the_built_in_names(tmp_path: Path) -> None:
    regions = read_mask(save(tmp_path / "mask.png", IDS), 2, 3)
    np.testing.assert_array_equal(regions.labels, IDS)
    assert regions.names == {0: "sky", 1: "building", 4: "ground"}


def save_palette(path: Path, indices: NDArray[np.uint8], colours: list[int], **options: int) -> Path:
    image = Image.new("P", indices.shape[::-1])
    image.putdata(indices.ravel().tolist())
    image.putpalette(colours)
    image.save(path, **options)
    return path


@pytest.mark.parametrize(
    "colours", [[128, 64, 128, 70, 130, 180] * 128, [value for i in range(256) for value in [i] * 3]]
)
def test_a_palette_mask_has_class_ids(tmp_path: Path, colours: list[int]) -> None:
    path = save_palette(tmp_path / "mask.png", IDS, colours)
    regions = read_mask(path, 2, 3)
    np.testing.assert_array_equal(regions.labels, IDS)
    assert regions.names == {0: "sky", 1: "building", 4: "ground"}


def test_a_palette_mask_of_the_nine_colours_is_painted_unless_names_lie_beside_it(tmp_path: Path) -> None:
    """Programs that make files smaller write painted masks so, in whatever order."""
    indices = np.repeat(np.array([0, 1], np.uint8), 20)[None].repeat(20, 0)
    for name, colours in (("a.png", [0, 255, 0, 0, 0, 255]), ("b.png", [255, 255, 255, 0, 0, 0])):
        save_palette(tmp_path / name, indices, colours, bits=1)
    assert read_mask(tmp_path / "a.png", 20, 40).names == {0: "blue", 1: "green"}
    assert (read_mask(tmp_path / "a.png", 20, 40).labels[:, :20] == 1).all()
    assert read_mask(tmp_path / "b.png", 20, 40).names == {2: "black", 3: "white"}
    describe(tmp_path, {"0": "roof", "1": "wall"})
    assert read_mask(tmp_path / "a.png", 20, 40).names == {0: "roof", 1: "wall"}


HALVES = np.repeat(np.array([0, 4], np.uint8), 48)[None].repeat(72, 0)
"""Blue and red."""


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.tif", "a.bmp", "a.gif", "a.avif", "a.png"])
def test_a_painted_mask_may_be_any_picture(tmp_path: Path, name: str) -> None:
    regions = read_mask(save(tmp_path / name, colours_from_labels(HALVES)), 72, 96)
    assert regions.names == {0: "blue", 4: "red"}
    away = np.abs(np.arange(96) - 47.5) > 4
    np.testing.assert_array_equal(regions.labels[:, away], HALVES[:, away])
    assert regions.warnings == ()


def test_black_and_white_in_a_grey_jpeg_is_painted(tmp_path: Path) -> None:
    path = save(tmp_path / "mask.jpg", np.where(HALVES == 4, np.uint8(255), np.uint8(0)))
    assert read_mask(path, 72, 96).names == {2: "black", 3: "white"}


@pytest.mark.parametrize("name", ["mask.tif", "mask.bmp"])
def test_class_ids_are_refused_outside_png(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="expected class ids in a PNG"):
        read_mask(save(tmp_path / name, IDS), 2, 3)


def test_a_mask_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(colours_from_labels(HALVES)).save(tmp_path / "mask.png", exif=exif)
    regions = read_mask(tmp_path / "mask.png", 96, 72)
    assert (regions.labels[:48] == 0).all() and (regions.labels[48:] == 4).all()


def test_inexact_colours_count_as_the_nearest_and_are_told(tmp_path: Path) -> None:
    pixels = colours_from_labels(np.zeros((100, 100), np.uint8))
    pixels[20:30, 10:80] = (255, 255, 26)
    regions = read_mask(save(tmp_path / "mask.png", pixels), 100, 100)
    assert regions.names == {0: "blue", 5: "yellow"}
    assert (regions.labels == 5).sum() == 700
    (warning,) = regions.warnings
    assert "7.0%" in warning and "#ffff1a at row 20, column 10" in warning and warning.endswith("yellow")


def test_pixels_are_read_as_files_are() -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[..., :3] = (255, 0, 0)
    pixels[:10, :, 3] = 255
    pixels[10:, :, :3] = (90, 160, 40)
    labels, warnings = labels_from_picture(pixels, "the mask")
    assert (labels[:10] == 4).all() and (labels[10:] == 255).all()
    assert warnings == ()
    labels, warnings = labels_from_picture(pixels[:10, :, :3], "the mask")
    assert (labels == 4).all() and warnings == ()


def test_names_beside_the_mask_stand_for_the_built_in_ones(tmp_path: Path) -> None:
    describe(tmp_path, {"0": "roof", "1": "wall", "4": "garden", "9": "pond", "255": "ignore"})
    regions = read_mask(save(tmp_path / "mask.png", IDS), 2, 3)
    assert regions.names == {0: "roof", 1: "wall", 4: "garden"}


def test_a_painted_mask_is_read_by_its_colours(tmp_path: Path) -> None:
    labels = np.repeat(np.arange(9, dtype=np.uint8), 2)[None].repeat(2, 0)
    regions = read_mask(save(tmp_path / "mask.png", colours_from_labels(labels)), 2, 18)
    np.testing.assert_array_equal(regions.labels, labels)
    assert regions.names == {label.id: label.name for label in PALETTE}


def test_a_transparent_pixel_of_a_painted_mask_is_in_no_region(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[..., 0] = 255
    pixels[2:, :, 3] = 255
    regions = read_mask(save(tmp_path / "mask.png", pixels), 4, 4)
    assert (regions.labels[:2] == 255).all() and (regions.labels[2:] == 4).all()
    assert regions.names == {4: "red"}


@pytest.mark.parametrize(
    ("values", "mode", "beside", "names"),
    [
        ((0, 255), "L", False, {2: "black", 3: "white"}),
        ((0, 255), "1", False, {2: "black", 3: "white"}),
        ((0, 128, 255), "L", False, {2: "black", 3: "white", 6: "grey"}),
        ((0, 3, 255), "L", False, {0: "sky", 3: "water"}),
        ((0, 0), "L", False, {0: "sky"}),
        ((0, 255), "L", True, {0: "sky"}),
        ((0, 3, 255), "RGB", True, {0: "sky", 3: "water"}),
        ((0, 3), "RGB", False, {2: "black"}),
        ((0, 128, 255), "RGB", True, {2: "black", 3: "white", 6: "grey"}),
    ],
)
def test_a_grey_mask_is_indexed_unless_it_looks_painted(
    tmp_path: Path, values: tuple[int, ...], mode: str, beside: bool, names: dict[int, str]
) -> None:
    if beside:
        describe(tmp_path, {str(label): name for label, name in NAMES.items()})
    pixels = np.repeat(np.array(values, np.uint8), 10)[None].repeat(10, 0)
    assert read_mask(save(tmp_path / "mask.png", pixels, mode), *pixels.shape).names == names


def test_the_authors_grey_mask_is_painted() -> None:
    path = shared("pairs", "8", "content_mask.png")
    assert set(read_mask(path, 463, 700).names.values()) <= {"black", "white"}


def test_a_mask_of_another_size_is_scaled_by_nearest_neighbour(tmp_path: Path) -> None:
    path = save(tmp_path / "mask.png", IDS)
    np.testing.assert_array_equal(read_mask(path, 8, 12).labels, IDS.repeat(4, 0).repeat(4, 1))
    large = save(tmp_path / "large.png", IDS.repeat(5, 0).repeat(5, 1))
    np.testing.assert_array_equal(read_mask(large, 2, 3).labels, IDS)
    numbered = save(tmp_path / "numbered.png", np.arange(9, dtype=np.uint8).reshape(3, 3))
    np.testing.assert_array_equal(read_mask(numbered, 1, 1).labels, [[4]])


def test_proportions_may_be_off_by_a_rounded_pixel_but_no_more(tmp_path: Path) -> None:
    path = save(tmp_path / "mask.png", np.zeros((67, 100), np.uint8))
    assert read_mask(path, 1000, 1500).labels.shape == (1000, 1500)
    small = save(tmp_path / "small.png", np.zeros((7, 10), np.uint8))
    assert read_mask(small, 1000, 1500).labels.shape == (1000, 1500)
    with pytest.raises(InputError, match="10 x 7 px"):
        read_mask(small, 1000, 1800)
    with pytest.raises(InputError, match=r"100 x 67 px for a photo of 1500 x 980 px"):
        read_mask(path, 980, 1500)
    with pytest.raises(InputError, match="proportions"):
        read_mask(path, 1500, 1000)


def test_a_mask_mostly_in_other_colours_is_refused_and_the_nine_are_listed(tmp_path: Path) -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[7:, 3:] = (255, 140, 0)
    path = save(tmp_path / "mask.png", pixels)
    with pytest.raises(InputError) as error:
        read_mask(path, 20, 20)
    assert "55% of it in other colours" in error.value.found
    assert "#ff8c00 at row 7, column 3" in error.value.found
    assert str(path) == error.value.where
    assert all(label.name in error.value.advice for label in PALETTE) and "#808080" in error.value.advice


def test_a_photo_is_no_mask(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="in other colours"):
        read_mask(save(tmp_path / "mask.png", pixels), 32, 32)


@pytest.mark.parametrize("beside", [False, True])
def test_an_unknown_class_id_is_named_and_placed(tmp_path: Path, beside: bool) -> None:
    if beside:
        describe(tmp_path, {"0": "sky"})
    with pytest.raises(InputError, match=r"expected class ids among 0 sky.*found 17 at row 1, column 2"):
        read_mask(save(tmp_path / "mask.png", np.array([[0, 0, 0], [0, 0, 17]], np.uint8)), 2, 3)


def test_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.png", np.zeros((64, 64, 3), np.uint8)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("a mask")
    (tmp_path / "folder.png").mkdir()
    cut = save(tmp_path / "cut.jpg", np.zeros((64, 64, 3), np.uint8))
    cut.write_bytes(cut.read_bytes()[:300])
    Image.fromarray(np.zeros((64, 64), np.uint16)).save(tmp_path / "deep.png")
    for name in ("missing.png", "cut.png", "empty.png", "text.png", "folder.png", "cut.jpg", "deep.png"):
        with pytest.raises(InputError) as error:
            read_mask(tmp_path / name, 64, 64)
        assert error.value.where == str(tmp_path / name)


@pytest.mark.parametrize("text", ["", "[]", '{"sky": 0}', '{"0": 1}', '{"256": "sky"}', '{"0": ""}', "\ufffe"])
def test_names_of_another_form_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "classes.json").write_text(text)
    with pytest.raises(InputError) as error:
        read_mask(save(tmp_path / "mask.png", IDS), 2, 3)
    assert error.value.where == str(tmp_path / "classes.json")


@pytest.mark.parametrize("labels", [IDS, np.zeros((3, 5), np.uint8), np.array([[0, 255]], np.uint8)])
def test_a_written_mask_reads_back_as_it_was(tmp_path: Path, labels: NDArray[np.uint8]) -> None:
    regions = RegionMap(labels, {label: NAMES[label] for label in np.unique(labels).tolist() if label != 255})
    write_mask(tmp_path / "city.mask.png", regions)
    back = read_mask(tmp_path / "city.mask.png", *labels.shape)
    np.testing.assert_array_equal(back.labels, labels)
    assert back.names == regions.names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["city.mask.png", "classes.json"]


def test_names_are_added_to_those_beside_and_a_clash_writes_nothing(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", RegionMap(np.zeros((2, 2), np.uint8), {0: "sky"}))
    write_mask(tmp_path / "b.png", RegionMap(np.full((2, 2), 12, np.uint8), {12: "Türme"}))
    assert json.loads((tmp_path / "classes.json").read_text("utf-8")) == {"0": "sky", "12": "Türme"}
    with pytest.raises(OutputError, match="'blue' for class 0, found 'sky'"):
        write_mask(tmp_path / "c.png", RegionMap(np.zeros((2, 2), np.uint8), {0: "blue"}))
    assert not (tmp_path / "c.png").exists()


def test_a_region_map_names_every_label() -> None:
    with pytest.raises(ValueError, match=r"none: \[1, 4\]"):
        RegionMap(IDS, {0: "sky"})
    with pytest.raises(ValueError, match="uint8"):
        RegionMap(IDS.astype(np.int64), dict(NAMES))


def test_overlay_tints_regions_and_leaves_the_rest() -> None:
    pixels = np.full((2, 3, 3), 0.25, np.float32)
    shown = overlay(pixels, RegionMap(IDS, {0: "sky", 1: "red", 4: "something else"}))
    assert shown.dtype == np.float32
    np.testing.assert_allclose(shown[0, 0], (0.25 + np.array([70, 160, 255]) / 255) / 2, atol=1e-6)
    np.testing.assert_allclose(shown[0, 2], [0.625, 0.125, 0.125], atol=1e-6)
    np.testing.assert_array_equal(shown[1, 2], pixels[1, 2])
    assert np.ptp(shown[1, 0]) > 0.1
    with pytest.raises(ValueError, match=r"found \(2, 3\)"):
        overlay(pixels[:1], RegionMap(IDS, dict(NAMES)))


def test_soft_masks_cover_their_ids() -> None:
    masks = region_masks(IDS, [(0, 1), (4,), (7,)])
    assert masks.dtype == np.float32
    np.testing.assert_array_equal(masks, [[[1, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0]], np.zeros((2, 3))])


@pytest.mark.parametrize("size", [(32, 48), (37, 51), (63, 33)])
def test_masks_lie_on_the_grids_of_the_encoders_features(size: tuple[int, int]) -> None:
    features = Encoder([1] * len(CONVOLUTIONS))(torch.zeros(1, 3, *size), LAYERS)
    masks = layer_masks(torch.ones(2, *size), LAYERS)
    assert {layer: mask.shape[1:] for layer, mask in masks.items()} == {
        layer: feature.shape[2:] for layer, feature in features.items()
    }


def test_masks_of_a_partition_add_up_to_one_at_every_layer() -> None:
    labels = np.random.default_rng(0).integers(0, 4, (45, 35)).astype(np.uint8)
    masks = torch.from_numpy(region_masks(labels, [(0,), (1, 2), (3,)]))
    for carried in layer_masks(masks, LAYERS).values():
        torch.testing.assert_close(carried.sum(0), torch.ones(carried.shape[1:]))
        assert carried.min() >= 0


@pytest.mark.parametrize("layer", ["relu1_1", "relu1_2", "relu2_1", "relu3_1", "relu4_2", "relu5_1"])
def test_masks_are_those_of_the_slow_twin(layer: str) -> None:
    masks = np.random.default_rng(1).random((2, 35, 50))
    carried = layer_masks(torch.from_numpy(masks), [layer])[layer]
    for mask, own in zip(masks, carried, strict=True):
        np.testing.assert_allclose(own, layer_mask(mask, layer), rtol=1e-12)


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(KeyError, match="relu6_1"):
        layer_masks(torch.ones(1, 32, 32), ["relu1_1", "relu6_1"])
    assert layer_masks(torch.ones(1, 32, 32), []) == {}
