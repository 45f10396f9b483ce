"""`photostyle segment`: finds the regions of photos and writes them as masks, which `photostyle run` reads.

With a style it also shows which region would take its look from which.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photostyle.cli.common import Commands, add_output_options, put
from photostyle.cli.options import add_preset, settings_of
from photostyle.cli.output import print_outcome
from photostyle.cli.styles import add_style_option, measure_styles, styles_of
from photostyle.errors import OutputError, SettingsError

if TYPE_CHECKING:
    from photostyle.photo.photo import Photo
    from photostyle.regions.correspondence import Correspondence
    from photostyle.regions.region_map import RegionMap
    from photostyle.styles.style import Style


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "segment",
        help="find the regions of photos and write them as masks",
        description="Finds the regions of each photo, such as sky or water. For city.jpg it writes city.mask.png, "
        "which has the same size. Each value in the mask stands for a class, and classes.json beside it has the names "
        "of the classes. You can edit a mask and give it to `photostyle run` with --content-mask or --style-mask. With "
        "--style it also says which region of each photo would take its look from which region of the style, as `run` "
        "would match them.",
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
        help="also write city.overlay.jpg, which shows the regions in colour on the photo, with their names. With "
        "--style it shows the photo beside the style, and equal colours match",
    )
    add_style_option(parser, "the photo, or the saved look, NAME.photostyle, whose regions to match")
    add_preset(parser, "The run.json of a report works too: its settings are used")
    parser.set_defaults(region=[])
    parser.add_argument(
        "--segmenter",
        metavar="NAME",
        help="compact, or OWNER/MODEL from the Hugging Face hub (default: from the preset)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Writes the masks; returns the exit code.

    Raises:
        PhotostyleError: a photo or a style cannot be used, a mask cannot be written, or the network is missing. The
            masks of the photos before it are kept.
    """
    from photostyle.files import check_folder, check_target, make_folder
    from photostyle.photo.photo import Photo
    from photostyle.pipeline.session import Session
    from photostyle.regions.found_regions import WITHOUT_NETWORK, RegionFinder
    from photostyle.regions.in_words import match_line
    from photostyle.regions.mask_files import check_mask_target

    settings, styles = settings_of(arguments), styles_of(arguments.style or [], None, [], None)
    name = settings.regions.segmenter
    if name in WITHOUT_NETWORK:
        raise SettingsError.stating(f"{name} cannot find the regions of a single photo", "--segmenter", "Use compact.")
    targets, inputs = _targets(arguments), [*arguments.photos, *(style.path for style in styles)]
    if arguments.output:
        check_folder(arguments.output)
    for mask, *overlays in targets.values():
        check_mask_target(mask, arguments.overwrite, inputs)
        for path in overlays:
            check_target(path, arguments.overwrite, inputs, new_folder=True)
    session = Session(settings=settings) if styles else None
    style = measure_styles(session, styles) if session else None
    finder, written = RegionFinder(name), []
    for photo, paths in targets.items():
        content = Photo.read(photo)
        found = session.correspondence(content, style) if session and style else None
        regions = finder.see(content.in_srgb()).classes()
        make_folder(paths[0].absolute().parent)
        written.append(_write_files(content, paths, regions, style, found, overwrite=arguments.overwrite))
        shares = ", ".join(f"{region} {share:.0%}" for region, share in written[-1]["regions"].items())
        messages = [f"wrote {paths[0]} ({shares})", *([match_line(found)] if found else [])]
        print_outcome(found.messages if found else (), [] if arguments.quiet else messages, None)
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


def _write_files(
    photo: Photo,
    paths: list[Path],
    regions: RegionMap,
    style: Style | None,
    found: Correspondence | None,
    *,
    overwrite: bool,
) -> dict[str, Any]:
    """Writes the mask of a photo, and the overlay if there is a path for it. Returns the photo's entry for JSON."""
    from photostyle.export.region_pictures import correspondence_picture, regions_picture
    from photostyle.export.report import correspondence_entry
    from photostyle.regions.mask_files import write_mask

    write_mask(paths[0], regions, overwrite=overwrite)
    for path in paths[1:]:
        if style is not None and found is not None:
            picture = correspondence_picture(photo, [part.photo for part in style.parts], found)
        else:
            picture = regions_picture(photo, regions)
        picture.save(path, overwrite=overwrite)
    where = None if photo.path is None else str(photo.path)
    entry = {"photo": where, "mask": str(paths[0]), "regions": region_shares(regions)}
    if found is None:
        return entry
    return {**entry, "correspondence": correspondence_entry(found), "warnings": list(found.messages)}


def region_shares(regions: RegionMap) -> dict[str, float]:
    """The share of each region in the photo's pixels, [0, 1], by the region's name, the largest first."""
    import numpy as np

    counts = np.bincount(regions.labels.ravel(), minlength=256)
    largest = sorted(np.flatnonzero(counts).tolist(), key=lambda label: -int(counts[label]))
    return {regions.names[label]: int(counts[label]) / regions.labels.size for label in largest}
