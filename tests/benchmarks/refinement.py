"""How well coarse masks are brought to a photo's edges, and in what time: guided filter against closed-form matting.

    python -m tests.benchmarks.refinement [--shared ../shared]

The true regions of the rendered scenes, averaged over squares of 6 x 6 px as a network at 512 px would give them at
best, are refined by both; the error is the share of pixels within 8 px of a border that end in the wrong region.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from segmentation.refine import refine

FACTOR = 6
NEAR = 8


def coarse(labels: NDArray[np.uint8], ids: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`(K, h, w)`: share of every class in each square."""
    height, width = (extent // FACTOR for extent in labels.shape)
    planes = (Image.fromarray((labels == label).astype(np.float32)) for label in ids)
    return np.stack([np.asarray(plane.resize((width, height), Image.Resampling.BOX)) for plane in planes])


def enlarged(probabilities: NDArray[np.float32], photo: NDArray[np.float32]) -> NDArray[np.float32]:
    size = photo.shape[1], photo.shape[0]
    return np.stack(
        [np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR)) for plane in probabilities]
    )


def guided(probabilities: NDArray[np.float32], photo: NDArray[np.float32]) -> NDArray[np.float32]:
    return refine(probabilities, photo).of(photo)


def matted(probabilities: NDArray[np.float32], photo: NDArray[np.float32]) -> NDArray[np.float32]:
    """Closed-form alpha of every class, what is sure of it or of another as its trimap."""
    from pymatting import estimate_alpha_cf

    soft = enlarged(probabilities, photo)
    planes = []
    for plane in soft:
        trimap = np.where(plane > 0.95, 1.0, np.where(plane < 0.05, 0.0, 0.5))
        sure = (trimap == 1).any() and (trimap == 0).any()
        planes.append(estimate_alpha_cf(photo.astype(np.float64), trimap) if sure else plane)
    return np.stack(planes).astype(np.float32)


METHODS: dict[str, Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]] = {
    "enlarged": enlarged, "guided filter": guided, "closed-form matting": matted,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--times", nargs="*", default=["noon", "night"])
    options = parser.parse_args()
    for name, method in METHODS.items():
        wrong, seconds = [], []
        for scene in sorted((options.shared / "rendered/scenes").glob("*_3")):
            labels = np.asarray(Image.open(scene / "labels.png"))
            ids = np.unique(labels)
            near = ndimage.maximum_filter(labels, NEAR) != ndimage.minimum_filter(labels, NEAR)
            for hour in options.times:
                photo = np.asarray(Image.open(scene / f"{hour}.jpg").convert("RGB"), np.float32) / 255
                began = time.perf_counter()
                refined = method(coarse(labels, ids), photo)
                seconds.append(time.perf_counter() - began)
                wrong.append(float((ids[refined.argmax(0)] != labels)[near].mean()))
        print(f"{name:20} wrong near borders {np.mean(wrong):.4f}, median seconds {np.median(seconds):.2f}", flush=True)


if __name__ == "__main__":
    main()
