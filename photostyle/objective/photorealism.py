"""The photorealism term: how far the output is from a locally affine map of the content's colours.

Luan, Paris, Shechtman and Bala, "Deep Photo Style Transfer", CVPR 2017, equation 2:

    L_m = sum_{k in RGB} V_k[O]^T M_I V_k[O] ,    dL_m / dV_k[O] = 2 M_I V_k[O]

with V_k[O] the N colours of channel k and M_I the Matting Laplacian of the content. The gradient is computed by this
formula, as in the paper, so that one sparse product gives both the value and the gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from scipy.sparse import csr_array, csr_matrix
from torch import Tensor
from torch.autograd.function import once_differentiable

from photostyle.compute.sparse import csr_tensor, product


class PhotorealismTerm:
    """L_m of an image, differentiable once.

    Args:
        laplacian: `(N, N)` CSR, symmetric, rows summing to 0; pixels in row-major order.
        device: the device of the images. For MPS, which has neither CSR matrices nor float64, the matrix stays on the
            CPU, and the colours are copied there and back.
        dtype: dtype of the images, float32 or float64.

    Raises:
        ValueError: the matrix is not square, or the dtype is another one.
    """

    def __init__(
        self,
        laplacian: csr_array | csr_matrix,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        rows, columns = laplacian.shape
        if rows != columns:
            raise ValueError(f"expected a square matrix, found {rows} x {columns}")
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"expected float32 or float64, found {dtype}")
        self._matrix = csr_tensor(laplacian, device, dtype)

    def __call__(self, image: Tensor) -> Tensor:
        """L_m, a scalar of the image's dtype.

        Args:
            image: `(3, H, W)` or `(1, 3, H, W)` with H W = N, RGB, sRGB-encoded, [0, 1], with the device and dtype
                that were given to the constructor.

        Raises:
            ValueError: the image has another shape, number of pixels or dtype.
        """
        pixels = self._matrix.shape[0]
        planes = image[0] if image.ndim == 4 and image.shape[0] == 1 else image
        if planes.ndim != 3 or planes.shape[0] != 3 or planes[0].numel() != pixels:
            raise ValueError(f"expected (3, H, W) or (1, 3, H, W) of {pixels} pixels, found {tuple(image.shape)}")
        if image.dtype != self._matrix.dtype:
            raise ValueError(f"expected {self._matrix.dtype}, found {image.dtype}")
        value: Tensor = _QuadraticForm.apply(planes.flatten(1).T, self._matrix)
        return value


class _QuadraticForm(torch.autograd.Function):
    """Sum over the columns v of `(N, 3)` of v^T M v, for a symmetric M whose rows sum to 0."""

    @staticmethod
    def forward(ctx: Any, columns: Tensor, matrix: Tensor) -> Tensor:
        # M maps constants to 0. Subtracting the mean changes only how much float32 has to round.
        centred = (columns - columns.mean(dim=0)).to(matrix.device)
        changed = product(matrix, centred)
        ctx.save_for_backward(changed.to(columns.device))
        return (centred.double() * changed.double()).sum().to(columns.dtype).to(columns.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        (changed,) = ctx.saved_tensors
        return 2 * upstream * changed, None
