"""Sparse matrices of scipy as tensors, and their products."""

from __future__ import annotations

import warnings

import torch
from scipy.sparse import csr_array, csr_matrix
from torch import Tensor


def csr_tensor(
    matrix: csr_array | csr_matrix, device: torch.device | str, dtype: torch.dtype = torch.float32
) -> Tensor:
    """The matrix as a CSR tensor, on the CPU where the device is MPS, which has neither CSR matrices nor float64.

    Args:
        matrix: `(M, N)` CSR, columns sorted within a row. Its 32-bit indices are kept: with 64 the product takes 1.7
            times as long on the CPU.
        dtype: of the values.
    """
    place = torch.device("cpu" if torch.device(device).type == "mps" else device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr).to(place),
            torch.from_numpy(matrix.indices).to(place),
            torch.from_numpy(matrix.data).to(place, dtype),
            size=matrix.shape,
            check_invariants=True,
        )


def product(matrix: Tensor, columns: Tensor) -> Tensor:
    """`(M, N)` CSR times `(N, C)`: `(M, C)`, on the device of the columns."""
    result: Tensor = matrix @ columns.to(matrix.device)
    return result.to(columns.device)
