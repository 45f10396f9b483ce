"""Adjusts how much of a look a photo takes: strength, lightness, contrast, colour, and protection of skin and greys.

Let c be the content's colour and f the colour with the full look, both sRGB-encoded. Let s be the strength and p_skin
how likely c is skin. Then

    w = s (1 - skin p_skin) ,    m = c + w (f - c) .

The rest is in CIELAB (CIE 15). D = w sum_k m_k mu_k is the change in lightness of whole regions, with m_k the soft mask
of region k and mu_k the mean of L*(f) - L*(c) in it. The result is

    L* = L*(c) + lightness D + contrast (L*(m) - L*(c) - D) ,
    (a*, b*) = (a*, b*)(c) + colour (1 - neutrals p_grey) ((a*, b*)(m) - (a*, b*)(c)) .

With lightness, contrast and colour at 1 and neutrals at 0, the result is m. With these three at 0, it is the content.
Between these, the result is linear in each. L* outside 0 to 100 is bent back smoothly. Chroma that no display can show
is reduced, and L* and hue stay the same.

There are no halos, because each mean is the same in all of its region and the masks follow the photo's edges. The
likelihoods are measured at the size of the solve, where noise is averaged out. They are then refined to the photo's
edges like masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.cielab import ROWS, lab, rgb_within
from photostyle.colour.skin_and_grey import grey_likelihood, skin_likelihood
from photostyle.compute.tiles import COLUMNS, for_each_tile
from photostyle.compute.tiles import ROWS as TILE_ROWS
from photostyle.photo.icc import SRGB, Profile
from photostyle.regions.edge_masks import refine_fine, saturate_masks
from photostyle.settings import LookSettings, Settings
from segmentation.enlarge import Part
from segmentation.refine import Refined, refine

Pixels = NDArray[np.float32]

ROOM = 5.0
"""In units of L*: how wide the range at each end of 0 to 100 is into which values outside are bent (our choice)."""


@dataclass(frozen=True, eq=False)
class Proxy:
    """The photo at the size of the solve. The statistics are measured on it.

    Args:
        content, changed: `(h, w, 3) float32`, sRGB-encoded, [0, 1]: the photo before, and with the full look.
        coarse_masks: `(K + 1, h, w) float32`: the masks of the K regions, and the mask of the pixels in no region. See
            `photostyle.regions.edge_masks.coarse_masks`.
        coverage: `(h, w) float32`, linear, [0, 1]: how much of every pixel can be seen; None for all.
    """

    content: Pixels
    changed: Pixels
    coarse_masks: Pixels
    coverage: Pixels | None = None


def needs_proxy(settings: Settings) -> bool:
    """Whether `adjust` needs a `Proxy`."""
    look = settings.look
    return _shifts_lightness(look) or look.skin > 0 or look.neutrals > 0


def adjust(
    content: Pixels,
    changed: Pixels,
    settings: Settings,
    proxy: Proxy | None,
    *,
    profile: Profile = SRGB,
    tile: tuple[int, int] = (TILE_ROWS, COLUMNS),
) -> Pixels:
    """Adjusts the look as the settings ask, one tile after another, in several threads.

    Args:
        content: `(H, W, 3) float32`, encoded in the colour space of `profile`, [0, 1].
        changed: the same photo with the full look, in the same form. It is overwritten and returned.
        proxy: may be None if `needs_proxy` is false.
        tile: rows and columns of a tile, in pixels. The result is the same for any, bit for bit; see
            `photostyle.solvers.full_size.apply_at_full_size` for photos that are not sRGB.
    """
    if is_full(settings):
        return changed
    maps = adjustment_maps(content, settings.look, proxy)

    def work(part: Part) -> None:
        changed[part.pixels] = adjust_part(content[part.pixels], changed[part.pixels], settings, maps, part, profile)

    for_each_tile(content.shape[0], content.shape[1], work, size=tile)
    return changed


def adjust_part(
    rows: Pixels, looked: Pixels, settings: Settings, maps: Mapping[str, AdjustmentMap], part: Part, profile: Profile
) -> Pixels:
    """What `adjust` gives in a part of the photo, bit for bit.

    Args:
        rows, looked: the part of the content, and the same part with the full look; see `adjust`.
        settings: they ask for something other than the full look.
        maps: see `adjustment_maps`; made from the whole photo.
        part: which part it is.
        profile: see `adjust`.
    """
    before, after = (_flat(profile.to_srgb(each)) for each in (rows, looked))
    own_maps = {name: _flat(plane(rows, part)[..., None])[:, 0] for name, plane in maps.items()}
    mixed = _adjust_part(before, after, settings, own_maps)
    found = mixed[: rows.size // 3].reshape(rows.shape)
    if not profile.is_srgb:
        found = np.clip(profile.from_srgb(found), 0, 1)
        for exact, same in ((rows, mixed == before), (looked, mixed == after)):  # unchanged bits
            found = np.where(same.all(1)[: rows.size // 3].reshape(rows.shape[:2])[..., None], exact, found)
    return found


def _flat(pixels: Pixels) -> Pixels:
    """The pixels as a list, `(N, C)`, with zeros added so that N is a multiple of `ROWS`."""
    flat = pixels.reshape(-1, pixels.shape[2])
    return np.pad(flat, ((0, -len(flat) % ROWS), (0, 0)))


def is_full(settings: Settings) -> bool:
    """Whether the photo takes the full look, so that nothing is left to adjust."""
    look = settings.look
    parts = min(settings.strength, look.lightness, look.contrast, look.colour)
    return parts == 1 and not (look.keep_luminance or look.skin or look.neutrals)


def _shifts_lightness(look: LookSettings) -> bool:
    return look.lightness != look.contrast and not look.keep_luminance


def _adjust_part(before: Pixels, after: Pixels, settings: Settings, maps: dict[str, Pixels]) -> Pixels:
    look = settings.look
    weight = np.asarray(settings.strength, np.float32)
    if "skin" in maps:
        weight = weight * (1 - look.skin * maps["skin"])
    share = weight[..., None]
    mixed = np.where(share == 1, after, before + share * (after - before))
    if look.keep_luminance or min(look.lightness, look.contrast, look.colour) < 1 or "grey" in maps:
        shift = weight * maps["shift"] if "shift" in maps else np.zeros(len(before), np.float32)
        colour = look.colour * (1 - look.neutrals * maps["grey"]) if "grey" in maps else np.float32(look.colour)
        separate = _adjust_lab(before, mixed, look, shift, colour)
        untouched = (mixed == before).all(1) & (shift == 0)
        mixed = np.where(untouched[:, None], before, separate)
    return mixed


def _adjust_lab(
    before: Pixels, mixed: Pixels, look: LookSettings, shift: Pixels, colour: Pixels | np.float32
) -> Pixels:
    ours, theirs = lab(before), lab(mixed)
    added = theirs - ours
    light = ours[:, 0]
    if not look.keep_luminance:
        wanted = light + look.lightness * shift + look.contrast * (added[:, 0] - shift)
        light = _soft_clip(wanted, np.minimum(light, theirs[:, 0]), np.maximum(light, theirs[:, 0]))
    values = np.stack([light, ours[:, 1] + colour * added[:, 1], ours[:, 2] + colour * added[:, 2]], 1)
    low, high = np.minimum(before, mixed).clip(max=0), np.maximum(before, mixed).clip(1)
    return rgb_within(values, low, high)


def _soft_clip(light: Pixels, low: Pixels, high: Pixels) -> Pixels:
    """Bends L* smoothly (exponentially) back into 0 to 100 where it comes closer than `ROOM` to an end.

    L* between `low` and `high`, the values of the two photos, is not changed.
    """
    low, high = low.clip(max=ROOM), high.clip(100 - ROOM)
    above, below = (100 - high).clip(1e-3), low.clip(1e-3)
    over, under = (light - high).clip(0), (low - light).clip(0)
    bent: Pixels = light.clip(low, high) + above * (1 - np.exp(-over / above)) - below * (1 - np.exp(-under / below))
    return bent


def adjustment_maps(photo: Pixels, look: LookSettings, proxy: Proxy | None) -> dict[str, AdjustmentMap]:
    """What depends on the place: "skin" and "grey", [0, 1], and "shift", which is D / w. Only what `look` needs.

    Args:
        photo: `(H, W, 3) float32`, at any size, whose edges the maps follow.
        look: says which maps are needed.
        proxy: see `adjust`.
    """
    maps: dict[str, AdjustmentMap] = {}
    if proxy is None:
        return maps
    shape = proxy.content.shape[:2]
    before, after = (lab(pixels.reshape(-1, 3)) for pixels in (proxy.content, proxy.changed))
    for name, amount, likelihood in (("skin", look.skin, skin_likelihood), ("grey", look.neutrals, grey_likelihood)):
        if amount:
            likely = likelihood(before).reshape(shape)
            maps[name] = AdjustmentMap(refine(np.stack([likely, 1 - likely]), photo), np.array([1, 0], np.float32))
    if _shifts_lightness(look):
        added = (after - before)[:, 0].reshape(shape)
        masks = refine_fine(proxy.coarse_masks, proxy.content).of(proxy.content)
        if proxy.coverage is not None:
            masks = masks * proxy.coverage
        means = (masks * added).sum((1, 2)) / np.maximum(masks.sum((1, 2)), 1)
        means[-1] = 0  # pixels in no region: D is 0
        maps["shift"] = AdjustmentMap(refine_fine(proxy.coarse_masks, photo), means)
    return maps


@dataclass(frozen=True, eq=False)
class AdjustmentMap:
    """A sum of masks, each times its weight. Weights are `(K,)`. It can be computed for any part of the photo."""

    masks: Refined
    weights: NDArray[np.float32]

    def __call__(self, pixels: Pixels, part: Part) -> Pixels:
        total: Pixels = np.tensordot(self.weights, saturate_masks(self.masks.of(pixels, part)), 1)
        return total
