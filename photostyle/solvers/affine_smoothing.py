"""The last step of the authors' program: the output as a smoothly varying affine map of the content.

This step is in the program published with Luan, Paris, Shechtman and Bala, "Deep Photo Style Transfer", CVPR 2017, and
not in the paper. It fits an affine map from the content's colours to the output's colours around each pixel. It
averages the maps over a wide square, where the content's colours are similar. Then it applies them to the content.
Noise from the solver disappears, and the content's edges stay.

The average is bilateral (Tomasi and Manduchi, "Bilateral Filtering for Gray and Color Images", ICCV 1998). It is exact:
no shift is left out. For a tile of pixels p and all their neighbours q the weights are one matrix,

    w_pq = exp(-|p - q|^2 / (2 s1^2)  +  (2 I_p . I_q - |I_p|^2 - |I_q|^2) / (6 s2^2)) ,

so that a product of thin matrices, an exponential and another product replace 961 shifts. Colours are measured from
their mean in the tile, because otherwise the squares would cancel. Float32 then rounds a weight by less than 1e-3 of
its value in a tile with both black and white, and by far less in other tiles.

Departures from the authors' program:

1. They invert the 4x4 normal matrix, and use zeros where its determinant is below 1e-9. With the ridge the system
   always has a solution, so here it is always solved.
2. The result is clipped to [0, 1].
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from photostyle.photo.icc import SRGB, Profile

# A tile's side in pixels and the tiles at a time: 16 x 64 x 38^2 float32 weights at radius 15, 6 MB.
_TILE = 8
_BATCH = 16
# Exponents below are raised to it: e^-80 is nothing beside the pixel's own weight of 1, and not yet a denormal
# number, with which the arithmetic would take more than twice as long.
_LEAST_EXPONENT = -80.0
# A quarter of an 8-bit level. At half of it float32 rounds a weight by a tenth, and at a hundredth to infinity.
_LEAST_EDGE = 1e-3
# Rows at a time where maps are fitted and applied, to bound the memory.
_ROWS = 64

Pixels = NDArray[np.float32]


def smooth_local_affine(
    output: Pixels, content: Pixels, *, radius: int = 15, edge: float = 0.01, ridge: float = 1e-3
) -> Pixels:
    """The content under a smoothly varying affine map of its colours, in place of `output`.

    Arguments and errors: see `smooth_maps`.

    Returns:
        `(H, W, 3)` float32, sRGB-encoded, [0, 1].
    """
    return apply_maps(smooth_maps(output, content, radius=radius, edge=edge, ridge=ridge), content)


def smooth_maps(
    output: Pixels, content: Pixels, *, radius: int = 15, edge: float = 0.01, ridge: float = 1e-3
) -> NDArray[np.float32]:
    """The affine map of each pixel from the content's colours to the output's, averaged over its neighbourhood.

    Args:
        output: `(H, W, 3)` float32, sRGB-encoded, [0, 1]: the solver's result for `content`.
        content: `(H, W, 3)` float32, sRGB-encoded, [0, 1].
        radius: half the side of the square that maps are averaged over, in pixels. The spatial sigma s1 is a third of
            it. The default is the authors'.
        edge: sigma s2 of a colour difference (root mean square over RGB), for colours in [0, 1]. The default is the
            authors'. Values below 0.001, a quarter of an 8-bit level, count as 0.001.
        ridge: is added to the three colour entries on the diagonal of each window's normal matrix (sums over the
            window, not means), in squared colour. The default is the authors'.

    Returns:
        `(12, H, W)` float32: red, green and blue of the output for one unit of red, for one unit of green, for one unit
        of blue, and the constant.

    Raises:
        ValueError: the photos have another shape or dtype, different sizes, or numbers that are not finite; the radius
            is below 1; edge or ridge is not positive.
    """
    for name, photo in (("output", output), ("content", content)):
        _check(name, photo)
    if output.shape != content.shape:
        raise ValueError(f"expected output and content of one size, found {output.shape} and {content.shape}")
    if radius < 1 or not edge > 0 or not ridge > 0:
        raise ValueError(f"expected radius >= 1, edge > 0, ridge > 0, found {radius}, {edge}, {ridge}")
    guide = _planes(content)
    return _bilateral_mean(_local_maps(guide, _planes(output), ridge), guide, radius, max(edge, _LEAST_EDGE)).numpy()


def apply_maps(maps: NDArray[np.float32], photo: Pixels, profile: Profile = SRGB) -> Pixels:
    """Applies each pixel's affine map to its colour. Maps of another size are interpolated linearly.

    The part of a colour outside sRGB is added unchanged. Where the photo is flat, a map is almost a constant and would
    lose that part.

    Args:
        maps: `(12, h, w)` float32, as `smooth_maps` makes them.
        photo: `(H, W, 3)` float32, encoded in the colour space of `profile`, [0, 1]: the photo that the maps were made
            for, at any size.

    Returns:
        `(H, W, 3)` float32, encoded in the colour space of `profile`, clipped to [0, 1].

    Raises:
        ValueError: the maps or the photo have another shape or dtype, or the photo has numbers that are not finite.
    """
    _check("photo", photo)
    if maps.ndim != 3 or maps.shape[0] != 12 or maps.dtype != np.float32:
        raise ValueError(f"expected maps of (12, h, w) float32, found {maps.shape} {maps.dtype}")
    coarse = torch.from_numpy(maps)
    height, width = photo.shape[:2]
    centres = (torch.arange(height) + 0.5) * (coarse.shape[1] / height) - 0.5
    centres.clamp_(0, coarse.shape[1] - 1)
    result = np.empty_like(photo, order="C")
    for rows in (slice(top, top + _ROWS) for top in range(0, height, _ROWS)):
        above = centres[rows].long()
        below = (above + 1).clamp(max=coarse.shape[1] - 1)
        part = torch.lerp(coarse[:, above], coarse[:, below], (centres[rows] - above)[:, None])
        fine = functional.interpolate(part[None], size=(len(above), width), mode="bilinear")[0].reshape(4, 3, -1, width)
        wide = profile.to_srgb(photo[rows])
        held = np.clip(wide, 0, 1)
        colours = ((fine[:3] * _planes(held)[:, None]).sum(dim=0) + fine[3]).permute(1, 2, 0).numpy() + (wide - held)
        np.clip(profile.from_srgb(colours), 0, 1, out=result[rows])
    return result


def _check(name: str, photo: Pixels) -> None:
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.float32:
        raise ValueError(f"{name}: expected (H, W, 3) float32, found {photo.shape} {photo.dtype}")
    if not np.isfinite(photo).all():
        raise ValueError(f"{name}: expected finite colours, found NaN or infinity")


def _planes(photo: Pixels) -> Tensor:
    """`(H, W, 3)` as a tensor `(3, H, W)`."""
    return torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1)))


def _local_maps(content: Tensor, output: Tensor, ridge: float) -> Tensor:
    """Least-squares affine map from `content` to `output` in the 3x3 window around each pixel.

    The windows are clipped at the photo's border. With x = (R, G, B, 1) of the content and y the output's RGB, the
    map solves (sum x x^T + ridge diag(1, 1, 1, 0)) m = sum x y^T, in float64.

    Args:
        content, output: `(3, H, W)` float32.

    Returns:
        `(12, H, W)` float32: the 4x3 matrix m of each pixel, row by row.
    """
    _, height, width = content.shape
    damping = ridge * torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64))
    maps = torch.empty(12, height, width)
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        with_halo = slice(max(top - 1, 0), bottom + 1)
        x = torch.cat([content[:, with_halo], torch.ones_like(content[:1, with_halo])]).double()
        y = output[:, with_halo].double()
        products = (x[:, None] * torch.cat([x, y])).flatten(0, 1)
        sums = functional.avg_pool2d(products, 3, stride=1, padding=1, divisor_override=1)
        rows = slice(top - with_halo.start, bottom - with_halo.start)
        normal = sums[:, rows].reshape(4, 7, bottom - top, width).permute(2, 3, 0, 1)
        solved = torch.linalg.solve(normal[..., :4] + damping, normal[..., 4:])
        maps[:, top:bottom] = solved.flatten(2).permute(2, 0, 1)
    return maps


def _bilateral_mean(planes: Tensor, guide: Tensor, radius: int, edge: float) -> Tensor:
    """Mean of `planes` in the square around each pixel, weighted by nearness in space and in the guide's colour.

    The squares are clipped at the photo's border.

    Args:
        planes: `(C, H, W)` float32.
        guide: `(3, H, W)` float32, [0, 1].

    Returns:
        `(C, H, W)` float32.
    """
    channels, height, width = planes.shape
    side = _TILE + 2 * radius
    tile_rows, tile_columns = math.ceil(height / _TILE), math.ceil(width / _TILE)
    margin = (
        radius, tile_columns * _TILE - width + radius,
        radius, tile_rows * _TILE - height + radius,
    )  # fmt: skip
    summed = torch.cat([planes, torch.ones_like(planes[:1])])
    values = functional.pad(summed, margin).unfold(1, side, _TILE).unfold(2, side, _TILE)
    colours = functional.pad(guide, margin).unfold(1, side, _TILE).unfold(2, side, _TILE)
    spatial = _spatial_exponents(radius)
    scale = 1 / (6 * edge**2)
    inner = slice(radius, radius + _TILE)

    means = torch.empty(channels, tile_rows, tile_columns, _TILE, _TILE)
    for row in range(tile_rows):
        for first in range(0, tile_columns, _BATCH):
            batch = slice(first, first + _BATCH)
            around = colours[:, row, batch].transpose(0, 1)
            around = around - around[:, :, inner, inner].mean(dim=(2, 3), keepdim=True)
            there = around.flatten(2)
            here = around[:, :, inner, inner].flatten(2)
            left = torch.cat([2 * scale * here, -scale * _squared(here), torch.ones_like(here[:, :1])], dim=1)
            right = torch.cat([there, torch.ones_like(there[:, :1]), -scale * _squared(there)], dim=1)
            weights = torch.baddbmm(spatial, left.transpose(1, 2), right).clamp_(min=_LEAST_EXPONENT).exp_()
            sums = torch.bmm(weights, values[:, row, batch].permute(1, 2, 3, 0).flatten(1, 2))
            mean = sums[..., :channels] / sums[..., channels:]
            means[:, row, batch] = mean.reshape(-1, _TILE, _TILE, channels).permute(3, 0, 1, 2)
    whole = means.transpose(2, 3).reshape(channels, tile_rows * _TILE, tile_columns * _TILE)
    return whole[:, :height, :width]


def _spatial_exponents(radius: int) -> Tensor:
    """`(tile pixels, neighbours)` float32: -|p - q|^2 / (2 s1^2), or -inf outside p's square."""
    side = _TILE + 2 * radius
    offsets = torch.arange(side) - radius - torch.arange(_TILE)[:, None]
    exponents = -(offsets.float() ** 2) / (2 * (radius / 3) ** 2)
    exponents[offsets.abs() > radius] = -math.inf
    return (exponents[:, None, :, None] + exponents[None, :, None, :]).reshape(_TILE**2, side**2)


def _squared(colours: Tensor) -> Tensor:
    """`(tiles, 1, pixels)`: squared length of each colour of `(tiles, 3, pixels)`."""
    return (colours**2).sum(dim=1, keepdim=True)
