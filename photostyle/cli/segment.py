"""`photostyle segment`: writes the regions of photos as masks that `run` reads."""

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
        help="write the regions of photos as masks",
        description="Writes city.mask.png for city.jpg, of the same size. Its values are class ids, and classes.json "
        "beside it has their names. Edit the mask if you like, and give it to `run` with --content-mask or "
        "--style-mask.",
    )
    parser.add_argument("photos", metavar="PHOTO", nargs="+")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        help="the folder for the masks; it is made if its parent is there (default: the folder of each photo)",
    )
    parser.add_argument(
        "--overlay", action="store_true", help="also write city.overlay.jpg, the photo with its regions in colours"
    )
    parser.add_argument("--segmenter", metavar="NAME", default="compact", help="compact, or OWNER/MODEL of the hub")
    parser.add_argument("--overwrite", action="store_true", help="replace existing masks")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Writes the masks; returns the exit code.

    Raises:
        PhotostyleError: a photo that cannot be used, a mask that cannot be written, a network that is not there.
            Masks of earlier photos are kept.
    """
    from photostyle.files import check_folder, check_target, make_folder
    from photostyle.photo.photo import Photo
    from photostyle.regions.found_regions import WITHOUT_NETWORK, RegionFinder
    from photostyle.regions.mask_files import check_mask_target
    from photostyle.settings import Settings

    name = Settings().with_changes({"regions.segmenter": arguments.segmenter}).regions.segmenter
    if name in WITHOUT_NETWORK:
        raise SettingsError.stating(f"{name} does not look at one photo at a time", "--segmenter", "Use compact.")
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
        written.append(_segmented(content, paths, finder, overwrite=arguments.overwrite))
        if not arguments.quiet:
            shares = ", ".join(f"{region} {share:.0%}" for region, share in written[-1]["regions"].items())
            print(f"photostyle: wrote {paths[0]} ({shares})", file=sys.stderr)
    if arguments.json:
        put(json.dumps({"segmenter": name, "sha256": finder.segmenter.sha256, "masks": written}, indent=2))
    return 0


def _targets(arguments: argparse.Namespace) -> dict[str, list[Path]]:
    """What is written for every photo: its mask, then its overlay if that is wanted."""
    targets = {}
    for photo in dict.fromkeys(arguments.photos):
        folder = Path(arguments.output) if arguments.output else Path(photo).parent
        endings = ("mask.png", "overlay.jpg") if arguments.overlay else ("mask.png",)
        targets[photo] = [folder / f"{Path(photo).stem}.{ending}" for ending in endings]
    twice = [path for path, count in Counter(paths[0] for paths in targets.values()).items() if count > 1]
    if twice:
        advice = "Segment photos of the same name into different folders."
        raise OutputError("a mask for each photo", "several photos with this one", str(twice[0]), advice)
    return targets


def _segmented(photo: Photo, paths: list[Path], finder: RegionFinder, *, overwrite: bool) -> dict[str, Any]:
    from photostyle.photo.icc import SRGB
    from photostyle.regions.mask_files import write_mask
    from photostyle.regions.region_map import overlay

    pixels = photo.in_srgb()
    regions = finder.see(pixels).classes()
    write_mask(paths[0], regions)
    if len(paths) > 1:
        replace(photo, pixels=overlay(pixels, regions), profile=SRGB).save(paths[1], overwrite=overwrite)
    where = None if photo.path is None else str(photo.path)
    return {"photo": where, "mask": str(paths[0]), "regions": region_shares(regions)}


def region_shares(regions: RegionMap) -> dict[str, float]:
    """Of the photo's pixels, by the regions' names, the largest first."""
    import numpy as np

    counts = np.bincount(regions.labels.ravel(), minlength=256)
    largest = sorted(np.flatnonzero(counts).tolist(), key=lambda label: -int(counts[label]))
    return {regions.names[label]: int(counts[label]) / regions.labels.size for label in largest}
