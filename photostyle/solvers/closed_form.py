"""The closed form: each region's colours carried onto its counterparts' by optimal transport, at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA

NOISE = (1.5 / 255) ** 2
"""Variance of colour taken for noise on either side: a little more than that of rounding to 8 bits and of JPEG."""
LEAST_GAIN, MOST_GAIN = 0.15, 3.0
"""Of contrast along any direction of colour: less is grey, more blows up noise and JPEG's blocks (our choice)."""
KNOTS = 65
"""Of the curve of lightness."""
QUANTILES = 96
BLUR = 3.0
"""Standard deviation of the Gaussian that smooths the curve, in knots."""
SETTLED = 1e-9
"""Relative change of a barycentre under which it is found."""
MOST_ROUNDS = 100
"""Of its iteration, which settles within some ten for covariances of photos."""

StyleTarget = tuple[float, NDArray[np.floating], NDArray[np.floating]]
"""A share of the whole, [0, 1], of a style photo `(H, W, 3)`, sRGB-encoded, [0, 1], in a mask `(H, W)`, [0, 1]."""


@dataclass(frozen=True, eq=False)
class ColourMap:
    """One region's map of colours: affine, then an offset that depends on the luma of what came out.

    Args:
        gains: `(3, 3) float64`; offset: `(3,) float64`: colour v goes to gains v + offset.
        lift: `(KNOTS,) float64`: what is added to all three channels, at equally spaced lumas from 0 to 1.
    """

    gains: NDArray[np.float64]
    offset: NDArray[np.float64]
    lift: NDArray[np.float64]

    def affine(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """Colours `(..., 3)`, sRGB-encoded, [0, 1], through the affine map alone."""
        mapped: NDArray[np.float64] = pixels @ self.gains.T + self.offset
        return mapped

    def __call__(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """Colours `(..., 3)`, sRGB-encoded, [0, 1]; of the result some may lie outside, see `bilateral.shoulder`."""
        mapped = self.affine(pixels)
        lumas = mapped @ LUMA
        lift = np.interp(lumas, np.linspace(0, 1, KNOTS), self.lift)
        result: NDArray[np.float64] = mapped + lift[..., None]
        return result


def fit(
    content: NDArray[np.floating],
    content_mask: NDArray[np.floating],
    styles: Sequence[StyleTarget],
    *,
    lightness: float,
) -> ColourMap:
    """The map from one region's colours to those of its counterparts, or between them.

    Linear optimal transport between Gaussian distributions of the same means and covariances, as Pitié and Kokaram,
    "The Linear Monge-Kantorovitch Linear Colour Mapping for Example-Based Colour Transfer", CVMP 2007; then, by
    `lightness`, the one-dimensional transport of luma, the quantiles of one onto those of the other, smoothed. Of
    several counterparts both transports lead to the Wasserstein barycentre: for the Gaussians that of the mean of
    means and of `barycentre`, for lumas that of the mean of quantiles.

    1. All covariances have `NOISE` added, and gains along every axis stay within `LEAST_GAIN` and `MOST_GAIN`.

    Args:
        content: `(H, W, 3)`, sRGB-encoded, [0, 1].
        content_mask: `(H, W)`, [0, 1], with something in it.
        styles: one or more, each with something in its mask; their shares add up to 1.
        lightness: share of the second transport that is taken, [0, 1].

    Raises:
        ValueError: a mask without a pixel.
    """
    mean, covariance = _moments(content, content_mask)
    found = [(share, *_moments(style, mask)) for share, style, mask in styles]
    wanted_mean = sum(share * own for share, own, _ in found)
    wanted = barycentre([share for share, _, _ in found], [own + NOISE * np.eye(3) for _, _, own in found])
    gains = _transport(covariance + NOISE * np.eye(3), wanted)
    lift = np.zeros(KNOTS)
    colour_map = ColourMap(gains, wanted_mean - gains @ mean, lift)
    if lightness:
        lumas = np.clip(colour_map.affine(content[content_mask > content_mask.max() / 2]) @ LUMA, 0, 1)
        wanted_lumas = [(share, style[mask > mask.max() / 2] @ LUMA) for share, style, mask in styles]
        lift += lightness * _lifted(lumas, wanted_lumas)
    return colour_map


def barycentre(shares: Sequence[float], covariances: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Covariance of the 2-Wasserstein barycentre of Gaussians: the S with S = sum_i w_i (S^1/2 C_i S^1/2)^1/2.

    Agueh and Carlier, "Barycenters in the Wasserstein Space", SIAM J. Math. Anal. 43(2), 2011, theorem 6.1, by the
    iteration of Álvarez-Esteban, del Barrio, Cuesta-Albertos and Matrán, "A fixed-point approach to barycenters in
    Wasserstein space", J. Math. Anal. Appl. 441(2), 2016, theorem 4.2, which starts here from the mean covariance:

        S <- S^-1/2 ( sum_i w_i (S^1/2 C_i S^1/2)^1/2 )^2 S^-1/2

    One covariance, or equal ones, are their own barycentre, bit for bit.

    Args:
        shares: w, above 0, adding up to 1.
        covariances: `(3, 3)` each, symmetric, positive definite.
    """
    found: NDArray[np.float64] = np.sum([share * own for share, own in zip(shares, covariances, strict=True)], axis=0)
    for _ in range(MOST_ROUNDS):
        root, inverse = _power(found, 0.5), _power(found, -0.5)
        mean = sum(share * _power(root @ own @ root, 0.5) for share, own in zip(shares, covariances, strict=True))
        closer = inverse @ mean @ mean @ inverse
        if np.abs(closer - found).max() <= SETTLED * np.abs(found).max():
            break
        found = (closer + closer.T) / 2
    return found


def _moments(
    pixels: NDArray[np.floating], mask: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean `(3,)` and covariance `(3, 3)` of the colours in a mask."""
    inside = mask > 0
    if not inside.any():
        raise ValueError("expected a mask with a pixel in it")
    colours, weights = pixels[inside].astype(np.float64), mask[inside].astype(np.float64)
    weights /= weights.sum()
    mean = weights @ colours
    centred = colours - mean
    return mean, (centred * weights[:, None]).T @ centred


def _transport(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2, its eigenvalues limited."""
    root, inverse = _power(source, 0.5), _power(source, -0.5)
    values, axes = np.linalg.eigh(inverse @ _power(root @ target @ root, 0.5) @ inverse)
    limited: NDArray[np.float64] = (axes * np.clip(values, LEAST_GAIN, MOST_GAIN)) @ axes.T
    return limited


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    values, axes = np.linalg.eigh(matrix)
    power: NDArray[np.float64] = (axes * np.maximum(values, 1e-12) ** exponent) @ axes.T
    return power


def _lifted(lumas: NDArray[np.float64], wanted: Sequence[tuple[float, NDArray[np.floating]]]) -> NDArray[np.float64]:
    """By how much each of `KNOTS` lumas is to change for quantiles to meet the mean of those wanted, each with its
    share; constant beyond the outermost."""
    from scipy import ndimage

    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    found = np.quantile(lumas, at) + 1e-5 * np.arange(QUANTILES)  # strictly rising, as interpolation wants it
    quantiles = np.sum([share * np.quantile(own, at) for share, own in wanted], axis=0)
    lift = np.interp(np.linspace(0, 1, KNOTS), found, quantiles - found)
    smooth: NDArray[np.float64] = ndimage.gaussian_filter1d(lift, BLUR, mode="nearest")
    return smooth
