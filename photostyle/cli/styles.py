"""The options for styles: style photos and saved looks, with their regions, weights and masks."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photostyle.errors import SettingsError

if TYPE_CHECKING:
    from photostyle.pipeline.session import Session
    from photostyle.settings import Settings
    from photostyle.styles.style import Style

STREAM = "-"


@dataclass(frozen=True)
class StyleFile:
    """A style photo or a saved look.

    Args:
        path: the file; "-" is standard input.
        weight: how much it counts, above 0.
        region: the region of the content that it is for; None for all regions.
        mask: the file with the regions of the style photo; None if it has no mask.
    """

    path: str
    weight: float = 1.0
    region: str | None = None
    mask: str | None = None


def add_style_option(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds `--style`; `what` is the beginning of its help."""
    parser.add_argument(
        "--style",
        metavar="[REGION=]PHOTO",
        action="append",
        help=f"{what}. To blend several looks, give --style several times. To use a photo for one region only, write "
        "the name of the region first: sky=sunset.jpg. Regions you do not name use the styles given without a region. "
        "For a file name with =, write ./NAME",
    )


def add_style_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--style`, `--style-weights` and `--style-mask`."""
    add_style_option(parser, "the photo whose look you want, or a saved look, NAME.photostyle")
    parser.add_argument(
        "--style-weights",
        metavar="W,W,...",
        help="how much each --style counts, in the order of the styles: numbers above 0, such as 2,1 (default: all "
        "count the same)",
    )
    parser.add_argument(
        "--style-mask",
        metavar="MASK",
        action="append",
        help="a mask of the style's regions. The content then needs a mask too. With several style photos, give one "
        "mask for each, in the same order (default: regions are found automatically)",
    )


def styles_of(
    words: Sequence[str], weights: str | None, masks: Sequence[str], content_mask: str | None
) -> tuple[StyleFile, ...]:
    """The styles that the options name.

    Args:
        words: the values of `--style`.
        weights: the value of `--style-weights`; None if it is not given.
        masks: the values of `--style-mask`.
        content_mask: the value of `--content-mask`; None if it is not given.

    Raises:
        SettingsError: the weights are not one number above 0 for each style, only some of the photos have a mask, or
            more than one photo should come from standard input.
    """
    from photostyle.styles.look_file import is_look

    named = [_region_and_path(word) for word in words]
    photos = [path for _, path in named if not is_look(path)]
    if sum(path == STREAM for path in photos) > 1:
        raise SettingsError.stating("only one photo can come from standard input (-)", "--style")
    if masks and len(masks) != len(photos):
        found = f"{len(masks)} for {len(photos)} photos"
        raise SettingsError("one mask for each style photo, or none", found, "--style-mask")
    if photos and (content_mask is None) != (not masks):
        given = "--style-mask" if masks else "--content-mask"
        raise SettingsError("both --content-mask and --style-mask, or neither", f"only {given}")
    rest = iter(masks)
    return tuple(
        StyleFile(path, weight, region, None if is_look(path) else next(rest, None))
        for (region, path), weight in zip(named, _weights(weights, len(words)), strict=True)
    )


def settings_of_looks(words: Sequence[str]) -> Settings | None:
    """The settings of the saved looks among the styles; None if there is no saved look.

    Raises:
        InputError: a look cannot be used.
        SettingsError: the looks have different settings.
    """
    from photostyle.styles.look_file import is_look, read_look

    paths = [path for _, path in map(_region_and_path, words) if is_look(path)]
    settings = [read_look(path).settings for path in paths]
    if any(other != settings[0] for other in settings[1:]):
        advice = "Choose the settings with --preset or --config."
        raise SettingsError.stating("these saved looks have different settings", ", ".join(paths), advice)
    return settings[0] if settings else None


def measure_styles(session: Session, styles: Sequence[StyleFile]) -> Style:
    """Measures all styles and adds them into one.

    Raises:
        PhotostyleError: see `Session.style`.
    """
    first, *more = (session.style(s.path, s.mask, weight=s.weight, region=s.region) for s in styles)
    return sum(more, first)


def _region_and_path(word: str) -> tuple[str | None, str]:
    """Splits `sky=sunset.jpg` into region and path. If there is a slash before the first =, all of it is a path."""
    name, equals, path = word.partition("=")
    if not equals or re.search(r"[/\\]", name):
        return None, word
    if not name or not path:
        raise SettingsError("[REGION=]PHOTO", repr(word), "--style", "for example: --style sky=sunset.jpg")
    return name, path


def _weights(text: str | None, count: int) -> list[float]:
    if text is None:
        return [1.0] * count
    try:
        weights = [float(word) for word in text.split(",")]
    except ValueError:
        weights = []
    if len(weights) != count or not all(0 < weight < float("inf") for weight in weights):
        advice = "for example: --style a.jpg --style b.jpg --style-weights 2,1"
        raise SettingsError(
            f"numbers above 0 separated by commas, one for each --style ({count})",
            repr(text),
            "--style-weights",
            advice,
        )
    return weights
