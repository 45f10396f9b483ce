"""Regions in a worker: found, shown, mended, matched otherwise, and written as masks that `photostyle run` reads."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photostyle.errors import InputError, SettingsError
from photostyle.photo.photo import Photo
from photostyle.presets import load_preset
from photostyle.regions.correspondence import Correspondence
from photostyle.regions.found_regions import RegionFinder
from photostyle.regions.in_words import names_of
from photostyle.regions.mask_files import NAMES_FILE, read_mask, write_mask
from photostyle.regions.region_map import RegionMap, labels_present, resize_labels
from photostyle.regions.subject import SUBJECT
from photostyle.studio.photo_file import PhotoFile
from photostyle.studio.sizes import LABELS
from photostyle.studio.work.photos import Photos
from segmentation.labels import CLASSES, FOREGROUND, UNLABELLED
from segmentation.palette import display_colour

Labels = NDArray[np.uint8]


class Regions:
    """Finds the regions of photos, and writes those that the user has mended."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos
        self._finder: RegionFinder | None = None

    def shown(self, file: PhotoFile) -> dict[str, Any]:
        """The regions as the page lists them."""
        regions, found_by = self._small(file)
        height, width = regions.labels.shape
        counts = np.bincount(regions.labels.ravel(), minlength=256)
        return {
            "size": [height, width],
            "found_by": found_by,
            "regions": [
                {
                    "id": label,
                    "name": name,
                    "colour": colour_of(label, regions.names),
                    "share": int(counts[label]) / regions.labels.size,
                }
                for label, name in sorted(regions.names.items())
                if counts[label] or file.mask is None
            ],
        }

    def labels(self, file: PhotoFile) -> bytes:
        """The labels as an 8-bit grey PNG, at most `LABELS` pixels on a side; 255 is in no region."""
        regions, _ = self._small(file)
        return png_of(regions.labels)

    def subject(self, file: PhotoFile) -> bytes:
        """The subject as an 8-bit grey PNG of the size of `labels`: 255 inside, 0 outside.

        Raises:
            InputError: the photo has no clear subject.
        """
        seen = self._network().see(self._photos.read(file).fitted(LABELS))
        if not seen.has_subject:
            found = "nothing that stands out clearly"
            raise InputError("a subject", found, file.path.name, "Draw it with the brush instead.")
        return png_of(np.where(seen.subject.labels == SUBJECT, np.uint8(255), np.uint8(0)))

    def mend(self, file: PhotoFile, drawn: Path, names: Mapping[int, str], target: Path) -> None:
        """Writes mended labels as a mask at the photo's own size.

        Args:
            file: the photo.
            drawn: a PNG of the size that `labels` has.
            names: a name for every label that occurs.
            target: the mask. It gets a `classes.json` beside it.

        Raises:
            InputError: no such PNG, or a label without a name.
        """
        photo = self._photos.read(file)
        height, width = photo.fitted(LABELS).shape[:2]
        labels = read_labels(drawn, height, width)
        if nameless := labels_present(labels) - set(names):
            raise InputError("a name for every region", f"none for {sorted(nameless)[0]}", "labels")
        write_full(target, RegionMap(labels, dict(names)), photo)

    def archive(self, file: PhotoFile) -> bytes:
        """A ZIP with the mask at the photo's own size and `classes.json`, as `photostyle run` reads them."""
        mask = file.mask or self.found_mask(file)
        return zipped({f"{file.path.stem}.mask.png": mask, NAMES_FILE: mask.with_name(NAMES_FILE)})

    def found_mask(self, file: PhotoFile) -> Path:
        """A mask of the found classes at the photo's own size. It is written once."""
        target = file.folder / "found" / f"{file.path.stem}.mask.png"
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            write_full(target, self._found(file), self._photos.read(file))
        return target

    def _network(self) -> RegionFinder:
        if self._finder is None:
            self._finder = RegionFinder(load_preset("preview").regions.segmenter)
        return self._finder

    def _small(self, file: PhotoFile) -> tuple[RegionMap, str]:
        if file.mask is None:
            return self._found(file), "the network"
        photo = self._photos.read(file)
        height, width = photo.fitted(LABELS).shape[:2]
        return read_mask(file.mask, height, width, photo.orientation), "you"

    def _found(self, file: PhotoFile) -> RegionMap:
        """The classes that the network finds, at most `LABELS` pixels on a side. They are kept in a file."""
        kept = file.folder / "found.npz"
        if not kept.exists():
            regions = self._network().see(self._photos.read(file).fitted(LABELS)).classes()
            part = kept.with_suffix(".part.npz")
            np.savez_compressed(part, labels=regions.labels)
            os.replace(part, kept)
        with np.load(kept) as arrays:
            labels = arrays["labels"]
        return RegionMap(labels, {label.id: label.name for label in CLASSES if label.id <= FOREGROUND[-1]})


def read_labels(path: Path, height: int, width: int) -> Labels:
    """The labels of an 8-bit grey PNG.

    Raises:
        InputError: it is something else, or has another size.
    """
    expected = f"an 8-bit grey PNG of {width} x {height} px"
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.size != (width, height) or image.mode != "L":
                raise InputError(expected, f"{image.size[0]} x {image.size[1]} px of mode {image.mode}", "labels")
            return np.array(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(expected, "something else", "labels") from error


def write_full(target: Path, regions: RegionMap, photo: Photo) -> None:
    """Writes a mask at the photo's own size."""
    labels = resize_labels(regions.labels, photo.height, photo.width)
    names = {label: name for label, name in regions.names.items() if label != UNLABELLED}
    write_mask(target, RegionMap(labels, names), overwrite=True)


def rematched(found: Correspondence, matches: Sequence[tuple[str, str]]) -> tuple[RegionMap, list[RegionMap]]:
    """Masks that match as `found` does, but for what the user wants otherwise.

    In masks, regions of one name match. Two regions of the content that take from the same region of a style are
    therefore joined.

    Args:
        found: how the regions match by themselves.
        matches: `(region of the content, region of the styles)`: the name of a region of `found`, and the name of a
            region of at least one style.

    Returns:
        The regions of the content and of each style, at the size of the solve.

    Raises:
        SettingsError: there is no region of such a name.
    """
    wanted = dict(matches)
    names = [region.name for region in found.regions]
    if unknown := [name for name in wanted if name not in names]:
        raise SettingsError(f"a region of the content ({', '.join(names)})", repr(unknown[0])[:80], "matches")
    taken: list[dict[int, set[int]]] = []  # for each region the labels that it takes, by style
    for region in found.regions:
        sources = {source.style: set(source.ids) for source in region.sources}
        if region.name in wanted:
            sources = _labels_named(found, wanted[region.name])
        taken.append(sources)
    groups = _joined(taken)
    content = np.full(found.content.labels.shape, UNLABELLED, np.uint8)
    styles = [np.full(style.regions.labels.shape, UNLABELLED, np.uint8) for style in found.styles]
    labels: dict[int, str] = {}
    for label, members in enumerate(groups):
        labels[label] = " and ".join(names[member] for member in members)
        for member in members:
            content[np.isin(found.content.labels, found.regions[member].content_ids)] = label
            for style, ids in taken[member].items():
                styles[style][np.isin(found.styles[style].regions.labels, list(ids))] = label
    return RegionMap(content, labels), [RegionMap(style, labels) for style in styles]


def choices(found: Correspondence) -> dict[str, Any]:
    """The names of regions that the user can match: those of the content, and those of each style."""
    styles = []
    for place, style in enumerate(found.styles):
        names = dict.fromkeys(style.regions.labels_by_name)
        for region in found.regions:
            for source in region.sources:
                if source.style == place:
                    names[" and ".join(names_of(style.regions, source.ids))] = None
        styles.append([name for name in names if name])
    return {"content": [region.name for region in found.regions], "styles": styles}


def _labels_named(found: Correspondence, name: str) -> dict[int, set[int]]:
    """The labels of a name in each style that has it: of one label, or of several, such as `building and object`."""
    result: dict[int, set[int]] = {}
    for place, style in enumerate(found.styles):
        for region in found.regions:
            for source in region.sources:
                if source.style == place and name == " and ".join(names_of(style.regions, source.ids)):
                    result[place] = set(source.ids)
        if name in style.regions.labels_by_name:
            result[place] = set(style.regions.labels_by_name[name])
    if not result:
        known = sorted({other for style in found.styles for other in style.regions.labels_by_name})
        raise SettingsError(f"a region of a style ({', '.join(known)})", repr(name)[:80], "matches")
    return result


def _joined(taken: Sequence[Mapping[int, set[int]]]) -> list[list[int]]:
    """The regions in groups: those that take from a common label of a style are in one group."""
    groups: list[list[int]] = []
    for place, sources in enumerate(taken):
        common = [
            group
            for group in groups
            if any(taken[member].get(style, set()) & ids for member in group for style, ids in sources.items())
        ]
        merged = sorted([place, *(member for group in common for member in group)])
        groups = [*(group for group in groups if group not in common), merged]
    return groups


def png_of(labels: Labels) -> bytes:
    """An 8-bit grey PNG."""
    buffer = io.BytesIO()
    Image.fromarray(labels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def zipped(files: Mapping[str, Path]) -> bytes:
    """A ZIP of files by their names in it; PNGs and the like are not compressed again."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, path in files.items():
            kind = zipfile.ZIP_DEFLATED if path.suffix == ".json" else zipfile.ZIP_STORED
            archive.write(path, name, kind)
    return buffer.getvalue()


def colour_of(label: int, names: Mapping[int, str]) -> str:
    """The colour that shows a label, as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*display_colour(label, names.get(label, "")))
