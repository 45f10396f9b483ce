"""Photorealistic style transfer: gives one photo the look of another.

The public names are those of `__all__`. They load when they are first used, so that importing the package is quick.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photostyle.errors import InputError, OutputError, PhotostyleError, SettingsError, WeightsError
    from photostyle.photo.photo import Photo
    from photostyle.pipeline.result import Progress, Result
    from photostyle.pipeline.session import Session, transfer
    from photostyle.pipeline.set_look import SetLook
    from photostyle.regions.correspondence import Correspondence
    from photostyle.regions.region_map import RegionMap
    from photostyle.settings import Settings
    from photostyle.styles.style import Style

__version__ = "0.1.0"

# PyTorch's threads wait for a moment, and then sleep and leave the processor to other programs. OpenMP reads this once,
# when it loads: before the first import of PyTorch. Processes that this one starts inherit it.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # in GNU's OpenMP: some microseconds; see docs/performance.md

__all__ = [
    "Correspondence",
    "InputError",
    "OutputError",
    "Photo",
    "PhotostyleError",
    "Progress",
    "RegionMap",
    "Result",
    "Session",
    "SetLook",
    "Settings",
    "SettingsError",
    "Style",
    "WeightsError",
    "__version__",
    "transfer",
]

_MODULES = {
    "Correspondence": "regions.correspondence",
    "InputError": "errors",
    "OutputError": "errors",
    "Photo": "photo.photo",
    "PhotostyleError": "errors",
    "Progress": "pipeline.result",
    "RegionMap": "regions.region_map",
    "Result": "pipeline.result",
    "Session": "pipeline.session",
    "SetLook": "pipeline.set_look",
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
