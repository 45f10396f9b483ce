"""What a file holds beside its samples, as bytes, and what of it a result will not have."""

from __future__ import annotations

from typing import NamedTuple

GAIN_MAP, MOTION, DEPTH = "the HDR gain map", "the video of a motion photo", "the depth map"
SECOND_PICTURE, SOUND, EDITS = "a second picture", "sound", "the edit instructions of another program"
CREDENTIALS, PATHS, LAYERS = "content credentials (C2PA)", "Photoshop's clipping paths", "Photoshop's layers"
"""Parts of a file that no result has, as messages name them."""


class Resolution(NamedTuple):
    """Print resolution: pixels per inch along the columns and along the rows."""

    across: float
    down: float


class ColourTags(NamedTuple):
    """What a file says its numbers mean.

    Args:
        icc: its ICC profile.
        cicp: code points of primaries and of the transfer function (ITU-T H.273), as nclx and cICP have them.
        gamma: PNG's gAMA: the exponent from light to numbers, such as 0.45455.
        chromaticities: PNG's cHRM: x and y of white, red, green and blue.
        srgb: whether PNG's sRGB chunk is there.
        cicp_first: whether cicp stands above icc, as in PNG.
    """

    icc: bytes | None = None
    cicp: tuple[int, int] | None = None
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None
    srgb: bool = False
    cicp_first: bool = False


class Embedded(NamedTuple):
    """What a file holds beside its samples.

    Args:
        exif: a block that begins as a TIFF does, or with `photostyle.photo.exif.HEADER`.
        xmp: a packet.
        iptc: records of IIM.
        colours: what the numbers mean.
        resolution: for print, as the container says it; EXIF may say it, too.
        comment: of a JPEG.
        texts: of a PNG: keyword and text.
        left_out: names of other parts, which no result has.
        damaged: names of parts that cannot be read.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    colours: ColourTags = ColourTags()
    resolution: Resolution | None = None
    comment: bytes | None = None
    texts: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


NOTHING = Embedded()
