"""Where a batch keeps what belongs to a result before and beside it."""

from __future__ import annotations

import os
from hashlib import sha256

from photostyle.errors import OutputError

HIDDEN = ".photostyle-batch"
"""Folder in the output folder for all that a batch needs to go on."""
PARTS, THUMBNAILS = "parts", "thumbnails"


def hidden(output: str) -> str:
    """The hidden folder of an output folder."""
    return os.path.join(output, HIDDEN)


def part_of(output: str, result: str) -> str:
    """Where a result is written before it gets its name; on the file system of most results, so that one step does."""
    return os.path.join(hidden(output), PARTS, _key(result))


def thumbnails_of(output: str, result: str) -> tuple[str, str]:
    """Where the small pictures of a photo and of its result are."""
    before, after = (os.path.join(hidden(output), THUMBNAILS, f"{_key(result)}.{which}.jpg") for which in (0, 1))
    return before, after


def put_in_place(part: str, path: str) -> None:
    """Renames a finished part to the result that it is, in one step.

    Raises:
        OutputError: it cannot be.
    """
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.replace(part, path)
    except OSError as error:
        raise OutputError("a result that can be put in its place", error.strerror or str(error), path) from error


def clear_parts(output: str) -> None:
    """Removes what an interrupted batch has left of unfinished results."""
    folder = os.path.join(hidden(output), PARTS)
    for entry in os.scandir(folder):
        os.unlink(entry.path)


def _key(result: str) -> str:
    """A file name for what belongs to a result, whatever characters its own name has."""
    return sha256(result.encode("utf-8", "surrogateescape")).hexdigest()[:32]
