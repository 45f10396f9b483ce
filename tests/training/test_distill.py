from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from photostyle.encoders.encoder_file import load_encoder
from photostyle.encoders.vgg import CONVOLUTIONS, LAYERS, Encoder
from photostyle.training import distill

QUICK = replace(distill.DistillRecipe(), layer_steps=2, steps=2, batch=4, crop=64)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(21):
        small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        small.resize((64, 48), Image.Resampling.BICUBIC).save(folder / f"made_{index:02}.jpg")
    small.save(folder / "webcam_00.jpg")
    return folder


@pytest.fixture
def reference_file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    encoder = Encoder((6,) * 13)
    for name in CONVOLUTIONS:
        torch.nn.init.kaiming_normal_(encoder.convolution(name).weight, nonlinearity="relu")
    tensors = {key: value for key, value in encoder.state_dict().items() if key.startswith("conv")}
    tensors |= {"preprocess.weight": torch.randn(3, 3, 1, 1), "preprocess.bias": torch.randn(3)}
    save_file(tensors, tmp_path / "reference.safetensors")
    return tmp_path / "reference.safetensors"


def test_every_tenth_photo_is_kept_out(photos: Path) -> None:
    kept, seen = (distill.photo_files(photos, ("webcam_",), held_out=held) for held in (True, False))
    assert [path.stem for path in kept] == ["made_00", "made_10", "made_20"]
    assert len(seen) == 18 and not set(kept) & set(seen)


def test_the_references_first_convolution_takes_in_the_one_before(reference_file: Path) -> None:
    from safetensors.torch import load_file
    from torch.nn import functional

    tensors = load_file(reference_file)
    image = torch.rand(1, 3, 32, 40)
    mixed = functional.conv2d(image, tensors["preprocess.weight"], tensors["preprocess.bias"])
    padded = functional.pad(mixed, (1, 1, 1, 1), mode="reflect")
    expected = functional.conv2d(padded, tensors["conv1_1.weight"], tensors["conv1_1.bias"]).relu()
    torch.testing.assert_close(distill.load_reference(reference_file)(image, ["relu1_1"])["relu1_1"], expected)


def test_unexplained_is_a_share_of_the_variance() -> None:
    target = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) + 5
    mean = target.mean((0, 2, 3), keepdim=True)
    assert float(distill.unexplained(target, target)) == 0
    assert float(distill.unexplained(mean.expand_as(target), target)) == pytest.approx(1, rel=1e-5)
    assert float(distill.unexplained((mean + target) / 2, target)) == pytest.approx(0.25, rel=1e-5)


def test_a_prepared_head_explains(photos: Path, reference_file: Path) -> None:
    torch.manual_seed(0)
    reference = distill.load_reference(reference_file)
    student = distill.Student(reference).requires_grad_(False)
    image = next(distill.batches(sorted(photos.glob("made*")), QUICK))
    for layer in ("relu1_1", "relu1_2", "relu2_1"):
        target = reference(image, [layer])
        student.prepare(layer, image, target[layer])
        assert float(student.errors(image, target)[layer]) < 0.5, layer


def test_folding_keeps_the_trained_function(photos: Path, reference_file: Path) -> None:
    torch.manual_seed(0)
    reference = distill.load_reference(reference_file)
    data = distill.batches(sorted(photos.glob("made*")), QUICK)
    student = distill.Student(reference)
    distill.fit(student, reference, data, LAYERS, dict.fromkeys(LAYERS, 1.0), rate=0.05, steps=3, settle=0.7)
    student.eval()
    image = next(data)
    with torch.no_grad():
        expected = student.encoder(image, LAYERS)
        encoder = student.fold()
        folded = encoder(image, LAYERS)
    for layer in LAYERS:
        torch.testing.assert_close(folded[layer], expected[layer], rtol=1e-4, atol=1e-4)
    assert not any(convolution._forward_hooks for convolution in map(encoder.convolution, CONVOLUTIONS))


def test_settled_normalisations_keep_their_statistics(photos: Path, reference_file: Path) -> None:
    torch.manual_seed(0)
    reference = distill.load_reference(reference_file)
    data = distill.batches(sorted(photos.glob("made*")), QUICK)
    student = distill.Student(reference)
    norm = student.norm("conv1_1")
    distill.fit(student, reference, data, ["relu1_1"], {"relu1_1": 1.0}, rate=0.05, steps=4, settle=0.0)
    assert norm.running_mean is not None and not norm.running_mean.any()
    distill.fit(student, reference, data, ["relu1_1"], {"relu1_1": 1.0}, rate=0.05, steps=4, settle=1.0)
    assert norm.running_mean.any()


@pytest.mark.slow
def test_trains_writes_and_is_judged(photos: Path, reference_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "student.safetensors"
    distill.train(photos, reference_file, output, QUICK)
    encoder = load_encoder(output)
    assert encoder.widths == distill.WIDTHS
    held_out = distill.photo_files(photos, QUICK.skip, held_out=True)
    reference = distill.load_reference(reference_file)
    explained = distill.explained_variance(encoder, reference, held_out, held_out)
    assert set(explained) == set(distill.JUDGED) <= set(LAYERS)
    assert 0.5 < explained["relu1_1"] <= 1
    same = distill.explained_variance(reference, reference, held_out, held_out)
    assert min(same.values()) > 0.99
