"""A set of photos for the queue: its command, and links to its photos where their names are not enough."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from photostyle.errors import OutputError
from photostyle.studio.command_words import setting_words, style_words
from photostyle.studio.photo_store import StoredPhoto
from photostyle.studio.results import MadeFile
from segmentation.threads import available_cores

MaskOf = Callable[[StoredPhoto], Awaitable[Path]]
"""A mask of a photo at its own size."""


@dataclass
class QueuedPhoto:
    """A photo of the queue. `status` is waiting, working, done or failed."""

    photo: str
    name: str
    path: str
    status: str = "waiting"
    error: str | None = None
    file: MadeFile | None = None
    output: str | None = None
    seconds: float | None = None

    def shown(self) -> dict[str, Any]:
        """What the page knows of it."""
        return {
            "photo": self.photo,
            "name": self.name,
            "status": self.status,
            "error": self.error,
            "file": self.file.id if self.file else None,
            "seconds": self.seconds,
        }


@dataclass
class Queue:
    """One set of photos on its way.

    Args:
        id: made by the server.
        photos: in their order.
        words: the words of the command.
        output: the folder of the results.
        status: working, stopped, done or failed.
        error: why the batch as a whole has ended; None if it has not.
    """

    id: str
    photos: list[QueuedPhoto]
    words: list[str]
    output: Path
    status: str = "working"
    error: dict[str, str] | None = None
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)


@dataclass(frozen=True)
class SetOrder:
    """What is asked for.

    Args:
        contents: the photos.
        styles: each with its weight and region.
        preset, settings, format: see `photostyle batch`.
    """

    contents: Sequence[StoredPhoto]
    styles: Sequence[tuple[StoredPhoto, float, str | None]]
    preset: str
    settings: Mapping[str, Any]
    format: str

    @property
    def folder_name(self) -> str:
        """The folder of the results: the name of the style, and a word that other styles or settings do not have."""
        about = [
            [[s.about["sha256"], s.name, weight, region, str(s.file.mask)] for s, weight, region in self.styles],
            self.preset,
            dict(self.settings),
            self.format,
        ]
        word = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:6]
        return f"{Path(self.styles[0][0].name).stem}-{word}"


async def make_set(order: SetOrder, folder: Path, staging: Path, mask_of: MaskOf) -> Queue:
    """The set for an order, ready to run.

    Args:
        order: what is asked for.
        folder: where results go; the set gets a folder in it.
        staging: the studio's own folder for lists and links.
        mask_of: gives a mask to a photo that has none, if others of the set have one.
    """
    id = secrets.token_hex(8)
    own = staging / id
    own.mkdir(parents=True)
    masked = any(photo.file.mask for photo in (*order.contents, *(style for style, _, _ in order.styles)))
    contents = await _staged(order.contents, own, mask_of, masked=masked)
    photos = [
        QueuedPhoto(photo.file.id, photo.name, str(path)) for photo, path in zip(order.contents, contents, strict=True)
    ]
    paths = await _staged([style for style, _, _ in order.styles], own / "styles", mask_of, masked=masked)
    styles = [(str(path), weight, region) for path, (_, weight, region) in zip(paths, order.styles, strict=True)]
    listed = own / "photos.list"
    listed.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in contents))
    output = folder / order.folder_name
    words = ["batch", "--json", "--list", str(listed), *style_words(styles), "--preset", order.preset]
    words += [*setting_words(order.settings), "--set", f"output.format={order.format.upper()}", "-o", str(output)]
    words += ["--report", str(output / "report"), "--retry-failed"]
    words += ["--workers", str(max(1, available_cores() // 2))]  # the page is to answer meanwhile
    words += ["--masks"] if masked else []
    return Queue(id, photos, words, output)


async def _staged(photos: Sequence[StoredPhoto], folder: Path, mask_of: MaskOf, *, masked: bool) -> list[Path]:
    """The paths that the batch reads: the photos themselves, or links to them if two have the same name or if they
    have masks, which lie beside them."""
    names = [photo.file.path.name.casefold() for photo in photos]
    paths = []
    for place, photo in enumerate(photos):
        twice = names.count(names[place]) > 1
        if not masked and not twice:
            paths.append(photo.file.path)
            continue
        own = folder / f"{place:04d}"
        own.mkdir(parents=True)
        before = names[:place].count(names[place])
        stem, ending = photo.file.path.stem, photo.file.path.suffix
        path = own / f"{stem}{f'_{before + 1}' if before else ''}{ending}"
        _link(photo.file.path, path)
        if masked and not photo.about["is_look"]:
            mask = photo.file.mask or await mask_of(photo)
            _link(mask, own / f"{path.stem}.mask.png")
            _link(mask.with_name("classes.json"), own / "classes.json")
        paths.append(path)
    return paths


def _link(source: Path, target: Path) -> None:
    """Makes the file also appear as `target`, in the studio's own folder.

    Raises:
        OutputError: it cannot.
    """
    try:
        try:
            os.symlink(source.absolute(), target)
        except OSError:  # Windows asks for a right that few have
            shutil.copyfile(source, target)
    except OSError as error:
        raise OutputError("room for the queue", error.strerror or str(error), str(target)) from error
