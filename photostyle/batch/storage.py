"""Files and objects: photos and results are files with a path, or objects with a URL that fsspec knows.

Every function takes either. Errors of a store become OSError, as for files.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from photostyle.errors import InputError, SettingsError
from photostyle.files import atomic_write, put_in_place
from photostyle.files import sha256 as file_sha256

FILE = "file://"
STORES = ("s3", "gs", "gcs", "az", "abfs", "abfss", "memory")
"""Stores in which an object appears whole or not at all. In others a kill could leave half an object."""
_MAGIC = frozenset("*?[")


def plain(word: str) -> str:
    """The path of a file:// URL; other words unchanged.

    Raises:
        SettingsError: the URL of a store that may keep half an object.
    """
    if word.startswith(FILE):
        return word.removeprefix(FILE)
    scheme = word.partition("://")[0]
    if is_url(word) and scheme not in STORES:
        raise SettingsError("a path, or the URL of an object store such as s3:// or gs://", f"{scheme}://", word)
    return word


def is_url(path: str) -> bool:
    """Whether a path is the URL of an object store."""
    return "://" in path


def absolute(path: str) -> str:
    """The absolute path; a URL unchanged."""
    return path if is_url(path) else os.path.abspath(path)


def canonical(path: str) -> str:
    """One name for a file that has several: links and dots are resolved, the slashes of a URL normalised."""
    if not is_url(path):
        return os.path.realpath(path)
    store, key = _store(path)
    return str(store.unstrip_protocol(key))


def join(folder: str, name: str) -> str:
    """The path of a file below a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_url(folder) else os.path.join(folder, name)


def is_folder(path: str) -> bool:
    """Whether a path is a folder, or objects are below a URL."""
    if not is_url(path):
        return os.path.isdir(path)
    with _as_os_errors(path) as (store, key):
        return bool(store.isdir(key))


def existing(folder: str, names: Sequence[str]) -> list[str]:
    """Those of the names that exist below a folder. A store is asked once."""
    if not is_url(folder):
        return [name for name in names if os.path.lexists(os.path.join(folder, name))]
    names_there = {name for _, name in objects(folder)}
    return [name for name in names if name in names_there]


def objects(word: str) -> list[tuple[str, str]]:
    """URL and name of objects, in order: those below a URL, the one at the URL, or those that match a pattern.

    Below a URL the name is relative to it; otherwise it is the last part of the URL.
    """
    with _as_os_errors(word) as (store, key):
        if _MAGIC & set(key):
            found = [(path, path) for path in store.glob(key) if store.isfile(path)]
        elif store.isfile(key):
            found = [(key, key)]
        else:
            return [
                (str(store.unstrip_protocol(path)), path.removeprefix(key).lstrip("/"))
                for path in sorted(store.find(key))
            ]
        return [(str(store.unstrip_protocol(path)), path.rpartition("/")[2]) for path, _ in sorted(found)]


def with_prefix(start: str) -> list[str]:
    """The files whose paths begin with `start`."""
    if is_url(start):
        return [url for url, _ in objects(f"{start}*")]
    return glob.glob(f"{glob.escape(start)}*")


def read(path: str) -> bytes:
    """The bytes of a file."""
    if not is_url(path):
        return Path(path).read_bytes()
    with _as_os_errors(path) as (store, key):
        return bytes(store.cat_file(key))


def size(path: str) -> int:
    """Size of a file in bytes."""
    if not is_url(path):
        return os.path.getsize(path)
    with _as_os_errors(path) as (store, key):
        return int(store.size(key))


def sha256(path: str) -> str:
    """The sha256 of a file, hexadecimal. An object is fetched for it."""
    if is_url(path):
        return hashlib.sha256(read(path)).hexdigest()
    return file_sha256(path)


@contextmanager
def fetched(path: str) -> Iterator[str]:
    """The path of a local file with the same name and bytes, for the time of the block.

    Raises:
        InputError: the object cannot be fetched.
    """
    if not is_url(path):
        yield path
        return
    try:
        data = read(path)
    except OSError as error:
        raise InputError("an object that can be fetched", error.strerror or str(error), path) from error
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, path.rpartition("/")[2])
        Path(file).write_bytes(data)
        yield file


def write(path: str, data: bytes) -> None:
    """Writes a file, whole or not at all. An existing one is replaced.

    Raises:
        OutputError: the file cannot be written.
        OSError: the object cannot be written.
    """
    if not is_url(path):
        with atomic_write(path, overwrite=True) as file:
            file.write(data)
        return
    with _as_os_errors(path) as (store, key):
        store.pipe_file(key, data)


def move(source: str, target: str, *, overwrite: bool) -> None:
    """Renames a file.

    In a store the object is copied and then removed. A kill between the two leaves both. Stores cannot refuse to
    replace an object, so that one which appears during the copy is replaced.

    Args:
        source: the file.
        target: its new name; folders that it lacks are made.
        overwrite: whether the target is replaced if it exists. See `photostyle.files.put_in_place`.

    Raises:
        FileExistsError: the target exists, and `overwrite` is not set.
        OSError: the file cannot be renamed.
    """
    if not is_url(source):
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename) from error
        put_in_place(source, target, overwrite=overwrite)
        return
    with _as_os_errors(source) as (store, key):
        if not overwrite and store.exists(_store(target)[1]):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        store.copy(key, _store(target)[1])
        store.rm_file(key)


def remove(path: str) -> None:
    """Removes a file."""
    if not is_url(path):
        os.unlink(path)
        return
    with _as_os_errors(path) as (store, key):
        store.rm_file(key)


def clear(folder: str) -> None:
    """Removes all objects below a URL."""
    with _as_os_errors(folder) as (store, key):
        for path in store.find(key):
            store.rm_file(path)


def _store(url: str) -> tuple[Any, str]:
    """The store of a URL, and the key in it.

    Raises:
        SettingsError: fsspec, or the package it needs for this store, is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as error:
        advice = "pip install 'photostyle[cluster]'"
        raise SettingsError("fsspec to be installed, which reads URLs", "no fsspec", url, advice) from error
    try:
        store, key = url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise SettingsError("the package that fsspec needs for this store", str(error), url) from error
    return store, str(key)


@contextmanager
def _as_os_errors(url: str) -> Iterator[tuple[Any, str]]:
    store, key = _store(url)
    try:
        yield store, key
    except OSError:
        raise
    except Exception as error:  # every store has its own errors
        raise OSError(0, f"{type(error).__name__}: {error}", url) from error
