"""How near the true picture a transfer can come that knows more than any style photo says.

    python -m tests.benchmarks.bounds --pairs ../shared/rendered/pairs

Every folder of PAIRS holds content, style and truth (the content's scene, really in the style's light) with
content_mask.png and style_mask.png. At `SIZE` px, mean CIEDE2000 to the truth after a blur, of

    content             the content as it is
    closed form         `preview`: each region's optimal transport to the style's region
    transport to truth  the same, to the colours that the region has in the true picture
    affine              the affine map of each region that comes closest to the true picture in squares
    grid                the grids of `default`, as close in squares

The last three have seen the true picture: no method can be asked to beat them with the style photo alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from skimage.color import deltaE_ciede2000, rgb2lab

from photostyle.photo.photo import Photo
from photostyle.presets import load_preset
from photostyle.regions.mask_files import read_mask
from photostyle.regions.region_map import region_masks
from photostyle.solvers import closed_form
from photostyle.solvers.bilateral import RegionSlice, Shape, sliced
from segmentation.matching import match

SIZE = 400
BLUR = 1.2
"""Standard deviation in pixels: that of 2 at 700 px."""
RIDGE = 1e-3

Pixels = NDArray[np.float32]


def distance(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    labs = [rgb2lab(ndimage.gaussian_filter(np.clip(x, 0, 1), (BLUR, BLUR, 0))) for x in (first, second)]
    return float(deltaE_ciede2000(*labs).mean())


def bounds(folder: Path) -> dict[str, float]:
    content, style, truth = (
        Photo.read(next(folder.glob(f"{name}.[jp][pn]g"))).fitted(SIZE) for name in ("content", "style", "truth")
    )
    grid = load_preset("default").grid
    ours, theirs = (
        read_mask(folder / f"{name}_mask.png", *photo.shape[:2])
        for name, photo in (("content", content), ("style", style))
    )
    matched = match(ours.labels, theirs.labels, ours.names, theirs.names).regions
    masks = region_masks(ours.labels, [region.content_ids for region in matched])
    style_masks = region_masks(theirs.labels, [region.style_ids for region in matched])

    def mapped(fit: Callable[[Pixels, Pixels], NDArray[np.floating]]) -> NDArray[np.floating]:
        parts = [mask[..., None] * fit(mask, other) for mask, other in zip(masks, style_masks, strict=True)]
        return sum(parts, (1 - masks.sum(0))[..., None] * content)

    def transport(target: Pixels, mask: Pixels, other: Pixels) -> NDArray[np.floating]:
        return closed_form.fit(content, mask, [(1.0, target, other)], lightness=grid.lightness)(content)

    def affine(mask: Pixels, other: Pixels) -> NDArray[np.floating]:
        basis = np.concatenate([content, np.ones_like(content[..., :1])], 2)
        inside = mask > 0.5
        return basis @ np.linalg.lstsq(basis[inside], truth[inside], rcond=None)[0]

    shape = Shape(grid.rows, grid.warmths, grid.lumas)
    slices = [RegionSlice(content, mask, shape) for mask in masks]
    matrix = sparse.hstack([_scattered(own, truth.size // 3) for own in slices], "csr")
    normal = sparse.csc_array(matrix.T @ matrix + RIDGE * sparse.eye_array(matrix.shape[1]))
    grids = spsolve(normal, matrix.T @ truth.reshape(-1, 3))
    return {
        "content": distance(content, truth),
        "closed form": distance(mapped(lambda mask, other: transport(style, mask, other)), truth),
        "transport to truth": distance(mapped(lambda mask, other: transport(truth, mask, mask)), truth),
        "affine": distance(mapped(affine), truth),
        "grid": distance(sliced(slices, np.split(grids, len(slices)), truth.size // 3).reshape(content.shape), truth),
    }


def _scattered(own: RegionSlice, pixels: int) -> sparse.csr_array:
    """The matrix from a region's coefficients to the colours of all pixels."""
    count = len(own.pixels)
    places = sparse.csr_array((np.ones(count), (own.pixels, np.arange(count))), shape=(pixels, count))
    return places @ own.matrix(np.ones(count, bool))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    options = parser.parse_args()
    rows = []
    for folder in sorted(path for path in options.pairs.iterdir() if path.is_dir()):
        rows.append(bounds(folder))
        print(folder.name, {name: round(value, 2) for name, value in rows[-1].items()}, flush=True)
    print("median", {name: round(float(np.median([row[name] for row in rows])), 2) for name in rows[0]})


if __name__ == "__main__":
    main()
