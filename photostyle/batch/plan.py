"""What a batch is to do: every photo with its look and the name of its result, checked before any work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from photostyle.batch import storage
from photostyle.batch.inputs import HEIC, MASK, PHOTOS, FoundPhotos, find_photos
from photostyle.batch.job import PhotoSet, StyleSource
from photostyle.errors import InputError, OutputError, SettingsError
from photostyle.photo.photo import ENDINGS
from photostyle.styles.look_file import LOOK_ENDING as LOOK
from photostyle.styles.look_file import is_look


@dataclass(frozen=True)
class Item:
    """A photo, the look it is to have, and the path of its result relative to the output folder, with /.

    `photo_set` is the set that it has one look with, empty where it is solved for itself.
    """

    content: str
    output: str
    styles: tuple[StyleSource, ...]
    content_mask: str | None = None
    photo_set: PhotoSet = ()


@dataclass(frozen=True)
class Plan:
    """All items, in the order in which they are done, and how many files were left out, by reason."""

    items: tuple[Item, ...]
    skipped: Mapping[str, int]

    def styles(self) -> tuple[StyleSource, ...]:
        """Every style once."""
        return tuple(dict.fromkeys(style for item in self.items for style in item.styles))


def make_plan(
    contents: Sequence[str],
    styles: Sequence[StyleSource],
    output: str,
    *,
    pair_by_name: bool = False,
    masks: bool = False,
    format: str = "auto",
    consistent: bool = False,
) -> Plan:
    """Plans a set.

    Several styles are blended. One folder of styles stands for every photo with every style, one style after the other
    so that each is measured once, with results named PHOTO.STYLE.ENDING; or, with `pair_by_name`, for every photo with
    the style of its own name, whatever the ending of either.

    Args:
        contents: folders, files and patterns, see `inputs.find_photos`.
        styles: files, or one folder.
        output: the output folder.
        pair_by_name: see above.
        masks: whether `NAME.mask.png` beside every photo, and beside every style that names none, has its regions.
        format: of the results; "auto" keeps that of each photo's name, and writes HEIC as JPEG and raw as TIFF.
        consistent: whether all photos of a style get one look, see docs/sets.md.

    Raises:
        InputError: nothing to do, a mask or the style of a photo's name is missing.
        OutputError: a result in the place of an input, or of another result.
        SettingsError: several folders of styles, or one where only files make sense; one look for photos that each
            have a style of their own; masks of an object store.
    """
    if consistent and pair_by_name:
        raise SettingsError("one style for the set", "a style of its own for every photo", "--consistent",
                            "Leave out --pair-by-name or --consistent.")  # fmt: skip
    found = find_photos(contents, output)
    if not found.photos:
        left_out = ", ".join(f"{count} {reason}" for reason, count in found.skipped.items())
        raise InputError("photos", f"none ({left_out} left out)" if left_out else "none", "--content")
    looks = _looks(styles, output, pair_by_name)
    if masks:
        _refuse_urls(found, looks)
        looks = {name: tuple(_with_mask(style) for style in look) for name, look in looks.items()}
    if pair_by_name:
        items = _pairs(found, looks, format)
    else:
        items = [
            Item(path, _result_name(name, f".{label}" if label else "", format), look)
            for label, look in looks.items()
            for path, name in found.photos
        ]
    if masks:
        beside = {path: _mask_beside(path) for path, _ in found.photos}
        _refuse([path for path, mask in beside.items() if not os.path.isfile(mask)], f"NAME{MASK} beside every photo")
        items = [replace(item, content_mask=beside[item.content]) for item in items]
    if consistent:
        members = tuple(dict.fromkeys((item.content, item.content_mask) for item in items))
        items = [replace(item, photo_set=members) for item in items]
    _check_names(items, output)
    return Plan(tuple(items), found.skipped)


def _looks(styles: Sequence[StyleSource], output: str, pair_by_name: bool) -> dict[str, tuple[StyleSource, ...]]:
    """The looks by name; that of a look that is not one of a folder is empty."""
    folders = [style for style in styles if _is_folder(style.path)]
    if not folders:
        if pair_by_name:
            raise SettingsError("a folder as --style", "none", "--pair-by-name")
        return {"": tuple(styles)}
    folder = folders[0]
    if len(styles) > 1 or folder.region is not None or folder.mask is not None:
        advice = "Name files to blend them, or one folder to have every photo with each of its styles."
        raise SettingsError("style photos, or one folder of them", "a folder beside something else", "--style", advice)
    looks: dict[str, tuple[StyleSource, ...]] = {}
    for path, name in find_photos([folder.path], output, PHOTOS | {LOOK}).photos:
        label = os.path.splitext(name)[0]
        label = label if pair_by_name else label.replace("/", "-")
        if label in looks:
            raise InputError("one style of a name", f"{looks[label][0].path} and {path}", folder.path)
        looks[label] = (replace(folder, path=path),)
    if not looks:
        raise InputError("style photos", "a folder without", folder.path)
    return looks


def _is_folder(path: str) -> bool:
    """Raises InputError for a store that does not answer."""
    try:
        return storage.is_folder(path)
    except OSError as error:
        raise InputError("a store that can be read", error.strerror or str(error), path) from error


def _pairs(found: FoundPhotos, looks: Mapping[str, tuple[StyleSource, ...]], format: str) -> list[Item]:
    names = {path: os.path.splitext(name)[0] for path, name in found.photos}
    _refuse([path for path, name in names.items() if name not in looks], "a style of every photo's name")
    return [Item(path, _result_name(name, "", format), looks[names[path]]) for path, name in found.photos]


def _refuse(without: Sequence[str], expected: str) -> None:
    if without:
        raise InputError(expected, f"none for {len(without)}", without[0])


def _refuse_urls(found: FoundPhotos, looks: Mapping[str, tuple[StyleSource, ...]]) -> None:
    """Raises SettingsError where --masks, which needs files beside each other, meets a store."""
    for path in (*(path for path, _ in found.photos), *(style.path for look in looks.values() for style in look)):
        if storage.is_url(path):
            raise SettingsError("photos and styles in folders", path, "--masks")


def _with_mask(style: StyleSource) -> StyleSource:
    """The style with the mask beside it; a saved look has its own.

    Raises:
        InputError: there is none.
    """
    if style.mask is not None or is_look(style.path):
        return style
    mask = _mask_beside(style.path)
    if not os.path.isfile(mask):
        raise InputError(f"NAME{MASK} beside the style", "none", style.path, "photostyle segment writes it.")
    return replace(style, mask=mask)


def _mask_beside(photo: str) -> str:
    return os.path.splitext(photo)[0] + MASK


def _result_name(name: str, label: str, format: str) -> str:
    stem, own = os.path.splitext(name)
    known = ENDINGS.get(own.lower())
    wanted = format if format != "auto" else known or ("JPEG" if own.lower() in HEIC else "TIFF")
    return f"{stem}{label}{own if known == wanted else next(e for e, f in ENDINGS.items() if f == wanted)}"


def _check_names(items: Iterable[Item], output: str) -> None:
    """Raises OutputError for a result in the place of an input or of another result."""
    inputs = {storage.canonical(path) for item in items for path in (item.content, *(s.path for s in item.styles))}
    items_by_name: dict[str, Item] = {}
    for item in items:
        key = os.path.normcase(item.output)
        if key in items_by_name:
            raise OutputError(
                "a result of its own for every photo", f"one name for {items_by_name[key].content} and {item.content}",
                item.output, "Name a folder above both: results keep the folders below it. Or rename one of them.",
            )  # fmt: skip
        items_by_name[key] = item
        path = storage.join(output, item.output)
        if storage.canonical(path) in inputs:
            raise OutputError("files other than the inputs", "an input", path, "Choose another output folder.")
