from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array, random_array

from photostyle.compute.sparse import csr_tensor, product


def test_product_is_that_of_scipy() -> None:
    matrix = csr_array(random_array((7, 5), density=0.4, random_state=0).astype(np.float32))
    columns = np.random.default_rng(1).random((5, 3), np.float32)
    np.testing.assert_allclose(
        product(csr_tensor(matrix, "cpu"), torch.from_numpy(columns)).numpy(), matrix @ columns, rtol=1e-6
    )


def test_a_matrix_of_zeros_alone() -> None:
    assert not product(csr_tensor(csr_array((7, 5), dtype=np.float32), "cpu"), torch.ones(5, 3)).any()
