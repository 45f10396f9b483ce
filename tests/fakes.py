"""What makes a transfer quick enough for tests of everything around it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from photostyle.encoders import weights
from photostyle.encoders.vgg import CONVOLUTIONS, Encoder

QUICK = ("--size", "64", "--set", "solver.iterations=2", "--set", "solver.photorealistic_iterations=2")
"""Options of `run`."""


def tiny_encoder(name: str = "compact", pooling: str = "max", **_: object) -> Encoder:
    """An encoder of four filters a layer, always with the same random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = Encoder([4] * len(CONVOLUTIONS), pooling="max" if pooling == "max" else "average")
    return encoder.eval().requires_grad_(False)


def use_tiny_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts `tiny_encoder` in the place of the encoders with weights for the length of a test."""
    monkeypatch.setattr(weights, "load", tiny_encoder)
    monkeypatch.setattr(weights, "digests", lambda name: {name: "0" * 64}, raising=False)


def write_photo(path: Path, seed: int = 0, *, height: int = 72, width: int = 96, mode: str = "RGB") -> Path:
    """A smooth random photo in the format of the path's ending."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    photo = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    photo.convert(mode).save(path)
    return path


def write_halves(path: Path, left: tuple[int, int, int], right: tuple[int, int, int], *, width: int = 96) -> Path:
    """A painted mask of two regions side by side, 72 px high."""
    mask = Image.new("RGB", (width, 72), left)
    mask.paste(right, (width // 2, 0, width, 72))
    mask.save(path)
    return path
