"""Where photos and results are: files, or objects that fsspec knows by their URL."""

from __future__ import annotations

import os


def is_url(path: str) -> bool:
    """Whether a path is the URL of an object store."""
    return "://" in path


def absolute(path: str) -> str:
    """The path as it is from any folder; a URL as it is."""
    return path if is_url(path) else os.path.abspath(path)
