"""EXIF, XMP and IPTC: kept, true of the upright photo, and only what can be read."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from photostyle.photo.iptc import resource_of
from photostyle.photo.metadata import Metadata
from photostyle.photo.photo import Photo
from tests.handmade import AVIF, IPTC, P3_ICC, XMP, camera_exif, opened, read, saved, smooth

FORMATS = ["JPEG", "PNG", "TIFF", "WEBP", AVIF]
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
HISTORY = "{http://ns.adobe.com/xap/1.0/mm/}History"
EVENT = "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}"


def full(tmp_path: Path, format: str) -> Photo:
    """A photo read from a file of that format with all three kinds of metadata, stored on its side."""
    photo = Photo(smooth() / np.float32(255), metadata=Metadata(camera_exif(), XMP, IPTC))
    (tmp_path / "in").write_bytes(photo.encode(format))
    return Photo.read(tmp_path / "in")


@pytest.mark.parametrize("format", FORMATS)
def test_all_three_kinds_survive_where_the_format_has_them(tmp_path: Path, format: str) -> None:
    photo = full(tmp_path, format)
    assert photo.warnings == ()
    exif = Image.Exif()
    exif.load(photo.metadata.exif or b"")
    assert exif[ExifTags.Base.Make] == "Maker"
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] == 400
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert photo.metadata.xmp is not None and b"Someone" in photo.metadata.xmp
    assert photo.metadata.iptc == (None if format in ("WEBP", "AVIF") else IPTC)


@pytest.mark.parametrize("format", FORMATS)
def test_xmp_is_upright_and_without_thumbnail(tmp_path: Path, format: str) -> None:
    xmp = full(tmp_path, format).metadata.xmp or b""
    assert b'Orientation="6"' not in xmp and b"GPSLongitude" in xmp
    assert b"Thumbnails" not in xmp and b"QUJD" not in xmp


def test_orientation_as_an_element_is_reset_too(tmp_path: Path) -> None:
    element = XMP.replace(b' tiff:Orientation="6"', b"").replace(
        b"<xmp:Thumb", b"<tiff:Orientation>6</tiff:Orientation><xmp:Thumb", 1
    )
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "JPEG", xmp=element))
    assert photo.metadata.xmp is not None and b"<tiff:Orientation>1</tiff:Orientation>" in photo.metadata.xmp


def test_without_gps_nothing_says_where(tmp_path: Path) -> None:
    kept = full(tmp_path, "JPEG").metadata.without_gps()
    exif = Image.Exif()
    exif.load(kept.exif or b"")
    assert exif.get_ifd(ExifTags.IFD.GPSInfo) == {}
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] == b"a maker's note"
    assert kept.xmp is not None and b"GPS" not in kept.xmp and b"Someone" in kept.xmp
    assert kept.iptc == IPTC
    assert Metadata().without_gps() == Metadata()


@pytest.mark.parametrize("xmp", [None, XMP], ids=["none before", "a packet before"])
def test_an_event_is_added_to_the_history_and_the_rest_stays(xmp: bytes | None) -> None:
    once = Metadata(xmp=xmp).with_event("photostyle 1", "style <a&b>\udcff\x01.jpg")
    twice = once.with_event("photostyle 2", "more").xmp or b""
    assert twice.startswith(b"<?xpacket begin=") and twice.endswith(b'<?xpacket end="w"?>')
    tree = ET.fromstring(twice)
    agents = [element.text for element in tree.iter(EVENT + "softwareAgent")]
    assert agents == ["photostyle 1", "photostyle 2"]
    assert next(tree.iter(EVENT + "parameters")).text == r"style <a&b>\udcff\x01.jpg"
    (history,) = tree.iter(HISTORY)
    assert len(list(history.iter(RDF + "li"))) == 2
    assert (b"Someone" in twice) == (xmp is not None)


@pytest.mark.parametrize(
    "xmp",
    [b"no XML", b"<x/>", XMP[: len(XMP) // 2], b'<!DOCTYPE x [<!ENTITY a "b">]>' + XMP, b"\xff\xfe" + XMP],
)
def test_damaged_xmp_is_left_out_with_a_warning(tmp_path: Path, xmp: bytes) -> None:
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "JPEG", xmp=xmp, exif=camera_exif()))
    assert photo.metadata.xmp is None and photo.metadata.exif is not None
    assert [warning.split(":")[0] for warning in photo.warnings] == ["its XMP is damaged and is lost"]
    assert b"photostyle" in (photo.with_event("photostyle", "x").metadata.xmp or b"")


def test_of_damaged_exif_the_rest_is_kept(tmp_path: Path) -> None:
    exif = camera_exif()
    broken = exif.replace(b"N\0\0\0", b"N\0\0\0", 1)
    pointer = broken.index(struct.pack("<HHI", 34853, 4, 1)) + 8  # where the GPS directory begins
    broken = broken[:pointer] + struct.pack("<I", 2**31) + broken[pointer + 4 :]
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "JPEG", exif=broken))
    kept = Image.Exif()
    kept.load(photo.metadata.exif or b"")
    assert kept[ExifTags.Base.Make] == "Maker"
    assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] == 400
    assert kept.get_ifd(ExifTags.IFD.GPSInfo) == {}
    assert photo.height == 48  # it is still turned upright


def test_exif_that_is_nothing_at_all_is_left_out_with_a_warning(tmp_path: Path) -> None:
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "JPEG", exif=b"Exif\0\0nonsense"))
    assert photo.metadata.exif is None
    assert any("EXIF" in warning for warning in photo.warnings)


@pytest.mark.parametrize("format", FORMATS)
def test_a_photo_without_metadata_gets_none(tmp_path: Path, format: str) -> None:
    photo = read(tmp_path, saved(Image.fromarray(smooth()), format))
    assert (photo.metadata, photo.warnings) == (Metadata(), ())


def test_iptc_among_other_resources_and_from_other_programs(tmp_path: Path) -> None:
    other = b"8BIM" + struct.pack(">H", 0x0425) + b"\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    data = b"Photoshop 3.0\0" + other + resource_of(IPTC)
    segment = b"\xff\xed" + struct.pack(">H", len(data) + 2) + data
    photo = read(tmp_path, saved(Image.fromarray(smooth()), "JPEG", extra=segment))
    assert photo.metadata.iptc == IPTC
    numbers = struct.unpack(f"<{len(IPTC) // 4}I", IPTC)  # as Photoshop stores it in TIFF
    for samples in (smooth(), smooth().astype(np.uint16)):
        tags = [(33723, "I", len(numbers), numbers, True)]
        tifffile.imwrite(tmp_path / "numbers.tif", samples, photometric="rgb", extratags=tags, metadata=None)
        photo = Photo.read(tmp_path / "numbers.tif")
        assert (photo.metadata.iptc, photo.warnings) == (IPTC, ())


def test_iptc_too_long_for_a_jpeg_is_left_out_of_it_and_long_xmp_is_divided(tmp_path: Path) -> None:
    long = Metadata(None, XMP.replace(b"Someone", b"Someone " * 9000), IPTC * 5000)
    photo = Photo(smooth() / np.float32(255), metadata=long)
    photo.save(tmp_path / "out.jpg")
    assert [line.split(" is lost")[0] for line in photo.losses("JPEG")] == ["its IPTC"]
    assert photo.losses("JPEG", "none") == photo.losses("TIFF") == ()
    assert photo.losses("WEBP") == ("its IPTC is lost: WEBP has no place for it",)
    again = read(tmp_path, (tmp_path / "out.jpg").read_bytes())
    assert again.metadata.iptc is None and (again.metadata.xmp or b"").count(b"Someone ") == 9000
    assert again.warnings == ()
    Photo(smooth() / np.float32(255), metadata=long).save(tmp_path / "out.png")
    assert Photo.read(tmp_path / "out.png").metadata.iptc == long.iptc


def test_of_exif_too_long_for_a_jpeg_the_makers_note_goes(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[int(ExifTags.Base.Artist)] = "Someone"
    exif.get_ifd(ExifTags.IFD.Exif)[int(ExifTags.Base.MakerNote)] = bytes(70_000)
    photo = Photo(smooth() / np.float32(255), metadata=Metadata(exif=exif.tobytes()))
    assert [line.split(" is lost")[0] for line in photo.losses("JPEG")] == ["its EXIF's maker's note"]
    photo.save(tmp_path / "out.jpg")
    assert opened(tmp_path / "out.jpg").getexif()[int(ExifTags.Base.Artist)] == "Someone"


def test_srgb_is_what_exif_says_after_a_conversion(tmp_path: Path) -> None:
    data = saved(Image.fromarray(smooth()), "JPEG", exif=camera_exif(65535), icc_profile=P3_ICC)
    read(tmp_path, data).save(tmp_path / "out.jpg", profile="srgb")
    details = opened(tmp_path / "out.jpg").getexif().get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ColorSpace] == 1
