"""What the numbers of a file mean: the one place that decides it.

In this order, the first that is there and can be used decides: PNG's cICP, the ICC profile, the code points of AVIF and
HEIC (nclx), PNG's sRGB, PNG's gAMA and cHRM, the mark of EXIF for Adobe RGB (DCF 2.0), and sRGB. What is stated and
not used is told.

ITU-T H.273 for code points; ICC.1:2022, annex E, for the Bradford adaptation to D50; PNG Specification, third edition,
sections 4.3 and 11.3.2; DCF 2.0 (CIPA DC-009) for the index "R03"; Adobe RGB (1998).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from photostyle.photo.embedded import ColourTags
from photostyle.photo.exif import COLOR_SPACE, INTEROP_INDEX, Exif
from photostyle.photo.icc import D50, SRGB, SRGB_CURVE, Power, Profile, built_profile, classified, parse_profile

Chromaticities = tuple[float, ...]
"""x and y of white, red, green and blue."""

_D65 = (0.3127, 0.3290)
_PRIMARIES: Mapping[int, tuple[str, Chromaticities]] = {
    4: ("BT.470 M", (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08)),
    5: ("BT.601 625", (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
    6: ("BT.601 525", (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    7: ("SMPTE 240M", (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    9: ("BT.2020", (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    11: ("DCI-P3", (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    12: ("Display P3", (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    22: ("EBU 3213", (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077)),
}
"""By code points of H.273. 1, those of sRGB, and 2, unspecified, are not among them."""
_SRGB_CHROMATICITIES = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_ADOBE_RGB = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ADOBE_GAMMA = 563 / 256

_UNSPECIFIED = 2
_SRGB_LIKE = {1, 2, 6, 13, 14, 15}
"""Transfer functions that are shown as sRGB: its own, those of video, and unspecified. Browsers do the same."""
_TRANSFERS = {4: ("gamma 2.2", 2.2), 5: ("gamma 2.8", 2.8), 8: ("linear", 1.0)}
PQ, HLG = 16, 18

_SRGB_GAMMA = 0.45455
_NEAR_GAMMA = 0.002
"""gAMA this near to 1/2.2, without other primaries, is sRGB's curve: sRGB files carry that number (PNG, 11.3.2.5)."""
_NEAR_CHROMATICITY = 0.002


class Meaning(NamedTuple):
    """What the numbers mean.

    Args:
        profile: of the samples, after what `hdr` or `convert` ask for.
        convert: an ICC profile from which the samples are first converted to sRGB, because it consists of tables.
        hdr: `PQ` or `HLG` where the samples are HDR and are first tone-mapped to the profile.
    """

    profile: Profile
    convert: bytes | None = None
    hdr: int | None = None


def meaning_of(tags: ColourTags, exif: Exif, *, grey: bool, notes: list[str]) -> Meaning:
    """What the numbers of a file mean.

    Args:
        tags: what the file says.
        exif: its EXIF.
        grey: whether the file holds no colour.
        notes: takes what was stated and is not used.
    """
    if tags.cicp is not None and tags.cicp_first:
        found = _of_code_points(tags.cicp, notes)
        if found is not None:
            return found
    if tags.icc:
        found = _of_icc(tags.icc, grey, notes)
        if found is not None:
            return found
    if tags.cicp is not None and not tags.cicp_first and not tags.icc:
        return _of_code_points(tags.cicp, notes) or Meaning(SRGB)
    if tags.srgb or tags.icc:
        return Meaning(SRGB)
    if tags.gamma is not None or tags.chromaticities is not None:
        return _of_gamma(tags.gamma, tags.chromaticities, notes)
    return _of_exif(exif, notes)


def _of_icc(icc: bytes, grey: bool, notes: list[str]) -> Meaning | None:
    """The meaning of an ICC profile; None, with a note, if it cannot be used."""
    try:
        space = icc[16:20]
        if space not in (b"RGB ", b"GRAY") or (space == b"GRAY" and not grey):
            raise ValueError(f"a profile of {space!r} on {'grey' if grey else 'RGB'} pixels")
        return Meaning(parse_profile(icc))
    except ValueError as error:
        notes.append(f"the embedded colour profile cannot be used, so the photo is read as sRGB: {error}")
        return None
    except LookupError:
        return Meaning(SRGB, convert=icc)


def _of_code_points(cicp: tuple[int, int], notes: list[str]) -> Meaning | None:
    """The meaning of code points; None, with a note, if one of them is not known."""
    primaries, transfer = cicp
    unknown = [
        f"{what} {code}"
        for what, code, known in (
            ("primaries", primaries, {1, _UNSPECIFIED, *_PRIMARIES}),
            ("transfer function", transfer, _SRGB_LIKE | set(_TRANSFERS) | {PQ, HLG}),
        )
        if code not in known
    ]
    if unknown:
        notes.append(f"its colours are given by numbers that are not known ({', '.join(unknown)}): read as sRGB")
        return None
    name, chromaticities = _PRIMARIES.get(primaries, ("sRGB primaries", _SRGB_CHROMATICITIES))
    if transfer in (PQ, HLG):
        return Meaning(profile_of(f"{name}, tone-mapped", chromaticities, SRGB_CURVE), hdr=transfer)
    curve_name, gamma = _TRANSFERS.get(transfer, ("sRGB curve", None))
    curve = SRGB_CURVE if gamma is None else Power(gamma)
    return Meaning(profile_of(name if gamma is None else f"{name}, {curve_name}", chromaticities, curve))


def _of_gamma(gamma: float | None, chromaticities: Chromaticities | None, notes: list[str]) -> Meaning:
    if gamma is not None and (gamma < 0.1 or gamma > 4):
        notes.append(f"its gAMA of {gamma:g} cannot be used")
        gamma = None
    own = chromaticities or _SRGB_CHROMATICITIES
    same = max(abs(a - b) for a, b in zip(own, _SRGB_CHROMATICITIES, strict=True)) < _NEAR_CHROMATICITY
    if gamma is None or (same and abs(gamma - _SRGB_GAMMA) < _NEAR_GAMMA):
        curve, name = SRGB_CURVE, "PNG's cHRM"
    else:
        curve, name = Power(1 / gamma), f"PNG's gamma {gamma:g}"
    try:
        return Meaning(profile_of(name, own, curve))
    except ValueError as error:
        notes.append(f"its cHRM and gAMA cannot be used, so the photo is read as sRGB: {error}")
        return Meaning(SRGB)


def _of_exif(exif: Exif, notes: list[str]) -> Meaning:
    space = (*exif.numbers("exif", COLOR_SPACE), 1)[0]
    index = exif.text("interop", INTEROP_INDEX)
    if index.startswith("R03") or space == 2:
        return Meaning(profile_of("Adobe RGB (1998) compatible", _ADOBE_RGB, Power(_ADOBE_GAMMA)))
    if space == 65535 and not index:
        notes.append("EXIF says that its colours are not sRGB, but not what they are: read as sRGB")
    return Meaning(SRGB)


def profile_of(name: str, chromaticities: Chromaticities, curve: Power) -> Profile:
    """A profile of primaries and one curve, with an ICC profile that says the same to other programs.

    Raises:
        ValueError: the primaries span no colours.
    """
    primaries = _adapted(chromaticities)
    found = classified(built_profile(name, primaries, curve), (curve, curve, curve), primaries)
    return SRGB if found.is_srgb else found


def _adapted(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """XYZ of red, green and blue, adapted to D50, a row each.

    Raises:
        ValueError: the primaries span no colours.
    """
    if min(chromaticities[1::2]) <= 0:
        raise ValueError("a chromaticity is not a colour")
    white, *colours = (
        np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True)
    )
    matrix = np.stack(colours)
    if abs(np.linalg.det(matrix)) < 1e-3:
        raise ValueError("its primaries span no colours")
    primaries = np.linalg.solve(matrix.T, white)[:, None] * matrix
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    gains = (cone @ np.array(D50)) / (cone @ white)
    adapted: NDArray[np.float64] = primaries @ (np.linalg.inv(cone) @ (gains[:, None] * cone)).T
    if not (np.isfinite(adapted).all() and abs(np.linalg.det(adapted)) > 1e-3):
        raise ValueError("its primaries span no colours")
    return adapted
