from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from segmentation.training.network import BINS, Network, means_of_cells


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


@pytest.mark.parametrize("size", [(2, 2), (5, 7), (16, 11), (6, 12)])
def test_means_of_cells_are_those_of_adaptive_pooling(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for cells in BINS:
        torch.testing.assert_close(means_of_cells(x, cells), functional.adaptive_avg_pool2d(x, cells))
