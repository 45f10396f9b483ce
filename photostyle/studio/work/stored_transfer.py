"""Solved transfers as files, so that every worker can render them, and a worker that dies takes none with it."""

from __future__ import annotations

import os
import pickle
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from photostyle.errors import InputError
from photostyle.photo.photo import Photo
from photostyle.pipeline.grid_method import GridLook
from photostyle.pipeline.rendering import Rendering, Solved
from photostyle.regions.correspondence import Correspondence
from photostyle.settings import Settings


@dataclass(frozen=True, eq=False)
class StoredTransfer:
    """A solved transfer without its photo, which is read again from its file.

    Args:
        settings: what it was solved with. Strength and the section `look` can be others when it is rendered.
        look: what was solved for.
        correspondence, device, software, origin: see `photostyle.pipeline.rendering.Rendering`.
    """

    settings: Settings
    look: GridLook
    correspondence: Correspondence
    device: str
    software: str
    origin: str

    @classmethod
    def of(cls, solved: Solved, settings: Settings) -> StoredTransfer:
        """A transfer that was solved by a method with grids, as those of `default` and `preview`."""
        rendering = solved.rendering
        if not isinstance(rendering.apply, GridLook):
            raise TypeError("expected a transfer that was solved for grids")
        look = replace(rendering.apply, progress=None)
        return cls(
            settings, look, rendering.correspondence, rendering.device, rendering.software, rendering.origin
        )  # fmt: skip

    def rendering(self, photo: Photo) -> Rendering:
        """Renders the photo that it was solved for, read from the same file."""
        pixels = photo.fitted(self.settings.solver.size)
        return Rendering(photo, pixels, self.correspondence, self.look, self.device, self.software, self.origin)


def store(path: Path, transfer: StoredTransfer) -> None:
    """Writes a transfer into the studio's own folder, completely or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(zlib.compress(pickle.dumps(transfer, pickle.HIGHEST_PROTOCOL), 1))
    os.replace(part, path)


def load(path: Path) -> StoredTransfer:
    """Reads what `store` wrote. The file must come from the studio's own folder, since a pickle can run code.

    Raises:
        InputError: it has been removed meanwhile.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError.stating("this result is no longer here", advice="Choose the style again.") from error
    transfer = pickle.loads(zlib.decompress(data))
    if not isinstance(transfer, StoredTransfer):
        raise TypeError(f"expected a stored transfer, found a {type(transfer).__name__}")
    return transfer
