"""Reader of camera raw files, by LibRaw."""

from __future__ import annotations

import math
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from photostyle.errors import InputError
from photostyle.photo.embedded import Embedded
from photostyle.photo.exif import HEADER, IPTC, XMP, Exif, read_exif
from photostyle.photo.extras import module_of
from photostyle.photo.icc import SRGB_CURVE
from photostyle.photo.stored import StoredImage, check_size
from photostyle.photo.tone import compressed

HEADROOM = math.sqrt(2)
"""Of a raw file's exposure: by ISO 12232's saturation-based speed a sensor saturates half a stop above white, so that
grey of 18 % is stored as 12.7 %."""
MOST_STOPS = 4.0
"""Most stops that a DNG's baseline exposure counts for. Cameras state up to 2."""

_BASELINE_EXPOSURE = 50730


def raw_size(path: str | Path) -> tuple[int, int]:
    """Rows and columns of a raw file once it is developed, not of its preview.

    It takes a path, since LibRaw would read a stream to its end.

    Raises:
        InputError: the extra that reads it is missing.
    """
    rawpy = module_of("raw", str(path))
    with rawpy.imread(str(path)) as file:
        return file.sizes.height, file.sizes.width


def read_raw(stream: IO[bytes], where: str, notes: list[str]) -> StoredImage:
    """A camera's raw file, developed by LibRaw with the camera's white balance into sRGB of 16 bits, upright.

    LibRaw would brighten each photo by its own histogram, and take the brightest pixel of a photo for white. Both are
    off, so that the same light gives the same colour in all photos of a camera. `tone_curve` brightens instead.

    Raises:
        InputError: the extra that reads it is missing, or LibRaw cannot develop it.
    """
    rawpy = module_of("raw", where)
    exif = _exif(stream, notes)
    stream.seek(0)
    try:
        with rawpy.imread(stream) as file:
            check_size(file.sizes.height, file.sizes.width, where)
            linear = file.postprocess(
                use_camera_wb=True, output_bps=16, output_color=rawpy.ColorSpace.sRGB, gamma=(1, 1),
                no_auto_bright=True, adjust_maximum_thr=0,
            )  # fmt: skip
    except rawpy.LibRawError as error:
        found = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        advice = "Develop it as JPEG, PNG or TIFF first."
        raise InputError("a raw file that LibRaw can develop", found.lower(), where, advice) from error
    samples = tone_curve(_baseline_exposure(exif))[linear]
    kept = exif.without_layout()
    beside = Embedded(HEADER + kept.to_bytes() if kept else None, exif.blob(XMP), exif.blob(IPTC))
    return StoredImage(samples, 65_535, 16, False, beside, turned=True)


def _exif(stream: IO[bytes], notes: list[str]) -> Exif:
    exif, damaged = read_exif(stream, layout=True)
    if damaged and not exif:
        notes.append("its metadata cannot be read")
    return exif


def _baseline_exposure(exif: Exif) -> float:
    """In stops: what a DNG says its maker would add to the exposure (DNG specification 1.7); else 0."""
    stops = (*exif.numbers("image", _BASELINE_EXPOSURE), 0.0)[0]
    return min(max(stops, -MOST_STOPS), MOST_STOPS) if math.isfinite(stops) else 0.0


def tone_curve(stops: float) -> NDArray[np.uint16]:
    """From a sensor's linear samples to sRGB-encoded ones, `(65536,) uint16`, white to white.

    The exposure is raised by `HEADROOM` and `stops`. What would then be beyond white is compressed; see
    `photostyle.photo.tone.compressed`.
    """
    gain = HEADROOM * 2**stops
    raised = compressed(np.linspace(0, gain, 65_536), gain)
    encoded = SRGB_CURVE.encoded(raised.astype(np.float32))
    return np.rint(65_535 * np.clip(encoded, 0, 1)).astype(np.uint16)
