"""Writes a transfer as 3D LUTs and measures their error: one for the photo, or one for each region with its mask."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photostyle import __version__
from photostyle.colour.ciede2000 import ciede2000
from photostyle.colour.cielab import lab
from photostyle.colour.lut import Lut, cube_text, fit_lut, hald_image
from photostyle.compute.tiles import for_each_tile
from photostyle.errors import OutputError, SettingsError
from photostyle.files import atomic_write, check_folder, check_target, make_folder
from photostyle.photo.photo import Photo
from photostyle.pipeline.result import Result
from photostyle.regions.edge_masks import coarse_masks, refine_fine
from segmentation.enlarge import Part

HALD_LEVEL = 8
"""The picture has 512 px a side and 64 shades a channel. Photo editors use this level for the LUTs that they ship."""
SAMPLES, JUDGED = 150_000, 200_000
"""How many pixels a LUT is fitted to, and by how many others its error is measured.

Twice as many change the error by less than 1 %.
"""
LIMIT = "A LUT sees only colours: if a colour changes differently in other regions or places, the LUT has the mean."

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class LutError:
    """CIEDE2000 between the LUT's colours and the transfer's, over the content photo: mean and 95th percentile."""

    mean: float
    p95: float

    def __str__(self) -> str:
        return f"CIEDE2000 mean {self.mean:.2f}, 95th percentile {self.p95:.2f}"


@dataclass(frozen=True, eq=False)
class RegionLut:
    """The LUT of one region and its soft mask, `(H, W) uint8`."""

    name: str
    lut: Lut = field(repr=False)
    mask: NDArray[np.uint8] = field(repr=False)


def whole_lut(content: Photo, result: Result, points: int) -> tuple[Lut, LutError]:
    """Fits one LUT for the whole photo, and measures its error.

    Args:
        content: the photo that `result` was made from.
        points: points along each side of the LUT, see `photostyle.colour.lut.fit_lut`.
    """
    before, after, coverage = _visible_pixels(content, result)
    chosen, judged = _sample_pixels(len(before))
    lut = fit_lut(np.clip(before[chosen], 0, 1), np.clip(after[chosen], 0, 1), coverage[chosen], points)
    if _keeps_grey(result) and result.correspondence.all_grey:
        lut = lut.in_grey()
    return lut, _lut_error(lut(before[judged]), after[judged])


def region_luts(content: Photo, result: Result, points: int) -> tuple[tuple[RegionLut, ...], LutError]:
    """Fits a LUT for each region of the correspondence, and measures the error of all of them together.

    For the error, the LUTs are mixed by the masks, with the 8 bits in which the masks are written. Pixels in no region
    keep their colours. The arguments are the same as for `whole_lut`.
    """
    before, after, coverage = _visible_pixels(content, result)
    chosen, judged = _sample_pixels(len(before))
    ours, theirs = np.clip(before[chosen], 0, 1), np.clip(after[chosen], 0, 1)
    mixed, outside = np.zeros((len(judged), 3)), np.ones((len(judged), 1))
    luts = []
    grey = [_keeps_grey(result) and each for each in result.correspondence.grey_regions]
    for region, mask, is_grey in zip(result.correspondence.regions, _region_masks(content, result), grey, strict=True):
        shares = (mask if content.coverage is None else mask[content.coverage > 0]).reshape(-1) / 255
        weights = shares[chosen] * coverage[chosen]
        if not weights.any():  # a small region, with none of its pixels in the sample
            continue
        lut = fit_lut(ours, theirs, weights, points)
        luts.append(RegionLut(region.name, lut.in_grey() if is_grey else lut, mask))
        share = shares[judged][:, None]
        mixed += share * luts[-1].lut(before[judged])
        outside -= share
    return tuple(luts), _lut_error(mixed + outside * before[judged], after[judged])


def _visible_pixels(content: Photo, result: Result) -> tuple[Pixels, Pixels, NDArray[np.float64]]:
    """`(N, 3)`, `(N, 3)` and `(N,)`: what can be seen of the content, its colours in the result, and its coverage."""
    before, after = content.in_srgb().reshape(-1, 3), result.photo.in_srgb().reshape(-1, 3)
    if content.coverage is None:
        return before, after, np.ones(len(before))
    coverage = content.coverage.reshape(-1).astype(np.float64)
    seen = coverage > 0
    return before[seen], after[seen], coverage[seen]


def _keeps_grey(result: Result) -> bool:
    """Whether a region that becomes grey is grey in the result: the settings leave no colour of the content in it."""
    look = result.settings.look
    return result.settings.strength == 1 and look.colour == 1 and not (look.skin or look.neutrals or look.regions)


def _sample_pixels(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the pixels to fit to, and of the pixels to measure the error by."""
    rng = np.random.default_rng(0)
    return rng.integers(0, count, min(SAMPLES, count)), rng.integers(0, count, min(JUDGED, count))


def _region_masks(content: Photo, result: Result) -> NDArray[np.uint8]:
    """The masks of the correspondence's regions, `(K, H, W)`, refined so that they follow the photo's edges."""
    correspondence, pixels = result.correspondence, content.filled().pixels
    ids = [region.content_ids for region in correspondence.regions]
    proxy = content.fitted(result.settings.solver.size)
    masks = refine_fine(coarse_masks(correspondence.content, ids, proxy), pixels)
    found = np.empty((len(ids), content.height, content.width), np.uint8)

    def work(part: Part) -> None:
        found[:, *part.pixels] = np.rint(255 * masks.of(pixels[part.pixels], part)[:-1])

    for_each_tile(content.height, content.width, work)
    return found


def _lut_error(found: NDArray[np.floating], wanted: NDArray[np.floating]) -> LutError:
    ours, theirs = (lab(colours.astype(np.float64)) for colours in (found, wanted))
    apart = ciede2000(ours, theirs)
    return LutError(float(apart.mean()), float(np.percentile(apart, 95)))


def check_lut_target(
    path: str | Path, folder: str | Path | None, overwrite: bool, inputs: Sequence[str | Path] = ()
) -> None:
    """Checks, before any work is done, that the LUTs can and may be written.

    Args:
        path: the file for the LUT.
        folder: the folder for the LUTs of regions, which is created if needed; None if they are not wanted.
        overwrite: whether existing files may be replaced.
        inputs: files that must never be written to.

    Raises:
        SettingsError: the path ends in neither .cube nor .png.
        OutputError: see `photostyle.files.check_target`. Also if the folder is not empty and `overwrite` is not set,
            or if it holds an input that a region's file could replace.
    """
    if Path(path).suffix.lower() not in (".cube", ".png"):
        raise SettingsError("a file name that ends in .cube or .png (HaldCLUT)", repr(Path(path).suffix), str(path))
    check_target(path, overwrite, inputs, new_folder=True)
    if folder is None:
        return
    folder = Path(folder)
    check_folder(folder)
    if folder.exists() and any(folder.iterdir()) and not overwrite:
        raise OutputError("an empty or a new folder", "a folder with files", str(folder), "Add --overwrite.")
    for place in map(Path, inputs):
        if place.name.lower().endswith(".mask.png") and place.absolute().parent.resolve() == folder.resolve():
            advice = "photostyle never overwrites its inputs. Choose another folder."
            raise OutputError("a folder without inputs", f"the input {place.name}", str(folder), advice)


def write_lut(path: str | Path, lut: Lut, error: LutError, title: str, *, overwrite: bool = False) -> None:
    """Writes one LUT, as .cube or as a HaldCLUT .png.

    A .cube file has the error in a comment. A HaldCLUT has no place for it. The folder is created if needed, but its
    parent must exist.

    Raises:
        OutputError: the file cannot be written, or exists without `overwrite`.
    """
    if Path(path).suffix.lower() == ".png":
        data = Photo(hald_image(lut, HALD_LEVEL)).encode("PNG", depth=16)
    else:
        comments = [f"photostyle {__version__}: {title}", "sRGB in, sRGB out", f"error: {error}", LIMIT, *lut.warnings]
        data = cube_text(lut, title, comments).encode("ascii")
    make_folder(Path(path).absolute().parent)
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(data)


def write_region_luts(
    folder: str | Path, looks: Sequence[RegionLut], error: LutError, title: str, *, overwrite: bool = False
) -> dict[str, str]:
    """Writes NAME.cube and NAME.mask.png (8-bit grey) for each region; returns `{region: NAME}`.

    Raises:
        OutputError: the folder or a file cannot be written, or a file exists without `overwrite`.
    """
    folder = Path(folder)
    make_folder(folder)
    names = file_names([look.name for look in looks])
    for look in looks:
        name = names[look.name]
        comments = [
            f"photostyle {__version__}: {title}",
            "sRGB in, sRGB out",
            f"only for the pixels in {name}.mask.png",
        ]
        comments += [f"error of all regions together: {error}", *look.lut.warnings]
        buffer = io.BytesIO()
        Image.fromarray(look.mask).save(buffer, "PNG")
        text = cube_text(look.lut, f"{title}: {look.name}", comments).encode("ascii")
        for ending, data in (("cube", text), ("mask.png", buffer.getvalue())):
            with atomic_write(folder / f"{name}.{ending}", overwrite=overwrite) as file:
                file.write(data)
    return names


def file_names(names: Sequence[str]) -> dict[str, str]:
    """The file name for each region: letters, digits and hyphens, and a different name for each."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w]+", "-", name).strip("-").lower() or "region"
        used, number = set(found.values()), 2
        unique = plain
        while unique in used:
            unique, number = f"{plain}-{number}", number + 1
        found[name] = unique
    return found
