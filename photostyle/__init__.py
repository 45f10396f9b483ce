"""Photorealistic style transfer: gives one photo the look of another.

The public names are those of `__all__`. They load when they are first used, so that importing the package is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.errors import InputError, OutputError, PhotostyleError, SettingsError, WeightsError
    from photostyle.photo.photo import Photo
    from photostyle.pipeline.result import Result
    from photostyle.pipeline.session import Session, transfer
    from photostyle.settings import Settings
    from photostyle.styles.style import Style

__version__ = "0.1.0"

__all__ = [
    "InputError",
    "OutputError",
    "Photo",
    "PhotostyleError",
    "Result",
    "Session",
    "Settings",
    "SettingsError",
    "Style",
    "WeightsError",
    "__version__",
    "transfer",
]

_MODULES = {
    "InputError": "errors",
    "OutputError": "errors",
    "Photo": "photo.photo",
    "PhotostyleError": "errors",
    "Result": "pipeline.result",
    "Session": "pipeline.session",
    "Settings": "settings",
    "SettingsError": "errors",
    "Style": "styles.style",
    "WeightsError": "errors",
    "transfer": "pipeline.session",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
