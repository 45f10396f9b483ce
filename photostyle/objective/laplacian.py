"""The Matting Laplacian of a photo.

Levin, Lischinski and Weiss, "A Closed-Form Solution to Natural Image Matting", IEEE PAMI 30(2), 2008, equation 12:

    M_ij = sum_{k | i, j in w_k}  delta_ij - 1/|w_k| (1 + (I_i - mu_k)^T (Sigma_k + eps/|w_k| E_3)^-1 (I_j - mu_k))

The windows w_k are all squares inside the photo. A pixel shares windows only with near neighbours, so M is a fixed
stencil: one plane of numbers for each neighbour. The planes are summed in strips that fit in the cache, and only for
one of each pair of opposite neighbours. The CSR matrix is then written from the planes in one pass.

Departures from the equation, in arithmetic only:

1. Sigma_k is neither formed nor inverted. With S = |w_k| Sigma_k + eps E_3 the last term is c_i^T S^-1 c_j. Stack
   sqrt(eps) E_3 below the window's centred colours: the rows of an orthonormal basis of that matrix have these
   products. Squaring the colours first would lose half the digits in grey windows, whose Sigma_k has rank one.
2. The diagonal is computed as minus the sum of the rest of its row. It is the same number, and the row sums stay zero.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

# Windows a strip: their 27 centred colours of 8 bytes then stay near the 1 MiB of a core's second-level cache (measured
# at 1 megapixel: 2048 to 16384 differ by a sixth, 1024 takes a third longer).
_STRIP = 4096


def matting_laplacian(
    image: NDArray[np.floating],
    epsilon: float = 1e-7,
    radius: int = 1,
    labels: NDArray[np.integer] | None = None,
) -> csr_array:
    """The matrix M. Its quadratic form measures how far a plane is from a locally affine map of the photo's colours.

    Args:
        image: `(H, W, 3)` float32 or float64, RGB, sRGB-encoded, [0, 1].
        epsilon: weight of the size of the affine map against its fit, in squared colour. The default is the one of
            Levin and of Luan et al. 2017.
        radius: radius of the windows in pixels. 1, the default, gives the 3x3 windows of both papers.
        labels: `(H, W)`, the region of every pixel. Windows with pixels of several regions are then left out, so that
            pale towers may become dark while the pale sky behind them stays bright. By default all windows count.

    Returns:
        `(N, N)` CSR float64 with N = H W, pixels in row-major order, column indices sorted within a row, and an
        entry for every pair of pixels within 2 `radius` rows and columns. Symmetric, positive semi-definite, row
        sums 0.

    Raises:
        ValueError: the image has another shape or dtype, has numbers that are not finite, or is smaller than one
            window; epsilon is not positive and finite; the radius is below 1; the labels have another size.
    """
    colours = _checked(image, epsilon, radius)
    offsets = _half_stencil(radius)
    counted = None if labels is None else _of_one_region(labels, image.shape[:2], 2 * radius + 1)
    planes = _pair_planes(colours, epsilon, radius, offsets, counted)
    return _assemble(planes, offsets, radius, colours.shape[1:])


def _checked(image: NDArray[np.floating], epsilon: float, radius: int) -> NDArray[np.float64]:
    """The image as `(3, H, W)` float64 planes, or a ValueError."""
    if radius < 1:
        raise ValueError(f"expected a radius of 1 or more, found {radius}")
    if not (np.isfinite(epsilon) and epsilon > 0):
        raise ValueError(f"expected a positive, finite epsilon, found {epsilon}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected an image of shape (H, W, 3), found {image.shape}")
    if image.dtype not in (np.float32, np.float64):
        raise ValueError(f"expected a float32 or float64 image in [0, 1], found {image.dtype}")
    size = 2 * radius + 1
    if min(image.shape[:2]) < size:
        raise ValueError(f"expected an image of at least {size}x{size} pixels, found {image.shape[0]}x{image.shape[1]}")
    if not np.isfinite(image).all():
        raise ValueError("expected finite colours, found NaN or infinity")
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float64)


def _of_one_region(labels: NDArray[np.integer], shape: tuple[int, ...], size: int) -> NDArray[np.bool_]:
    """`(H - size + 1, W - size + 1)`: whether all pixels of a window have the same label."""
    if labels.shape != shape:
        raise ValueError(f"expected labels of the image's size {shape}, found {labels.shape}")
    windows = np.lib.stride_tricks.sliding_window_view(labels, (size, size))
    same: NDArray[np.bool_] = (windows == windows[:, :, :1, :1]).all((2, 3))
    return same


def _half_stencil(radius: int) -> list[tuple[int, int]]:
    """Offsets (rows, columns) to the neighbours that come later in row-major order. The other neighbours mirror
    them."""
    reach = 2 * radius
    return [(dr, dc) for dr in range(reach + 1) for dc in range(-reach, reach + 1) if (dr, dc) > (0, 0)]


def _pair_planes(
    colours: NDArray[np.float64],
    epsilon: float,
    radius: int,
    offsets: list[tuple[int, int]],
    counted: NDArray[np.bool_] | None,
) -> NDArray[np.float64]:
    """`(len(offsets), H + 4 radius, W + 4 radius)`: M_ij of each pixel i with its neighbour j at each offset.

    The planes have a margin of 2 `radius` zeros on every side, so that mirrored planes are views of them.
    """
    size, margin = 2 * radius + 1, 2 * radius
    _, height, width = colours.shape
    columns = width - size + 1
    planes = np.zeros((len(offsets), height + 2 * margin, width + 2 * margin))
    for first, rows in _strips(height - size + 1, columns):
        basis = _window_basis(colours[:, first : first + rows + size - 1], epsilon, size)
        for plane, (dr, dc) in zip(planes, offsets, strict=True):
            left, right = max(0, -dc), max(0, dc)
            here = basis[:, : size - dr, left : size - right]
            there = basis[:, dr:, right : size - left]
            products = (here * there).sum(axis=0)
            products += 1 / size**2
            if counted is not None:
                products *= counted[first : first + rows]
            for row, column in np.ndindex(products.shape[:2]):
                top, start = margin + first + row, margin + left + column
                plane[top : top + rows, start : start + columns] -= products[row, column]
    return planes


def _strips(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """First row and number of rows of each strip of about `_STRIP` windows."""
    step = max(1, _STRIP // columns)
    for first in range(0, rows, step):
        yield first, min(step, rows - first)


def _window_basis(strip: NDArray[np.float64], epsilon: float, size: int) -> NDArray[np.float64]:
    """q with q_i . q_j = c_i^T (sum_m c_m c_m^T + epsilon E_3)^-1 c_j for the centred colours c of each window.

    This is modified Gram-Schmidt over the three channels. Each channel is a vector of the window's `size`^2 numbers,
    followed by sqrt(epsilon) times a row of E_3. These last three numbers are kept as the factors r10, r20 and r21.

    Args:
        strip: `(3, rows + size - 1, W)`.

    Returns:
        `(3, size, size, rows, W - size + 1)`: channel, place in the window, window.
    """
    windows = np.lib.stride_tricks.sliding_window_view(strip, (size, size), axis=(1, 2)).transpose(0, 3, 4, 1, 2)
    centred: NDArray[np.float64] = windows - windows.mean(axis=(1, 2), keepdims=True)
    first, second, third = centred

    norm = _dot(first, first) + epsilon
    r10, r20 = _dot(first, second) / norm, _dot(first, third) / norm
    second -= r10 * first
    third -= r20 * first
    first /= np.sqrt(norm)

    norm = _dot(second, second) + epsilon * (1 + r10**2)
    r21 = (_dot(second, third) + epsilon * r10 * r20) / norm
    third -= r21 * second
    second /= np.sqrt(norm)

    third /= np.sqrt(_dot(third, third) + epsilon * (1 + r21**2 + (r20 - r21 * r10) ** 2))
    return centred


def _dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of products over the two axes of the place in the window."""
    return np.asarray((a * b).sum(axis=(0, 1)))


def _assemble(
    planes: NDArray[np.float64], offsets: list[tuple[int, int]], radius: int, shape: tuple[int, ...]
) -> csr_array:
    """The CSR matrix of the stencil, one row of the photo at a time."""
    height, width = shape
    reach = 2 * radius
    side = 2 * reach + 1
    rows_in = _neighbours_inside(height, reach)
    columns_in = _neighbours_inside(width, reach)
    entries = int(rows_in.sum()) * int(columns_in.sum())
    index = np.int32 if entries < 2**31 else np.int64
    data = np.empty(entries)
    indices = np.empty(entries, index)
    indptr = np.zeros(height * width + 1, index)
    np.cumsum(np.outer(rows_in.sum(axis=1), columns_in.sum(axis=1)).ravel(), out=indptr[1:])

    stencil = np.empty((side, side, width))
    steps = np.arange(-reach, reach + 1)
    for r in range(height):
        if r == 0 or (rows_in[r] != rows_in[r - 1]).any():
            inside = rows_in[r][None, :, None] & columns_in[:, None, :]
            kept = np.arange(side * side * width).reshape(side, side, width).transpose(2, 0, 1)[inside]
            relative = (np.arange(width)[:, None, None] + steps[:, None] * width + steps).astype(index)[inside]
        stencil[reach, reach] = 0
        for plane, (dr, dc) in zip(planes, offsets, strict=True):
            stencil[reach + dr, reach + dc] = plane[reach + r, reach : reach + width]
            stencil[reach - dr, reach - dc] = plane[reach + r - dr, reach - dc : reach - dc + width]
        stencil[reach, reach] = -stencil.sum(axis=(0, 1))
        part = slice(indptr[r * width], indptr[(r + 1) * width])
        np.take(stencil.reshape(-1), kept, out=data[part], mode="clip")
        np.add(relative, index(r * width), out=indices[part])
    return csr_array((data, indices, indptr), shape=(height * width, height * width))


def _neighbours_inside(length: int, reach: int) -> NDArray[np.bool_]:
    """`(length, 2 reach + 1)`: whether the neighbour at each offset along one axis lies in the photo."""
    at = np.arange(length)[:, None] + np.arange(-reach, reach + 1)
    return (at >= 0) & (at < length)
