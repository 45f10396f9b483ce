from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from segmentation.segmenter import SHIPPED, Segmenter
from segmentation.training.network import Network
from segmentation.training.network_file import load_network, save_network, segmenter_of

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


@pytest.mark.parametrize("name", ["city", "sunset"])
@pytest.mark.parametrize("size", [224, 512])
def test_onnx_runtime_computes_what_the_module_computes(name: str, size: int) -> None:
    """The largest difference is 2.0e-6 over these photos and those of `photostyle/encoders/calibration`."""
    photo = np.array(Image.open(SAMPLES / f"{name}.jpg"))
    found, expected = (
        each.probabilities(photo, size=size) for each in (Segmenter.load(), segmenter_of(load_network(SHIPPED)))
    )
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
    np.testing.assert_array_equal(found.argmax(0), expected.argmax(0))


def test_the_file_that_ships_needs_no_other_file_and_names_no_folder() -> None:
    model = onnx.load(SHIPPED, load_external_data=False)
    onnx.checker.check_model(model)
    assert all(weight.data_location == onnx.TensorProto.DEFAULT for weight in model.graph.initializer)
    assert b"site-packages" not in SHIPPED.read_bytes()
    assert [entry.key for entry in model.metadata_props] == ["training"]


@pytest.mark.slow
def test_written_and_read_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, path = Network().eval(), tmp_path / "network.onnx"
    assert len(save_network(path, network, training="{}")) == 64
    for key, value in load_network(path).state_dict().items():
        torch.testing.assert_close(value, network.state_dict()[key], atol=1e-3, rtol=1e-3)
    photo = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    before, after = (s.probabilities(photo, size=96) for s in (segmenter_of(network), Segmenter.load(path)))
    np.testing.assert_allclose(before, after, atol=0.01)


def test_something_else_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(SHIPPED.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"network\.onnx: expected a network that save_network wrote"):
        load_network(path)
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], [])), path)
    with pytest.raises(ValueError, match=r"stem\.weight"):
        load_network(path)
