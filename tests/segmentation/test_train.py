from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segmentation import train
from segmentation.augment import relit
from segmentation.network import Network
from segmentation.segmenter import Segmenter


def test_the_loss_counts_any_foreground_for_one_that_is_not_specified() -> None:
    logits = torch.full((1, 10, 1, 1), -50.0)
    logits[0, 6:, 0, 0] = 0
    none = torch.tensor([255])
    unspecified, person, sky = (
        float(train.loss_of(logits, torch.full((1, 1, 1), label), none, 0.3)) for label in (254, 7, 0)
    )
    assert unspecified == pytest.approx(0, abs=1e-5)
    assert person == pytest.approx(np.log(4), abs=1e-5)
    assert sky > 40


def test_the_loss_leaves_out_what_has_no_label() -> None:
    logits = torch.randn(1, 10, 2, 2, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[[0, 255], [255, 255]]])
    none = torch.tensor([255])
    assert float(train.loss_of(logits, labels, none, 0.3)) == pytest.approx(
        float(-logits.log_softmax(1)[0, 0, 0, 0]), rel=1e-5
    )
    assert float(train.loss_of(logits, torch.full((1, 2, 2), 255), none, 0.3)) == 0


def test_the_loss_wants_the_subject_somewhere() -> None:
    blank = torch.full((1, 8, 8), 255)
    nowhere = torch.zeros(1, 10, 8, 8)
    somewhere = nowhere.clone()
    somewhere[0, 8, :3, :3] = 20
    subject = torch.tensor([8])
    assert float(train.loss_of(somewhere, blank, subject, 0.3)) < 1e-4
    assert float(train.loss_of(nowhere, blank, subject, 0.3)) == pytest.approx(0.3 * np.log(10), rel=1e-5)


def test_crops_keep_labels_on_their_pixels_and_ignore_what_is_outside() -> None:
    columns = np.broadcast_to(np.arange(90), (60, 90))
    label = (columns // 30).astype(np.uint8)
    image = Image.fromarray(np.repeat((label * 80)[..., None], 3, 2))
    rng = np.random.default_rng(0)
    beyond = 0
    for _ in range(20):
        pixels, labels = train.random_crop(image, Image.fromarray(label), 64, rng)
        assert pixels.shape == (64, 64, 3) and labels.shape == (64, 64)
        inside = labels != 255
        beyond += int((~inside).sum())
        assert np.mean(np.abs(pixels[inside][:, 0] * 255 - labels[inside] * 80.0) < 40) > 0.9
    assert beyond > 0


def test_relit_photos_are_photos_and_differ() -> None:
    rng = np.random.default_rng(0)
    photo = rng.random((32, 48, 3), np.float32)
    look = rng.integers(0, 256, (16, 16, 3), np.uint8)
    seen = [relit(photo, look, rng) for _ in range(30)]
    for picture in seen:
        assert picture.shape == photo.shape and picture.dtype == np.float32
        assert picture.min() >= 0 and picture.max() <= 1
    assert np.std([picture.mean() for picture in seen]) > 0.05


@pytest.mark.parametrize("subject", [3, 8, 254])
def test_pseudo_labels_show_the_subject(subject: int) -> None:
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(10), (16, 16)).transpose(2, 0, 1).astype(np.float32)
    chances[0] += 2
    chances /= chances.sum(0)
    raised = train._with_subject(chances, subject)
    np.testing.assert_allclose(raised.sum(0), 1, rtol=1e-5)
    label = train._sure(raised, subject, least=0.0)
    assert np.mean(label == subject) > 0.02
    assert not np.isin(train._sure(chances, None, least=0.0), [subject]).mean() > 0.02


def test_confusion_merges_the_foreground(tmp_path: Path) -> None:
    class Seen(Segmenter):
        def probabilities(self, photo: np.ndarray, *, size: int = 512) -> np.ndarray:
            chances = np.zeros((10, *photo.shape[:2]), np.float32)
            chances[9] = 1
            return chances

    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "photo.png")
    label = np.array([[0, 6, 7, 254], [8, 9, 255, 255], [255] * 4, [255] * 4], np.uint8)
    table = train.confusion(Seen(Network()), [train.Sample(tmp_path / "photo.png", label)])
    assert table.sum() == 6
    assert table[6, 6] == 5 and table[0, 6] == 1
    assert train.figures(table)["accuracy"] == pytest.approx(5 / 6)
    assert train.figures(table)["mean IoU"] == pytest.approx((0 + 5 / 6) / 2)


def test_trains_in_two_rounds_and_writes(tmp_path: Path) -> None:
    """On pictures made here, laid out as the project's image data."""
    rng = np.random.default_rng(0)
    data, renders = tmp_path / "data", tmp_path / "rendered"
    files = []

    def made(path: Path, size: tuple[int, int] = (80, 64)) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 10, 3), np.uint8)).resize(size).save(path)

    for index in range(11):
        for source in ("stanford", "labelmefacade", "camvid"):
            image = data / f"scenes/train/images/{source}_{index}.jpg"
            made(image)
            label = data / f"scenes/train/labels/{source}_{index}.png"
            label.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 6, (64, 80), np.uint8)).save(label)
            files.append(
                {"path": str(image.relative_to(data)), "label": str(label.relative_to(data)), "source": source,
                 "split": "train", "classes": [0, 3]}
            )  # fmt: skip
    for name, extra in (("corel_0", {"topic": "beach"}), ("imagenet_n01440764_tench", {}),
                        ("imagenet_n02666196_abacus", {}), ("imagenet_n03028079_church", {})):  # fmt: skip
        made(data / f"photos/{name}.jpg")
        files.append({"path": f"photos/{name}.jpg", "source": name.split("_")[0]} | extra)
    for name in ("photos/bsds500_0.jpg", "timelapse/camera/01.jpg", "timelapse/camera/02.jpg"):
        made(data / name)
    (data / "manifest.json").write_text(json.dumps({"files": files}))
    made(renders / "scenes/lake_1/noon.jpg")
    made(renders / "scenes/lake_3/noon.jpg")
    for scene in ("lake_1", "lake_3"):
        Image.fromarray(np.full((64, 80), 4, np.uint8)).save(renders / f"scenes/{scene}/labels.png")

    assert [sample.subject for sample in train.subjects(data)] == [3, 8, 254]
    known, held = train.labelled(data)
    assert len(held) == 4 and not {s.image for s in known} & {s.image for s in held}
    (scene,) = train.rendered(renders, held_out=True)
    assert scene.image.parent.name == "lake_3" and np.asarray(train.read(scene)[1]).min() == 255

    from safetensors.torch import save_file

    trunk = Network().trunk.state_dict()
    save_file({key: value.clone() for key, value in trunk.items()}, tmp_path / "encoder.safetensors")
    recipe = train.Recipe(steps=2, second_steps=2, batch=2, crop=64)
    output = tmp_path / "network.safetensors"
    train.train(data, renders, tmp_path / "encoder.safetensors", output, recipe)
    written = Segmenter.load(output)
    first = written.network.trunk["conv1_1"]
    assert isinstance(first, torch.nn.Conv2d)
    torch.testing.assert_close(first.weight, trunk["conv1_1.weight"], atol=1e-3, rtol=1e-3)
    assert written.probabilities(np.zeros((64, 64, 3), np.uint8)).shape[0] == 10
