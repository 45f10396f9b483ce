"""The output folder: where results, unfinished results and small pictures are, and what is in the way of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256

from photostyle.batch import storage
from photostyle.errors import OutputError

STATE_FOLDER = ".photostyle-batch"
"""Hidden folder in the output folder for everything that a batch needs to continue."""
ANOTHER_FOLDER = "Choose another output folder, or move what is in the way."
PARTS, THUMBNAILS = "parts", "thumbnails"


def state_folder(output: str) -> str:
    """The hidden folder of an output folder."""
    return storage.join(output, STATE_FOLDER)


def part_path(output: str, result: str, batch: str) -> str:
    """Where a result is written before it gets its name: on the same file system, so that renaming is one step.

    Args:
        output: the output folder.
        result: path of the result relative to it.
        batch: a word that only this batch uses: workers of a killed batch may still write for a moment.
    """
    return storage.join(state_folder(output), f"{PARTS}/{_key(result)}.{batch}")


def leftover_parts(output: str, result: str) -> list[str]:
    """Files of a result that earlier batches did not rename.

    Raises:
        OutputError: the folder cannot be read.
    """
    with _readable(output):
        return storage.with_prefix(storage.join(state_folder(output), f"{PARTS}/{_key(result)}."))


def existing_results(output: str, results: Sequence[str]) -> list[str]:
    """Those of the results whose files exist already.

    Raises:
        OutputError: the folder cannot be read.
    """
    with _readable(output):
        return storage.existing(output, results)


def check_result_places(output: str, results: Iterable[str]) -> None:
    """Checks before any work that every result can be written.

    Args:
        output: the output folder, which need not be there yet.
        results: their paths relative to it, with /.

    Raises:
        OutputError: a folder has the name of a result, a file has the name of a folder that results go into, or a
            folder is write-protected.
    """
    if storage.is_url(output):
        return
    top, folders = os.path.realpath(output), set[str]()
    for result in results:
        path = os.path.join(top, result)
        if os.path.isdir(path):
            raise OutputError("a file, or nothing", "a folder that has the name of a result", path, ANOTHER_FOLDER)
        folders.add(os.path.dirname(path))
    while folders:
        folder = folders.pop()
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise OutputError("a folder for results", "a file", folder, ANOTHER_FOLDER)
        if os.path.isdir(folder):
            if not os.access(folder, os.W_OK | os.X_OK):
                raise OutputError("a folder that can be written to", "a write-protected one", folder, ANOTHER_FOLDER)
        elif folder != top:
            folders.add(os.path.dirname(folder))


def check_store_takes_writes(output: str, batch: str) -> None:
    """Writes a small object and removes it, if the output folder is that of an object store.

    Args:
        output: the output folder.
        batch: a word that only this batch uses.

    Raises:
        OutputError: the store does not accept it.
    """
    if not storage.is_url(output):
        return
    probe = part_path(output, "probe", batch)
    try:
        storage.write(probe, b"")
        storage.remove(probe)
    except OSError as error:
        raise OutputError("a store that can be written to", error.strerror or str(error), output) from error


def thumbnail_paths(output: str, result: str) -> tuple[str, str]:
    """Where the small pictures of a photo and of its result are kept."""
    before, after = (storage.join(state_folder(output), f"{THUMBNAILS}/{_key(result)}.{which}.jpg") for which in (0, 1))
    return before, after


def move_into_place(part: str, path: str, *, overwrite: bool) -> None:
    """Gives a finished result its name, in one step.

    Args:
        part: where the result is.
        path: its name.
        overwrite: whether a file with that name is replaced.

    Raises:
        FileExistsError: there is such a file, and `overwrite` is not set.
        OutputError: it cannot be renamed.
    """
    try:
        storage.move(part, path, overwrite=overwrite)
    except FileExistsError:
        raise
    except OSError as error:
        raise OutputError("a result that can be renamed", error.strerror or str(error), path) from error


def remove_leftovers(output: str) -> None:
    """Removes unfinished files of an interrupted batch.

    Raises:
        OutputError: they cannot be removed.
    """
    with _readable(output):
        if storage.is_url(output):
            storage.clear(storage.join(state_folder(output), PARTS))
            return
        folder = state_folder(output)
        leftovers = [entry.path for entry in os.scandir(os.path.join(folder, PARTS))]
        for parent in (folder, os.path.join(folder, THUMBNAILS)):
            leftovers += [entry.path for entry in os.scandir(parent) if entry.name.endswith(".part")]
        for path in leftovers:
            with suppress(FileNotFoundError):  # its worker may be removing it just now
                os.unlink(path)


@contextmanager
def _readable(output: str) -> Iterator[None]:
    """Turns the errors of a folder or a store into OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError("an output folder that can be read", error.strerror or str(error), output) from error


def _key(result: str) -> str:
    """A file name that stands for a result, whatever characters the result's own name has."""
    return sha256(result.encode("utf-8", "surrogateescape")).hexdigest()[:32]
