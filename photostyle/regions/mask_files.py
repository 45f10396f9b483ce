"""Masks: region maps read from files, images and arrays, and written."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from photostyle.compute.library_warnings import recorded_warnings
from photostyle.errors import InputError, OutputError
from photostyle.files import atomic_write, check_target
from photostyle.photo.orientation import TURNS, Turn
from photostyle.regions.mask_arrays import WHERE, is_painted, regions_of_labels
from photostyle.regions.region_map import RegionMap, labels_present, resize_labels
from segmentation.labels import NAMES, UNLABELLED
from segmentation.palette import PALETTE, TOLERANCE, Painted, labels_from_colours

NAMES_FILE = "classes.json"
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
"""What a painted mask may be, by Pillow's names."""
MOST_FAR = 0.5
"""Share of a painted mask up to which pixels may have no colour near. It is above this in 84 of 111 photos."""
TOLD_GUESSED = 0.001
"""Share of a painted mask in areas of other colours from which a warning is given. In the authors' masks
(`shared/pairs`) it is below 0.0001."""
TOLD_UNKNOWN = 0.1
"""Share in other colours, blended borders included, from which a warning is given. It is up to 0.023 in the authors'
masks, and grows as a mask gets smaller."""
MOST_STRAY = 0.01
"""Share that one other value of grey may have in a mask of black, grey and white areas. Blended borders give up to
0.003 in the authors' masks."""
ASPECT_TOLERANCE = 0.01

# What Pillow raises on damaged bytes.
_UNREADABLE = (
    OSError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError, EOFError, RuntimeError, struct.error,
    zlib.error, Image.DecompressionBombError,
)  # fmt: skip


MaskSource = str | Path | Image.Image | NDArray[Any] | RegionMap
"""What `read_mask` reads."""


def read_mask(mask: MaskSource, height: int, width: int, orientation: int = 1) -> RegionMap:
    """Reads a mask for a photo of `height` x `width` px, scaled to it by nearest neighbour.

    A grey or a palette PNG holds class ids, with these exceptions:

    - Beside no `classes.json`, a grey PNG of black, grey and white areas is painted: the authors have such files.
    - Beside no `classes.json`, a palette PNG is painted if it looks so: its colours are the nine, borders aside.
      Programs that make files smaller write painted masks in this way. A palette of greys is read as a grey PNG.
    - Beside a `classes.json`, an RGB PNG without any colour holds class ids unless it looks painted: some editors save
      grey pictures as RGB.

    Every other picture is painted in colours; see `labels_from_picture`. A mask is turned as its EXIF says.

    Args:
        mask: a picture in one of `FORMATS`; `classes.json` beside it, where there is one, names the ids of a mask that
            holds class ids. Or a PIL image, which is read as its file would be. Or an array: labels `(H, W)`, integer
            or bool, 255 where no region is, or painted colours `(H, W, 3) uint8`. Or a region map, which keeps its
            names.
        height, width: of the photo as it is shown, in px.
        orientation: EXIF's orientation of the photo's stored pixels, 1 to 8. A mask that has the proportions of the
            stored photo, and not those of the shown one, is turned like it.

    Returns:
        Names are those of the labels that occur; warnings tell which colours were read as others.

    Raises:
        InputError: no picture that can be read, proportions that are not the photo's (by more than 1 % and more than
            1 px), a painted mask in other colours, a class id without a name, a `classes.json` that does not map ids
            to names, or an array that is no mask.
    """
    warnings: tuple[str, ...] = ()
    if isinstance(mask, np.ndarray) and not is_painted(mask):
        mask = regions_of_labels(mask)
    if isinstance(mask, RegionMap):
        turn = _turn(mask.labels.shape[::-1], height, width, orientation, Path(WHERE))
        labels, known, warnings = mask.labels, dict(mask.names), mask.warnings
    elif isinstance(mask, np.ndarray):
        turn = _turn(mask.shape[1::-1], height, width, orientation, Path(WHERE))
        (labels, warnings), known = labels_from_picture(mask, WHERE), {label.id: label.name for label in PALETTE}
    else:
        image, path, names = _opened(mask)
        turn = _turn(image.size, height, width, orientation, path)
        ids = _class_ids(image, names, path)
        if ids is None:
            labels, warnings = labels_from_picture(np.asarray(image.convert("RGBA")), str(path))
            known = {label.id: label.name for label in PALETTE}
        else:
            labels, known = ids, dict(NAMES if names is None else names)
            _check_known(labels, known, path)
    labels = resize_labels(np.ascontiguousarray(turn.pixels(labels)), height, width)
    return RegionMap(labels, {label: known[label] for label in sorted(labels_present(labels))}, warnings)


def labels_from_picture(pixels: NDArray[np.uint8], where: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Reads a picture painted in the nine colours: every pixel counts as the nearest of them.

    Blended borders count as the region beside them, see `segmentation.palette.labels_from_colours`. What is more than
    half transparent is in no region.

    Args:
        pixels: `(H, W, 3 or 4) uint8`, sRGB-encoded, with alpha or without.
        where: the file's name or the like, for the error.

    Returns:
        `(H, W) uint8` indices into `segmentation.palette.PALETTE`, 255 in no region; and warnings, of colours that
        are further than `segmentation.palette.TOLERANCE` from the nine.

    Raises:
        InputError: most of the picture has none of the nine colours near.
    """
    visible = pixels[..., 3] >= 128 if pixels.shape[2] == 4 else np.ones(pixels.shape[:2], np.bool_)
    painted = labels_from_colours(pixels[..., :3], visible)
    if painted.far > MOST_FAR:
        raise _unknown_colour(painted, where)
    labels = np.where(visible, painted.labels, np.uint8(UNLABELLED))
    if painted.guessed < TOLD_GUESSED and painted.unknown < TOLD_UNKNOWN:
        return labels, ()
    assert painted.place is not None
    warnings = (
        f"{_percent(painted.unknown)} of it is in none of the nine colours (further than {TOLERANCE} of 255 in a"
        f" channel), most of that in {_colour_and_place(painted)}. The nearest colour counts, there"
        f" {PALETTE[labels[painted.place]].name}"
    )
    return labels, (warnings,)


def write_mask(path: str | Path, regions: RegionMap, *, overwrite: bool = False) -> None:
    """Writes an 8-bit grey PNG of the labels and adds their names to `classes.json` beside it.

    `read_mask` gives the same labels and names back. Grey, since editors that reorder a palette would change the ids.

    Raises:
        OutputError: a file cannot be written, the mask exists without `overwrite`, or `classes.json` has another name
            for one of the ids.
        InputError: `classes.json` is there and does not map ids to names.
    """
    path = Path(path)
    beside = path.with_name(NAMES_FILE)
    names = _read_names(beside) or {}
    own = {label: name for label, name in regions.names.items() if label != UNLABELLED}
    for label, name in own.items():
        if (other := names.get(label, name)) != name:
            advice = f"Write the mask to another folder, or remove {beside}."
            raise OutputError(f"the name {name!r} for class {label}", repr(other), str(beside), advice)
    merged = names | own
    if merged != names:
        with atomic_write(beside, overwrite=True) as file:  # another mask of the folder may have made it
            text = json.dumps({str(label): merged[label] for label in sorted(merged)}, indent=1, ensure_ascii=False)
            file.write(f"{text}\n".encode())
    with atomic_write(path, overwrite=overwrite) as file:
        Image.fromarray(regions.labels).save(file, "PNG")


def check_mask_target(path: str | Path, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse, before any work is done, a name that `write_mask` could or should not write; its folder may be missing.

    Raises:
        OutputError: see `photostyle.files.check_target`, for the mask and for the `classes.json` beside it.
        InputError: `classes.json` is there and does not map ids to names.
    """
    inputs = tuple(inputs)
    check_target(path, overwrite, inputs, new_folder=True)
    beside = Path(path).with_name(NAMES_FILE)
    check_target(beside, overwrite=True, inputs=inputs, new_folder=True)
    _read_names(beside)


def _opened(mask: str | Path | Image.Image) -> tuple[Image.Image, Path, dict[int, str] | None]:
    """The picture, what errors call it, and the names that `classes.json` beside its file has."""
    if isinstance(mask, Image.Image):
        filename = getattr(mask, "filename", "")
        path = Path(os.fsdecode(filename) if filename else WHERE)
        try:
            mask.load()
        except _UNREADABLE as error:
            raise InputError("a mask that can be read", str(error) or type(error).__name__, str(path)) from error
        _check_mode(mask, path)
        return mask, path, _read_names(path.with_name(NAMES_FILE)) if filename else None
    if isinstance(mask, (str, Path)):
        path = Path(mask)
        return _open(path), path, _read_names(path.with_name(NAMES_FILE))
    raise InputError("a path, an array, a PIL image or a RegionMap", f"a {type(mask).__name__}", WHERE)


def _open(path: Path) -> Image.Image:
    """The picture, decoded and upright; the first of several pages or frames."""
    try:
        with recorded_warnings():  # of large pictures, and of damaged metadata, which masks need not have
            with Image.open(path, formats=FORMATS) as image:
                image.load()
            upright = ImageOps.exif_transpose(image)
    except UnidentifiedImageError as error:
        raise InputError("a picture", "a file of another kind", str(path), "Save the mask as PNG.") from error
    except _UNREADABLE as error:
        found = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError("a mask that can be read", found, str(path)) from error
    _check_mode(image, path)
    upright.format = image.format
    return upright


def _check_mode(image: Image.Image, path: Path) -> None:
    if image.mode not in {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}:
        found = f"{f'a {image.format}' if image.format else 'an image'} of mode {image.mode}"
        raise InputError("8 bits a channel", found, str(path), "Save the mask as 8-bit PNG.")


def _turn(size: tuple[int, ...], height: int, width: int, orientation: int, path: Path) -> Turn:
    """How a mask of this size becomes upright: not at all, or like the stored photo.

    Raises:
        InputError: it has the proportions of neither.
    """
    columns, rows = size
    turn = TURNS[orientation]
    if _fits(rows, columns, height, width):
        return TURNS[1]
    if turn.swapped and _fits(columns, rows, height, width):
        return turn
    advice = "Make the mask from the photo as it is shown, upright and uncropped; any size with its proportions."
    found = f"{columns} x {rows} px for a photo of {width} x {height} px"
    raise InputError("a mask with the photo's proportions", found, str(path), advice)


def _fits(rows: int, columns: int, height: int, width: int) -> bool:
    off = abs(rows * width - columns * height)
    return off <= ASPECT_TOLERANCE * rows * width or off <= max(height, width)


def _read_names(path: Path) -> dict[int, str] | None:
    """`{id: name}` of a `classes.json`, 255 aside; None where there is none."""
    form = 'a JSON object of class ids 0 to 254 and names, such as {"0": "sky"}'
    try:
        entries = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(form, str(error), str(path)) from error
    if not isinstance(entries, dict):
        raise InputError(form, f"a {type(entries).__name__}", str(path))
    names = {}
    for key, name in entries.items():
        if not (
            key.isascii()
            and key.isdigit()
            and len(key) <= 3
            and int(key) <= UNLABELLED
            and isinstance(name, str)
            and name
        ):
            raise InputError(form, f"{json.dumps(key)}: {json.dumps(name)[:60]}", str(path))
        names[int(key)] = name
    return {label: name for label, name in names.items() if label != UNLABELLED}


def _class_ids(image: Image.Image, names: Mapping[int, str] | None, path: Path) -> NDArray[np.uint8] | None:
    """`(H, W) uint8` of a mask that holds class ids, None for a painted one; `read_mask` says which is which."""
    if image.format not in (None, "PNG"):
        _check_painted(image, names, path)
        return None
    if image.mode in {"P", "PA"}:
        return None if names is None and _palette_is_painted(image) else np.array(image.getchannel(0))
    single = image.mode in {"1", "L", "LA"}
    pixels = np.asarray(image.convert("L" if single else "RGB"))
    if single and names is not None:
        return pixels
    if not single and (names is None or not _is_grey(pixels)):
        return None
    grey = pixels if single else pixels[..., 0]
    return None if _looks_painted(grey, NAMES if names is None else names) else grey


def _check_painted(image: Image.Image, names: Mapping[int, str] | None, path: Path) -> None:
    """Raises InputError for a grey picture that holds class ids in another format than PNG."""
    if image.format == "JPEG" or image.mode not in {"1", "L", "LA"}:
        return
    present = labels_present(np.asarray(image.convert("L")))
    if present - {0} and present <= set(NAMES if names is None else names):
        advice = "Save it as 8-bit grey PNG."
        raise InputError("class ids in a PNG", f"what looks like class ids in a {image.format}", str(path), advice)


def _palette_is_painted(image: Image.Image) -> bool:
    """Whether a palette picture shows areas of the nine colours; of greys, whether they look painted."""
    pixels = np.asarray(image.convert("RGBA"))
    visible = pixels[..., 3] >= 128
    colours = pixels[..., :3][visible]
    if not len(colours):
        return False
    if _is_grey(colours):
        return _looks_painted(colours[:, 0], NAMES)
    return labels_from_colours(pixels[..., :3], visible).guessed < TOLD_GUESSED


def _is_grey(colours: NDArray[np.uint8]) -> bool:
    return bool((colours == colours[..., :1]).all())


def _looks_painted(grey: NDArray[np.uint8], names: Mapping[int, str]) -> bool:
    """Whether all but its edges is black, grey or white and not only black, and the values are no class ids.

    Black and white alone are taken as painted, though they could be class 0 and no region.
    """
    present = labels_present(grey)
    areas = set(np.flatnonzero(np.bincount(grey.ravel(), minlength=256) > MOST_STRAY * grey.size).tolist())
    if present <= set(names) and present - {0}:
        return False
    return areas <= {0, 127, 128, 255} and areas != {0}


def _unknown_colour(painted: Painted, where: str) -> InputError:
    nine = ", ".join(f"{label.name} {_hex(label.colour)}" for label in PALETTE)
    found = f"{_percent(painted.far)} of it in other colours, most of that in {_colour_and_place(painted)}"
    advice = f"Paint in these colours, or write class ids to an 8-bit grey PNG: {nine}."
    return InputError("a mask in the nine colours", found, where, advice)


def _colour_and_place(painted: Painted) -> str:
    assert painted.colour is not None and painted.place is not None
    row, column = painted.place
    return f"{_hex(painted.colour)} at row {row}, column {column}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"


def _check_known(labels: NDArray[np.uint8], names: Mapping[int, str], path: Path) -> None:
    for label in sorted(labels_present(labels) - set(names)):
        row, column = (int(index[0]) for index in np.nonzero(labels == label))
        listed = ", ".join(f"{known} {name}" for known, name in sorted(names.items()))
        found = f"{label} at row {row}, column {column}"
        advice = f"Name every id in {NAMES_FILE} beside the mask; a mask painted in colours has to be saved as RGB."
        raise InputError(f"class ids among {listed}", found, str(path), advice)


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
