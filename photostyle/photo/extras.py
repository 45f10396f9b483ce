"""Packages that read more kinds of photos, where they are installed."""

from __future__ import annotations

import importlib
from typing import Any

from photostyle.errors import InputError

EXTRAS = {"HEIC": ("heic", "pillow_heif", "pillow-heif"), "raw": ("raw", "rawpy", "rawpy")}
"""What is read where more is installed: the extra's name, the module's and the package's."""


def module_of(kind: str, where: str) -> Any:
    """The module that reads a kind of photos.

    Raises:
        InputError: it is not installed.
    """
    extra, module, package = EXTRAS[kind]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        advice = f"python -m pip install 'photostyle[{extra}]', or export the photo as JPEG, PNG or TIFF first."
        raise InputError(f"the package {package}, which reads {kind} files", "none", where, advice) from error
