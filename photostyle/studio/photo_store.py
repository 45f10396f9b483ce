"""The photos of a studio: uploads in a private folder that is removed at the end, and files that are read in place."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from photostyle.errors import InputError, OutputError, PhotostyleError, SettingsError
from photostyle.studio.answers import LimitError, MissingError
from photostyle.studio.limits import Limits
from photostyle.studio.photo_file import PhotoFile

Role = Literal["content", "style", "both"]
ROLES = ("content", "style", "both")
_LONGEST_NAME = 120
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


@dataclass(frozen=True)
class StoredPhoto:
    """A photo, or a saved look, that the studio has taken in.

    Args:
        file: its paths.
        name: the name of its file.
        uploaded: whether the file is the studio's own copy.
        bytes: size of the file.
        about: what a worker has found: width, height, warnings and more, see `work.photos.Photos.look_at`.
        role: what it is used as.
    """

    file: PhotoFile
    name: str
    uploaded: bool
    bytes: int
    about: dict[str, Any] = field(repr=False)
    role: Role

    def shown(self) -> dict[str, Any]:
        """What the page knows of it."""
        return {
            "id": self.file.id,
            "name": self.name,
            "width": self.about["width"],
            "height": self.about["height"],
            "bytes": self.bytes,
            "is_style": self.role in ("style", "both"),
            "is_content": self.role in ("content", "both"),
            "is_look": self.about["is_look"],
            "warnings": self.about["warnings"],
            "view": f"/api/photos/{self.file.id}/view?longest=",
            "masked": self.file.mask is not None,
        }


LookAt = Callable[[PhotoFile], Awaitable[dict[str, Any]]]
"""Reads a new photo in a worker."""


class PhotoStore:
    """All photos, by ids that the store makes.

    Args:
        folder: the studio's private folder.
        limits: how much it takes.
        look_at: reads a new photo.
    """

    def __init__(self, folder: Path, limits: Limits, look_at: LookAt) -> None:
        self._folder, self._limits, self._look_at = folder, limits, look_at
        self._photos: dict[str, StoredPhoto] = {}
        self._arriving: dict[str, int] = {}

    def __iter__(self) -> Any:
        return iter(list(self._photos.values()))

    def __len__(self) -> int:
        return len(self._photos)

    def get(self, id: str) -> StoredPhoto:
        """The photo of an id.

        Raises:
            MissingError: there is none.
        """
        if id not in self._photos:
            raise MissingError.stating("this photo is not here, or no longer", advice="Add it again.")
        return self._photos[id]

    async def upload(self, name: str, role: Role, chunks: AsyncIterator[bytes]) -> StoredPhoto:
        """Takes in an upload, whole or not at all.

        Args:
            name: of the file on the user's machine. It is made harmless first.
            role: what it is used as.
            chunks: the bytes.

        Raises:
            LimitError: a limit is reached.
            InputError: it cannot be read, or did not arrive in time.
        """
        shown = harmless_name(name)
        id, folder = self._new_folder()
        try:
            path = folder / shown
            size = await self._receive(id, path, chunks)
            return await self._add(PhotoFile(id, path, folder), shown, role, size, uploaded=True)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._arriving.pop(id, None)

    async def add_in_place(self, path: Path, role: Role) -> StoredPhoto:
        """Takes in a file that is read where it is, and never written to.

        Raises:
            LimitError: a limit is reached.
            InputError: it cannot be read.
        """
        id, folder = self._new_folder()
        try:
            size = path.stat().st_size
            return await self._add(PhotoFile(id, path.absolute(), folder), path.name, role, size, uploaded=False)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise InputError("a photo", error.strerror or str(error), str(path)) from error
            raise
        finally:
            self._arriving.pop(id, None)

    def use_as(self, id: str, role: str) -> StoredPhoto:
        """Changes what a photo is used as.

        Raises:
            MissingError: there is no such photo.
            SettingsError: an unknown role, or a saved look as content.
        """
        photo = self.get(id)
        self._photos[id] = replace(photo, role=checked_role(role, is_look=photo.about["is_look"]))
        return self._photos[id]

    def mend(self, id: str, mask: Path | None) -> StoredPhoto:
        """Sets the mask of a photo's regions, or takes it away. Transfers with the old mask keep it."""
        photo = self.get(id)
        self._photos[id] = replace(photo, file=replace(photo.file, mask=mask))
        return self._photos[id]

    def remove(self, id: str) -> None:
        """Forgets a photo. The file of an upload is removed; one that was read in place stays."""
        photo = self.get(id)
        del self._photos[id]
        shutil.rmtree(photo.file.folder, ignore_errors=True)

    def _new_folder(self) -> tuple[str, Path]:
        most = self._limits.files
        if len(self._photos) + len(self._arriving) >= most:
            raise LimitError(f"at most {most} photos", "one more", "the studio", "Remove some of them first.")
        id = secrets.token_hex(8)
        self._arriving[id] = 0
        folder = self._folder / id
        folder.mkdir(parents=True)
        return id, folder

    async def _receive(self, id: str, path: Path, chunks: AsyncIterator[bytes]) -> int:
        limits, size = self._limits, 0
        with path.open("xb") as file:
            while True:
                try:
                    chunk = await asyncio.wait_for(anext(chunks), limits.upload_seconds)
                except StopAsyncIteration:
                    return size
                except TimeoutError as error:
                    found = f"none for {limits.upload_seconds:.0f} seconds"
                    raise InputError("more bytes", found, path.name, "Add the photo again.") from error
                size += len(chunk)
                self._arriving[id] = size
                self._check_room(size, path.name)
                try:
                    file.write(chunk)
                except OSError as error:
                    raise OutputError("room for this photo", error.strerror or str(error), path.name) from error

    def _check_room(self, size: int, name: str) -> None:
        limits = self._limits
        if size > limits.bytes:
            advice = "Name it on the command line instead: photostyle studio PHOTO."
            raise LimitError(f"at most {limits.bytes / 2**20:.0f} MiB", "more", name, advice)
        uploaded = sum(photo.bytes for photo in self._photos.values() if photo.uploaded)
        if uploaded + sum(self._arriving.values()) > limits.all_bytes:
            advice = "Remove some photos first, or name a folder on the command line."
            raise LimitError(f"at most {limits.all_bytes / 2**30:.0f} GiB of photos", "more", "the studio", advice)

    async def _add(self, file: PhotoFile, name: str, role: Role, size: int, *, uploaded: bool) -> StoredPhoto:
        try:
            about = await self._look_at(file)
        except PhotostyleError as error:
            raise _without_path(error, file.path, name) from error
        checked_role(role, is_look=about["is_look"])
        photo = StoredPhoto(file, name, uploaded, size, about, role)
        self._photos[file.id] = photo
        return photo


def _without_path(error: PhotostyleError, path: Path, name: str) -> PhotostyleError:
    """The same error about the name that the user knows, and not about the studio's own copy."""
    parts = [part.replace(str(path), name) for part in (error.expected, error.found, error.where, error.advice)]
    return type(error)(*parts)


def checked_role(role: str, *, is_look: bool = False) -> Role:
    """A role from a request.

    Raises:
        SettingsError: there is no such role, or a saved look is to be a content.
    """
    if role not in ROLES:
        raise SettingsError("content, style or both", repr(role)[:40], "role")
    if is_look and role != "style":
        raise SettingsError.stating("a saved look can only be used as a style", advice="Drop it on the styles.")
    return role  # type: ignore[return-value]


def harmless_name(name: str) -> str:
    """The last part of a file's name, as a name that every system takes and that no page or shell misreads.

    Results and the history in them carry this name, so that what is harmless stays as it is.

    Raises:
        SettingsError: nothing is left of it.
    """
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    kept = "".join("_" if unicodedata.category(c)[0] == "C" or c in '<>:"|?*' else c for c in last)
    stem, ending = os.path.splitext(kept.strip().rstrip(". "))
    stem = stem.lstrip(".- ").rstrip(". ")
    if _RESERVED.fullmatch(stem):
        stem = f"_{stem}"
    room = _LONGEST_NAME - len(ending)
    while len(f"{stem}{ending}".encode()) > 2 * _LONGEST_NAME or len(stem) > room:
        stem = stem[:-1]
    if not stem or len(ending) > 20:
        raise SettingsError("the name of a file", repr(name)[:60], "name")
    return f"{stem}{ending}"


def remove_folder(folder: Path) -> None:
    """Removes the studio's private folder."""
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)
