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

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photostyle.colour.cielab import ROWS, lab, rgb_within
from photostyle.colour.skin_and_grey import grey_likelihood, skin_likelihood
from photostyle.photo.icc import SRGB, Profile
from photostyle.regions.edge_masks import refine_fine, saturate_masks
from photostyle.settings import LookSettings, Settings
from segmentation.refine import Refined, refine

Pixels = NDArray[np.float32]

STRIP = 200_000
"""Number of pixels that are computed at once. They need about 60 MB."""
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
    device: torch.device,
    strip: int = STRIP,
    profile: Profile = SRGB,
) -> Pixels:
    """Adjusts the look as the settings ask, one strip of rows after another.

    Args:
        content: `(H, W, 3) float32`, encoded in the colour space of `profile`, [0, 1].
        changed: the same photo with the full look, in the same form. It is overwritten and returned.
        proxy: may be None if `needs_proxy` is false.
        strip: number of pixels computed at once. The result is the same for any number, bit for bit.
    """
    height, width = content.shape[:2]
    step, maps = max(1, strip // width), _maps(content, settings.look, proxy, device)
    for row in range(0, height, step):
        part = slice(row, row + step)
        rows = content[part]
        before, after = (_flat(profile.to_srgb(each), device) for each in (rows, changed[part]))
        strip_maps = {name: _flat(plane(rows, row, height)[..., None], device)[:, 0] for name, plane in maps.items()}
        mixed = _adjust_strip(before, after, settings, strip_maps)
        found = mixed[: rows.size // 3].reshape(rows.shape).cpu().numpy()
        if not profile.is_srgb:
            found = np.clip(profile.from_srgb(found), 0, 1)
            for exact, same in ((rows, mixed == before), (changed[part], mixed == after)):  # unchanged bits
                found = np.where(same.all(1)[: rows.size // 3].reshape(rows.shape[:2])[..., None].cpu(), exact, found)
        changed[part] = found
    return changed


def _flat(pixels: Pixels, device: torch.device) -> Tensor:
    """The pixels as a list, `(N, C)`, with zeros added so that N is a multiple of `ROWS`."""
    flat = pixels.reshape(-1, pixels.shape[2])
    return torch.tensor(np.pad(flat, ((0, -len(flat) % ROWS), (0, 0))), device=device)


def _shifts_lightness(look: LookSettings) -> bool:
    return look.lightness != look.contrast and not look.keep_luminance


def _adjust_strip(before: Tensor, after: Tensor, settings: Settings, maps: dict[str, Tensor]) -> Tensor:
    look = settings.look
    weight = before.new_full((len(before),), settings.strength)
    if "skin" in maps:
        weight = weight * (1 - look.skin * maps["skin"])
    share = weight[:, None]
    mixed = torch.where(share == 1, after, before + share * (after - before))
    if look.keep_luminance or min(look.lightness, look.contrast, look.colour) < 1 or "grey" in maps:
        shift = weight * maps["shift"] if "shift" in maps else torch.zeros_like(weight)
        colour = look.colour * (1 - look.neutrals * maps["grey"]) if "grey" in maps else weight.new_tensor(look.colour)
        separate = _adjust_lab(before, mixed, look, shift, colour)
        untouched = (mixed == before).all(1) & (shift == 0)
        mixed = torch.where(untouched[:, None], before, separate)
    return mixed


def _adjust_lab(before: Tensor, mixed: Tensor, look: LookSettings, shift: Tensor, colour: Tensor) -> Tensor:
    ours, theirs = lab(before), lab(mixed)
    added = theirs - ours
    light = ours[:, 0]
    if not look.keep_luminance:
        wanted = light + look.lightness * shift + look.contrast * (added[:, 0] - shift)
        light = _soft_clip(wanted, torch.minimum(light, theirs[:, 0]), torch.maximum(light, theirs[:, 0]))
    values = torch.stack([light, ours[:, 1] + colour * added[:, 1], ours[:, 2] + colour * added[:, 2]], 1)
    low, high = torch.minimum(before, mixed).clamp_max(0), torch.maximum(before, mixed).clamp_min(1)
    return rgb_within(values, low, high)


def _soft_clip(light: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Bends L* smoothly (exponentially) back into 0 to 100 where it comes closer than `ROOM` to an end.

    L* between `low` and `high`, the values of the two photos, is not changed.
    """
    low, high = low.clamp_max(ROOM), high.clamp_min(100 - ROOM)
    above, below = (100 - high).clamp_min(1e-3), low.clamp_min(1e-3)
    over, under = (light - high).clamp_min(0), (low - light).clamp_min(0)
    return light.clamp(low, high) - above * torch.expm1(-over / above) + below * torch.expm1(-under / below)


def _maps(photo: Pixels, look: LookSettings, proxy: Proxy | None, device: torch.device) -> dict[str, _Map]:
    """The maps that `_adjust_strip` uses: "skin" and "grey", [0, 1], and "shift", which is D / w."""
    maps: dict[str, _Map] = {}
    if proxy is None:
        return maps
    shape = proxy.content.shape[:2]
    before, after = (lab(torch.tensor(p.reshape(-1, 3), device=device)) for p in (proxy.content, proxy.changed))
    for name, amount, likelihood in (("skin", look.skin, skin_likelihood), ("grey", look.neutrals, grey_likelihood)):
        if amount:
            likely = likelihood(before).reshape(shape).cpu().numpy()
            maps[name] = _Map(refine(np.stack([likely, 1 - likely]), photo), np.array([1, 0], np.float32))
    if _shifts_lightness(look):
        added = (after - before)[:, 0].reshape(shape).cpu().numpy()
        masks = refine_fine(proxy.coarse_masks, proxy.content).of(proxy.content)
        if proxy.coverage is not None:
            masks = masks * proxy.coverage
        means = (masks * added).sum((1, 2)) / np.maximum(masks.sum((1, 2)), 1)
        means[-1] = 0  # pixels in no region: D is 0
        maps["shift"] = _Map(refine_fine(proxy.coarse_masks, photo), means)
    return maps


@dataclass(frozen=True, eq=False)
class _Map:
    """A sum of masks, each times its weight. Weights are `(K,)`. It can be computed for any rows of the photo."""

    masks: Refined
    weights: NDArray[np.float32]

    def __call__(self, rows: Pixels, first_row: int, height: int) -> Pixels:
        total: Pixels = np.tensordot(self.weights, saturate_masks(self.masks.of(rows, first_row, height)), 1)
        return total
