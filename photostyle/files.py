"""Files that are written whole or not at all, and the checks before any work."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from photostyle.errors import OutputError

_IN_THE_MEANTIME = "this file exists already: another program made it in the meantime"
_ADVICE = "Replace it with --overwrite (from Python: overwrite=True), or choose another name."
_ACCESS_LIST = "system.posix_acl_access"
_KEPT_ATTRIBUTES = ("user.", "system.", "security.selinux")
"""A new version of a file keeps extended attributes whose names begin with these. Others, such as the checksums
of the system's integrity check, belong to the old bytes."""


@contextmanager
def atomic_write(path: str | Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Opens `path` for writing. Its old content, if any, stays until the block has ended without an exception.

    The bytes go to a temporary file in the same folder, which is flushed to the disk and then gets its name, see
    `put_in_place`. When the block is left by any exception, an interrupt among them, the temporary file is removed and
    `path` is as it was. A link is followed: what it points to is replaced. A new file has the permissions of any new
    file. Until it replaces a file, only its owner can read it.

    Args:
        path: the file to write.
        overwrite: whether an existing file is replaced.

    Yields:
        A binary file, open for writing.

    Raises:
        OutputError: `path` exists without `overwrite`, even if another program made it a moment ago; the folder is
            missing or cannot be written to, `path` is a folder or a device, the disk is full; any OSError raised
            inside the block counts as such.
    """
    target = os.path.realpath(path)
    beside = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.part")
    _refuse_special(path)
    mode = 0o600 if os.path.exists(target) else 0o666
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            put_in_place(beside, target, overwrite=overwrite)
        except FileExistsError as error:
            raise OutputError.stating(_IN_THE_MEANTIME, str(path), _ADVICE) from error
    except OSError as error:
        raise OutputError("a file that can be written", error.strerror or str(error), str(path)) from error
    finally:
        with suppress(OSError):
            os.unlink(beside)


def put_in_place(finished: str, target: str, *, overwrite: bool) -> None:
    """Gives a finished file its name, in one step.

    A file that is replaced hands on its permissions and, where the system allows it, its owner, group and extended
    attributes. Of two programs that make a new file at once, one wins and the other gets an error.

    Args:
        finished: the file, on the same file system as `target`. It is gone afterwards.
        target: its new name.
        overwrite: whether an existing file is replaced.

    Raises:
        FileExistsError: there is such a file, and `overwrite` is not set. Both files are as they were.
        OSError: the file cannot be renamed.
    """
    if overwrite:
        with suppress(FileNotFoundError):
            _keep_attributes(finished, target)
        os.replace(finished, target)
    elif sys.platform == "win32":
        os.rename(finished, target)
    else:
        _rename_exclusively(finished, target)


def _rename_exclusively(finished: str, target: str) -> None:
    """Renames a file unless there is one with that name. POSIX has no single call for it, but a link is never replaced.

    Where the file system has no hard links (memory cards, some network drives), an empty file takes the name first.
    """
    try:
        os.link(finished, target)
    except FileExistsError:
        if not _same_file(finished, target):  # a network drive may have made the link and lost its answer
            raise
    except OSError:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            os.replace(finished, target)
        except BaseException:
            os.unlink(target)
            raise
        return
    os.unlink(finished)


def _keep_attributes(new: str, old: str) -> None:
    """Gives the file `new` the permissions, owner, group and extended attributes of `old`, as far as possible.

    Others can read `new` only if they can read `old`: if the group or its access list cannot be kept, the group has no
    more rights than everybody else.

    Raises:
        FileNotFoundError: there is no `old`.
    """
    before, own = os.stat(old), os.stat(new)
    mode = stat.S_IMODE(before.st_mode)
    kept = True
    if hasattr(os, "chown"):
        try:
            os.chown(new, -1, before.st_gid)
        except OSError:
            kept = own.st_gid == before.st_gid
    if hasattr(os, "listxattr"):
        kept = _keep_extended_attributes(new, old) and kept
    with suppress(OSError):
        os.chmod(new, mode if kept else mode & ~0o070 | (mode & 0o007) << 3)
    if hasattr(os, "chown") and own.st_uid != before.st_uid:
        with suppress(OSError):
            os.chown(new, before.st_uid, -1)


def _keep_extended_attributes(new: str, old: str) -> bool:
    """Copies extended attributes. Returns whether both files have the same access list, or both none."""
    try:
        names, extra = os.listxattr(old), os.listxattr(new)
    except OSError:  # the file system has none
        return True
    for name in names:
        if name.startswith(_KEPT_ATTRIBUTES):
            with suppress(OSError):
                os.setxattr(new, name, os.getxattr(old, name))
    if _ACCESS_LIST in extra and _ACCESS_LIST not in names:  # from the folder
        with suppress(OSError):
            os.removexattr(new, _ACCESS_LIST)
    with suppress(OSError):
        return (_ACCESS_LIST in names) == (_ACCESS_LIST in os.listxattr(new))
    return False


def sha256(path: str | Path) -> str:
    """The sha256 of a file, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_target(
    path: str | Path, overwrite: bool, inputs: Iterable[str | Path] = (), *, new_folder: bool = False
) -> None:
    """Refuses, before any work, a file that `atomic_write` could not or should not write.

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
    _refuse_long(path)
    folder = os.path.dirname(os.path.realpath(path))
    if new_folder and not os.path.lexists(folder):
        check_folder(folder)
        return
    if not os.path.isdir(folder):
        found = "a file in its place" if os.path.lexists(folder) else "none"
        raise OutputError(f"the folder {folder}", found, where, "Create the folder first, or choose another one.")
    if os.path.exists(path) and not overwrite:
        raise OutputError.stating("this file exists already", where, _ADVICE)
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise OutputError.stating("this file is write-protected", where)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError.stating(f"the folder {folder} cannot be written to", where)


def check_folder(folder: str | Path) -> None:
    """Refuses, before any work, a folder that `make_folder` could not make or that cannot be written to.

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
    """Makes a folder unless it exists. Its parent must exist.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        Path(folder).mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError("a folder that can be made", error.strerror or str(error), str(folder)) from error


def endings(count: int) -> list[str]:
    """Endings that tell several names apart: nothing for the first, then `_2`, `_3` and so on."""
    return [f"_{place}" if place > 1 else "" for place in range(1, count + 1)]


def _refuse_long(path: str | Path) -> None:
    """Raises OutputError for a name that the file system has no room for."""
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            advice = "Choose a shorter name."
            raise OutputError.stating("this name is too long for the file system", str(path), advice) from error
    except ValueError:
        pass  # a character that no name has; the writing says so


def _refuse_special(path: str | Path) -> None:
    """Raises OutputError if `path` exists and is no regular file: renaming would replace a device with a file."""
    if os.path.exists(path) and not os.path.isfile(path):
        found = "a folder" if os.path.isdir(path) else "a device or a pipe"
        raise OutputError("the name of a file", found, str(path))


def _same_file(first: str | Path, second: str | Path) -> bool:
    """Whether both names lead to one file, through links or not. Missing files are compared by their resolved names."""
    try:
        return os.path.samefile(first, second)
    except OSError:
        return os.path.realpath(first) == os.path.realpath(second)
