"""The grids of `photostyle.solvers.bilateral` applied to a photo of any size.

In a row of pixels, a grid is a small table over warmth and luma. Between four neighbouring cells (warmth w and luma y
go from 0 to 1 there) every coefficient of the affine map is p_0 + p_1 y + p_2 w + p_3 w y. A pixel takes these numbers
from the table and needs no other interpolation. Most tiles of a photo show one region only, so that masks and surfaces
need not be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.compute.tiles import COLUMNS, ROWS, for_each_tile
from photostyle.photo.icc import SRGB, Profile
from photostyle.solvers.bilateral import FAINT, HIGH, LOW, WARMEST
from photostyle.solvers.noise import Noise
from photostyle.solvers.surfaces import Surfaces
from segmentation.enlarge import Part
from segmentation.refine import Refined

Pixels = NDArray[np.float32]
Planes = NDArray[np.float32]
_Floats = TypeVar("_Floats", NDArray[np.float32], NDArray[np.float64])

TOUCHED = 0.1
"""If the masks of all regions add up to at least this in a pixel, the pixel gets the full result of the grids. If they
add up to `FAINT` or less, it stays unchanged. Between the two, the result is blended in, because the shoulder changes
very bright and very dark colours even where the masks are faint."""
MANY = 0.4
"""If a region has more than this share of a tile, its map is computed for all pixels of the tile, which is faster than
to pick out its own."""


def apply_at_full_size(
    pixels: Pixels,
    masks: Refined,
    surfaces: Surfaces,
    grids: NDArray[np.float64],
    strengths: Sequence[float],
    *,
    profile: Profile = SRGB,
    denoise: float = 0.0,
    tell: Callable[[int], None] = lambda rows: None,
    tile: tuple[int, int] = (ROWS, COLUMNS),
) -> Pixels:
    """Applies the grids to a photo, one tile after another, in several threads.

    The result is the same for any number of threads and any size of the tiles, bit for bit. (With a profile other than
    sRGB, for any number of rows; the library below NumPy may round products of matrices otherwise in narrower tiles.)

    The mask of each region is multiplied by its strength. What is taken from the mask is added to the mask of the
    pixels in no region. Where the masks of the regions then add up to `FAINT` or less, the photo stays unchanged, bit
    for bit.

    Args:
        pixels: `(H, W, 3) float32`, encoded in the colour space of `profile`, [0, 1].
        masks: the masks of the K regions of the grids and the mask of the pixels in no region, as functions of
            `pixels`.
        surfaces: the surfaces of these masks.
        grids: `(K, rows, warmths, lumas, 4, 3)`, for sRGB-encoded colours. In `(K + 1, ...)` the last one is for the
            pixels in no region, which otherwise stay as they are.
        strengths: the strengths of the K regions, [0, 1].
        profile: the colour space of `pixels`.
        denoise: how much of the noise is taken out where the grids make it visible, [0, 1]; see
            `photostyle.solvers.noise`.
        tell: is called with the number of finished rows, before the first tile and after each row of tiles.
        tile: rows and columns of a tile, in pixels.

    Returns:
        The new colours in the form of `pixels`, within [0, 1].
    """
    height, width = pixels.shape[:2]
    applied, result = FullSizeLook(pixels, masks, surfaces, grids, strengths, profile, denoise), np.empty_like(pixels)

    def work(part: Part) -> None:
        result[part.pixels] = applied.of(part)

    for_each_tile(height, width, work, tell, size=tile)
    return result


class FullSizeLook:
    """What `apply_at_full_size` gives, for any part of the photo. The arguments are the same."""

    def __init__(
        self,
        pixels: Pixels,
        masks: Refined,
        surfaces: Surfaces,
        grids: NDArray[np.float64],
        strengths: Sequence[float],
        profile: Profile,
        denoise: float,
    ) -> None:
        self._pixels, self._masks, self._surfaces, self._profile = pixels, masks, surfaces, profile
        self._wanted = np.array([*strengths, *[1.0] * (len(grids) - len(strengths))], np.float32)
        self._tables = [_Table(grid, len(pixels)) for grid in grids]
        self._noise = Noise.of(pixels, grids, denoise)

    def of(self, part: Part) -> Pixels:
        """The new colours of a part: the same, bit for bit, as those of the whole photo there."""
        before, tables = self._pixels[part.pixels], self._tables
        soft = self._masks.of(before, part)
        quiet = self._noise.removed(self._pixels, soft, self._wanted.tolist(), part)
        after = _applied(quiet, soft, tables, self._surfaces, self._wanted, self._profile, part)
        total = np.tensordot(self._wanted, soft[: len(tables)], 1)
        if total.min() < TOUCHED:
            touched = np.clip((total - FAINT) / (TOUCHED - FAINT), 0, 1)[..., None]
            after = np.where(touched < 1, before + touched * (after - before), after)
        return after


def apply_grids(
    pixels: Pixels,
    masks: Planes,
    grids: NDArray[np.float64],
    surfaces: Surfaces,
    *,
    strengths: Sequence[float] | None = None,
    profile: Profile = SRGB,
) -> Pixels:
    """Applies the grids to a small photo at once.

    Args:
        pixels: `(H, W, 3) float32`, encoded in the colour space of `profile`, [0, 1].
        masks: `(M, H, W) float32`, sum 1: the masks of the regions, and at the end those of pixels that no grid is for.
        grids: `(K, rows, warmths, lumas, 4, 3)`, for sRGB-encoded colours; K is at most M.
        surfaces: of the photo, for the M masks.
        strengths: how much of each grid's change is made, [0, 1]; by default all of it.

    Returns:
        The new colours in the form of `pixels`, within (0, 1).
    """
    wanted = np.array(strengths or [1.0] * len(grids), np.float32)
    part = Part.whole(*pixels.shape[:2])
    return _applied(pixels, masks, [_Table(grid, part.height) for grid in grids], surfaces, wanted, profile, part)


def _applied(
    pixels: Pixels,
    masks: Planes,
    tables: Sequence[_Table],
    surfaces: Surfaces,
    strengths: NDArray[np.float32],
    profile: Profile,
    part: Part,
) -> Pixels:
    """See `apply_grids`. `pixels` and `masks` are those of a part of the photo."""
    colours = np.ascontiguousarray(profile.to_srgb(pixels).transpose(2, 0, 1)).reshape(3, -1)
    shares = masks.reshape(len(masks), -1)
    present = np.flatnonzero(shares.max(1) > 0).tolist()
    offsets = _offsets(shares, present, surfaces, part)
    rows = np.repeat(np.arange(part.top, part.top + part.rows), part.columns)
    total = np.zeros_like(colours)
    for place in present:
        own = colours if offsets is None else colours + offsets[place]
        share = shares[place]
        if place >= len(tables):
            total += share * own
            continue
        weight = share * strengths[place]
        np.copyto(weight, 0, where=weight <= FAINT)
        rest = share - weight
        if rest.any():
            total += rest * own
        inside = np.flatnonzero(weight)
        if len(inside) > MANY * len(weight):
            mapped = tables[place](own, rows)
            mapped *= weight
            total += mapped
        elif len(inside):
            mapped = tables[place](own.take(inside, 1), rows[inside])
            mapped *= weight[inside]
            for channel in range(3):
                total[channel, inside] += mapped[channel]
    if profile.is_srgb:
        result = np.empty_like(pixels)
        for channel, values in enumerate(shoulder(total)):
            result[..., channel] = values.reshape(pixels.shape[:2])
        return result
    return shoulder(profile.from_srgb(np.ascontiguousarray(total.T)).reshape(pixels.shape))


def _offsets(shares: Planes, present: Sequence[int], surfaces: Surfaces, part: Part) -> dict[int, Planes] | None:
    """For each mask that is present, the colour of its own surface less that of the pixel: `(3, N)`, 0 in pixels that
    are no mixtures; None if no pixel is one. See `photostyle.solvers.surfaces`."""
    mixed = shares.max(0) < 1 - FAINT
    if not mixed.any():
        return None
    means = surfaces.means(part, present).reshape(len(present), 3, -1)
    overall = sum(shares[place] * mean for place, mean in zip(present, means, strict=True))
    means -= overall
    means *= mixed
    return dict(zip(present, means, strict=True))


class _Table:
    """A grid in every row of a photo, as polynomials between its cells.

    Args:
        grid: `(rows, warmths, lumas, 4, 3)`.
        height: of the photo, in pixels.
    """

    def __init__(self, grid: NDArray[np.float64], height: int) -> None:
        count, self.warmths, self.lumas = grid.shape[:3]
        terms = [grid]
        for axis, extent in ((2, self.lumas), (1, self.warmths)):
            if extent > 1:  # the value in the lower cell, and the difference to the upper cell
                terms = [*(np.delete(term, -1, axis) for term in terms), *(np.diff(term, axis=axis) for term in terms)]
        cells = np.stack([term.reshape(count, -1, 4, 3) for term in terms]).transpose(4, 0, 1, 2, 3)
        cells = np.ascontiguousarray(cells, np.float32)
        self.cells = cells.shape[3]
        at = (np.arange(height) + 0.5) / height * (count - 1)
        low = np.minimum(at.astype(np.intp), max(count - 2, 0))
        start, step = cells[:, :, low], np.diff(cells, axis=2, append=cells[:, :, -1:])[:, :, low]
        rows = start + (at - low).astype(np.float32)[:, None, None] * step
        self.terms = rows.view(np.complex128).reshape(3, len(terms), -1)
        """`(3, T, height * cells)`: for each channel and term its four factors, of (R, G, B, 1), as one entry of 16
        bytes, which NumPy takes from a table as fast as one of 4."""

    def __call__(self, colours: Planes, rows: NDArray[np.intp]) -> Planes:
        """Maps colours.

        Args:
            colours: `(3, N) float32`, sRGB-encoded.
            rows: `(N,)`, the row of each pixel.

        Returns:
            `(3, N) float32`.
        """
        entries, factors = self._places(colours)
        entries += rows * self.cells
        lanes = np.empty((len(rows), 4), np.float32)
        lanes[:, :3], lanes[:, 3] = colours.T, 1
        result = np.empty_like(colours)
        for channel, terms in zip(result, self.terms, strict=True):
            found = [term.take(entries).view(np.float32).reshape(-1, 4) for term in terms]
            for factor in factors:
                half = len(found) // 2
                for value, slope in zip(found[:half], found[half:], strict=True):
                    np.multiply(slope, factor, out=slope)
                    np.add(value, slope, out=value)
                found = found[:half]
            products = found[0]
            products *= lanes
            np.add(products[:, 0], products[:, 1], out=channel)
            for lane in (2, 3):
                np.add(channel, products[:, lane], out=channel)
        return result

    def _places(self, colours: Planes) -> tuple[NDArray[np.intp], list[Planes]]:
        """The cell of each colour among those of a row, and how far it is on the way to the next warmth and the next
        luma, `(N, 4)`, four times the same number."""
        red, green, blue = colours
        luma = LUMA[0] * red
        luma += LUMA[1] * green
        luma += LUMA[2] * blue
        np.clip(luma, 0, 1, out=luma)
        warmth = red - blue
        warmth *= 0.5 / WARMEST
        warmth += 0.5
        np.clip(warmth, 0, 1, out=warmth)
        cells, shares = np.zeros(len(luma), np.intp), list[Planes]()
        for position, extent in ((warmth, self.warmths), (luma, self.lumas)):
            if extent > 1:
                at = position * np.float32(extent - 1)
                below = np.minimum(at.astype(np.int32), extent - 2)
                cells *= extent - 1
                cells += below
                at -= below
                shares.append(np.repeat(at, 4).reshape(-1, 4))
        return cells, shares


def shoulder(values: _Floats) -> _Floats:
    """Maps any value into (0, 1): unchanged from `LOW` to `HIGH`, and outside an exponential approach to 0 and 1.

    It overwrites the values and returns them.
    """
    flat = values.reshape(-1)
    for outside, sign, bound, room in ((flat > HIGH, 1, HIGH, 1 - HIGH), (flat < LOW, -1, LOW, LOW)):
        places = np.flatnonzero(outside)
        if len(places):
            beyond = np.exp((flat[places] - bound) * np.float32(-sign / room))
            flat[places] = bound + sign * room * (1 - beyond)
    return values
