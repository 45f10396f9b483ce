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

from typing import TYPE_CHECKING

from photostyle.photo.icc import SRGB, Profile
from photostyle.pipeline.proxy import Pixels, Proxy
from photostyle.settings import Settings

if TYPE_CHECKING:
    import torch

STRIP = 200_000
"""Number of pixels that are computed at once. They need about 60 MB."""


def adjust(
    content: Pixels,
    changed: Pixels,
    settings: Settings,
    proxy: Proxy | None,
    device: torch.device | str,
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
    if not _takes_full_look(settings):
        from photostyle.pipeline.adjusted_strips import adjust_strips

        adjust_strips(content, changed, settings, proxy, device, strip, profile)
    return changed


def _takes_full_look(settings: Settings) -> bool:
    """Whether nothing is to be adjusted."""
    look = settings.look
    whole = min(settings.strength, look.lightness, look.contrast, look.colour) >= 1
    return whole and not (look.keep_luminance or look.skin or look.neutrals)
