"""Finds the photos of a set: folders, files, patterns and lists."""

from __future__ import annotations

import glob
import os
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from photostyle.batch import storage
from photostyle.errors import InputError
from photostyle.photo.photo import ENDINGS

HEIC = frozenset((".heic", ".heif"))
RAW = frozenset((".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".rw2", ".srw"))
PHOTOS = HEIC | RAW | ENDINGS.keys()
"""Endings of photos, in lower case. Other files in a folder are counted and left out."""
MASK, OVERLAY = ".mask.png", ".overlay.jpg"
"""Endings of the files that `photostyle segment` writes beside photos."""


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

    A folder means all photos below it. Left out are hidden files and folders, the output folder, and links that lead
    back to a folder above them. A word that is not the name of a file may be a pattern with `*`, `?`, `[...]` and `**`.
    URLs of object stores work in the same way.

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
            if os.path.isdir(path):
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
    return [(path, name) for path, name in found if _is_included(path, name, stems, endings, skipped)]


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
            if name.startswith("."):
                skipped["hidden"] += 1
            elif real != output and real not in parents:
                kept.append(name)
                above[path] = parents | {real}
        folders[:] = kept
        paths = [os.path.join(folder, name) for name in sorted(files)]
        stems = {os.path.splitext(path)[0] for path in paths}
        yield from (path for path in paths if _is_included(path, os.path.basename(path), stems, endings, skipped))


def _is_included(path: str, name: str, stems: Collection[str], endings: Collection[str], skipped: Counter[str]) -> bool:
    """Whether a file is a photo of the set; if not, it is counted in `skipped`.

    Args:
        path: path or URL of the file.
        name: its name below the folder that was named, with /.
        stems: paths of the files around it, without their endings.
        endings: endings of photos, in lower case.
        skipped: counts by reason.
    """
    if any(part.startswith(".") for part in name.split("/")):
        reason = "hidden"
    elif any(path.endswith(ending) and path.removesuffix(ending) in stems for ending in (MASK, OVERLAY)):
        reason = "masks and overlays"
    elif os.path.splitext(path)[1].lower() not in endings:
        reason = "not photos"
    else:
        return True
    skipped[reason] += 1
    return False
