from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from photostyle.objective.content import ContentTerm


def test_mean_square_per_layer_summed() -> None:
    target = {"a": torch.zeros(1, 2, 3, 4), "b": torch.ones(1, 5, 2, 2)}
    feature = {"a": torch.full((1, 2, 3, 4), 2.0), "b": torch.full((1, 5, 2, 2), 4.0)}
    assert float(ContentTerm(target)(feature)) == pytest.approx(4 + 9)


def test_half_precision_is_averaged_in_float32() -> None:
    target = {"a": torch.zeros(1, 1, 256, 256, dtype=torch.bfloat16)}
    feature = {"a": torch.full((1, 1, 256, 256), 0.1, dtype=torch.bfloat16)}
    loss = ContentTerm(target)(feature)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(0.01, rel=5e-3)


def test_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(1, 2, 3, 4, generator=generator, dtype=torch.float64)
    feature = torch.rand(1, 2, 3, 4, generator=generator, dtype=torch.float64).requires_grad_(True)
    assert gradcheck(lambda x: ContentTerm({"a": target})({"a": x}), (feature,))
