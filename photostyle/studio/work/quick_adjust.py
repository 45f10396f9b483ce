"""The sliders at the speed of a hand: `photostyle.pipeline.adjustments.adjust` for a picture on the screen.

What does not depend on the sliders is kept: CIELAB of the content, and that of the mixed picture while only lightness,
contrast, colour or neutrals move. Departures from `adjust`, which makes the files:

1. The curve of sRGB comes from tables, of 4,096 entries on the way in and of 16,384 on the way out, to 8 bits.
2. Chroma that no display can show is reduced by 9 halvings, not by 16.
3. Values are rounded, not dithered. Matrices are multiplied without padding.

`tests/studio/test_quick_adjust.py` holds it to `adjust`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from photostyle.pipeline.adjustments import ROOM
from photostyle.settings import LookSettings
from segmentation.threads import threads

Planes = NDArray[np.float32]
Bytes = NDArray[np.uint8]

STRIP = 1 << 14
"""Pixels that are computed at once, so that what they need stays in the processor's cache."""
HALVINGS = 9
_IN, _OUT = 1 << 12, 1 << 14
_WHITE = np.array((0.95047, 1.0, 1.08883))
_TO_XYZ = np.array(((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227)))
_TO_RELATIVE = (_TO_XYZ / _WHITE[:, None]).astype(np.float32)
_FROM_RELATIVE = (np.linalg.inv(_TO_XYZ) * _WHITE).astype(np.float32)
"""sRGB's matrices for D65, divided by the white point: see `photostyle.colour.cielab`."""
_DARK, _DARK_ROOT = 0.008856, 0.008856 ** (1 / 3)
_INSIDE = 1e-4
"""A linear channel may be outside its range by this much."""


@dataclass(frozen=True, eq=False)
class Places:
    """What depends on the place and not on the sliders. Each is `(N,) float32` over the pixels; None if not needed.

    Args:
        skin, grey: likelihoods, [0, 1].
        shift: the change of L* of whole regions at strength 1, D / w in `adjust`.
    """

    skin: Planes | None = None
    grey: Planes | None = None
    shift: Planes | None = None


class QuickAdjust:
    """Adjusts the look of one picture.

    Args:
        before: `(3, N) float32`, sRGB-encoded, [0, 1]: the content.
    """

    def __init__(self, before: Planes) -> None:
        self._before = before
        self._mixed_lab = np.empty_like(before)
        self._mixed_key: object = None

    @cached_property
    def _lab(self) -> Planes:
        """CIELAB of the content, `(3, N)`."""
        found = np.empty_like(self._before)
        _for_each_strip(found.shape[1], lambda strip: _put_lab(self._before[:, strip], found[:, strip]))
        return found

    def prepare(self) -> None:
        """Computes what the first slider will need."""
        self._lab  # noqa: B018

    def __call__(self, after: Planes, strength: float, look: LookSettings, places: Places, key: object) -> Bytes:
        """The picture.

        Args:
            after: in the form of `before`: with the full look.
            strength, look: the settings. Strengths of regions are in `after` already.
            places: what they need.
            key: another one for another `after`.

        Returns:
            `(N, 3) uint8`, sRGB-encoded.
        """
        result = np.empty((after.shape[1], 3), np.uint8)
        in_lab = look.keep_luminance or min(look.lightness, look.contrast, look.colour) < 1 or look.neutrals > 0
        mixed_key = (key, strength, look.skin)
        known = in_lab and mixed_key == self._mixed_key
        ours = self._lab if in_lab else self._before

        def work(strip: slice) -> None:
            before = self._before[:, strip]
            weight: Planes | np.float32 = np.float32(strength)
            if look.skin and places.skin is not None:
                weight = weight * (1 - np.float32(look.skin) * places.skin[strip])
            theirs = self._mixed_lab[:, strip]
            if not known:
                mixed = after[:, strip] - before
                mixed *= weight
                mixed += before
                if not in_lab:
                    mixed *= 255
                    mixed += 0.5
                    for channel in range(3):
                        result[strip, channel] = mixed[channel]
                    return
                _put_lab(mixed, theirs)
            changed = _adjusted(ours[:, strip], theirs, look, weight, places, strip)
            for channel, values in enumerate(_in_bytes(changed)):
                result[strip, channel] = values

        _for_each_strip(after.shape[1], work)
        if in_lab:
            self._mixed_key = mixed_key
        return result


def _for_each_strip(count: int, work: Callable[[slice], None]) -> None:
    strips = [slice(start, min(start + STRIP, count)) for start in range(0, count, STRIP)]
    if threads() == 1:
        for strip in strips:
            work(strip)
        return
    with ThreadPoolExecutor(threads()) as pool:
        for _ in pool.map(work, strips):
            pass


def _adjusted(
    ours: Planes, theirs: Planes, look: LookSettings, weight: Planes | np.float32, places: Places, strip: slice
) -> Planes:
    """CIELAB `(3, n)` of the adjusted picture; see `photostyle.pipeline.adjustments`."""
    changed = theirs - ours
    colour: Planes | np.float32 = np.float32(look.colour)
    if look.neutrals and places.grey is not None:
        colour = colour * (1 - np.float32(look.neutrals) * places.grey[strip])
    changed[1:] *= colour
    if look.keep_luminance:
        changed[0] = ours[0]
    elif look.lightness == look.contrast == 1:
        changed[0] = theirs[0]
    else:
        changed[0] *= np.float32(look.contrast)
        changed[0] += ours[0]
        if look.lightness != look.contrast and places.shift is not None:
            changed[0] += np.float32(look.lightness - look.contrast) * (weight * places.shift[strip])
        _bend(changed[0], ours[0], theirs[0])
    changed[1:] += ours[1:]
    return changed


def _bend(light: Planes, ours: Planes, theirs: Planes) -> None:
    """Bends L* back into 0 to 100, in place, as `adjustments._soft_clip` does."""
    near = np.flatnonzero((light < ROOM) | (light > 100 - ROOM))
    if not len(near):
        return
    wanted, first, second = light[near], ours[near], theirs[near]
    low, high = np.minimum(first, second).clip(max=ROOM), np.maximum(first, second).clip(100 - ROOM)
    above, below = (100 - high).clip(1e-3), low.clip(1e-3)
    over, under = (wanted - high).clip(0), (low - wanted).clip(0)
    bent = wanted.clip(low, high) + above * (1 - np.exp(-over / above)) - below * (1 - np.exp(-under / below))
    light[near] = bent


def _put_lab(colours: Planes, result: Planes) -> None:
    """CIELAB of sRGB-encoded colours `(3, n)` in [0, 1], written into `result`."""
    places = (colours * np.float32(_IN - 1) + np.float32(0.5)).astype(np.intp)
    root = _TO_RELATIVE @ _LINEAR.take(places, mode="clip")
    dark = root < _DARK
    line = root[dark] * np.float32(7.787) + np.float32(16 / 116)
    np.maximum(root, np.float32(_DARK), out=root)
    np.log(root, out=root)
    root *= np.float32(1 / 3)
    np.exp(root, out=root)
    root[dark] = line
    result[0] = root[1]
    result[0] *= 116
    result[0] -= 16
    np.subtract(root[0], root[1], out=result[1])
    result[1] *= 500
    np.subtract(root[1], root[2], out=result[2])
    result[2] *= 200


def _in_bytes(values: Planes) -> Bytes:
    """sRGB of CIELAB `(3, n)`, with as much chroma as can be shown: `(3, n) uint8`."""
    linear = _linear(values)
    outside = np.flatnonzero(((linear < -_INSIDE) | (linear > 1 + _INSIDE)).any(0))
    if len(outside):
        wanted, step = values[:, outside], np.float32(0.5)
        kept = np.zeros(len(outside), np.float32)
        for _ in range(HALVINGS):
            tried = _linear(_with_chroma(wanted, kept + step))
            kept += step * ((tried >= -_INSIDE) & (tried <= 1 + _INSIDE)).all(0)
            step = step / 2
        linear[:, outside] = _linear(_with_chroma(wanted, kept))
    linear *= np.float32(_OUT - 1)
    linear += np.float32(0.5)
    np.clip(linear, 0, _OUT - 1, out=linear)
    return _ENCODED.take(linear.astype(np.intp))


def _with_chroma(values: Planes, share: Planes) -> Planes:
    return np.stack([values[0], share * values[1], share * values[2]])


def _linear(values: Planes) -> Planes:
    """Linear sRGB of CIELAB, `(3, n)`; some may be outside [0, 1]."""
    root = np.empty_like(values)
    np.add(values[0], 16, out=root[1])
    root[1] *= np.float32(1 / 116)
    np.multiply(values[1], np.float32(1 / 500), out=root[0])
    root[0] += root[1]
    np.multiply(values[2], np.float32(-1 / 200), out=root[2])
    root[2] += root[1]
    cubes = root * root
    cubes *= root
    dark = root <= _DARK_ROOT
    cubes[dark] = (root[dark] - np.float32(16 / 116)) * np.float32(1 / 7.787)
    found: Planes = _FROM_RELATIVE @ cubes
    return found


def _curves() -> tuple[Planes, Bytes]:
    """The curve of sRGB (IEC 61966-2-1): linear values of encoded ones, and bytes of linear ones."""
    encoded, linear = np.linspace(0, 1, _IN), np.linspace(0, 1, _OUT)
    decoded = np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)
    bent = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return decoded.astype(np.float32), np.rint(255 * bent).astype(np.uint8)


_LINEAR, _ENCODED = _curves()
