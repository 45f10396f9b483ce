"""Finds the photos of a set: folders, files, patterns and lists."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from photostyle.batch import storage
from photostyle.errors import InputError
from photostyle.photo.kinds import format_by_beginning
from photostyle.photo.photo import ENDINGS

HEIC = frozenset((".heic", ".heif", ".hif"))
RAW = frozenset((
    ".3fr", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dcs", ".dng", ".erf", ".fff", ".gpr", ".iiq",
    ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl",
    ".rwz", ".sr2", ".srf", ".srw", ".x3f",
))  # fmt: skip
"""Of the cameras that LibRaw reads."""
PHOTOS = HEIC | RAW | ENDINGS.keys()
"""Endings of photos, in lower case."""
OTHERS = (".thm", ".lrprev", ".part", ".partial", ".crdownload", ".tmp", ".bak", "_original", "~")
"""Endings that say that a file is not a photo of the set, whatever it holds: a camera's thumbnail of a video or raw
file, previews of Lightroom, unfinished downloads, and copies that editors and ExifTool keep of the old file."""
SYSTEM = frozenset((
    "@eadir", "@recycle", "#recycle", "#snapshot", "@synoresource", ".appledouble", ".@__thumb", "$recycle.bin",
    "system volume information", "lost+found", "thumbs",
))  # fmt: skip
"""Folders that network drives (Synology, QNAP), macOS, Windows and Linux make, and folders of small pictures: their
names with `str.casefold`."""
MASK, OVERLAY = ".mask.png", ".overlay.jpg"
"""Endings of the files that `photostyle segment` writes beside photos."""

_RESULT = re.compile(r"(.+)\.out(?:[ _-]?\(?\d+\)?)?", re.DOTALL)


@dataclass(frozen=True)
class FoundPhotos:
    """The photos of a set.

    Args:
        photos: path and name of each. The name is relative to the folder that was named, with /.
        skipped: how many files were left out, for each reason.
    """

    photos: tuple[tuple[str, str], ...]
    skipped: Mapping[str, int]


def find_photos(words: Sequence[str], output: str, endings: Collection[str] = PHOTOS) -> FoundPhotos:
    """Finds the photos that the words of a command name.

    A folder means all photos below it. Left out are hidden files and folders, those of the system (`SYSTEM`), results
    of earlier runs beside their photo (`NAME.out.jpg`), the output folder, and links that lead back to a folder above
    them. A word that is not the name of a file may be a pattern with `*`, `?`, `[...]` and `**`.

    A file with the ending of a photo is a photo, even if it is damaged. A file with another ending is one if its
    content begins as that of a photo, unless its ending says otherwise (`OTHERS`). URLs of object stores work in the
    same way, but there the ending alone decides: no object is fetched for it.

    Args:
        words: folders, files and patterns.
        output: the output folder, which may not exist yet.
        endings: endings of the files to find, in lower case.

    Raises:
        InputError: a word names nothing, or a folder cannot be read.
    """
    photos: list[tuple[str, str]] = []
    skipped: Counter[str] = Counter()
    for word in words:
        if storage.is_url(word):
            photos += _in_store(word, output, endings, skipped)
            continue
        for path in _expanded(word):
            if path != word and _is_of_system(path.removeprefix(_fixed_part(word))):
                skipped["system files"] += 1
            elif os.path.isdir(path):
                photos += [(file, os.path.relpath(file, path).replace(os.sep, "/"))
                           for file in _walk(path, os.path.realpath(output), endings, skipped)]  # fmt: skip
            elif _is_included(path, "", (), endings, skipped):  # a file that is named counts, hidden or not
                photos.append((path, os.path.basename(path)))
    return FoundPhotos(tuple(dict.fromkeys(photos)), dict(skipped))


def read_list(path: str) -> list[str]:
    """The words of a list: one in each line. If the file has a NUL byte, each word ends with one (`find -print0`).

    Args:
        path: path of the list; "-" is standard input.

    Raises:
        InputError: it cannot be read.
    """
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise InputError("a list of photos", error.strerror or str(error), path) from error
    lines = data.split(b"\0") if b"\0" in data else data.removeprefix(b"\xef\xbb\xbf").splitlines()
    return [os.fsdecode(line) for line in lines if line.strip()]


def _expanded(word: str) -> list[str]:
    if os.path.lexists(word):
        return [word]
    found = sorted(glob.glob(word, recursive=True)) if glob.has_magic(word) else []
    if not found:
        raise _nothing_found(word)
    return found


def _nothing_found(word: str) -> InputError:
    return InputError("a photo, a folder or a pattern such as 'trip/*.jpg'", "nothing with that name", word)


def _in_store(word: str, output: str, endings: Collection[str], skipped: Counter[str]) -> list[tuple[str, str]]:
    """Photos of an object store, in the order of their names."""
    try:
        found = storage.objects(word)
    except OSError as error:
        raise InputError("a store that can be read", error.strerror or str(error), word) from error
    if not found:
        raise _nothing_found(word)
    top, results = (f"{storage.canonical(path)}/" if storage.is_url(path) else "" for path in (word, output))
    if results.startswith(top) and results != top:
        found = [(path, name) for path, name in found if not path.startswith(results)]
    stems = {os.path.splitext(path)[0] for path, _ in found}
    photos = {path: name for path, name in found if _is_included(path, name, stems, endings, skipped)}
    return [(path, photos[path]) for path in _without_results(photos, skipped)]


def _walk(top: str, output: str, endings: Collection[str], skipped: Counter[str]) -> Iterator[str]:
    """Photos below a folder in the order of their names. Follows linked folders, but never back to a folder above."""

    def unreadable(error: OSError) -> None:
        raise InputError("a folder that can be read", error.strerror or str(error), str(error.filename)) from error

    above = {top: frozenset({os.path.realpath(top)})}
    for folder, folders, files in os.walk(top, onerror=unreadable, followlinks=True):
        parents, kept = above.pop(folder), []
        for name in sorted(folders):
            path = os.path.join(folder, name)
            real = os.path.realpath(path)
            if reason := _hidden_or_of_system(name):
                skipped[reason] += 1
            elif real != output and real not in parents:
                kept.append(name)
                above[path] = parents | {real}
        folders[:] = kept
        paths = [os.path.join(folder, name) for name in sorted(files)]
        stems = {os.path.splitext(path)[0] for path in paths}
        photos = [path for path in paths if _is_included(path, os.path.basename(path), stems, endings, skipped)]
        yield from _without_results(photos, skipped)


def _is_included(path: str, name: str, stems: Collection[str], endings: Collection[str], skipped: Counter[str]) -> bool:
    """Whether a file is a photo of the set; if not, it is counted in `skipped`.

    Args:
        path: path or URL of the file.
        name: its name below the folder that was named, with /.
        stems: paths of the files around it, without their endings.
        endings: endings of photos, in lower case.
        skipped: counts by reason.
    """
    if reason := _hidden_or_of_system(name):
        pass
    elif any(path.endswith(ending) and path.removesuffix(ending) in stems for ending in (MASK, OVERLAY)):
        reason = "masks and overlays"
    elif os.path.splitext(path)[1].lower() in endings or content_format(path):
        return True
    else:
        reason = "not photos"
    skipped[reason] += 1
    return False


def content_format(path: str) -> str:
    """The format that the content of a file begins with, see `photostyle.photo.decode.format_by_beginning`.

    Empty if it is not that of a photo, if the ending says that the file is something else, and for an object of a
    store, which is not fetched.
    """
    if storage.is_url(path) or path.lower().endswith(OTHERS) or not os.path.isfile(path):
        return ""
    try:
        with open(path, "rb") as file:
            return format_by_beginning(file.read(64))
    except OSError:
        return ""


def _hidden_or_of_system(name: str) -> str:
    """Why a file or folder with this name, with /, is left out; empty if it is not."""
    if _is_of_system(name):
        return "system files"
    return "hidden" if any(part.startswith(".") for part in name.split("/")) else ""


def _is_of_system(name: str) -> bool:
    return any(part.casefold() in SYSTEM for part in re.split(r"[/\\]", name))


def _fixed_part(pattern: str) -> str:
    """The folders of a pattern before the first one that has a wildcard."""
    folder = pattern
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def _without_results(photos: Collection[str], skipped: Counter[str]) -> list[str]:
    """The photos without the results of earlier runs: NAME.out.jpg, or NAME.out-2.png, beside a photo NAME.*."""
    stems = {os.path.splitext(path)[0] for path in photos}
    kept = []
    for path in photos:
        found = _RESULT.fullmatch(os.path.splitext(path)[0])
        if found and found[1] in stems:
            skipped["results of earlier runs"] += 1
        else:
            kept.append(path)
    return kept
