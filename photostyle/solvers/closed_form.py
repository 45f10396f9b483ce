"""The closed form: optimal transport from the colours of each region to the colours of its match in the style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.solvers.layout import NOISE, heights_of, layout_of, mean_layout
from segmentation.filters import blurred

LEAST_GAIN, MOST_GAIN = 0.15, 3.0
"""Limits of the gain along any direction of colour. Lower gains give grey; higher ones amplify noise and the blocks of
JPEG (our choice)."""
MOST_OVERALL_GAIN = 1.0
"""Limit of the gains of `fit_overall`. Contrast or saturation that the rest of the photo gains is right for its own
colours only: a lake would become neon blue (our choice)."""
KNOTS = 65
"""Number of knots of the lightness curve, at equally spaced lumas from 0 to 1."""
QUANTILES = 96
"""Number of quantiles of luma that the lightness curve is fitted to."""
BLUR = 3.0
"""Standard deviation of the Gaussian that smooths the curve, in knots."""
EVIDENCE = 2.0
"""A layout is used in full if height explains at least this reciprocal of the style's variance of colour: one half. If
it explains less, it is used in proportion."""
SETTLED = 1e-9
"""The barycentre has converged if its relative change is below this."""
MOST_ROUNDS = 100
"""Most iterations for a barycentre. About ten are enough for covariances of photos."""

StyleTarget = tuple[float, NDArray[np.floating], NDArray[np.floating]]
"""A share in [0, 1]; a style photo `(H, W, 3)`, sRGB-encoded, [0, 1]; the region's mask in it, `(H, W)`, [0, 1]."""


@dataclass(frozen=True, eq=False)
class ColourMap:
    """The map of colours of one region: an affine map, and then an offset that depends on the luma of its result.

    Args:
        gains: `(3, 3) float64`.
        offset: `(3,) float64`. The affine map of a colour v is gains v + offset.
        lift: `(KNOTS,) float64`: the value added to all three channels, at equally spaced lumas from 0 to 1.
        layout: `(H, 3) float64`: the colour added in each row of the content, or in equal steps from its top to its
            bottom. One row of zeros adds nothing.
    """

    gains: NDArray[np.float64]
    offset: NDArray[np.float64]
    lift: NDArray[np.float64]
    layout: NDArray[np.float64] = field(default_factory=lambda: np.zeros((1, 3)))

    def affine(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """The affine map of colours `(..., 3)`, sRGB-encoded, [0, 1]."""
        mapped: NDArray[np.float64] = pixels @ self.gains.T + self.offset
        return mapped

    def placed(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """The affine map and the layout of a photo `(H, W, 3)`, sRGB-encoded, [0, 1]. See `__call__`."""
        mapped = self.affine(pixels)
        return mapped + self.layout[:, None, :] if len(self.layout) > 1 else mapped

    def lifted(self, lumas: NDArray[np.float64]) -> NDArray[np.float64]:
        """The value that is added to colours of these lumas, of any shape."""
        lift: NDArray[np.float64] = np.interp(lumas, np.linspace(0, 1, KNOTS), self.lift)
        return lift

    def __call__(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """The map of a photo `(H, W, 3)`, sRGB-encoded, [0, 1]; H is the number of rows of `layout`, if it has several.

        Results may be outside [0, 1]; see `bilateral.shoulder`. Without a layout, colours `(..., 3)` will do.
        """
        mapped = self.placed(pixels)
        return mapped + self.lifted(mapped @ LUMA)[..., None]

    def in_grey(self) -> ColourMap:
        """The map to the luma of this map's colours, in all three channels."""
        weights = np.tile(LUMA, (3, 1))
        return ColourMap(weights @ self.gains, weights @ self.offset, self.lift, self.layout @ weights.T)


def fit(
    content: NDArray[np.floating],
    content_mask: NDArray[np.floating],
    styles: Sequence[StyleTarget],
    *,
    lightness: float,
    layout: float = 0.0,
) -> ColourMap:
    """The map from the colours of a region to the colours of its matches in one style or several.

    The first step is the linear optimal transport between Gaussian distributions with the same means and covariances:
    Pitié and Kokaram, "The Linear Monge-Kantorovitch Linear Colour Mapping for Example-Based Colour Transfer", CVMP
    2007. The second step is the one-dimensional transport of luma, from quantiles to quantiles, smoothed. `lightness`
    says how much of it is used. For several styles both steps lead to the Wasserstein barycentre: the mean of the means
    with `barycentre` of the covariances, and the mean of the quantiles.

    With a layout, the colours are those of height plus the rest. What height explains of the content's colours is
    replaced by what it explains of the style's, and the transport is that of the rest; see
    `photostyle.solvers.layout`.

    1. Departure: `NOISE` is added to all covariances, and gains along every axis stay within `LEAST_GAIN` and
       `MOST_GAIN`.

    Args:
        content: `(H, W, 3)`, sRGB-encoded, [0, 1].
        content_mask: `(H, W)`, [0, 1], not empty.
        styles: one or more, each with a mask that is not empty. Their shares add up to 1.
        lightness: share of the second step that is used, [0, 1].
        layout: share of the style's layout that is used, [0, 1], if height explains enough of the style's colours; see
            `EVIDENCE`.

    Raises:
        ValueError: a mask is empty.
    """
    own_rows, wanted_rows, flat, flat_styles = np.zeros((1, 3)), np.zeros((1, 3)), content, styles
    if layout:
        layouts = [layout_of(style, mask) for _, style, mask in styles]
        wanted_layout = mean_layout([share for share, _, _ in styles], layouts)
        used = layout * min(1.0, EVIDENCE * wanted_layout.explained)
        heights = heights_of(content_mask)
        own_rows = used * layout_of(content, content_mask).at(heights)
        wanted_rows = used * wanted_layout.at(heights)
        flat = content - own_rows[:, None, :]
        flat_styles = [
            (share, style - used * each.at(heights_of(mask))[:, None, :], mask)
            for (share, style, mask), each in zip(styles, layouts, strict=True)
        ]
    mean, covariance = _moments(flat, content_mask)
    wanted_mean, wanted = _wanted_moments(flat_styles)
    gains = _transport(covariance + NOISE * np.eye(3), wanted)
    lift = np.zeros(KNOTS)
    colour_map = ColourMap(gains, wanted_mean - gains @ mean, lift, wanted_rows - own_rows @ gains.T)
    if lightness:
        inside = content_mask > content_mask.max() / 2
        lumas = np.clip(colour_map.placed(content)[inside] @ LUMA, 0, 1)
        wanted_lumas = [(share, style[mask > mask.max() / 2] @ LUMA) for share, style, mask in styles]
        lift += lightness * _lifted(lumas, wanted_lumas)
    return colour_map


def fit_overall(
    content: NDArray[np.floating], regions: Sequence[tuple[NDArray[np.floating], Sequence[StyleTarget]]]
) -> ColourMap:
    """The affine map from the colours of several regions together to those of their matches together.

    It is the change of the photo as a whole: of its exposure, white balance and contrast. It is that of `fit`, without
    lightness and layout, for the union of the regions and the union of their matches, in which each match has the
    weight of its region in the content. How large a match is in a style therefore does not count. The colours that a
    region takes from several styles are their barycentre, as in `fit`.

    Args:
        content: `(H, W, 3)`, sRGB-encoded, [0, 1].
        regions: one or more; for each its mask in the content, `(H, W)`, [0, 1], not empty, and its `styles` as for
            `fit`.

    Raises:
        ValueError: a mask is empty.
    """
    masks = np.stack([mask for mask, _ in regions])
    mean, covariance = _moments(content, masks.sum(0))
    areas = masks.sum((1, 2), dtype=np.float64)
    found = [_wanted_moments(styles) for _, styles in regions]
    shares = areas / areas.sum()
    means, covariances = np.stack([own for own, _ in found]), np.stack([own for _, own in found])
    wanted_mean = shares @ means
    apart = means - wanted_mean
    wanted = np.tensordot(shares, covariances, 1) + (apart.T * shares) @ apart
    gains = _transport(covariance + NOISE * np.eye(3), wanted, MOST_OVERALL_GAIN)
    return ColourMap(gains, wanted_mean - gains @ mean, np.zeros(KNOTS))


def barycentre(shares: Sequence[float], covariances: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Covariance of the 2-Wasserstein barycentre of Gaussians: the S with S = sum_i w_i (S^1/2 C_i S^1/2)^1/2.

    Agueh and Carlier, "Barycenters in the Wasserstein Space", SIAM J. Math. Anal. 43(2), 2011, theorem 6.1. The
    iteration is from Álvarez-Esteban, del Barrio, Cuesta-Albertos and Matrán, "A fixed-point approach to barycenters in
    Wasserstein space", J. Math. Anal. Appl. 441(2), 2016, theorem 4.2. It starts here from the mean covariance:

        S <- S^-1/2 ( sum_i w_i (S^1/2 C_i S^1/2)^1/2 )^2 S^-1/2

    The barycentre of one covariance, or of equal ones, is that covariance, bit for bit.

    Args:
        shares: the weights w, above 0. They add up to 1.
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


def _wanted_moments(styles: Sequence[StyleTarget]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean `(3,)` and covariance `(3, 3)`, with `NOISE`, of the barycentre of the styles' colours."""
    found = [(share, *_moments(style, mask)) for share, style, mask in styles]
    mean = np.sum([share * own for share, own, _ in found], axis=0)
    return mean, barycentre([share for share, _, _ in found], [own + NOISE * np.eye(3) for _, _, own in found])


def _moments(
    pixels: NDArray[np.floating], mask: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean `(3,)` and covariance `(3, 3)` of the colours in a mask."""
    inside = mask > 0
    if not inside.any():
        raise ValueError("expected a mask with at least one pixel, found an empty one")
    colours, weights = pixels[inside].astype(np.float64), mask[inside].astype(np.float64)
    weights /= weights.sum()
    mean = weights @ colours
    centred = colours - mean
    return mean, (centred * weights[:, None]).T @ centred


def _transport(
    source: NDArray[np.float64], target: NDArray[np.float64], most_gain: float = MOST_GAIN
) -> NDArray[np.float64]:
    """S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2, with eigenvalues from `LEAST_GAIN` to `most_gain`."""
    root, inverse = _power(source, 0.5), _power(source, -0.5)
    values, axes = np.linalg.eigh(inverse @ _power(root @ target @ root, 0.5) @ inverse)
    limited: NDArray[np.float64] = (axes * np.clip(values, LEAST_GAIN, most_gain)) @ axes.T
    return limited


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    values, axes = np.linalg.eigh(matrix)
    power: NDArray[np.float64] = (axes * np.maximum(values, 1e-12) ** exponent) @ axes.T
    return power


def _lifted(lumas: NDArray[np.float64], wanted: Sequence[tuple[float, NDArray[np.floating]]]) -> NDArray[np.float64]:
    """The change of each of `KNOTS` lumas that moves the quantiles to the mean of the wanted quantiles, by their
    shares.

    It is constant beyond the outermost quantiles.
    """
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    found = _quantiles(lumas, at) + 1e-5 * np.arange(QUANTILES)  # strictly rising, as interpolation needs it
    quantiles = np.sum([share * _quantiles(own, at) for share, own in wanted], axis=0)
    lift = np.interp(np.linspace(0, 1, KNOTS), found, quantiles - found)
    smooth: NDArray[np.float64] = blurred(lift[None], BLUR)[0]
    return smooth


def _quantiles(values: NDArray[np.floating], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """The quantiles at some shares in [0, 1], between two values by interpolation, as `np.quantile` has them.

    That is several times slower for many quantiles of many values.
    """
    ordered = np.sort(values.astype(np.float32))
    return np.interp(at * (len(ordered) - 1), np.arange(len(ordered)), ordered)
