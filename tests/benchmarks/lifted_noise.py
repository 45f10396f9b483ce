"""Noise of dark photos that become light, left in and taken out.

    python -m tests.benchmarks.lifted_noise --pairs PAIRS

Contents of the authors' pairs are made darker, get the noise of a camera and are saved as JPEG. The style is the
content itself, so the right result is known: that of the dark photo without noise. Every result is compared with it.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity

from photostyle import Session
from photostyle.colour.luma import LUMA
from photostyle.presets import load_preset

PHOTOS = (("3", 3.0, 85), ("3", 4.0, 85), ("6", 3.0, 85), ("39", 3.0, 75), ("55", 4.0, 90), ("30", 3.0, 85),
          ("60", 3.0, 85), ("20", 3.5, 80))  # fmt: skip
"""The pair, by how many stops it becomes darker, and the quality of its JPEG."""
ELECTRONS, READ_NOISE = 4000.0, 4.0
"""Of a pixel that is white, and the standard deviation of what reading adds."""

Levels = NDArray[np.float64]


def dark(photo: Levels, stops: float, rng: np.random.Generator | None) -> NDArray[np.uint8]:
    """A photo `(H, W, 3)`, sRGB-encoded, [0, 1], made darker in linear light, with noise if there is a generator."""
    linear = np.where(photo <= 0.04045, photo / 12.92, ((photo + 0.055) / 1.055) ** 2.4) * 2.0**-stops
    if rng:
        linear = (rng.poisson(linear * ELECTRONS) + rng.normal(0, READ_NOISE, linear.shape)) / ELECTRONS
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    levels: NDArray[np.uint8] = np.rint(255 * np.clip(encoded, 0, 1)).astype(np.uint8)
    return levels


def through_jpeg(levels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--preset", default="preview")
    options = parser.parse_args()
    sessions = {
        amount: Session(settings=load_preset(options.preset).with_changes({"grid.denoise": amount}))
        for amount in (0.0, 1.0)
    }
    rng, rows = np.random.default_rng(0), []
    for pair, stops, quality in PHOTOS:
        photo = next((options.pairs / pair).glob("content.*"))
        mask = options.pairs / pair / "content_mask.png"
        levels = np.asarray(Image.open(photo).convert("RGB"))
        clean = dark(levels / 255, stops, None)
        noisy = through_jpeg(dark(levels / 255, stops, rng), quality)

        def changed(content: NDArray[np.uint8], amount: float, photo: Path = photo, mask: Path = mask) -> Levels:
            session = sessions[amount]
            result = session.transfer(content, session.style(photo, mask), content_mask=mask)
            return np.asarray(result.photo.pixels, np.float64)

        wanted, row = changed(clean, 0.0), []
        for found in (changed(noisy, 0.0), changed(noisy, 1.0), changed(clean, 1.0)):
            difference = 255 * float(np.sqrt(((found - wanted) ** 2).mean()))
            row += [difference, structural_similarity(found @ np.array(LUMA), wanted @ np.array(LUMA), data_range=1)]
        rows.append(row)
        print(pair, stops, np.round(row, 3), flush=True)
    print("median of left in, taken out, and no noise:", np.round(np.median(rows, 0), 3))


if __name__ == "__main__":
    main()
