"""Colour profiles of primaries and curves: from a photo's own RGB to sRGB and back, in float32.

ICC.1:2022 ("Image technology colour management"), sections 8.3.3 and F.3, for profiles and what they mean; IEC
61966-2-1 for sRGB. Colours are relative to the profile connection space's white (D50) on both sides, so the conversion
is the relative colorimetric one. Colours that sRGB cannot hold have values outside
[0, 1]: the curve is mirrored for negative values and continued above 1, as in CSS Color 4. So the way back gives the
same colours, apart from rounding.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

D50 = (0.9642, 1.0, 0.8249)
SRGB_PRIMARIES = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
"""XYZ of sRGB's red, green and blue, adapted to D50."""
SAME = 2 / 255
"""A profile counts as sRGB if it moves no colour by more than this. The sRGB profiles of programs differ by as much."""

_HEADER = 128
_INVERSE = 65_536  # points of a table's inverse
_TABLE = 4096  # points of a curve that is written as a table
_CHANNELS = (b"r", b"g", b"b")
_PARAMETERS = {
    0: ("g",),
    1: ("g", "a", "b"),
    2: ("g", "a", "b", "e"),
    3: ("g", "a", "b", "c", "d"),
    4: ("g", "a", "b", "c", "d", "e", "f"),
}


@dataclass(frozen=True)
class Power:
    """A curve from encoded to linear values: (a x + b)^g + e for x >= d, and c x + f below d (ICC.1:2022, table 68)."""

    g: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0

    def linear(self, encoded: Pixels) -> Pixels:
        """The linear values of encoded ones, of any shape, 0 or more."""
        high: Pixels = np.maximum(self.a * encoded + self.b, 0) ** self.g + self.e
        if self.d <= 0:
            return high
        low: Pixels = self.c * encoded + self.f
        return np.where(encoded >= self.d, high, low)

    def encoded(self, linear: Pixels) -> Pixels:
        """The inverse of `linear`."""
        high: Pixels = (np.maximum(linear - self.e, 0) ** (1 / self.g) - self.b) / self.a
        if self.d <= 0:
            return high
        low = (linear - self.f) / self.c if self.c else np.full_like(linear, self.d)
        return np.where(linear >= self.c * self.d + self.f, high, low)


@dataclass(frozen=True, eq=False)
class Table:
    """A curve from encoded to linear values, given at equal steps. Between them, and beyond the last, it is straight.

    Args:
        values: `(N,) float64`, N > 1. They never fall, and the last is above the first.
    """

    values: NDArray[np.float64] = field(repr=False)

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        """The inverse at equal steps of the cube root of the linear values: dark tones then have many entries."""
        wanted = np.linspace(0, 1, _INVERSE) ** 3 * self.values[-1]
        places: NDArray[np.float64] = np.interp(wanted, self.values, np.linspace(0, 1, len(self.values)))
        places[0] = 0.0  # many tables begin with several zeros, and black is black
        return places

    def linear(self, encoded: Pixels) -> Pixels:
        """The linear values of encoded ones, of any shape, 0 or more."""
        return _looked_up(self.values, encoded)

    def encoded(self, linear: Pixels) -> Pixels:
        """The inverse of `linear`."""
        return _looked_up(self._inverse, np.cbrt(linear / np.float32(self.values[-1])))


def _looked_up(values: NDArray[np.float64], at: Pixels) -> Pixels:
    place = at * np.float32(len(values) - 1)
    low = np.minimum(place.astype(np.int32), len(values) - 2)
    start, step = values.astype(np.float32), np.diff(values).astype(np.float32)
    return start[low] + (place - low.astype(np.float32)) * step[low]


SRGB_CURVE = Power(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


@dataclass(frozen=True, eq=False)
class Profile:
    """The meaning of a photo's numbers: its colour space.

    Args:
        icc: the profile that is written with the photo; None if there is none.
        curves: the curves of red, green and blue; None if the numbers are sRGB.
        primaries: `(3, 3) float64`, XYZ of red, green and blue adapted to D50, a row each.
    """

    icc: bytes | None = field(default=None, repr=False)
    curves: tuple[Power | Table, ...] | None = None
    primaries: NDArray[np.float64] = field(default_factory=lambda: np.array(SRGB_PRIMARIES))

    @property
    def is_srgb(self) -> bool:
        return self.curves is None

    @cached_property
    def _matrix(self) -> NDArray[np.float64]:
        """From the profile's linear RGB to sRGB's, for rows of colours."""
        matrix: NDArray[np.float64] = self.primaries @ np.linalg.inv(np.array(SRGB_PRIMARIES))
        return matrix

    def to_srgb(self, pixels: Pixels) -> Pixels:
        """Colours of this profile in sRGB.

        Args:
            pixels: `(..., 3) float32`, encoded as the profile says, [0, 1].

        Returns:
            `(..., 3) float32`, sRGB-encoded, outside [0, 1] if sRGB cannot hold the colour; `pixels` itself if they are
            sRGB.
        """
        if self.curves is None:
            return pixels
        linear = np.stack([_mirrored(c.linear, pixels[..., i]) for i, c in enumerate(self.curves)], -1)
        return _mirrored(SRGB_CURVE.encoded, linear @ self._matrix.astype(np.float32))

    def from_srgb(self, pixels: Pixels) -> Pixels:
        """The inverse of `to_srgb`. Values are outside [0, 1] if this profile cannot hold the colour."""
        if self.curves is None:
            return pixels
        linear = _mirrored(SRGB_CURVE.linear, pixels) @ np.linalg.inv(self._matrix).astype(np.float32)
        return np.stack([_mirrored(c.encoded, linear[..., i]) for i, c in enumerate(self.curves)], -1)


def _mirrored(curve: Callable[[Pixels], Pixels], values: Pixels) -> Pixels:
    return np.copysign(curve(np.abs(values)), values)


SRGB = Profile()


def parse_profile(icc: bytes) -> Profile:
    """The profile of an RGB or grey file.

    The curve of a grey profile becomes that of an RGB profile with the primaries of sRGB, since a grey photo may take
    on colour.

    Args:
        icc: the bytes that files embed.

    Raises:
        LookupError: the profile consists of tables of colours only, or is of another colour space. It cannot be worked
            in, but littlecms may convert from it.
        ValueError: it is damaged.
    """
    tags = _tags(icc)
    space = icc[16:20]
    if space == b"GRAY" and b"kTRC" in tags:
        curve = _curve(tags[b"kTRC"])
        return classified(
            built_profile("Grey's curve with sRGB's primaries", np.array(SRGB_PRIMARIES), tags[b"kTRC"]),
            (curve, curve, curve),
            np.array(SRGB_PRIMARIES),
        )
    if space != b"RGB " or icc[20:24] != b"XYZ " or not {c + b"XYZ" for c in _CHANNELS} <= set(tags):
        raise LookupError(f"a profile of {space.decode('latin-1').strip()} without primaries")
    try:
        curves = tuple(_curve(tags[channel + b"TRC"]) for channel in _CHANNELS)
        primaries = np.array([struct.unpack(">3i", tags[channel + b"XYZ"][8:20]) for channel in _CHANNELS]) / 65536
    except (KeyError, struct.error) as error:
        raise ValueError(f"its curves or primaries are cut short ({error})") from error
    if abs(np.linalg.det(primaries)) < 1e-3:
        raise ValueError("its primaries span no colours")
    return classified(icc, curves, primaries)


def classified(icc: bytes, curves: tuple[Power | Table, ...], primaries: NDArray[np.float64]) -> Profile:
    """The profile of these curves and primaries. It is sRGB if it moves no colour of a lattice by more than `SAME`."""
    profile = Profile(icc, curves, primaries)
    lattice = np.indices((16, 16, 16), np.float32).reshape(3, -1).T / np.float32(15)
    with np.errstate(all="ignore"):
        moved = profile.to_srgb(lattice)
        back = profile.from_srgb(moved)
    if not (np.isfinite(moved).all() and np.abs(back - lattice).max() < SAME):
        raise ValueError("its curves cannot be inverted")
    return Profile(icc) if np.abs(moved - lattice).max() <= SAME else profile


def _tags(icc: bytes) -> dict[bytes, bytes]:
    """The data of every tag, by its signature."""
    if len(icc) < _HEADER + 4 or icc[36:40] != b"acsp":
        raise ValueError("it does not begin as a profile does")
    (count,) = struct.unpack_from(">I", icc, _HEADER)
    if _HEADER + 4 + 12 * count > len(icc):
        raise ValueError("its list of tags is cut short")
    entries = [struct.unpack_from(">4sII", icc, _HEADER + 4 + 12 * index) for index in range(count)]
    return {name: icc[offset : offset + size] for name, offset, size in entries}


def _curve(data: bytes) -> Power | Table:
    """The curve of a tag. Raises ValueError if the data are no curve, or one that cannot be inverted."""
    try:
        if data[:4] == b"para":
            (kind,) = struct.unpack_from(">H", data, 8)
            names = _PARAMETERS[kind]
            given = dict(zip(names, (v / 65536 for v in struct.unpack_from(f">{len(names)}i", data, 12)), strict=True))
            if kind in (1, 2):
                given |= {"d": -given["b"] / given["a"], "f": given.get("e", 0.0)}
            return _rising(Power(**given))
        (count,) = struct.unpack_from(">I", data, 8)
        if data[:4] != b"curv":
            raise ValueError(f"a curve of the kind {data[:4]!r}")
        if count < 2:
            return _rising(Power(struct.unpack_from(">H", data, 12)[0] / 256 if count else 1.0))
        values = np.array(struct.unpack_from(f">{count}H", data, 12)) / 65535
    except (struct.error, LookupError, ZeroDivisionError) as error:
        raise ValueError(f"a curve is damaged ({error})") from error
    if np.diff(values).min() < 0 or not values[-1] > values[0]:
        raise ValueError("a curve falls")
    return Table(values)


def _rising(curve: Power) -> Power:
    if not (curve.g > 0 and curve.a > 0 and curve.c >= 0):
        raise ValueError("a curve falls")
    return curve


def built_profile(name: str, primaries: NDArray[np.float64], curve: Power | bytes) -> bytes:
    """A small ICC profile of version 2.4 (ICC.1:2001-04), which every program reads.

    Args:
        name: its description, in ASCII.
        primaries: `(3, 3)`, XYZ of red, green and blue adapted to D50, a row each.
        curve: of all three channels: a curve from encoded to linear values, or the data of a curve's tag.
    """

    def to_xyz(values: Iterable[float]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(math.floor(value * 65536 + 0.5) for value in values))

    described = name.encode("ascii", "replace") + b"\0"
    shared = curve if isinstance(curve, bytes) else _curve_tag(curve)
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(described)) + described + bytes(78),
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": to_xyz(D50),
    }
    for channel, values in zip(_CHANNELS, primaries, strict=True):
        tags |= {channel + b"XYZ": to_xyz(values), channel + b"TRC": shared}
    table, body, start = b"", b"", _HEADER + 4 + 12 * len(tags)
    places = dict[bytes, int]()
    for signature, data in tags.items():
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += signature + struct.pack(">II", places[data], len(data))
    header = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += to_xyz(D50)[8:]
    return header.ljust(_HEADER, b"\0") + struct.pack(">I", len(tags)) + table + body


def _curve_tag(curve: Power) -> bytes:
    """The data of a curve's tag: one exponent, or a table."""
    plain = curve.d <= 0 and (curve.a, curve.b, curve.e) == (1.0, 0.0, 0.0)
    if plain and curve.g * 256 == round(curve.g * 256):
        values = [round(curve.g * 256)]
    else:
        encoded = np.linspace(0, 1, _TABLE, dtype=np.float64).astype(np.float32)
        values = np.rint(curve.linear(encoded) * 65535).astype(int).tolist()
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)
