"""Sparse matrices of scipy as tensors, and their products."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix
from torch import Tensor

from photostyle.compute.library_warnings import recorded_warnings


def csr_tensor(
    matrix: csr_array | csr_matrix, device: torch.device | str, dtype: torch.dtype = torch.float32
) -> Tensor:
    """The matrix as a CSR tensor on the device. For MPS, which has neither CSR matrices nor float64, it is on the CPU.

    Args:
        matrix: `(M, N)` CSR, with sorted columns in each row. Its 32-bit indices are kept: with 64 bits the product
            takes 1.7 times as long on the CPU.
        dtype: the dtype of the values.
    """
    place = torch.device("cpu" if torch.device(device).type == "mps" else device)
    with recorded_warnings():  # that CSR tensors are in beta
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr).to(place),
            _vector(matrix.indices).to(place),
            _vector(matrix.data).to(place, dtype),
            size=matrix.shape,
            check_invariants=True,
        )


def _vector(values: NDArray[Any]) -> Tensor:
    """`(N,)` without a copy. An empty array is replaced: NumPy gives it a stride of 0, which torch 2.4 refuses."""
    tensor = torch.from_numpy(values)
    return tensor if len(values) else torch.empty(0, dtype=tensor.dtype)


def product(matrix: Tensor, columns: Tensor) -> Tensor:
    """`(M, N)` CSR times `(N, C)`: `(M, C)`, on the device of the columns."""
    result: Tensor = matrix @ columns.to(matrix.device)
    return result.to(columns.device)
