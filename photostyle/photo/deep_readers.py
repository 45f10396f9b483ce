"""Readers of what Pillow would cut to 8 bits or cannot read: deep PNG, TIFF and AVIF, HEIC and camera raw."""

from __future__ import annotations

import importlib
import logging
import math
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photostyle.errors import InputError
from photostyle.photo.icc import SRGB_CURVE
from photostyle.photo.pillow_reader import StoredImage, check_size, iptc_of, note_pages, tag_bytes, xmp_of

EXTRAS = {"HEIC": ("heic", "pillow_heif", "pillow-heif"), "raw": ("raw", "rawpy", "rawpy")}
"""What is read where more is installed: the extra's name, the module's and the package's."""

HEADROOM = math.sqrt(2)
"""Of a raw file's exposure: by ISO 12232's saturation-based speed a sensor saturates half a stop above white, so that
grey of 18 % is stored as 12.7 %."""
SHOULDER = 0.5
"""Linear light from which highlights are drawn in: one stop below white (our choice)."""
MOST_STOPS = 4.0
"""That a DNG's baseline exposure counts for; cameras state up to 2."""

_SUBFILE_TYPE, _PHOTOMETRIC, _XMP, _IPTC, _ICC, _DNG_VERSION = 254, 262, 700, 33723, 34675, 50706
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _SENSOR = 0, 1, 2, {32803, 34892}
_BASELINE_EXPOSURE = 50730
_UNSIGNED, _PLANES = 1, 2
_PREMULTIPLIED, _ALPHA = 1, 2


def read_deep_png(stream: IO[bytes], image: Image.Image, where: str) -> StoredImage:
    """A PNG of 16 bits a channel, which `image` has opened.

    Pillow reads its colours as 8 bits.
    """
    import imagecodecs

    check_size(image.height, image.width, where)
    stream.seek(0)
    samples = imagecodecs.png_decode(stream.read())
    image.load()
    exif, grey = image.getexif(), samples.ndim == 2 or samples.shape[2] < 3
    return StoredImage(
        samples, 65_535, 16, grey, exif, image.info.get("icc_profile"), xmp_of(image, exif), iptc_of(image, exif)
    )


def avif_depth(data: bytes) -> int:
    """Bits a channel, from the flags of the AV1 configuration (AV1-ISOBMFF, section 2.3.3)."""
    flags = data[data.find(b"av1C") + 6] if b"av1C" in data else 0
    return 12 if flags & 0x20 else 10 if flags & 0x40 else 8


def read_deep_avif(data: bytes, image: Image.Image, where: str) -> StoredImage:
    """An AVIF of 10 or 12 bits a channel, which `image` has opened and would read as 8."""
    import imagecodecs

    check_size(image.height, image.width, where)
    depth, exif = avif_depth(data), image.getexif()
    samples = imagecodecs.avif_decode(data, index=0)
    return StoredImage(
        samples, 2**depth - 1, depth, samples.ndim == 2, exif, image.info.get("icc_profile"), xmp_of(image, exif)
    )


class _QuietThreads(logging.Filter):
    """Drops what is logged by threads that asked for it: to switch a logger off would switch it off for all."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.asked, "times", 0)

    @contextmanager
    def here(self, name: str) -> Iterator[None]:
        """Inside the block, nothing that this thread logs by the logger `name` is shown."""
        logging.getLogger(name).addFilter(self)
        self.asked.times = getattr(self.asked, "times", 0) + 1
        try:
            yield
        finally:
            self.asked.times -= 1


_quiet = _QuietThreads()


@contextmanager
def read_tiff(stream: IO[bytes]) -> Iterator[Any]:
    """A TIFF opened by tifffile, which logs nothing meanwhile."""
    import tifffile

    with _quiet.here("tifffile"):
        stream.seek(0)
        with tifffile.TiffFile(stream) as file:
            yield file


def is_raw(page: Any) -> bool:
    """Whether a TIFF's first page is that of a camera's raw file: a small preview, a sensor's mosaic, or DNG."""
    tags = page.tags
    return tags.valueof(_SUBFILE_TYPE) == 1 or _DNG_VERSION in tags or tags.valueof(_PHOTOMETRIC) in _SENSOR


def check_tiff(page: Any, where: str) -> bool:
    """Whether a TIFF's page is to be read by `read_deep_tiff`.

    Raises:
        InputError: it holds another number of channels, other numbers, or colours that are not read.
    """
    bits = _most_bits(page)
    advice = "Export it as grey or RGB of 8 or 16 bits, with or without alpha."
    if page.sampleformat not in (_UNSIGNED, None) or bits > 16:
        kind = {2: "signed", 3: "floating-point"}.get(page.sampleformat, "unsigned")
        raise InputError("unsigned samples of 8 or 16 bits", f"{kind} ones of {bits} bits", where, advice)
    if page.samplesperpixel > 4:
        raise InputError("1 to 4 channels", f"{page.samplesperpixel}", where, advice)
    if bits > 8 and page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        colours = getattr(page.photometric, "name", f"colours of the kind {page.photometric}")
        raise InputError("16 bits of grey or RGB", f"{bits} bits of {colours}", where, advice)
    return bits > 8


def _most_bits(page: Any) -> int:
    bits = page.bitspersample
    return max(bits) if isinstance(bits, tuple) else int(bits)


def read_deep_tiff(stream: IO[bytes], page: Any, where: str) -> StoredImage:
    """A TIFF of 9 to 16 bits a channel, grey or RGB."""
    check_size(page.imagelength, page.imagewidth, where)
    bits = _most_bits(page)
    white = 2**bits - 1
    samples = page.asarray()
    if page.planarconfig == _PLANES and samples.ndim == 3:
        samples = np.moveaxis(samples, 0, 2)
    colours = 3 if page.photometric == _RGB else 1
    extra = page.extrasamples[0] if page.extrasamples else 0
    if not samples.size:
        raise InputError("a whole photo", "a damaged one (no samples)", where, "Copy or export it again.")
    samples = samples.reshape(*samples.shape[:2], -1)[:, :, : colours + (extra in (_PREMULTIPLIED, _ALPHA))]
    if page.photometric == _WHITE_IS_ZERO:
        samples = np.concatenate([white - samples[:, :, :1], samples[:, :, 1:]], 2)
    exif = Image.Exif()
    stream.seek(0)
    exif.load_from_fp(stream)
    stored = StoredImage(samples, white, bits, colours == 1, exif, premultiplied=extra == _PREMULTIPLIED)
    return stored._replace(icc=tag_bytes(exif, _ICC), **embedded(page))


def embedded(page: Any) -> dict[str, Any]:
    """XMP and IPTC of a TIFF's page, for Pillow reads the first number of those IPTC that are stored as numbers."""
    found = {"xmp": page.tags.valueof(_XMP), "iptc": page.tags.valueof(_IPTC)}
    return {name: value if isinstance(value, bytes) else None for name, value in found.items()}


def read_heic(stream: IO[bytes], where: str, notes: list[str]) -> StoredImage:
    """A HEIC, its first image; libheif turns it upright.

    Raises:
        InputError: the extra that reads it is missing.
    """
    pillow_heif = _extra("HEIC", where)
    stream.seek(0)
    file = pillow_heif.open_heif(stream, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    check_size(file.size[1], file.size[0], where)
    note_pages(len(file), notes)
    depth = int(file.info.get("bit_depth", 8))
    exif = Image.Exif()
    if file.info.get("exif"):
        exif.load(file.info["exif"])
    samples = np.asarray(file)
    primaries = file.info.get("nclx_profile", {}).get("color_primaries", 1)
    if not file.info.get("icc_profile") and primaries not in (1, 2):
        notes.append("its colours are given by numbers (nclx) instead of a profile, so it is read as sRGB")
    return StoredImage(
        samples, 2**depth - 1, depth, samples.ndim == 2, exif, file.info.get("icc_profile"),
        file.info.get("xmp"), premultiplied=file.mode.startswith("RGBa"), turned=True,
    )  # fmt: skip


def heic_size(stream: IO[bytes], where: str) -> tuple[int, int]:
    """Rows and columns of a HEIC's first image.

    Raises:
        InputError: the extra that reads it is missing.
    """
    pillow_heif = _extra("HEIC", where)
    stream.seek(0)
    columns, rows = pillow_heif.open_heif(stream).size
    return rows, columns


def raw_size(path: str | Path) -> tuple[int, int]:
    """Rows and columns of a raw file once it is developed, not of its preview.

    By its path, since LibRaw would read a stream to its end.

    Raises:
        InputError: the extra that reads it is missing.
    """
    rawpy = _extra("raw", str(path))
    with rawpy.imread(str(path)) as file:
        return file.sizes.height, file.sizes.width


def read_raw(stream: IO[bytes], where: str, notes: list[str]) -> StoredImage:
    """A camera's raw file, developed by LibRaw with the camera's white balance into sRGB of 16 bits, upright.

    LibRaw would brighten each photo by its own histogram, and take the brightest pixel of a photo for white. Both are
    off, so that the same light gives the same colour in all photos of a camera; `tone_curve` brightens instead.

    Raises:
        InputError: the extra that reads it is missing, or LibRaw cannot develop it.
    """
    rawpy = _extra("raw", where)
    exif = _raw_exif(stream, notes)
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
    return StoredImage(
        samples, 65_535, 16, False, exif, xmp=tag_bytes(exif, _XMP), iptc=tag_bytes(exif, _IPTC), turned=True
    )


def _raw_exif(stream: IO[bytes], notes: list[str]) -> Image.Exif:
    exif = Image.Exif()
    stream.seek(0)
    try:
        exif.load_from_fp(stream)
    except (SyntaxError, ValueError, OSError, struct.error):
        exif = Image.Exif()
        notes.append("its metadata cannot be read")
    return exif


def _baseline_exposure(exif: Image.Exif) -> float:
    """In stops: what a DNG says its maker would add to the exposure (DNG specification 1.7); else 0."""
    try:
        stops = float(exif.get(_BASELINE_EXPOSURE, 0.0))
    except (TypeError, ValueError, ArithmeticError):
        return 0.0
    return min(max(stops, -MOST_STOPS), MOST_STOPS) if math.isfinite(stops) else 0.0


def tone_curve(stops: float) -> NDArray[np.uint16]:
    """From a sensor's linear samples to sRGB-encoded ones, `(65536,) uint16`, white to white.

    The exposure is raised by `HEADROOM` and `stops`. What would then be beyond white is drawn in by a shoulder: from
    `SHOULDER` on the slope falls from that of the straight part, so that highlights keep their differences.
    """
    gain = HEADROOM * 2**stops
    raised = np.linspace(0, gain, 65_536)
    if gain > 1:
        beyond = np.maximum(raised - SHOULDER, 0) / (gain - SHOULDER)
        slope = (gain - SHOULDER) / (1 - SHOULDER)
        drawn_in = SHOULDER + (1 - SHOULDER) * slope * beyond / (1 + (slope - 1) * beyond)
        raised = np.where(raised > SHOULDER, drawn_in, raised)
    encoded = SRGB_CURVE.encoded(raised.astype(np.float32))
    return np.rint(65_535 * np.clip(encoded, 0, 1)).astype(np.uint16)


def _extra(kind: str, where: str) -> Any:
    extra, module, package = EXTRAS[kind]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        advice = f"python -m pip install 'photostyle[{extra}]', or export the photo as JPEG, PNG or TIFF first."
        raise InputError(f"the package {package}, which reads {kind} files", "none", where, advice) from error
