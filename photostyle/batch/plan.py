"""The plan of a batch: every photo with its look and the name of its result, checked before any work."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from photostyle.batch import storage
from photostyle.batch.inputs import HEIC, MASK, PHOTOS, FoundPhotos, content_format, find_photos
from photostyle.batch.job import PhotoSet, StyleSource
from photostyle.errors import InputError, OutputError, SettingsError
from photostyle.photo.photo import ENDINGS
from photostyle.styles.look_file import LOOK_ENDING as LOOK
from photostyle.styles.look_file import is_look

_ENDING = re.compile(r"\.[A-Za-z]\w{0,4}")
"""What looks like an ending, which a result does not keep. Others are part of the name, as in "2024.05.01 Paris"."""
_ONE_FILE = (
    "On macOS, Windows and most memory cards they are one file, because they differ only in upper and lower case or in "
    "how accents are stored"
)


@dataclass(frozen=True)
class Item:
    """A photo, its look, and the path of its result relative to the output folder, with /.

    `photo_set` is the set with which it shares one look; empty if it is solved on its own.
    """

    content: str
    output: str
    styles: tuple[StyleSource, ...]
    content_mask: str | None = None
    photo_set: PhotoSet = ()


@dataclass(frozen=True)
class Plan:
    """All items in their order, and how many files were left out for each reason."""

    items: tuple[Item, ...]
    skipped: Mapping[str, int]

    def styles(self) -> tuple[StyleSource, ...]:
        """All styles, each once."""
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

    Several styles are blended into one look. With a folder of styles every photo is done with every style; results are
    named PHOTO.STYLE.ENDING, and one style follows the other so that each is measured once. With `pair_by_name` every
    photo is done with the style of the folder that has its name, whatever the endings.

    Args:
        contents: folders, files and patterns, see `inputs.find_photos`.
        styles: files, or one folder.
        output: the output folder.
        pair_by_name: see above.
        masks: whether to read `NAME.mask.png` beside every photo, and beside every style that has no mask yet.
        format: format of the results. "auto" keeps the format of each photo; HEIC becomes JPEG, raw becomes TIFF.
        consistent: whether all photos share one look for each style, see docs/sets.md.

    Raises:
        InputError: there are no photos, or a mask or the style of a photo is missing.
        OutputError: a result would replace an input or another result, or would on a system that takes capitals for
            small letters.
        SettingsError: folders and files are mixed as styles; `consistent` is used with `pair_by_name`; masks are asked
            for in an object store.
    """
    if consistent and pair_by_name:
        raise SettingsError("one style for all photos", "one style for each photo (--pair-by-name)", "--consistent",
                            "Leave out --pair-by-name or --consistent.")  # fmt: skip
    found = find_photos(contents, output)
    if not found.photos:
        left_out = ", ".join(f"{count} {reason}" for reason, count in found.skipped.items())
        raise InputError("photos", f"none (left out: {left_out})" if left_out else "none", "--content")
    looks = _looks(styles, output, pair_by_name)
    if masks:
        _refuse_urls(found, looks)
        looks = {name: tuple(_with_mask(style) for style in look) for name, look in looks.items()}
    if pair_by_name:
        items = _pairs(found, looks, format)
    else:
        items = [
            Item(path, _result_name(path, name, f".{label}" if label else "", format), look)
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
    """The looks by name. The name is empty if the styles are not from a folder."""
    folders = [style for style in styles if _is_folder(style.path)]
    if not folders:
        if pair_by_name:
            raise SettingsError("a folder as --style", "only files", "--pair-by-name")
        return {"": tuple(styles)}
    folder = folders[0]
    if len(styles) > 1 or folder.region is not None or folder.mask is not None:
        advice = "Name files to blend them into one look, or one folder to use its styles one after the other."
        raise SettingsError(
            "only files, or one folder", "a folder together with other styles, a region or a mask", "--style", advice
        )
    looks: dict[str, tuple[StyleSource, ...]] = {}
    for path, name in find_photos([folder.path], output, PHOTOS | {LOOK}).photos:
        label = os.path.splitext(name)[0]
        label = label if pair_by_name else label.replace("/", "-")
        if label in looks:
            raise InputError("styles with different names", f"{looks[label][0].path} and {path}", folder.path)
        looks[label] = (replace(folder, path=path),)
    if not looks:
        raise InputError("style photos", "none in this folder", folder.path)
    return looks


def _is_folder(path: str) -> bool:
    """Raises InputError if a store does not answer."""
    try:
        return storage.is_folder(path)
    except OSError as error:
        raise InputError("a store that can be read", error.strerror or str(error), path) from error


def _pairs(found: FoundPhotos, looks: Mapping[str, tuple[StyleSource, ...]], format: str) -> list[Item]:
    names = {path: os.path.splitext(name)[0] for path, name in found.photos}
    _refuse([path for path, name in names.items() if name not in looks], "a style with the name of every photo")
    return [Item(path, _result_name(path, name, "", format), looks[names[path]]) for path, name in found.photos]


def _refuse(without: Sequence[str], expected: str) -> None:
    if without:
        raise InputError(expected, f"none for {len(without)} photos, of which this is the first", without[0])


def _refuse_urls(found: FoundPhotos, looks: Mapping[str, tuple[StyleSource, ...]]) -> None:
    """Raises SettingsError for photos or styles in a store: --masks needs files beside each other."""
    for path in (*(path for path, _ in found.photos), *(style.path for look in looks.values() for style in look)):
        if storage.is_url(path):
            raise SettingsError("photos and styles in folders on this machine", path, "--masks")


def _with_mask(style: StyleSource) -> StyleSource:
    """The style with the mask beside it. A saved look contains its own mask.

    Raises:
        InputError: there is none.
    """
    if style.mask is not None or is_look(style.path):
        return style
    mask = _mask_beside(style.path)
    if not os.path.isfile(mask):
        raise InputError(f"NAME{MASK} beside the style", "none", style.path, "`photostyle segment` writes such masks.")
    return replace(style, mask=mask)


def _mask_beside(photo: str) -> str:
    return os.path.splitext(photo)[0] + MASK


def _result_name(path: str, name: str, label: str, format: str) -> str:
    """The name of a result. If the photo's ending is not one of a photo, the format is that of its content."""
    stem, own = os.path.splitext(name)
    known = ENDINGS.get(own.lower())
    if own.lower() in PHOTOS:
        read = known or ("HEIC" if own.lower() in HEIC else "raw")
    else:
        read = content_format(path)
        stem = stem if _ENDING.fullmatch(own) else name
    wanted = format if format != "auto" else {"HEIC": "JPEG", "raw": "TIFF"}.get(read, read)
    return f"{stem}{label}{own if known == wanted else next(e for e, f in ENDINGS.items() if f == wanted)}"


def _check_names(items: Sequence[Item], output: str) -> None:
    """Raises OutputError if a result would replace an input or another result, here or on another file system.

    On macOS, Windows and most memory cards, names that differ only in capitals, or in how their accents are stored, are
    names of one file. A set may go there later, so this is refused everywhere.
    """
    inputs = {storage.canonical(path) for item in items for path in (item.content, *(s.path for s in item.styles))}
    top = storage.canonical(output).rstrip("/\\")
    beside = {
        _folded(path[len(top) + 1 :].replace(os.sep, "/")): path
        for path in inputs
        if path.startswith(top) and path[len(top) : len(top) + 1] in ("/", os.sep)
    }
    items_by_name: dict[str, Item] = {}
    for item in items:
        key = _folded(item.output)
        if other := items_by_name.get(key):
            if other.output == item.output:
                found = f"one name for {other.content} and {item.content}"
                advice = "Rename one of the photos, or leave one out."
                if os.path.dirname(other.content) != os.path.dirname(item.content):
                    advice = "Name a folder above both, so that the results keep their folders. Or rename one of them."
                raise OutputError("a different result for every photo", found, item.output, advice)
            problem = f"the results of {other.content} and {item.content} would have nearly the same name. {_ONE_FILE}"
            raise OutputError.stating(problem, item.output, "Rename one of the photos, or leave one out.")
        items_by_name[key] = item
        path = storage.join(output, item.output)
        if storage.canonical(path) in inputs:
            raise OutputError(
                "results beside the inputs, not in their place", "an input", path, "Choose another output folder."
            )
        if key in beside:
            problem = f"this result would have nearly the same name as the input {beside[key]}. {_ONE_FILE}"
            raise OutputError.stating(problem, path, "Choose another output folder.")


def _folded(name: str) -> str:
    """The same for names that are one file on some systems."""
    return unicodedata.normalize("NFC", name).casefold()
