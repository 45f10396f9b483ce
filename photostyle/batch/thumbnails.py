"""Small pictures of photos and results, for the report of a batch."""

from __future__ import annotations

from photostyle.photo.photo import Photo

THUMBNAIL, QUALITY = 360, 80
"""Longest side in pixels and JPEG quality: sharp in a row of six, 15 KB each."""


def thumbnail(photo: Photo) -> bytes:
    """A JPEG without metadata whose longest side is `THUMBNAIL` pixels; very long panoramas may be larger."""
    return Photo(photo.fitted(THUMBNAIL)).encode("JPEG", QUALITY)
