"""Masks that are arrays, PIL images and region maps: read as files are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photostyle.errors import InputError
from photostyle.regions.mask_files import MaskSource, read_mask, write_mask
from photostyle.regions.region_map import RegionMap
from segmentation.palette import colours_from_labels

LABELS = np.zeros((40, 60), np.uint8)
LABELS[20:, :30], LABELS[20:, 30:] = 3, 255


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "int64", ">i4", "uint64"])
def test_labels_of_any_integer_dtype(dtype: str) -> None:
    labels = np.where(LABELS == 255, 7, LABELS).astype(dtype)
    regions = read_mask(labels, 40, 60)
    assert np.array_equal(regions.labels, labels) and regions.labels.dtype == np.uint8
    assert regions.names == {0: "region 0", 3: "region 3", 7: "region 7"}


def test_255_is_no_region_and_bool_has_two() -> None:
    assert read_mask(LABELS.astype(np.int64), 40, 60).names == {0: "region 0", 3: "region 3"}
    regions = read_mask(LABELS == 3, 40, 60)
    assert np.array_equal(regions.labels, LABELS == 3)
    assert regions.names == {0: "region 0", 1: "region 1"}


def test_every_kind_is_scaled_as_a_file_is(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 4, (40, 60), np.uint8)
    named = RegionMap(labels, {0: "sky", 1: "building", 2: "vegetation", 3: "water"})
    write_mask(tmp_path / "mask.png", named)
    wanted = read_mask(tmp_path / "mask.png", 13, 20)
    sources: list[MaskSource] = [named, labels, Image.fromarray(labels), Image.open(tmp_path / "mask.png")]
    for source in sources:
        found = read_mask(source, 13, 20)
        assert np.array_equal(found.labels, wanted.labels)
        assert found.names == wanted.names or isinstance(source, np.ndarray)


def test_painted_colours_are_read_as_their_file_is(tmp_path: Path) -> None:
    colours = colours_from_labels(np.where(LABELS == 255, 1, LABELS))
    Image.fromarray(colours).save(tmp_path / "mask.png")
    wanted = read_mask(tmp_path / "mask.png", 20, 30)
    sources: list[MaskSource] = [colours, np.asfortranarray(colours), Image.fromarray(colours)]
    for source in sources:
        found = read_mask(source, 20, 30)
        assert np.array_equal(found.labels, wanted.labels)
        assert found.names == wanted.names == {0: "blue", 1: "green", 3: "white"}


def test_an_image_of_a_file_has_the_names_beside_it(tmp_path: Path) -> None:
    write_mask(tmp_path / "mask.png", RegionMap(LABELS, {0: "fog", 3: "ice"}))
    with Image.open(tmp_path / "mask.png") as image:
        assert read_mask(image, 40, 60).names == {0: "fog", 3: "ice"}


def test_a_region_map_keeps_the_names_of_what_occurs() -> None:
    assert read_mask(RegionMap(LABELS, {0: "sky", 3: "sea", 9: "none"}), 40, 60).names == {0: "sky", 3: "sea"}


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (LABELS.astype(np.float32), r"labels \(H, W\) of integers or bool.*found an array \(40, 60\) float32"),
        (np.zeros((40, 60, 4), np.uint8), r"found an array \(40, 60, 4\) uint8"),
        (np.zeros((40, 60, 3), np.uint16), r"found an array \(40, 60, 3\) uint16"),
        (np.zeros((40, 60, 1), np.int64), r"found an array \(40, 60, 1\) int64"),
        (np.zeros((0, 60), np.uint8), r"found an array \(0, 60\)"),
        (np.where(LABELS == 3, -1, 0), "labels from 0 to 254, or 255 for no region, found -1 at row 20, column 0"),
        (np.where(LABELS == 3, 256, 0), "found 256 at row 20, column 0"),
        (LABELS.T, r"the mask: .*the photo's proportions, found 40 x 60 px for a photo of 60 x 40 px"),
        (RegionMap(LABELS.T.copy(), {0: "a", 3: "b"}), "found 40 x 60 px"),
        (np.full((40, 60, 3), (255, 128, 0), np.uint8), "the mask: .*nine colours"),
        (Image.new("I", (60, 40)), "found an image of mode I"),
        (Image.new("L", (60, 40), 77), "found 77 at row 0"),
        (LABELS.tolist(), "a path, an array, a PIL image or a RegionMap, found a list"),
    ],
)
def test_what_is_no_mask_is_refused(mask: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_mask(mask, 40, 60)
