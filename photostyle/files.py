"""Files that appear whole or not at all, and the checks made before the work that fills them."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from photostyle.errors import OutputError


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open `path` for writing; its old content, if any, stays until the block has ended well.

    The bytes go to a temporary file in the same folder, which is flushed to the disk and then renamed. When the block
    is left by any exception, an interrupt among them, the temporary file is removed and `path` is as it was. A link
    is followed: what it points to is replaced.

    Args:
        path: the file to write; an existing one is replaced.

    Yields:
        A binary file, open for writing.

    Raises:
        OutputError: the folder is missing or cannot be written to, `path` is a folder or a device, the disk is full;
            any OSError raised inside the block counts as such.
    """
    target = os.path.realpath(path)
    beside = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.part")
    _refuse_special(path)
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except OSError as error:
        raise OutputError("a file that can be written", error.strerror or str(error), str(path)) from error
    finally:
        with suppress(OSError):
            os.unlink(beside)


def sha256(path: str | Path) -> str:
    """Of a file's bytes, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_target(
    path: str | Path, overwrite: bool, inputs: Iterable[str | Path] = (), *, new_folder: bool = False
) -> None:
    """Refuse, before any work is done, a file that `atomic_write` could not or should not write.

    Args:
        path: the file that will be written.
        overwrite: whether an existing file may be replaced.
        inputs: files that must never be written to, under whatever name.
        new_folder: whether the file's folder may be missing, as it will be made; see `check_folder`.

    Raises:
        OutputError: `path` is one of `inputs` (`overwrite` or not), a folder or a device, exists without `overwrite`,
            is write-protected, or its folder is missing or cannot be written to.
    """
    where = str(path)
    if any(_same_file(path, source) for source in inputs):
        advice = "Choose another name."
        raise OutputError.stating("this is one of the inputs, which are never written to", where, advice)
    _refuse_special(path)
    folder = os.path.dirname(os.path.realpath(path))
    if new_folder and not os.path.lexists(folder):
        check_folder(folder)
        return
    if not os.path.isdir(folder):
        found = "a file in its place" if os.path.lexists(folder) else "none"
        raise OutputError(f"the folder {folder}", found, where, "Create the folder first, or choose another one.")
    if os.path.exists(path) and not overwrite:
        advice = "Replace it with --overwrite (from Python: overwrite=True), or choose another name."
        raise OutputError.stating("this file exists already", where, advice)
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise OutputError.stating("this file is write-protected", where)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError.stating(f"the folder {folder} cannot be written to", where)


def check_folder(folder: str | Path) -> None:
    """Refuse, before any work is done, a folder that `make_folder` could not make or that cannot be written to.

    Raises:
        OutputError: it is a file or cannot be written to; or it is missing, and so is its parent, or the parent cannot
            be written to.
    """
    if os.path.isdir(folder):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError("a folder that can be written to", "one that cannot", str(folder))
    elif os.path.lexists(folder):
        raise OutputError("a folder", "a file", str(folder), "Choose another name.")
    else:
        check_target(folder, overwrite=False)


def make_folder(folder: str | Path) -> None:
    """Make a folder unless it is there; its parent is not made.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        Path(folder).mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError("a folder that can be made", error.strerror or str(error), str(folder)) from error


def endings(count: int) -> list[str]:
    """What tells the names of several things of a kind apart: nothing for the first, then `_2`, `_3` and so on."""
    return [f"_{place}" if place > 1 else "" for place in range(1, count + 1)]


def _refuse_special(path: str | Path) -> None:
    """Raise OutputError where `path` exists and is no regular file: renaming would replace a device by a file."""
    if os.path.exists(path) and not os.path.isfile(path):
        found = "a folder" if os.path.isdir(path) else "a device or a pipe"
        raise OutputError("the name of a file", found, str(path))


def _same_file(first: str | Path, second: str | Path) -> bool:
    """Whether both names lead to one file, through links or not; a missing file is known by its resolved name."""
    try:
        return os.path.samefile(first, second)
    except OSError:
        return os.path.realpath(first) == os.path.realpath(second)
