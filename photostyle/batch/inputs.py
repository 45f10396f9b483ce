"""Which photos a set has: folders, files, patterns and lists, in the order of their names."""

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
"""What the names of photos end in, in lower case. Of other files in a folder we say how many there were."""
MASK, OVERLAY = ".mask.png", ".overlay.jpg"
"""Endings of what `photostyle segment` leaves beside photos."""


@dataclass(frozen=True)
class FoundPhotos:
    """The photos of a set.

    Args:
        photos: path and name of each; the name is relative to the folder it was found in, with /.
        skipped: how many files were left out, by reason.
    """

    photos: tuple[tuple[str, str], ...]
    skipped: Mapping[str, int]


def find_photos(words: Sequence[str], output: str, endings: Collection[str] = PHOTOS) -> FoundPhotos:
    """The photos that the words name.

    A folder stands for all photos below it. Hidden files and folders, the output folder, and links that lead back to a
    folder above them are left out. A word that names no file may be a pattern with `*`, `?`, `[...]` and `**`. URLs of
    object stores are the same.

    Args:
        words: folders, files and patterns.
        output: the output folder, which need not be there yet.
        endings: of the files that count, in lower case.

    Raises:
        InputError: a word that names nothing, a folder that cannot be read.
    """
    photos: list[tuple[str, str]] = []
    skipped: Counter[str] = Counter()
    for word in words:
        if storage.is_url(word):
            photos += _stored(word, output, endings, skipped)
            continue
        for path in _expanded(word):
            if os.path.isdir(path):
                photos += [(file, os.path.relpath(file, path).replace(os.sep, "/"))
                           for file in _walk(path, os.path.realpath(output), endings, skipped)]  # fmt: skip
            elif _counts(path, endings, skipped):
                photos.append((path, os.path.basename(path)))
    return FoundPhotos(tuple(dict.fromkeys(photos)), dict(skipped))


def read_list(path: str) -> list[str]:
    """The words of a list: one a line, or ended by NUL where there is one, as `find -print0` writes them.

    Args:
        path: of the list; "-" is standard input.

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
        raise InputError("a photo, a folder of photos or a pattern that fits some", "nothing of that name", word)
    return found


def _stored(word: str, output: str, endings: Collection[str], skipped: Counter[str]) -> list[tuple[str, str]]:
    """Photos of an object store, in the order of their names."""
    try:
        found = storage.objects(word)
    except OSError as error:
        raise InputError("a store that can be read", error.strerror or str(error), word) from error
    if not found:
        raise InputError("a photo, a folder of photos or a pattern that fits some", "nothing of that name", word)
    top, results = (f"{storage.canonical(path)}/" if storage.is_url(path) else "" for path in (word, output))
    within = results.startswith(top) and results != top
    paths = {path for path, _ in found}
    stems = {os.path.splitext(path)[0] for path in paths}
    kept = []
    for path, name in found:
        if any(part.startswith(".") for part in name.split("/")):
            skipped["hidden"] += 1
        elif within and path.startswith(results):
            continue
        elif any(path.endswith(ending) and path.removesuffix(ending) in stems for ending in (MASK, OVERLAY)):
            skipped["masks and overlays"] += 1
        elif _counts(path, endings, skipped):
            kept.append((path, name))
    return kept


def _walk(top: str, output: str, endings: Collection[str], skipped: Counter[str]) -> Iterator[str]:
    """Files below a folder in the order of their names, linked folders followed once on every way."""

    def unreadable(error: OSError) -> None:
        raise InputError("a folder that can be read", error.strerror or str(error), str(error.filename)) from error

    above = {top: frozenset({os.path.realpath(top)})}
    for folder, folders, files in os.walk(top, onerror=unreadable, followlinks=True):
        ways, kept = above.pop(folder), []
        for name in sorted(folders):
            path = os.path.join(folder, name)
            real = os.path.realpath(path)
            if name.startswith("."):
                skipped["hidden"] += 1
            elif real != output and real not in ways:
                kept.append(name)
                above[path] = ways | {real}
        folders[:] = kept
        stems = {os.path.splitext(name)[0] for name in files}
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.startswith("."):
                skipped["hidden"] += 1
            elif any(name.endswith(ending) and name.removesuffix(ending) in stems for ending in (MASK, OVERLAY)):
                skipped["masks and overlays"] += 1
            elif _counts(path, endings, skipped):
                yield path


def _counts(path: str, endings: Collection[str], skipped: Counter[str]) -> bool:
    if os.path.splitext(path)[1].lower() in endings:
        return True
    skipped["not photos"] += 1
    return False
