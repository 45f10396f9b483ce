from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segmentation.segmenter import Segmenter
from segmentation.training import samples, train
from segmentation.training.network import Network
from segmentation.training.network_file import load_network
from segmentation.training.trunk import start_from
from tests.segmentation.weights import trunk_state


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


def test_the_mean_of_two_networks_is_halfway_in_every_weight() -> None:
    torch.manual_seed(0)
    first, second = Network(), Network()
    mean = train.mean_of(first, second).state_dict()
    for key, value in second.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(mean[key], (first.state_dict()[key] + value) / 2)
    assert not torch.equal(mean["stem.weight"], second.stem.weight)


@pytest.mark.slow
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

    assert [sample.subject for sample in samples.subjects(data)] == [3, 8, 254]
    known, held = samples.labelled(data)
    assert len(held) == 4 and not {s.image for s in known} & {s.image for s in held}
    (scene,) = samples.rendered(renders, held_out=True)
    assert scene.image.parent.name == "lake_3" and np.asarray(samples.read(scene)[1]).min() == 255

    torch.manual_seed(1)
    torch.save(trunk_state(Network()), tmp_path / "trunk.pth")
    recipe = train.SegmenterRecipe(steps=2, second_steps=2, third_steps=2, batch=2, crop=64)
    output = tmp_path / "network.onnx"
    train.train(data, renders, tmp_path / "trunk.pth", output, recipe)
    written, started = load_network(output), Network()
    start_from(started, tmp_path / "trunk.pth")
    torch.testing.assert_close(written.stem.weight, started.stem.weight, atol=1e-3, rtol=1e-3)
    assert Segmenter.load(output).probabilities(np.zeros((64, 64, 3), np.uint8)).shape[0] == 10

    again = tmp_path / "again.onnx"
    train.train(data, renders, output, again, recipe)
    first, second = (load_network(path).fuse[0].weight.detach() for path in (output, again))
    assert 0 < float((first - second).abs().max()) < 0.01  # went on from the file's weights


def test_consistency_is_least_where_the_network_sees_what_the_teacher_is_sure_of() -> None:
    taught = torch.full((1, 10, 4, 4), 0.02)
    taught[:, 3] = 0.82
    taught[:, :, 2:] = 0.1  # not sure
    logits = taught.log()
    elsewhere = logits.clone()
    elsewhere[:, :, 2:] = torch.randn(1, 10, 2, 4)
    wrong = logits.roll(1, 1)
    same, unsure, worse = (float(train.consistency(each, taught)) for each in (logits, elsewhere, wrong))
    assert same == pytest.approx(unsure) and worse > same + 1
    assert float(train.consistency(logits, torch.full_like(taught, 0.1))) == 0
