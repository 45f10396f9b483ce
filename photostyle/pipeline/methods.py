"""The methods of solving, by the names that the settings use."""

from __future__ import annotations

from photostyle.pipeline import grid_method
from photostyle.pipeline.task import SolvedTransfer, Task


def _transfer_by_pixels(task: Task) -> SolvedTransfer:
    from photostyle.pipeline import pixel_method

    return pixel_method.transfer(task)


def _transfer_by_few_steps(task: Task) -> SolvedTransfer:
    from photostyle.pipeline import quick_method

    return quick_method.transfer(task)


METHODS = {
    "grid": grid_method.transfer,
    "few steps": _transfer_by_few_steps,
    "closed form": grid_method.preview,
    "pixels": _transfer_by_pixels,
}
"""The methods of solving. PyTorch is loaded by those that need it, and not by those in `WITHOUT_PYTORCH`."""
WITHOUT_PYTORCH = ("closed form", "few steps")
