"""Decoding: from any source to pixels, upright and in the photo's own colours, and what its file says about them."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from photostyle.compute.library_warnings import recorded_warnings
from photostyle.errors import InputError
from photostyle.photo import heif_reader, png_chunks, raw_reader, riff_chunks, tiff_reader
from photostyle.photo.colour_space import HLG, Meaning, meaning_of
from photostyle.photo.embedded import Embedded
from photostyle.photo.encode import FORMATS
from photostyle.photo.exif import Exif, read_exif
from photostyle.photo.icc import SRGB, Profile
from photostyle.photo.jpeg_reader import read_jpeg
from photostyle.photo.kinds import TIFF_BEGINNINGS, kind_beside_pillow, opened_by_pillow
from photostyle.photo.metadata import NO_METADATA, Metadata, orientation_of, upright
from photostyle.photo.orientation import TURNS
from photostyle.photo.pillow_reader import read_with_pillow
from photostyle.photo.stored import AGAIN, DAMAGED, JpegTables, StoredImage, check_size, note_pages
from photostyle.photo.tone import from_hdr

_MOST_SIDECAR = 1 << 24  # bytes
_DEEP_PNG = 24  # place of a PNG's bits a channel
_DECODERS = {"PIL", "imagecodecs", "pillow_heif", "rawpy", "tifffile", "simplejpeg"}
_METADATA_WARNINGS = re.compile("EXIF|exif|[Tt]ag [0-9]|Metadata|MPO")
"""Warnings of Pillow and tifffile about metadata, which are read and checked here and not there."""


class Decoded(NamedTuple):
    """The fields of `photostyle.photo.photo.Photo`, in its order. They are documented there."""

    pixels: NDArray[np.float32]
    alpha: NDArray[np.float32] | None = None
    profile: Profile = SRGB
    metadata: Metadata = NO_METADATA
    depth: int = 8
    jpeg: JpegTables | None = None
    path: Path | None = None
    format: str | None = None
    sha256: str | None = None
    warnings: tuple[str, ...] = ()
    lossless: bool = False
    orientation: int = 1


def decode(source: str | Path | bytes | bytearray | memoryview | IO[bytes] | Image.Image | NDArray[Any]) -> Decoded:
    """Decodes a photo. `Photo.read` documents the sources.

    Raises:
        InputError: as `Photo.read`.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_image(source)
    if isinstance(source, (str, Path)):
        return _from_file(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_stream(io.BytesIO(bytes(source)), "the bytes", None)
    if callable(getattr(source, "read", None)):
        return _from_file_object(source)
    expected = "a path, bytes, a file object, a PIL image, an array or a Photo"
    raise InputError(expected, f"a {type(source).__name__}")


def _from_array(values: NDArray[Any]) -> Decoded:
    where = "the array"
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3, 4)):
        raise InputError("shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)", str(values.shape), where)
    check_size(values.shape[0], values.shape[1], where)
    depth = 16 if values.dtype.kind == "u" and values.dtype.itemsize == 2 else 8
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        values = np.divide(values, np.iinfo(values.dtype).max, dtype=np.float32)
    elif values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
        if not (values.min() >= 0 and values.max() <= 1):
            advice = "Divide by the largest value the encoding can hold, or clip."
            raise InputError("values in [0, 1]", f"{values.min():g} to {values.max():g}", where, advice)
    else:
        raise InputError("uint8, uint16 or floating values", str(values.dtype), where)
    values = np.atleast_3d(values)
    alpha = np.ascontiguousarray(values[:, :, 3]) if values.shape[2] == 4 else None
    return Decoded(_rgb(values[:, :, :3]), alpha, depth=depth)


def _rgb(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(H, W, 1 or 3)` -> C-contiguous `(H, W, 3)`."""
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3)))


def _from_file(source: str | Path) -> Decoded:
    if str(source) == "-":
        return _from_stream(io.BytesIO(sys.stdin.buffer.read()), "standard input", None)
    where = str(source)
    if os.path.isdir(source):
        raise InputError.stating("this is a folder, not a photo", where)
    try:
        with _opened(source) as file:
            stream = file if file.seekable() else io.BytesIO(file.read())
            return _from_stream(stream, where, Path(source).absolute())
    except FileNotFoundError as error:
        raise InputError.stating("there is no such file", where, "Check the name and the folder.") from error
    except PermissionError as error:
        raise InputError.stating("this file may not be read", where, "Check its permissions.") from error
    except OSError as error:
        raise InputError("a photo", f"a file that cannot be read ({error})", where) from error


def _opened(path: str | Path) -> IO[bytes]:
    try:
        return open(path, "rb")
    except ValueError as error:  # a null character, or one that the file system has no bytes for
        raise InputError("a photo", f"a name that cannot be read ({error})", str(path)) from error


def _from_file_object(source: IO[bytes]) -> Decoded:
    """Decodes what is left to read of a file object. It need not be seekable, and it is not closed."""
    path = _path_of(source)
    where = str(path or "the file object")
    try:
        data: object = source.read()
    except UnicodeDecodeError:
        data = ""
    except (OSError, ValueError) as error:
        raise InputError("a photo", f"a file that cannot be read ({error})", where) from error
    if isinstance(data, str):
        raise InputError("a file object of bytes", "one of text", where, 'Open the file in the mode "rb".')
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InputError("a file object of bytes", f"one that reads a {type(data).__name__}", where)
    if not data:
        advice = "If it was read or written before, go back to its beginning with seek(0)."
        raise InputError("a photo", "a file object with nothing left to read", where, advice)
    return _from_stream(io.BytesIO(data), where, path)


def _path_of(source: IO[bytes]) -> Path | None:
    """The path of the file that a file object has open; None if it has none, as in archives."""
    try:
        path = Path(source.name).absolute()
        return path if os.path.samestat(os.fstat(source.fileno()), path.stat()) else None
    except (AttributeError, TypeError, OSError, ValueError):
        return None


def _from_image(image: Image.Image) -> Decoded:
    filename = getattr(image, "filename", "")
    path = Path(os.fsdecode(filename)).absolute() if filename else None
    where = str(path or "the PIL image")
    notes: list[str] = []
    with decoding(where, notes):
        decoded = _decoded(read_with_pillow(image, where, notes), where, notes)
    format = "JPEG" if image.format == "MPO" else image.format
    return decoded._replace(path=path, format=format if format in FORMATS else None, warnings=tuple(notes))


def _from_stream(stream: IO[bytes], where: str, path: Path | None) -> Decoded:
    notes: list[str] = []
    with decoding(where, notes):
        format, stored = _stored_image(stream, where, notes)
        if format == "raw" and path is not None:
            stored = _with_sidecar(stored, path)
        decoded = _decoded(stored, where, notes)
    stream.seek(0)
    sha256 = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    return decoded._replace(path=path, format=format, sha256=sha256, warnings=tuple(notes))


def _stored_image(stream: IO[bytes], where: str, notes: list[str]) -> tuple[str, StoredImage]:
    """The format and the samples, by the reader that keeps all bits."""
    head = stream.read(64)
    kind = kind_beside_pillow(head)
    if kind == "HEIC":
        return kind, heif_reader.read_heic(stream, where, notes)
    if kind == "raw":
        return kind, raw_reader.read_raw(stream, where, notes)
    if head.startswith(TIFF_BEGINNINGS):
        with tiff_reader.opened(stream) as file:
            found = tiff_reader.photo_page(file)
            if found.page is not None:
                return "TIFF", tiff_reader.read_tiff(stream, file, found, where, notes)
        return "raw", raw_reader.read_raw(stream, where, notes)
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG", read_jpeg(stream, where, notes)
    image = opened_by_pillow(stream, head, where)
    note_pages(getattr(image, "n_frames", 1), notes)
    if image.format == "AVIF":
        return "AVIF", heif_reader.read_avif(stream, image, where, notes)
    stream.seek(0)
    data = stream.read()
    if image.format == "PNG":
        beside = png_chunks.embedded(data)
        if head[_DEEP_PNG] == 16:
            return "PNG", _deep_png(data, beside, image, where)
        return "PNG", read_with_pillow(image, where, notes, beside)
    beside, lossless = riff_chunks.embedded(data)
    return "WEBP", read_with_pillow(image, where, notes, beside)._replace(lossless=lossless)


def _with_sidecar(stored: StoredImage, raw: Path) -> StoredImage:
    """With the XMP of the file beside a raw one, where programs keep ratings and keywords: NAME.xmp or NAME.NEF.xmp."""
    for name in (raw.name, raw.stem):
        for ending in (".xmp", ".XMP"):
            try:
                with (raw.parent / (name + ending)).open("rb") as file:
                    return stored._replace(embedded=stored.embedded._replace(xmp=file.read(_MOST_SIDECAR)))
            except OSError:
                continue
    return stored


def _deep_png(data: bytes, beside: Embedded, image: Image.Image, where: str) -> StoredImage:
    """A PNG of 16 bits a channel, which `image` has opened. Pillow reads its colours as 8 bits."""
    import imagecodecs

    check_size(image.height, image.width, where)
    samples = imagecodecs.png_decode(data)
    return StoredImage(samples, 65_535, 16, samples.ndim == 2 or samples.shape[2] < 3, beside)


@contextmanager
def decoding(where: str, notes: list[str]) -> Iterator[None]:
    """Turns the warnings of decoders into `notes`, and their exceptions into InputError.

    With damaged bytes, decoders raise almost any exception, also TypeError. So the class of an exception does not tell
    a damaged photo from a mistake of this package. The code that raised it does.
    """
    with recorded_warnings() as warned:
        try:
            yield
        except InputError:
            raise
        except (MemoryError, Image.DecompressionBombError) as error:
            raise InputError("a photo that fits in memory", f"a larger one ({error})", where) from error
        except Exception as error:
            if not (isinstance(error, OSError) or _by_decoder(error)):
                raise
            found = f"a damaged one ({str(error) or type(error).__name__})"
            raise InputError(DAMAGED, found, where, AGAIN) from error
    notes.extend(message for message in warned if _METADATA_WARNINGS.search(message) is None)


def _by_decoder(error: Exception) -> bool:
    """Whether a decoder defines this exception, or raised it when this package called the decoder."""
    if type(error).__module__.partition(".")[0] in _DECODERS:
        return True
    packages = [_package_of(frame) for frame, _ in walk_tb(error.__traceback__)]
    ours = packages[::-1].index(__name__.partition(".")[0])
    return ours > 0 and packages[len(packages) - ours] in _DECODERS


def _package_of(frame: FrameType) -> str:
    """The package of the module that runs. A frame of Cython may have only the path of its source."""
    module: str | None = frame.f_globals.get("__name__")
    return re.split(r"[./\\]", module or frame.f_code.co_filename)[0]


def _decoded(stored: StoredImage, where: str, notes: list[str]) -> Decoded:
    """The photo upright, as floats, with the profile to work in."""
    check_size(stored.samples.shape[0], stored.samples.shape[1], where)  # damaged files may state another size
    exif, damaged = read_exif(stored.embedded.exif) if stored.embedded.exif else (Exif(), ())
    if damaged:
        notes.append(f"its EXIF is damaged, and what cannot be read is lost ({damaged[0]})")
    meaning = meaning_of(stored.embedded.colours, exif, grey=stored.grey, notes=notes)
    stored = _brought_to_profile(stored, meaning, notes)
    samples = stored.samples
    rows, columns = samples.shape[:2]
    orientation = orientation_of(exif)
    turn = TURNS[orientation]
    size = (columns, rows) if stored.turned and turn.swapped else (rows, columns)
    metadata = upright(stored.embedded, exif, size, notes)
    samples = np.atleast_3d(samples if stored.turned else turn.pixels(samples))
    height, width, channels = samples.shape
    pixels, alpha = np.empty((height, width, 3), np.float32), None
    np.divide(samples[:, :, : 3 if channels > 2 else 1], stored.white, out=pixels, dtype=np.float32)
    if channels in (2, 4):
        alpha = np.empty((height, width), np.float32)
        np.divide(samples[:, :, -1], stored.white, out=alpha, dtype=np.float32)
        if stored.premultiplied:
            np.divide(pixels, alpha[:, :, None], out=pixels, where=alpha[:, :, None] > 0)
            np.clip(pixels, 0, 1, out=pixels)
    return Decoded(
        pixels, alpha, meaning.profile, metadata, stored.depth, stored.jpeg,
        lossless=stored.lossless, orientation=orientation,
    )  # fmt: skip


def _brought_to_profile(stored: StoredImage, meaning: Meaning, notes: list[str]) -> StoredImage:
    """The samples in the profile to work in. HDR is tone-mapped, and colours by tables are converted."""
    if meaning.hdr is not None:
        name = "HLG" if meaning.hdr == HLG else "PQ"
        notes.append(f"it is HDR ({name}) and is tone-mapped to a standard photo: its brightest light is compressed")
        samples = from_hdr(np.atleast_3d(stored.samples), stored.white, hlg=meaning.hdr == HLG)
        return stored._replace(samples=samples, white=65_535, depth=max(stored.depth, 10))
    return _in_srgb(stored, meaning.convert, notes) if meaning.convert is not None else stored


def _in_srgb(stored: StoredImage, icc: bytes, notes: list[str]) -> StoredImage:
    """The samples in sRGB, from a profile of tables of colours: converted by littlecms, at the samples' own depth.

    Relative colorimetric with black point compensation, as photo editors convert unless told otherwise.
    """
    import imagecodecs

    samples, full = np.atleast_3d(stored.samples), np.iinfo(stored.samples.dtype).max
    if stored.white != full:
        samples = np.rint(samples * (full / stored.white)).astype(samples.dtype)
    colours = np.broadcast_to(samples[:, :, : 3 if samples.shape[2] > 2 else 1], (*samples.shape[:2], 3))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    intent, flags = int(ImageCms.Intent.RELATIVE_COLORIMETRIC), int(ImageCms.Flags.BLACKPOINTCOMPENSATION)
    try:
        converted = imagecodecs.cms_transform(
            np.ascontiguousarray(colours), icc, srgb, colorspace="rgb", outcolorspace="rgb",
            intent=intent, flags=flags,
        )  # fmt: skip
    except (RuntimeError, ValueError) as error:
        notes.append(f"the embedded colour profile cannot be used, so the photo is read as sRGB: {error}")
        return stored
    notes.append("converted to sRGB, because its colour profile consists of tables")
    if samples.shape[2] in (2, 4):
        converted = np.concatenate([converted, samples[:, :, -1:]], 2)
    return stored._replace(samples=converted, white=int(full))
