"""Small photos and masks, and the options that make a run on them quick."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

QUICK = (
    "--size", "64", "--set", "grid.coarse_iterations=2", "--set", "grid.iterations=2",
    "--set", "solver.iterations=2", "--set", "solver.photorealistic_iterations=2", "--segmenter", "none",
)  # fmt: skip
"""Options of `run`. Regions are not looked for: what finds them takes longer than all the rest."""


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
