"""Masks: region maps read from files, images and arrays, and written."""

from __future__ import annotations

import json
import os
import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from photostyle.errors import InputError, OutputError
from photostyle.files import atomic_write
from photostyle.regions.mask_arrays import WHERE, is_painted, painted_image, regions_of_labels
from photostyle.regions.region_map import RegionMap, labels_present, resize_labels
from segmentation.labels import NAMES, UNLABELLED
from segmentation.palette import PALETTE, Painted, labels_from_colours

NAMES_FILE = "classes.json"
MOST_UNKNOWN = 0.1
"""Share of a painted mask that may be of no known colour. Blended edges are up to 0.023 of the authors' masks
(`shared/pairs`), and grow as a mask gets smaller."""
MOST_STRAY = 0.01
"""Share that one unknown colour may have. Blended edges give up to 0.003 in the authors' masks."""
ASPECT_TOLERANCE = 0.01


MaskSource = str | Path | Image.Image | NDArray[Any] | RegionMap
"""What `read_mask` reads."""


def read_mask(mask: MaskSource, height: int, width: int) -> RegionMap:
    """Reads a mask for a photo of `height` x `width` px, scaled to it by nearest neighbour.

    A palette PNG is indexed, and so is a grey one, with two exceptions. Beside no `classes.json`, a grey PNG of black,
    grey and white areas is painted: the authors have such files. Beside a `classes.json`, an RGB PNG without any
    colour is indexed unless it looks so painted: some editors save grey pictures as RGB. Every other PNG is painted
    in colours, and where it is more than half transparent it is in no region.

    Args:
        mask: a PNG; `classes.json` beside it, where there is one, names the ids of an indexed mask. Or a PIL image,
            which is read as its file would be. Or an array: labels `(H, W)`, integer or bool, 255 where no region is,
            or painted colours `(H, W, 3) uint8`. Or a region map, which keeps its names.
        height, width: of the photo, in px.

    Returns:
        Names are those of the labels that occur.

    Raises:
        InputError: no PNG to read, proportions that are not the photo's (by more than 1 % and more than 1 px), a
            colour or a class id that nobody knows, a `classes.json` that does not map ids to names, or an array that
            is no mask.
    """
    if isinstance(mask, np.ndarray) and not is_painted(mask):
        mask = regions_of_labels(mask)
    if isinstance(mask, RegionMap):
        _check_proportions(mask.labels.shape[::-1], height, width, Path(WHERE))
        labels, known = mask.labels, dict(mask.names)
    else:
        image, path, names = _opened(mask)
        _check_proportions(image.size, height, width, path)
        ids = _class_ids(image, names)
        if ids is None:
            labels, known = _painted_labels(image, path), {label.id: label.name for label in PALETTE}
        else:
            labels, known = ids, dict(NAMES if names is None else names)
            _check_known(labels, known, path)
    labels = resize_labels(labels, height, width)
    return RegionMap(labels, {label: known[label] for label in sorted(labels_present(labels))})


def write_mask(path: str | Path, regions: RegionMap) -> None:
    """Writes an 8-bit grey PNG of the labels and adds their names to `classes.json` beside it.

    `read_mask` gives the same labels and names back. Grey, since editors that reorder a palette would change the ids.

    Raises:
        OutputError: a file cannot be written, or `classes.json` has another name for one of the ids.
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
        with atomic_write(beside) as file:
            text = json.dumps({str(label): merged[label] for label in sorted(merged)}, indent=1, ensure_ascii=False)
            file.write(f"{text}\n".encode())
    with atomic_write(path) as file:
        Image.fromarray(regions.labels).save(file, "PNG")


def _opened(mask: str | Path | Image.Image | NDArray[Any]) -> tuple[Image.Image, Path, dict[int, str] | None]:
    """The picture, what errors call it, and the names that `classes.json` beside its file has."""
    if isinstance(mask, np.ndarray):
        return painted_image(mask), Path(WHERE), None
    if isinstance(mask, Image.Image):
        filename = getattr(mask, "filename", "")
        path = Path(os.fsdecode(filename) if filename else WHERE)
        try:
            mask.load()
        except (OSError, SyntaxError, ValueError, zlib.error, struct.error) as error:
            raise InputError("a mask that can be read", str(error) or type(error).__name__, str(path)) from error
        _check_mode(mask, path)
        return mask, path, _read_names(path.with_name(NAMES_FILE)) if filename else None
    if isinstance(mask, (str, Path)):
        path = Path(mask)
        return _open(path), path, _read_names(path.with_name(NAMES_FILE))
    raise InputError("a path, an array, a PIL image or a RegionMap", f"a {type(mask).__name__}", WHERE)


def _open(path: Path) -> Image.Image:
    """The PNG, decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG"]) as image:
                image.load()
    except UnidentifiedImageError as error:
        raise InputError("a PNG", "none that can be read", str(path), "Save the mask as PNG.") from error
    except (OSError, SyntaxError, ValueError, zlib.error, struct.error, Image.DecompressionBombError) as error:
        found = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError("a mask that can be read", found, str(path)) from error
    _check_mode(image, path)
    return image


def _check_mode(image: Image.Image, path: Path) -> None:
    if image.mode not in {"1", "L", "LA", "P", "RGB", "RGBA"}:
        raise InputError("8 bits a channel", f"an image of mode {image.mode}", str(path), "Save it as 8-bit PNG.")


def _check_proportions(size: tuple[int, ...], height: int, width: int, path: Path) -> None:
    columns, rows = size
    off = abs(rows * width - columns * height)
    if off > ASPECT_TOLERANCE * rows * width and off > max(height, width):
        advice = "Make the mask from the photo as it is shown, upright and uncropped; any size with its proportions."
        found = f"{columns} x {rows} px for a photo of {width} x {height} px"
        raise InputError("a mask with the photo's proportions", found, str(path), advice)


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


def _class_ids(image: Image.Image, names: Mapping[int, str] | None) -> NDArray[np.uint8] | None:
    """`(H, W) uint8` of an indexed mask, None for a painted one; `read_mask` says which is which."""
    if image.mode == "P":
        return np.array(image)
    single = image.mode in {"1", "L", "LA"}
    pixels = np.asarray(image.convert("L" if single else "RGB"))
    if single and names is not None:
        return pixels
    if not single and (names is None or not (pixels == pixels[..., :1]).all()):
        return None
    grey = pixels if single else pixels[..., 0]
    return None if _looks_painted(grey, NAMES if names is None else names) else grey


def _looks_painted(grey: NDArray[np.uint8], names: Mapping[int, str]) -> bool:
    """Whether all but its edges is black, grey or white and not only black, and the values are no class ids.

    Black and white alone are taken as painted, though they could be class 0 and no region.
    """
    present = labels_present(grey)
    areas = set(np.flatnonzero(np.bincount(grey.ravel(), minlength=256) > MOST_STRAY * grey.size).tolist())
    if present <= set(names) and present - {0}:
        return False
    return areas <= {0, 127, 128, 255} and areas != {0}


def _painted_labels(image: Image.Image, path: Path) -> NDArray[np.uint8]:
    """`(H, W) uint8` indices into the palette."""
    pixels = np.asarray(image.convert("RGBA"))
    painted = labels_from_colours(pixels[..., :3])
    if painted.unknown > MOST_UNKNOWN or painted.stray > MOST_STRAY:
        raise _unknown_colour(painted, path)
    return np.where(pixels[..., 3] < 128, np.uint8(UNLABELLED), painted.labels)


def _unknown_colour(painted: Painted, path: Path) -> InputError:
    nine = ", ".join(f"{label.name} {_hex(label.colour)}" for label in PALETTE)
    assert painted.stray_colour is not None and painted.stray_at is not None
    row, column = painted.stray_at
    found = (
        f"{_hex(painted.stray_colour)} at row {row}, column {column}, and {painted.unknown:.0%} of the mask in"
        " no known colour"
    )
    advice = f"Paint in these colours, or write class ids to an 8-bit grey PNG: {nine}."
    return InputError("a mask in the nine colours", found, str(path), advice)


def _check_known(labels: NDArray[np.uint8], names: Mapping[int, str], path: Path) -> None:
    for label in sorted(labels_present(labels) - set(names)):
        row, column = (int(index[0]) for index in np.nonzero(labels == label))
        listed = ", ".join(f"{known} {name}" for known, name in sorted(names.items()))
        found = f"{label} at row {row}, column {column}"
        advice = f"Name every id in {NAMES_FILE} beside the mask; a mask painted in colours has to be saved as RGB."
        raise InputError(f"class ids among {listed}", found, str(path), advice)


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
