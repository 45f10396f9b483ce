"""Functions that compute with NumPy arrays and with PyTorch tensors alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array", NDArray[np.float32], NDArray[np.float64], "Tensor")
"""An array of NumPy or PyTorch. What a function returns is of the same kind and dtype, and on the same device."""


def namespace(array: NDArray[Any] | Tensor) -> Any:
    """The module with the functions for an array: `numpy` or `torch`.

    Use functions whose names and first arguments agree in both, as those of the Python array API standard do.
    """
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch
