from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from segmentation import hub
from segmentation.labels import CLASSES
from segmentation.segmenter import NetworkError

smp = pytest.importorskip("segmentation_models_pytorch", reason="pip install photostyle[hub]")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of ADE20K's 150 classes, as its owner would save it."""
    folder = tmp_path_factory.mktemp("hub") / "segmenter"
    network = smp.Segformer("resnet18", encoder_weights=None, classes=150, decoder_segmentation_channels=16)
    network.save_pretrained(str(folder))
    return folder


def test_every_one_of_the_150_classes_counts_for_one_of_ours() -> None:
    table = hub.merged(150)
    assert table.shape == (10, 150)
    np.testing.assert_array_equal(table.sum(0), 1)
    names = [entry.partition("=")[0] for entry in hub.ADE20K.split()]
    assert max(Counter(names).values()) == 1
    ours = [label.name for label in CLASSES]
    by_name = {name: ours[int(table[:, index].argmax())] for index, name in enumerate(names)}
    assert {by_name[name] for name in ("water", "sea", "river", "lake", "waterfall")} == {"water"}
    assert [by_name[name] for name in ("sky", "skyscraper", "tree", "hill", "sidewalk", "bus", "person", "animal")] == [
        "sky", "building", "vegetation", "mountain", "ground", "vehicle", "person", "animal",
    ]  # fmt: skip


def test_networks_of_other_classes_are_refused() -> None:
    np.testing.assert_array_equal(hub.merged(10), np.eye(10))
    with pytest.raises(ValueError, match="150"):
        hub.merged(21)


def test_a_saved_network_is_loaded_and_asked(checkpoint: Path) -> None:
    segmenter = hub.HubSegmenter.load(str(checkpoint))
    photo = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    chances = segmenter.probabilities(photo, size=96)
    assert chances.shape[0] == 10 and chances.dtype == np.float32
    np.testing.assert_allclose(chances.sum(0), 1, atol=1e-5)
    assert segmenter.names[3] == "water"
    with pytest.raises(ValueError, match="uint8"):
        segmenter.probabilities(photo.astype(np.float32))


def test_a_folder_without_the_files_says_which(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"config\.json"):
        hub.HubSegmenter.load(str(tmp_path))


def test_no_network_says_what_to_fetch_and_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(NetworkError) as caught:
        hub.HubSegmenter.load("smp-hub/segformer-b2-512x512-ade-160k")
    assert "huggingface.co/smp-hub/segformer-b2-512x512-ade-160k" in str(caught.value)
    assert "config.json and model.safetensors" in str(caught.value)
