"""Reader of TIFF and BigTIFF: by tifffile, and by Pillow where colours have to be converted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

import numpy as np
from PIL import Image

from photostyle.errors import InputError
from photostyle.photo.embedded import LAYERS, PATHS, ColourTags, Embedded
from photostyle.photo.exif import HEADER, ICC, IPTC, PHOTOSHOP, XMP, read_exif
from photostyle.photo.exif import LAYERS as LAYERS_TAG
from photostyle.photo.iptc import CLIPPING_PATHS, resources
from photostyle.photo.metadata import resolution_of
from photostyle.photo.pillow_reader import cmyk_in_srgb, read_with_pillow
from photostyle.photo.stored import AGAIN, DAMAGED, StoredImage, check_size, note_pages

_SUBFILE_TYPE, _PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 254, 262, 330, 50706
_REDUCED = 1
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED = 0, 1, 2, 3, 5
_SENSOR = {32803, 34892}
_UNSIGNED, _PLANES = 1, 2
_PREMULTIPLIED, _ALPHA = 1, 2
_BY_PILLOW = {1, 2, 5, 6, 7, 8, 32773, 32946}
"""Compressions of samples that Pillow's own decoder takes: none, CCITT, LZW, JPEG, Deflate, PackBits."""
_DESCRIPTIVE = {270, 271, 272, 305, 306, 315, 33432, XMP, IPTC, PHOTOSHOP}
"""Tags of the first page that also describe the photo's page: texts, and metadata."""
_CONVERTING = {7, 33003, 33004, 33005, 34712, 34927, 50001, 50002, 52546}
"""Compressions that convert colours by themselves: JPEG, JPEG 2000, WebP, JPEG XL."""
_ADVICE = "Export it as grey or RGB of 8 or 16 bits, with or without alpha."


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


class PhotoPage(NamedTuple):
    """The page of a TIFF that is the photo.

    Args:
        page: tifffile's page; None for a camera's raw file.
        number: its place among the pages, from 0.
        others: number of other pages, without reduced copies of this one.
    """

    page: Any
    number: int
    others: int


@contextmanager
def opened(stream: IO[bytes]) -> Iterator[Any]:
    """A TIFF opened by tifffile, which logs nothing meanwhile."""
    import tifffile

    with _quiet.here("tifffile"):
        stream.seek(0)
        with tifffile.TiffFile(stream) as file:
            yield file


def photo_page(file: Any) -> PhotoPage:
    """The first page that is no reduced copy.

    A file is raw if it is DNG, if a page or a page inside it holds a sensor's mosaic, or if all pages are reduced: then
    the photo is in a form of the camera's maker.
    """
    pages = list(file.pages)
    full = [number for number, page in enumerate(pages) if not _is_reduced(page)]
    if not full or any(_is_raw(page) for page in pages):
        return PhotoPage(None, 0, 0)
    return PhotoPage(pages[full[0]], full[0], len(full) - 1)


def _is_reduced(page: Any) -> bool:
    kind = page.tags.valueof(_SUBFILE_TYPE)
    return isinstance(kind, int) and bool(kind & _REDUCED)


def _is_raw(page: Any) -> bool:
    if _DNG_VERSION in page.tags or page.tags.valueof(_PHOTOMETRIC) in _SENSOR:
        return True
    inside = (page.pages or ()) if _SUB_IFDS in page.tags else ()
    return any(each.tags.valueof(_PHOTOMETRIC) in _SENSOR for each in inside)


def read_tiff(stream: IO[bytes], file: Any, found: PhotoPage, where: str, notes: list[str]) -> StoredImage:
    """The photo's page of a TIFF.

    Args:
        stream: the file.
        file: the file, opened by tifffile.
        found: see `photo_page`.
        where: the file, for errors.
        notes: takes what a user should know.

    Raises:
        InputError: it holds another number of channels, other numbers, or colours that are not read.
    """
    page = found.page
    check_size(page.imagelength, page.imagewidth, where)
    _check(page, where)
    note_pages(1 + found.others, notes)
    beside = _embedded(stream, page, file.pages.first)
    if _for_pillow(page, file):
        stream.seek(0)
        image = Image.open(stream, formats=("TIFF",))
        image.seek(found.number)
        return read_with_pillow(image, where, notes, beside)._replace(turned=True)  # Pillow turns TIFF as it loads it
    return _by_tifffile(page, beside, where, notes)


def _for_pillow(page: Any, file: Any) -> bool:
    """Whether Pillow reads it: 8 bits at most, classic TIFF, and a compression of its own."""
    return not (
        _most_bits(page) > 8
        or file.is_bigtiff
        or int(page.compression) not in _BY_PILLOW
        or (page.photometric == _RGB and page.planarconfig == _PLANES)
    )


def _check(page: Any, where: str) -> None:
    for name in ("compression", "photometric", "planarconfig", "samplesperpixel"):
        if not isinstance(getattr(page, name), int):
            raise InputError(DAMAGED, f"a damaged one (its {name} is no number)", where, AGAIN)
    found = page.bitspersample
    if not all(isinstance(bits, int) for bits in (found if isinstance(found, tuple) else (found,))):
        raise InputError(DAMAGED, "a damaged one (its depth is no number)", where, AGAIN)
    bits = _most_bits(page)
    if page.sampleformat not in (_UNSIGNED, None) or bits > 16:
        kind = {2: "signed", 3: "floating-point"}.get(page.sampleformat, "unsigned")
        raise InputError("unsigned samples of 8 or 16 bits", f"{kind} ones of {bits} bits", where, _ADVICE)
    if page.samplesperpixel > 5 or (page.samplesperpixel == 5 and page.photometric != _SEPARATED):
        raise InputError("1 to 4 channels", f"{page.samplesperpixel}", where, _ADVICE)
    if bits > 8 and page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        raise InputError("16 bits of grey or RGB", f"{bits} bits of {_colours(page)}", where, _ADVICE)


def _colours(page: Any) -> str:
    return str(getattr(page.photometric, "name", f"colours of the kind {page.photometric}"))


def _most_bits(page: Any) -> int:
    bits = page.bitspersample
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _by_tifffile(page: Any, beside: Embedded, where: str, notes: list[str]) -> StoredImage:
    bits = _most_bits(page)
    white = 2**bits - 1
    samples = page.asarray()
    if not samples.size:
        raise InputError(DAMAGED, "a damaged one (no samples)", where, AGAIN)
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8)
    if page.planarconfig == _PLANES and samples.ndim == 3:
        samples = np.moveaxis(samples, 0, 2)
    samples = samples.reshape(*samples.shape[:2], -1)
    photometric = int(page.photometric)
    if photometric == _PALETTE:
        colours = np.asarray(page.colormap).T[samples[:, :, 0]]
        return StoredImage(colours.astype(np.uint16), 65_535, 8, False, beside)
    if photometric == _SEPARATED:
        image = cmyk_in_srgb(Image.fromarray(np.ascontiguousarray(samples[:, :, :4]), "CMYK"),
                             beside.colours.icc, notes)  # fmt: skip
        return StoredImage(np.asarray(image), 255, 8, False, beside._replace(colours=ColourTags()))
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB) and not _is_decoded_rgb(page):
        raise InputError("grey, RGB, palette or CMYK", _colours(page), where, _ADVICE)
    count = 1 if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) else 3
    if samples.shape[2] < count:
        raise InputError(DAMAGED, f"a damaged one ({samples.shape[2]} channels of {count})", where, AGAIN)
    extra = page.extrasamples[0] if page.extrasamples else 0
    samples = samples[:, :, : count + (extra in (_PREMULTIPLIED, _ALPHA))]
    if photometric == _WHITE_IS_ZERO:
        samples = np.concatenate([white - samples[:, :, :1], samples[:, :, 1:]], 2)
    return StoredImage(samples, white, bits, count == 1, beside, premultiplied=extra == _PREMULTIPLIED)


def _is_decoded_rgb(page: Any) -> bool:
    """Whether the codec gives RGB whatever the tag says."""
    return int(page.compression) in _CONVERTING


def _embedded(stream: IO[bytes], page: Any, first: Any) -> Embedded:
    """What the page holds beside its samples; what only the first page holds counts, too."""
    exif, damaged = read_exif(stream, offset=page.offset, layout=True)
    if first is not page:
        general, _ = read_exif(stream, offset=first.offset, layout=True)
        for name, entries in general.directories.items():
            shared = {tag: entry for tag, entry in entries.items() if name != "image" or tag in _DESCRIPTIVE}
            exif.directories[name] = {**shared, **exif.directories[name]}
    held = resources(exif.blob(PHOTOSHOP) or b"")
    left_out = []
    if page.extrasamples and int(page.extrasamples[0]) not in (_PREMULTIPLIED, _ALPHA):
        left_out.append("a channel beside the colours that is no transparency, such as infrared")
    if LAYERS_TAG in page.tags:
        left_out.append(LAYERS)
    if any(number in held for number in CLIPPING_PATHS):
        left_out.append(PATHS)
    xmp, iptc, icc = exif.blob(XMP), exif.blob(IPTC), exif.blob(ICC)
    kept = exif.without_layout()
    return Embedded(
        HEADER + kept.to_bytes() if kept else None, xmp, iptc, ColourTags(icc), resolution_of(kept),
        left_out=tuple(left_out), damaged=tuple(f"its EXIF ({part})" for part in damaged),
    )  # fmt: skip
