"""The content term: how far the features of the result are from those of the content photo."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class ContentTerm:
    """Mean squared difference of features, summed over layers: L_content as in the authors' program.

    Luan et al. 2017, equation 1 (Gatys et al. 2016, equation 1). One departure, which is the authors' own:

    1. Their program divides by the number of features, so the sum becomes a mean (paper: by 2 N_l D_l).

    Args:
        targets: features of the content photo, `{layer: (1, C, h, w)}`.
    """

    def __init__(self, targets: Mapping[str, Tensor]) -> None:
        self.targets = {layer: target.detach() for layer, target in targets.items()}

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """The term for `{layer: (1, C, h, w)}`: a scalar of the features' dtype (float32 for bfloat16)."""
        return torch.stack(
            [
                (at_least_float32(features[layer]) - at_least_float32(target)).square().mean()
                for layer, target in self.targets.items()
            ]
        ).sum()


def at_least_float32(feature: Tensor) -> Tensor:
    """Half-precision features as float32, because a mean of many needs more digits. Other features stay as they are."""
    return feature.float() if feature.dtype in (torch.bfloat16, torch.float16) else feature
