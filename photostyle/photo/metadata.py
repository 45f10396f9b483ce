"""What a photo's file says about it beside its pixels: kept as bytes, and changed only where it became untrue."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from photostyle.photo import iptc as iptc_records
from photostyle.photo import xmp as xmp_packets
from photostyle.photo.embedded import Embedded, Resolution
from photostyle.photo.exif import (
    ASCII,
    COLOR_SPACE,
    HEADER,
    INTEROP_INDEX,
    LONG,
    MAKER_NOTE,
    ORIENTATION,
    PIXEL_HEIGHT,
    PIXEL_WIDTH,
    RESOLUTION_UNIT,
    SHORT,
    SUBJECT_AREA,
    SUBJECT_LOCATION,
    X_RESOLUTION,
    Y_RESOLUTION,
    Exif,
    read_exif,
)
from photostyle.photo.orientation import TURNS, Turn
from photostyle.photo.xmp import is_place
from photostyle.photo.xmp_regions import turned_area

_PER_INCH = {1: 0.0, 2: 1.0, 3: 2.54}
"""By EXIF's unit: none, inches, centimetres."""


@dataclass(frozen=True)
class Metadata:
    """Metadata of an upright photo.

    Args:
        exif: begins with `photostyle.photo.exif.HEADER`, has orientation 1 and no thumbnail; None if there is none.
        xmp: a packet; None if there is none.
        iptc: records of IIM; None if there are none.
        resolution: for print, in pixels per inch; None if the file does not say it outside EXIF.
        comment: the comment of a JPEG; None if there is none.
        texts: keyword and text of each text of a PNG.
    """

    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    iptc: bytes | None = field(default=None, repr=False)
    resolution: Resolution | None = None
    comment: bytes | None = field(default=None, repr=False)
    texts: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def without_gps(self) -> Metadata:
        """A copy that does not say where the photo was taken.

        Left out are the GPS directory of EXIF, every property of XMP whose name speaks of a place, of whatever maker
        (see `photostyle.photo.xmp.is_place`), the places of IPTC, and such texts of a PNG. A maker's note stays.
        """
        exif = self.exif
        if exif is not None:
            read, _ = read_exif(exif)
            read.directories["gps"] = {}
            exif = HEADER + read.to_bytes() if read else None
        return replace(
            self,
            exif=exif,
            xmp=xmp_packets.without_places(self.xmp) if self.xmp is not None else None,
            iptc=(iptc_records.without_places(self.iptc) or None) if self.iptc is not None else None,
            texts=tuple(
                (keyword, text) for keyword, text in self.texts if not is_place(keyword.rpartition(":")[2] or keyword)
            ),
        )

    def without_maker_note(self) -> Metadata:
        """A copy without EXIF's maker's note, which can be longer than all the rest."""
        if self.exif is None:
            return self
        exif, _ = read_exif(self.exif)
        exif.directories["exif"].pop(MAKER_NOTE, None)
        return replace(self, exif=HEADER + exif.to_bytes())

    def without_orientation(self) -> Metadata:
        """A copy whose EXIF says no orientation: AVIF has a property of its own for it."""
        if self.exif is None:
            return self
        exif, _ = read_exif(self.exif)
        exif.directories["image"].pop(ORIENTATION, None)
        return replace(self, exif=HEADER + exif.to_bytes() if exif else None)

    def in_srgb(self) -> Metadata:
        """A copy that says, where it says anything of it, that the photo is in sRGB."""
        if self.exif is None:
            return self
        exif, _ = read_exif(self.exif)
        if COLOR_SPACE in exif.directories["exif"]:
            exif.set_numbers("exif", COLOR_SPACE, SHORT, 1)
        if INTEROP_INDEX in exif.directories["interop"]:
            exif.set_bytes("interop", INTEROP_INDEX, ASCII, b"R98\0")
        return replace(self, exif=HEADER + exif.to_bytes())

    def with_resolution_in_exif(self) -> Metadata:
        """A copy whose EXIF says the print resolution, for formats that say it nowhere else."""
        if self.resolution is None:
            return self
        exif = read_exif(self.exif)[0] if self.exif else Exif()
        set_resolution(exif, self.resolution)
        return replace(self, exif=HEADER + exif.to_bytes())

    def with_event(self, software: str, parameters: str) -> Metadata:
        """A copy whose XMP history says that `software` edited the photo, and how."""
        return replace(self, xmp=xmp_packets.with_event(self.xmp, software, parameters))


NO_METADATA = Metadata()


def set_resolution(exif: Exif, resolution: Resolution) -> None:
    """Sets the print resolution in the first directory."""
    exif.set_rational("image", X_RESOLUTION, resolution.across)
    exif.set_rational("image", Y_RESOLUTION, resolution.down)
    exif.set_numbers("image", RESOLUTION_UNIT, SHORT, 2)


def resolution_of(exif: Exif) -> Resolution | None:
    """The print resolution that the first directory says."""
    unit = (*exif.numbers("image", RESOLUTION_UNIT), 2)[0]
    across, down = exif.numbers("image", X_RESOLUTION), exif.numbers("image", Y_RESOLUTION)
    scale = _PER_INCH.get(int(unit), 0.0)
    if not (across and down and scale and across[0] > 0 and down[0] > 0):
        return None
    return Resolution(across[0] * scale, down[0] * scale)


def orientation_of(exif: Exif) -> int:
    """EXIF's orientation, 1 to 8. One that is missing or not known is 1, which turns nothing."""
    found = int((*exif.numbers("image", ORIENTATION), 1)[0])
    return found if found in TURNS else 1


def upright(found: Embedded, exif: Exif, stored: tuple[int, int], notes: list[str]) -> Metadata:
    """The metadata of the upright photo.

    Args:
        found: as read.
        exif: its EXIF, as read. It is changed here.
        stored: rows and columns before the pixels are turned.
        notes: takes what a user should know.
    """
    turn = TURNS[orientation_of(exif)]
    left_out = dict.fromkeys(found.left_out)
    packet = found.xmp
    if packet is not None:
        try:
            packet, announced = xmp_packets.upright(packet, turn, stored)
            left_out |= dict.fromkeys(announced)
        except ValueError as error:
            notes.append(f"its XMP is damaged and is lost: {error}")
            packet = None
    if left_out:
        notes.append(f"the result will not have these parts of the file: {', '.join(left_out)}")
    if found.damaged:
        notes.append(f"these parts of the file are damaged and are lost: {', '.join(found.damaged)}")
    resolution = found.resolution
    if resolution is not None and turn.swapped:
        resolution = Resolution(resolution.down, resolution.across)
    kept = _upright_exif(exif, turn, stored)
    return Metadata(kept, packet, found.iptc or None, resolution, found.comment, found.texts)


def _upright_exif(exif: Exif, turn: Turn, stored: tuple[int, int]) -> bytes | None:
    if not exif:
        return None
    exif.set_numbers("image", ORIENTATION, SHORT, 1)
    height, width = stored[::-1] if turn.swapped else stored
    details, first = exif.directories["exif"], exif.directories["image"]
    for tag, side in ((PIXEL_HEIGHT, height), (PIXEL_WIDTH, width)):
        if tag in details:
            exif.set_numbers("exif", tag, LONG, side)
    for tag in (SUBJECT_AREA, SUBJECT_LOCATION):
        values = exif.numbers("exif", tag)
        if values and turn != TURNS[1]:
            turned = (max(0, min(65_535, round(value))) for value in turned_area(values, turn, stored))
            exif.set_numbers("exif", tag, SHORT, *turned)
    if turn.swapped and X_RESOLUTION in first and Y_RESOLUTION in first:
        first[X_RESOLUTION], first[Y_RESOLUTION] = first[Y_RESOLUTION], first[X_RESOLUTION]
    return HEADER + exif.to_bytes()
