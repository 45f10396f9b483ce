"""Metadata of the field: what a photographer relies on is there afterwards, and what became untrue is not."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image, features

from photostyle.photo.photo import Photo
from tests.field import made
from tests.field.made import exif_block, exif_segment, jpeg, png, raw_profile, rdf, scene, short, xmp_segment
from tests.shared import missing

FORMATS = ["JPEG", "PNG", "TIFF", "WEBP"] + (["AVIF"] if features.check("avif") else [])
NAME = "Zoë Łukasz, 夕焼け".encode()


def written(data: bytes, format: str, **options: Any) -> tuple[Photo, bytes]:
    """The photo as read, and the bytes of a result as `run` would write it."""
    photo = Photo.read(data)
    return photo, photo.with_event("photostyle", "a test").encode(format, **options)


def by_exiftool(tmp_path: Path, data: bytes, *names: str) -> dict[str, Any]:
    """What another program reads."""
    if shutil.which("exiftool") is None:
        missing("exiftool, which reads metadata as other programs do")
    (tmp_path / "result").write_bytes(data)
    words = ["exiftool", "-j", "-a", "-G1", "-n", "-api", "LargeFileSupport=1", *(f"-{name}" for name in names)]
    done = subprocess.run([*words, tmp_path / "result"], capture_output=True, check=False)  # 1 where it warns
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


# EXIF.


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_text_that_is_not_ascii_keeps_its_bytes(format: str, order: str) -> None:
    block = exif_block(
        [(270, 2, NAME + b" a\0"), (315, 2, NAME + b"\0"), (33432, 129, NAME + b"\0")],
        [(37510, 7, b"UNICODE\0" + "é".encode("utf-16-le"))], order=order,
    )  # fmt: skip
    photo, result = written(jpeg(exif_segment(block)), format)
    assert photo.warnings == ()
    assert NAME + b" a\0" in result and result.count(NAME) == 3
    again = Photo.read(result).metadata.exif
    assert again is not None and struct.pack(order + "HHI", 33432, 129, len(NAME) + 1) in again


@pytest.mark.parametrize("format", FORMATS)
def test_a_makers_note_keeps_its_place(format: str) -> None:
    note = b"maker's note with offsets that count from the start of EXIF" * 20
    block = exif_block([(271, 2, b"Maker\0")], [(37500, 7, note)], note_at=700)
    _, result = written(jpeg(exif_segment(block)), format)
    exif = Photo.read(result).metadata.exif
    assert exif is not None and exif.index(note) == 6 + 700


@pytest.mark.parametrize("format", FORMATS)
def test_private_tags_and_unknown_values_stay(format: str) -> None:
    block = exif_block([(50341, 7, b"PrintIM\0"), (18246, 3, short(5)), (40093, 1, "Ä".encode("utf-16-le") + b"\0\0")])
    _, result = written(jpeg(exif_segment(block)), format)
    assert b"PrintIM\0" in result
    again = Photo.read(result).metadata.exif or b""
    assert struct.pack("<HHI", 18246, 3, 1) + short(5) in again


@pytest.mark.parametrize("kind", ["exif", "APP1"])
def test_exif_in_a_raw_profile_turns_the_photo_and_stays(kind: str) -> None:
    block = exif_block([(274, 3, short(6)), (315, 2, NAME + b"\0")])
    photo, result = written(png(raw_profile(kind, b"Exif\0\0" + block)), "PNG")
    assert (photo.height, photo.width, photo.warnings) == (64, 48, ())
    assert NAME in result and b"Raw profile" not in result


# XMP and IPTC.

DRONE = rdf(
    'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:own="urn:a:maker/" '
    'drone-dji:GpsLatitude="+10.1234567" drone-dji:GpsLongtitude="+20.7654321" drone-dji:AbsoluteAltitude="+123.4" '
    'drone-dji:RelativeAltitude="+23.4" drone-dji:RtkStdLat="0.01" drone-dji:GimbalYawDegree="+12.5" '
    'exif:GPSLatitude="10,7.4N" photoshop:City="Somewhere" photoshop:State="Aland" Iptc4xmpCore:Location="A street" '
    'Iptc4xmpCore:CountryCode="XX" xmp:Rating="4" own:home_latitude="10.1"',
    '<Iptc4xmpExt:LocationCreated xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><rdf:Bag>'
    '<rdf:li rdf:parseType="Resource"><Iptc4xmpExt:City>Somewhere</Iptc4xmpExt:City></rdf:li></rdf:Bag>'
    "</Iptc4xmpExt:LocationCreated>",
)


def iptc(*records: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value for number, value in records)


@pytest.mark.parametrize("format", FORMATS)
def test_without_a_place_no_coordinates_and_no_names_of_places_are_left(tmp_path: Path, format: str) -> None:
    block = exif_block([(271, 2, b"Maker\0")], [], [(1, 2, b"N\0"), (2, 5, struct.pack("<6I", 10, 1, 7, 1, 24, 1))])
    records = iptc((5, b"A title"), (90, b"Somewhere"), (92, b"A street"), (101, b"Aland"), (25, b"kept"))
    held = (
        b"Photoshop 3.0\0" + b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(records)) + records + bytes(len(records) % 2)
    )
    data = jpeg(exif_segment(block), xmp_segment(DRONE), made.segment(0xED, held))
    _, result = written(data, format, metadata="no gps")
    for place in (b"10.1", b"20.76", b"123.4", b"Somewhere", b"A street", b"Aland", b"GPS", b"Latitude", b"RtkStdLat"):
        assert place not in result, place
    assert b"Rating" in result and b"GimbalYawDegree" in result and b"Maker" in result
    if format not in ("WEBP", "AVIF"):
        again = Photo.read(result).metadata.iptc or b""
        assert b"A title" in again and b"kept" in again
    assert not any("GPS" in name for name in by_exiftool(tmp_path, result, "GPS*"))


def test_a_pngs_texts_about_a_place_go_with_the_place() -> None:
    chunks = [(b"tEXt", b"exif:GPSLatitude\x0010/1, 7/1"), (b"tEXt", b"Author\0Someone")]
    photo = Photo.read(png(*chunks))
    assert photo.metadata.without_gps().texts == (("Author", "Someone"),)


@pytest.mark.parametrize("format", FORMATS)
def test_extended_xmp_is_read_and_written(format: str, tmp_path: Path) -> None:
    keywords = "".join(f"<rdf:li>keyword {number:05}</rdf:li>" for number in range(3000))
    more = rdf('xmlns:dc="http://purl.org/dc/elements/1.1/"', f"<dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>")
    name = made.md5(more, usedforsecurity=False).hexdigest().upper()
    spaces = 'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
    first = rdf(f'{spaces} xmp:Rating="4" xmpNote:HasExtendedXMP="{name}"')
    photo, result = written(jpeg(xmp_segment(first), *made.extended_segments(more)), format)
    assert photo.warnings == () and photo.losses(format) == ()
    again = Photo.read(result)
    assert again.warnings == () and (again.metadata.xmp or b"").count(b"keyword ") == 3000
    found = by_exiftool(tmp_path, result, "XMP:Subject", "XMP:Rating", "XMP:HasExtendedXMP", "-m")
    assert found["XMP-xmp:Rating"] == 4 and len(found["XMP-dc:Subject"]) >= 1000
    assert ("XMP-xmpNote:HasExtendedXMP" in found) == (format == "JPEG")


def test_extended_xmp_that_is_missing_is_told_and_not_announced() -> None:
    spaces = 'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
    photo, result = written(
        jpeg(xmp_segment(rdf(f'{spaces} xmp:Rating="4" xmpNote:HasExtendedXMP="{"A" * 32}"'))), "JPEG"
    )
    assert len(photo.warnings) == 1 and "extended part of its XMP" in photo.warnings[0]
    assert b"HasExtendedXMP" not in result and b"Rating" in result


# What describes pixels.

FACES = rdf(
    'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"'
    ' xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:MP="http://ns.microsoft.com/photo/1.2/"'
    ' xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"',
    '<mwg-rs:Regions rdf:parseType="Resource">'
    '<mwg-rs:AppliedToDimensions stDim:w="64" stDim:h="48" stDim:unit="pixel"/>'
    '<mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="Ann" mwg-rs:Type="Face"><mwg-rs:Area '
    'stArea:x="0.25" stArea:y="0.1" stArea:w="0.2" stArea:h="0.1" stArea:unit="normalized"/></rdf:Description></rdf:li>'
    "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li MPReg:PersonDisplayName="Ann" '
    'MPReg:Rectangle="0.15, 0.05, 0.2, 0.1"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>',
)


class Turned(NamedTuple):
    orientation: int
    area: tuple[float, float, float, float]
    """Centre and size of the face, of the upright photo."""
    subject: tuple[int, int, int, int]
    dimensions: tuple[float, float]


TURNS = [
    Turned(1, (0.25, 0.1, 0.2, 0.1), (16, 5, 12, 6), (64, 48)),
    Turned(3, (0.75, 0.9, 0.2, 0.1), (47, 42, 12, 6), (64, 48)),
    Turned(6, (0.9, 0.25, 0.1, 0.2), (42, 16, 6, 12), (48, 64)),
    Turned(8, (0.1, 0.75, 0.1, 0.2), (5, 47, 6, 12), (48, 64)),
]


@pytest.mark.parametrize("turned", TURNS, ids=lambda turned: f"orientation {turned.orientation}")
def test_face_regions_and_subject_areas_turn_with_the_pixels(tmp_path: Path, turned: Turned) -> None:
    block = exif_block([(274, 3, short(turned.orientation))], [(37396, 3, struct.pack("<4H", 16, 5, 12, 6))])
    _, result = written(jpeg(exif_segment(block), xmp_segment(FACES)), "JPEG")
    found = by_exiftool(tmp_path, result, "XMP:all", "EXIF:SubjectArea")
    area = [float(found[f"XMP-mwg-rs:RegionArea{name}"]) for name in "XYWH"]
    assert area == pytest.approx(turned.area)
    x, y, w, h = turned.area
    corner = [float(v) for v in str(found["XMP-MP:RegionRectangle"]).split(",")]
    assert corner == pytest.approx([x - w / 2, y - h / 2, w, h])
    assert found["ExifIFD:SubjectArea"] == " ".join(map(str, turned.subject))
    sizes = (found["XMP-mwg-rs:RegionAppliedToDimensionsW"], found["XMP-mwg-rs:RegionAppliedToDimensionsH"])
    assert sizes == turned.dimensions
    assert (Photo.read(result).width, Photo.read(result).height) == turned.dimensions


# What announces something that is gone.

GAIN = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'
CONTAINER = (
    'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
    'xmlns:Item="http://ns.google.com/photos/1.0/container/item/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="3"'
)


def items(*semantics: str) -> str:
    listed = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{name}" Item:Mime="image/jpeg" '
        'Item:Length="99"/></rdf:li>' for name in semantics
    )  # fmt: skip
    return f"<Container:Directory><rdf:Seq>{listed}</rdf:Seq></Container:Directory>"


def mp4() -> bytes:
    return struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + struct.pack(">I", 16) + b"mdat" + bytes(8)


CAMERA = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:'
ANNOUNCED: list[tuple[str, Callable[[], bytes], str, tuple[bytes, ...]]] = [
    (
        "Ultra HDR", lambda: jpeg(xmp_segment(rdf(f"{GAIN} {CONTAINER}", items("Primary", "GainMap"))),
                                  after=jpeg(xmp_segment(rdf(GAIN)))),
        "the HDR gain map", (b"hdrgm", b"GainMap", b"Container"),
    ),
    (
        "gain map of ISO 21496-1", lambda: jpeg(made.segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
                                                after=jpeg(made.segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\1"))),
        "the HDR gain map", (b"21496",),
    ),
    (
        "motion photo", lambda: jpeg(
            xmp_segment(rdf(f'{CAMERA}MotionPhoto="1" GCamera:MotionPhotoVersion="1" {CONTAINER}',
                            items("Primary", "MotionPhoto"))), after=mp4()),
        "the video of a motion photo", (b"MotionPhoto", b"ftypmp42"),
    ),
    (
        "micro video", lambda: jpeg(
            xmp_segment(rdf(f'{CAMERA}MicroVideo="1" GCamera:MicroVideoOffset="40"')), after=mp4()),
        "the video of a motion photo", (b"MicroVideo",),
    ),
    (
        "edit instructions", lambda: jpeg(xmp_segment(rdf(
            'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:HasCrop="True" crs:CropTop="0.1"'))),
        "the edit instructions of another program", (b"HasCrop", b"CropTop"),
    ),
    ("content credentials", lambda: jpeg(made.segment(0xEB, b"JP\0\1" + bytes(20))), "content credentials", ()),
    ("thermal data", lambda: jpeg(made.segment(0xE1, b"FLIR\0\1" + bytes(20))), "thermal data", ()),
    ("a PNG's credentials", lambda: png((b"caBX", bytes(20))), "content credentials", (b"caBX",)),
]  # fmt: skip


@pytest.mark.parametrize(("make", "part", "gone"), [row[1:] for row in ANNOUNCED], ids=[row[0] for row in ANNOUNCED])
def test_what_announces_a_lost_part_goes_and_is_told_once(
    make: Callable[[], bytes], part: str, gone: tuple[bytes, ...]
) -> None:
    data = make()
    photo, result = written(data, "PNG" if data.startswith(b"\x89PNG") else "JPEG")
    assert len(photo.warnings) == 1 and part in photo.warnings[0]
    assert not any(word in result for word in gone)


def test_a_photo_that_only_could_have_moved_is_not_called_a_motion_photo() -> None:
    photo, result = written(jpeg(xmp_segment(rdf(f'{CAMERA}MotionPhoto="0" {CONTAINER}'))), "JPEG")
    assert photo.warnings == () and b"MotionPhoto" not in result and b"Rating" in result


# Print resolution, texts and comments.


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("source", ["JPEG", "PNG", "TIFF"])
def test_print_resolution_is_kept(tmp_path: Path, source: str, to: str) -> None:
    photo, result = written(made.saved(Image.fromarray(scene()), source, dpi=(300, 150)), to)
    assert photo.warnings == ()
    found = by_exiftool(
        tmp_path, result, "XResolution", "YResolution", "ResolutionUnit", "PixelsPerUnitX", "PixelsPerUnitY"
    )
    if to == "PNG":
        assert (found["PNG-pHYs:PixelsPerUnitX"], found["PNG-pHYs:PixelsPerUnitY"]) == (11811, 5906)
    else:
        group = "JFIF" if to == "JPEG" else "IFD0"
        assert (found[f"{group}:XResolution"], found[f"{group}:YResolution"]) == (300, 150)


def test_print_resolution_turns_with_the_pixels() -> None:
    photo = Photo.read(jpeg(exif_segment(exif_block([(274, 3, short(6))])), dpi=(300, 150)))
    assert photo.metadata.resolution == (150, 300)


def test_texts_of_a_png_stay_or_are_told_as_lost() -> None:
    chunks = [(b"tEXt", b"Author\0Someone"), (b"zTXt", b"parameters\0\0" + made.zlib.compress(b"a hill, seed 1")),
              (b"iTXt", b"Description\0\0\0de\0Beschreibung\0" + "Größe 夕".encode())]  # fmt: skip
    photo, result = written(png(*chunks), "PNG")
    expected = (("Author", "Someone"), ("parameters", "a hill, seed 1"), ("Description", "Größe 夕"))
    assert photo.metadata.texts == Photo.read(result).metadata.texts == expected
    assert photo.losses("PNG") == () and photo.losses("JPEG") == (
        "its texts are lost (Author, parameters, Description): JPEG has no place for them",
    )
    assert photo.losses("JPEG", "none") == ()


def test_the_comment_of_a_jpeg_stays_and_becomes_a_text_of_a_png() -> None:
    photo, result = written(jpeg(comment=b"scanned by Zo\xc3\xab"), "JPEG")
    assert Photo.read(result).metadata.comment == b"scanned by Zo\xc3\xab"
    _, as_png = written(jpeg(comment=b"scanned by Zo\xc3\xab"), "PNG")
    assert Photo.read(as_png).metadata.texts == (("Comment", "scanned by Zoë"),)
    _, back = written(as_png, "JPEG")
    assert Photo.read(back).metadata.comment == "scanned by Zoë".encode()
    assert photo.losses("WEBP") == ("its comment is lost: WEBP has no place for it",)


REGIONS = rdf(
    'xmlns:acdsee-rs="http://ns.acdsee.com/regions/" xmlns:acdsee-stArea="http://ns.acdsee.com/sType/Area#" '
    'xmlns:acdsee-stDim="http://ns.acdsee.com/sType/Dimensions#" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:ImageWidth="64" tiff:ImageLength="48" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"',
    '<acdsee-rs:Regions rdf:parseType="Resource"><acdsee-rs:DLYArea acdsee-stArea:x="0.25" acdsee-stArea:y="0.1" '
    'acdsee-stArea:w="0.2" acdsee-stArea:h="0.1"/></acdsee-rs:Regions>'
    "<exif:SubjectArea><rdf:Seq><rdf:li>16</rdf:li><rdf:li>5</rdf:li></rdf:Seq></exif:SubjectArea>"
    '<Iptc4xmpExt:RegionBoundary rdf:parseType="Resource"><Iptc4xmpExt:rbUnit>pixel</Iptc4xmpExt:rbUnit>'
    "<Iptc4xmpExt:rbX>8</Iptc4xmpExt:rbX><Iptc4xmpExt:rbY>4</Iptc4xmpExt:rbY><Iptc4xmpExt:rbW>16</Iptc4xmpExt:rbW>"
    "<Iptc4xmpExt:rbH>6</Iptc4xmpExt:rbH></Iptc4xmpExt:RegionBoundary>",
)


def test_other_programs_regions_turn_too() -> None:
    """ACDSee's areas, IPTC's boundaries in pixels from the corner, XMP's subject area and sizes, on its side."""
    photo = Photo.read(jpeg(exif_segment(exif_block([(274, 3, short(6))])), xmp_segment(REGIONS)))
    packet = (photo.metadata.xmp or b"").decode()
    for part in (
        'stArea:x="0.9"', 'stArea:y="0.25"', 'stArea:w="0.1"', 'stArea:h="0.2"', "li>42</rdf:li><rdf:li>16</rdf:li>",
        "rbX>38.00<", "rbY>8<", "rbW>6<", "rbH>16.00<", 'ImageWidth="48"', 'ImageLength="64"',
    ):  # fmt: skip
        assert part in packet, part
