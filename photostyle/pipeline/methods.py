"""The methods of solving, by the names that the settings use, and which of them need PyTorch."""

from __future__ import annotations

from photostyle.encoders.looking import STYLE_TERMS
from photostyle.pipeline import grid_method
from photostyle.pipeline.task import SolvedTransfer, Task
from photostyle.settings import EncoderSettings, Settings


def _transfer_by_pixels(task: Task) -> SolvedTransfer:
    from photostyle.pipeline import pixel_method

    return pixel_method.transfer(task)


METHODS = {"grid": grid_method.transfer, "closed form": grid_method.preview, "pixels": _transfer_by_pixels}
"""The methods of solving."""


def solves_on_arrays(settings: Settings, device: str) -> bool:
    """Whether the method `grid` solves without PyTorch: on the processor, with the encoder that ships as ONNX.

    Args:
        device: its name in PyTorch.
    """
    encoder = settings.encoder
    return (
        settings.solver.method == "grid"
        and device == "cpu"
        and encoder.model_copy(update={"dtype": "auto"}) == EncoderSettings()
        and encoder.dtype != "bfloat16"
        and {settings.grid.style_layers, settings.grid.fine_layers} <= set(STYLE_TERMS)
    )


def needs_pytorch(settings: Settings, device: str) -> bool:
    """Whether solving needs PyTorch.

    Args:
        device: its name in PyTorch.
    """
    return settings.solver.method != "closed form" and not solves_on_arrays(settings, device)
