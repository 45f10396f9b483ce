"""Files to pixels and back.

A reader for each kind of file gives samples (`stored`) and what stands beside them (`embedded`); `decode` makes a photo
of them, upright and with a profile (`colour_space` decides what the numbers mean, `metadata` what is kept); `encode`
writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.photo.photo import Photo

__all__ = ["Photo"]


def __getattr__(name: str) -> object:
    """The photo class, which loads when it is first used: modules of this room need not load all of it."""
    if name != "Photo":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from photostyle.photo.photo import Photo

    return Photo
