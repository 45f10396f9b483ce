"""Looks saved in files, NAME.photostyle. A look is the style photos as they were measured, and the settings.

The file format is safetensors. The arrays are the photos at the sizes of the solve, from which all statistics follow,
and their masks. The metadata is a JSON text that describes the photos, the version of the format, and the sha256 of
text and arrays together. The file contains no code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_of
from safetensors.numpy import save as bytes_of

from photostyle.errors import InputError, SettingsError
from photostyle.files import atomic_write, check_target
from photostyle.photo.photo import SHORTEST_SIDE, Photo
from photostyle.regions.region_map import RegionMap, labels_present, resize_labels
from photostyle.settings import Section, Settings

LOOK_ENDING, FORMAT = ".photostyle", "photostyle look"
VERSION = 2
"""The newest version that is read. A look is written as version 1 if all of its photos can be seen as a whole, and as
version 2 if it has the coverage of a photo."""
MOST_SIZES = 2
MOST_WEIGHT = 1e30
"""The largest weight. With it, sums and products of weights stay finite."""


@dataclass(frozen=True, eq=False)
class StoredStyle:
    """A style photo of a look.

    Args:
        name: the name of its file.
        sha256: of the file's bytes, hexadecimal; None if there was no file.
        weight: how much it counts beside the other photos, above 0.
        region: the one region of the content that it is for; None for all regions.
        pixels: the photo at each size, `(H, W, 3) float32, sRGB-encoded, [0, 1]`. The last is the size of the solve.
        regions: the mask of the last of `pixels`; None if it has no mask.
        coverage: `(H, W) float32`, linear, [0, 1]: how much can be seen of the last of `pixels`; None for all.
    """

    name: str
    sha256: str | None
    weight: float
    region: str | None
    pixels: tuple[NDArray[np.float32], ...] = field(repr=False)
    regions: RegionMap | None = field(repr=False)
    coverage: NDArray[np.float32] | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Look:
    """The contents of a file: the settings, and one photo or more."""

    settings: Settings
    photos: tuple[StoredStyle, ...]

    def photos_for(
        self, where: str, sizes: Sequence[int], weight: float, region: str | None
    ) -> tuple[StoredStyle, ...]:
        """The photos at the sizes that a session uses. They are made smaller if needed, and never enlarged.

        Args:
            where: the look's file, for errors.
            sizes: longest sides at which the session measures a style, in pixels. The last is the size of the solve.
            weight: a factor for the weights of the photos.
            region: the one region of the content that the look is for; None to keep the regions in the look.

        Raises:
            SettingsError: `region` is given, but the look has a region already.
        """
        for stored in self.photos:
            if region is not None and stored.region is not None:
                problem = (
                    f"this look cannot be used for {region}: its photo {stored.name} is for {stored.region} already"
                )
                raise SettingsError.stating(problem, where)
        return tuple(
            replace(self._at(stored, sizes), weight=stored.weight * weight, region=region or stored.region)
            for stored in self.photos
        )

    def warnings(self, size: int) -> tuple[str, ...]:
        """Warnings for the user of a session that solves at `size` pixels, one line each."""
        own = self.settings.solver.size
        if own >= size:
            return ()
        return (f"the look was saved at {own} px and is used at that size, but the content is solved at {size} px",)

    def _at(self, stored: StoredStyle, sizes: Sequence[int]) -> StoredStyle:
        """The photo at other sizes, but never larger than in the file."""
        if self.settings.solver.size == sizes[-1] and len(stored.pixels) >= len(sizes):
            return replace(stored, pixels=stored.pixels[-len(sizes) :])
        photo = Photo(np.ascontiguousarray(stored.pixels[-1]), stored.coverage)
        pixels, coverage = tuple(photo.fitted(longest) for longest in sizes), photo.fitted_coverage(sizes[-1])
        regions = stored.regions
        if regions is not None:
            labels = resize_labels(regions.labels, *pixels[-1].shape[:2])
            names = {label: regions.names[label] for label in sorted(labels_present(labels))}
            regions = RegionMap(labels, names).seen(coverage)
        return replace(stored, pixels=pixels, regions=regions, coverage=coverage)


class _Entry(Section):
    """What the JSON text says about one photo."""

    name: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    weight: float = Field(gt=0, le=MOST_WEIGHT)
    region: str | None
    sizes: int = Field(ge=1, le=MOST_SIZES)
    mask: dict[int, str] | None


class _Contents(Section):
    """The contents of the JSON text."""

    settings: Settings
    photos: tuple[_Entry, ...] = Field(min_length=1)


class _Header(Section):
    """The file's only metadata entry, named `FORMAT`, as JSON. With several, safetensors changes their order."""

    version: int
    look: str
    sha256: str


def is_look(source: object) -> bool:
    """Whether a style's source is the path of a saved look."""
    return isinstance(source, str | Path) and Path(source).suffix.lower() == LOOK_ENDING


def check_look_target(
    path: str | Path, overwrite: bool, inputs: Iterable[str | Path] = (), *, new_folder: bool = False
) -> None:
    """Checks, before any work is done, that `write_look` can write here. The arguments are those of `check_target`.

    Raises:
        SettingsError: the name does not end in `LOOK_ENDING`.
        OutputError: see `photostyle.files.check_target`.
    """
    if not is_look(path):
        raise SettingsError(f"a file name that ends in {LOOK_ENDING}", repr(Path(path).suffix), str(path))
    check_target(path, overwrite, inputs, new_folder=new_folder)


def write_look(path: str | Path, look: Look, *, overwrite: bool) -> None:
    """Writes a look, completely or not at all. The same look gives the same bytes.

    Raises:
        SettingsError, OutputError: see `check_look_target`.
    """
    check_look_target(path, overwrite)
    tensors: dict[str, NDArray[Any]] = {}
    entries = []
    for place, photo in enumerate(look.photos):
        for size, pixels in enumerate(photo.pixels):
            tensors[f"{place}.pixels.{size}"] = pixels
        if photo.coverage is not None:
            tensors[f"{place}.coverage"] = photo.coverage
        names = None
        if photo.regions is not None:
            tensors[f"{place}.labels"], names = photo.regions.labels, dict(photo.regions.names)
        name = photo.name.encode(
            errors="backslashreplace"
        ).decode()  # file names can contain bytes that are not Unicode
        entries.append(_Entry(name=name, sha256=photo.sha256, weight=photo.weight, region=photo.region,
                              sizes=len(photo.pixels), mask=names))  # fmt: skip
    text = _Contents(settings=look.settings, photos=tuple(entries)).model_dump_json()
    version = VERSION if any(photo.coverage is not None for photo in look.photos) else 1
    header = _Header(version=version, look=text, sha256=_checksum(text, tensors))
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(bytes_of(tensors, {FORMAT: header.model_dump_json()}))


def read_look(path: str | Path) -> Look:
    """Reads a look.

    Raises:
        InputError: the file does not exist, is not a look, has a newer version, was changed, or is cut short.
    """
    where = str(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError("a saved look", error.strerror or str(error), where) from error
    try:
        tensors = tensors_of(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError, RecursionError) as error:
        found = f"{len(data)} bytes that are something else or cut short"
        raise InputError("a saved look", found, where, "Save the look again: photostyle run --save-look.") from error
    if FORMAT not in metadata:
        raise InputError("a saved look", "a safetensors file of something else", where)
    try:
        header = json.loads(metadata[FORMAT])
        version = header.get("version") if isinstance(header, dict) else None
        if isinstance(version, int) and version > VERSION:
            advice = "A newer photostyle made this file. Install that version, or save the look again with this one."
            raise InputError(f"a look of version {VERSION}", f"version {version}"[:20], where, advice)
        checked = _Header.model_validate(header)
        if checked.sha256 != _checksum(checked.look, tensors):
            raise InputError(f"contents with sha256 {checked.sha256[:16]}...", "an altered file", where)
        contents = _Contents.model_validate_json(checked.look)
        return Look(
            contents.settings, tuple(_stored_style(place, e, tensors) for place, e in enumerate(contents.photos))
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError("a saved look", f"{name or 'contents'}: {first['msg']:.80}", where) from error
    except (KeyError, ValueError, RecursionError) as error:
        raise InputError("a complete look", f"a look that lacks a part ({error})", where) from error


def _checksum(text: str, tensors: dict[str, NDArray[Any]]) -> str:
    """The sha256 of the JSON text and of all arrays with their shapes, in the order of their names."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape} {tensors[name].dtype}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def _stored_style(place: int, entry: _Entry, tensors: dict[str, NDArray[Any]]) -> StoredStyle:
    """One photo of the file. Raises KeyError if an array is missing, ValueError if it is not that of a photo."""
    pixels = tuple(tensors[f"{place}.pixels.{size}"] for size in range(entry.sizes))
    for each in pixels:
        if each.ndim != 3 or each.shape[2] != 3 or each.dtype != np.float32 or min(each.shape[:2]) < SHORTEST_SIDE:
            raise ValueError(f"a photo of shape {each.shape}, {each.dtype}")
        if not (each.min() >= 0 and each.max() <= 1):
            raise ValueError("colours outside [0, 1]")
    if any(max(smaller.shape) > max(larger.shape) for smaller, larger in pairwise(pixels)):
        raise ValueError("sizes out of order")
    coverage = tensors.get(f"{place}.coverage")
    if coverage is not None:
        if coverage.shape != pixels[-1].shape[:2] or coverage.dtype != np.float32:
            raise ValueError(f"a coverage of shape {coverage.shape}, {coverage.dtype}")
        if not (coverage.min() >= 0 and 0 < coverage.max() <= 1):
            raise ValueError("a coverage outside [0, 1], or 0 everywhere")
    regions = None
    if entry.mask is not None:
        regions = RegionMap(tensors[f"{place}.labels"], entry.mask)
        if regions.labels.shape != pixels[-1].shape[:2]:
            raise ValueError(f"a mask of shape {regions.labels.shape}")
        regions = regions.seen(coverage)
    return StoredStyle(entry.name, entry.sha256, entry.weight, entry.region, pixels, regions, coverage)
