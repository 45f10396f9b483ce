from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from segmentation.network import Network
from segmentation.segmenter import SHIPPED, Segmenter, save_network


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return Network().eval()


def test_a_logit_for_every_class_at_a_quarter_of_the_size(network: Network) -> None:
    assert network(torch.rand(1, 3, 96, 64)).shape == (1, 10, 24, 16)


@pytest.mark.parametrize("size", [(32, 64), (100, 64)])
def test_other_sizes_are_refused(network: Network, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        network(torch.rand(1, 3, *size))


def test_probabilities_keep_the_photos_proportions(network: Network) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    chances = Segmenter(network).probabilities(photo, size=192)
    assert chances.shape == (10, 32, 48) and chances.dtype == np.float32
    np.testing.assert_allclose(chances.sum(0), 1, atol=1e-5)


def test_a_mirrored_photo_has_mirrored_probabilities(network: Network) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    segmenter = Segmenter(network)
    there, back = (segmenter.probabilities(p, size=96) for p in (photo, np.ascontiguousarray(photo[:, ::-1])))
    np.testing.assert_allclose(there, back[:, :, ::-1], atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (3000, 2, 3)])
def test_any_shape_of_photo(network: Network, shape: tuple[int, int, int]) -> None:
    chances = Segmenter(network).probabilities(np.zeros(shape, np.uint8), size=128)
    assert np.isfinite(chances).all()


def test_what_is_no_photo_is_refused(network: Network) -> None:
    for wrong in (np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            Segmenter(network).probabilities(wrong)


def test_written_and_read_again(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    digest = save_network(path, network, training="{}")
    assert len(digest) == 64 and path.stat().st_size <= 12e6
    photo = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    before, after = (s.probabilities(photo, size=96) for s in (Segmenter(network), Segmenter.load(path)))
    np.testing.assert_allclose(before, after, atol=0.01)


def test_the_network_that_ships_is_small() -> None:
    assert SHIPPED.stat().st_size <= 12e6
