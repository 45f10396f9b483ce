"""`photostyle segment`: finds the regions of photos and writes them as masks, which `photostyle run` reads."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.cli.common import Commands, add_output_options, put
from photostyle.errors import OutputError, SettingsError

if TYPE_CHECKING:
    from photostyle.photo.photo import Photo
    from photostyle.regions.found_regions import RegionFinder
    from photostyle.regions.region_map import RegionMap


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "segment",
        help="find the regions of photos and write them as masks",
        description="Finds the regions of each photo, such as sky or water. For city.jpg it writes city.mask.png, "
        "which has the same size. Each value in the mask stands for a class, and classes.json beside it has the names "
        "of the classes. You can edit a mask and give it to `photostyle run` with --content-mask or --style-mask.",
    )
    parser.add_argument("photos", metavar="PHOTO", nargs="+", help="one photo or more")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        help="the folder for the masks. It is created if needed, but its parent folder must exist (default: the folder "
        "of each photo)",
    )
    parser.add_argument(
        "--overlay",
        action="store_true",
        help="also write city.overlay.jpg, which shows the regions in colour on the photo",
    )
    parser.add_argument(
        "--segmenter",
        metavar="NAME",
        default="compact",
        help="compact, or OWNER/MODEL from the Hugging Face hub (default: compact)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Writes the masks; returns the exit code.

    Raises:
        PhotostyleError: a photo cannot be used, a mask cannot be written, or the network is missing. The masks of the
            photos before it are kept.
    """
    from photostyle.files import check_folder, check_target, make_folder
    from photostyle.photo.photo import Photo
    from photostyle.regions.found_regions import WITHOUT_NETWORK, RegionFinder
    from photostyle.regions.mask_files import check_mask_target
    from photostyle.settings import Settings

    name = Settings().with_changes({"regions.segmenter": arguments.segmenter}).regions.segmenter
    if name in WITHOUT_NETWORK:
        raise SettingsError.stating(f"{name} cannot find the regions of a single photo", "--segmenter", "Use compact.")
    targets = _targets(arguments)
    if arguments.output:
        check_folder(arguments.output)
    for mask, *overlays in targets.values():
        check_mask_target(mask, arguments.overwrite, arguments.photos)
        for path in overlays:
            check_target(path, arguments.overwrite, arguments.photos, new_folder=True)
    finder, written = RegionFinder(name), []
    for photo, paths in targets.items():
        content = Photo.read(photo)
        make_folder(paths[0].absolute().parent)
        written.append(_write_masks(content, paths, finder, overwrite=arguments.overwrite))
        if not arguments.quiet:
            shares = ", ".join(f"{region} {share:.0%}" for region, share in written[-1]["regions"].items())
            print(f"photostyle: wrote {paths[0]} ({shares})", file=sys.stderr)
    if arguments.json:
        put(json.dumps({"segmenter": name, "sha256": finder.segmenter.sha256, "masks": written}, indent=2))
    return 0


def _targets(arguments: argparse.Namespace) -> dict[str, list[Path]]:
    """The files to write for each photo: its mask, then its overlay if there is one."""
    targets = {}
    for photo in dict.fromkeys(arguments.photos):
        folder = Path(arguments.output) if arguments.output else Path(photo).parent
        endings = ("mask.png", "overlay.jpg") if arguments.overlay else ("mask.png",)
        targets[photo] = [folder / f"{Path(photo).stem}.{ending}" for ending in endings]
    twice = [path for path, count in Counter(paths[0] for paths in targets.values()).items() if count > 1]
    if twice:
        advice = "Run the command once for each of them, with a different --output folder."
        raise OutputError.stating("several photos would get this same mask", str(twice[0]), advice)
    return targets


def _write_masks(photo: Photo, paths: list[Path], finder: RegionFinder, *, overwrite: bool) -> dict[str, Any]:
    from photostyle.photo.icc import SRGB
    from photostyle.regions.mask_files import write_mask
    from photostyle.regions.region_map import overlay

    pixels = photo.in_srgb()
    regions = finder.see(pixels).classes()
    write_mask(paths[0], regions, overwrite=overwrite)
    if len(paths) > 1:
        replace(photo, pixels=overlay(pixels, regions), profile=SRGB).save(paths[1], overwrite=overwrite)
    where = None if photo.path is None else str(photo.path)
    return {"photo": where, "mask": str(paths[0]), "regions": region_shares(regions)}


def region_shares(regions: RegionMap) -> dict[str, float]:
    """The share of each region in the photo's pixels, [0, 1], by the region's name, the largest first."""
    import numpy as np

    counts = np.bincount(regions.labels.ravel(), minlength=256)
    largest = sorted(np.flatnonzero(counts).tolist(), key=lambda label: -int(counts[label]))
    return {regions.names[label]: int(counts[label]) / regions.labels.size for label in largest}
