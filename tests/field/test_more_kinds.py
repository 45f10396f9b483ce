"""More kinds of files and circumstances from public reports of photo tools; each row names a report."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image

from photostyle.batch.inputs import find_photos
from photostyle.errors import InputError, OutputError
from photostyle.photo.photo import Photo, check_writable
from photostyle.regions.mask_files import read_mask
from photostyle.regions.region_map import RegionMap
from tests.field.made import chunk, exif_block, exif_segment, jpeg, png, rdf, saved, scene, short, xmp_segment
from tests.handmade import ADOBE_ICC, SRGB_ICC, dng, icc

IMAGE = Image.fromarray(scene())
SIDEWAYS = exif_block([(274, 3, short(6)), (315, 2, b"Someone\0")])


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP with chunks behind its picture."""
    simple = saved(IMAGE, "WEBP", quality=90)
    header = b"VP8X" + struct.pack("<IB3x", 10, 0x08) + (63).to_bytes(3, "little") + (47).to_bytes(3, "little")
    body = header + simple[12:] + b"".join(n + struct.pack("<I", len(d)) + d + bytes(len(d) % 2) for n, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@pytest.mark.parametrize("name", [b"eXIf", b"zTXt", b"iTXt"])
def test_metadata_behind_the_image_data_of_a_png(name: bytes) -> None:
    """Exiv2/exiv2#1343, kamadak/exif-rs#52, haskell-github-trust/Juicy.Pixels#176."""
    data = {
        b"eXIf": SIDEWAYS,
        b"zTXt": b"Raw profile type exif\0\0" + made_hex(b"Exif\0\0" + SIDEWAYS),
        b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + rdf('xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"'),
    }[name]
    whole = png()
    photo = Photo.read(whole[:-12] + chunk(name, data) + whole[-12:])
    if name == b"iTXt":
        assert b"Rating" in (photo.metadata.xmp or b"")
    else:
        assert photo.size == (48, 64) and b"Someone" in (photo.metadata.exif or b"")


def made_hex(data: bytes) -> bytes:
    import zlib

    return zlib.compress(f"\nexif\n{len(data):8}\n{data.hex()}\n".encode())


@pytest.mark.parametrize("exif", [SIDEWAYS, b"Exif\0\0" + SIDEWAYS], ids=["as specified", "with a JPEG's header"])
@pytest.mark.parametrize("before", [(), ((b"PSAI", bytes(78)),)], ids=["alone", "behind an unknown chunk"])
def test_exif_of_a_webp(exif: bytes, before: tuple[tuple[bytes, bytes], ...]) -> None:
    """paolobarbolini/img-parts#11, ianare/exif-py#131, image-rs/image-webp#73."""
    photo = Photo.read(webp(*before, (b"EXIF", exif)))
    assert photo.size == (48, 64) and b"Someone" in (photo.metadata.exif or b"")
    expected = ("the result will not have these parts of the file: a chunk PSAI",) if before else ()
    assert photo.warnings == expected


def test_exif_that_is_none_does_not_stop_a_photo() -> None:
    """WeTransfer/format_parser#210, bigcat88/pillow_heif#48."""
    photo = Photo.read(webp((b"EXIF", b"no EXIF at all")))
    assert photo.metadata.exif is None and "EXIF is damaged" in photo.warnings[0]


@pytest.mark.parametrize("bits", [8, 16])
def test_an_infrared_channel_is_no_transparency_and_is_told(tmp_path: Path, bits: int) -> None:
    """ktgw0316/LightZone#106, pdfcpu/pdfcpu#1191: RGBI of scanners, and a fourth channel of unspecified meaning."""
    samples = np.dstack([scene(), 255 - scene()[:, :, 0]]).astype(np.uint8 if bits == 8 else np.uint16)
    tifffile.imwrite(tmp_path / "scan.tif", samples * (1 if bits == 8 else 257), photometric="rgb",
                     extrasamples=["unspecified"], metadata=None)  # fmt: skip
    photo = Photo.read(tmp_path / "scan.tif")
    assert photo.alpha is None and "infrared" in photo.warnings[0]
    np.testing.assert_array_equal(np.rint(photo.pixels * 255), scene())


def test_a_name_that_is_too_long_is_refused_before_the_work(tmp_path: Path) -> None:
    """RhetTbull/osxphotos#1321, paperless-ngx/paperless-ngx#2412."""
    with pytest.raises(OutputError, match="this name is too long for the file system") as caught:
        check_writable(tmp_path / ("a" * 252 + ".png"), overwrite=False)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("name", ["photo.xmp", "photo.dng.xmp", "photo.XMP"])
def test_the_xmp_file_beside_a_raw_file_is_its_metadata(tmp_path: Path, name: str) -> None:
    """CyberTimon/RapidRAW#1695, gino0631/nextcloud-metadata#86."""
    (tmp_path / "photo.dng").write_bytes(dng(48, 64))
    (tmp_path / name).write_bytes(rdf('xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"'))
    assert b'Rating="4"' in (Photo.read(tmp_path / "photo.dng").metadata.xmp or b"")
    (tmp_path / name).write_bytes(b"no XMP")
    assert "XMP is damaged" in Photo.read(tmp_path / "photo.dng").warnings[0]


def test_photos_under_the_ending_of_another_kind(tmp_path: Path) -> None:
    """haiwen/seafile-iOS#358, strukturag/libheif#111, darktable-org/darktable#11974."""
    heif = io.BytesIO()
    pillow_heif.from_pillow(IMAGE).save(heif, quality=90)
    (tmp_path / "IMG_1.HEIC").write_bytes(jpeg())
    (tmp_path / "IMG_2.JPG").write_bytes(heif.getvalue())
    (tmp_path / "IMG_3.png").write_bytes(saved(IMAGE, "TIFF"))
    (tmp_path / "IMG_4").write_bytes(jpeg())
    found = find_photos([str(tmp_path)], str(tmp_path / "out")).photos
    assert [Photo.read(path).format for path, _ in found] == ["JPEG", "HEIC", "TIFF", "JPEG"]


def test_a_heic_that_says_its_orientation_twice_is_turned_once() -> None:
    """strukturag/libheif#227, photoprism/photoprism#1064."""
    heif = io.BytesIO()
    pillow_heif.from_pillow(IMAGE).save(heif, quality=90, exif=b"Exif\0\0" + SIDEWAYS)
    photo = Photo.read(heif.getvalue())
    assert photo.size == (48, 64)
    assert np.abs(photo.pixels * 255 - np.rot90(scene(), -1)).mean() < 12
    assert b"Someone" in (photo.metadata.exif or b"")
    again = Photo.read(photo.encode("JPEG"))
    assert again.size == (48, 64)


def test_an_orientation_in_xmp_alone_turns_nothing_and_is_reset() -> None:
    """RhetTbull/osxphotos#378: some programs would turn the result by it."""
    photo = Photo.read(jpeg(xmp_segment(rdf('xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"'))))
    assert photo.size == (64, 48) and b'Orientation="1"' in (photo.metadata.xmp or b"")


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    """Some cameras and editors write 0."""
    photo = Photo.read(jpeg(exif_segment(exif_block([(274, 3, short(orientation))]))))
    assert photo.size == (64, 48) and photo.warnings == ()
    assert struct.pack("<HHI", 274, 3, 1) + short(1) in (photo.metadata.exif or b"")


def test_a_profile_of_grey_on_a_photo_of_colours_is_told() -> None:
    """marcinz606/NegPy#599: greys that were tagged for RGB, and the other way round."""
    photo = Photo.read(saved(IMAGE, "JPEG", icc_profile=icc(b"GRAY", 2.2)))
    assert photo.profile.is_srgb and "colour profile cannot be used" in photo.warnings[0]


def test_the_parts_of_a_profile_in_any_order() -> None:
    """A JPEG's profile in several segments, as ICC.1, annex B, numbers them."""
    from tests.field.made import segment

    half = len(ADOBE_ICC) // 2
    parts = [segment(0xE2, b"ICC_PROFILE\0" + bytes((number, 2)) + data)
             for number, data in ((2, ADOBE_ICC[half:]), (1, ADOBE_ICC[:half]))]  # fmt: skip
    assert Photo.read(jpeg(*parts)).profile.icc == ADOBE_ICC
    assert Photo.read(saved(IMAGE, "JPEG", icc_profile=SRGB_ICC)).profile.is_srgb


def test_data_behind_the_picture_of_a_jpeg() -> None:
    """Trailers of phones and of sharing apps; a few bytes or zeros are not worth a word."""
    told = "the result will not have these parts of the file: data behind the picture"
    assert Photo.read(jpeg(after=b"some app's own data " * 20)).warnings == (told,)
    assert Photo.read(jpeg(after=bytes(4000) + b"\r\n")).warnings == ()


@pytest.mark.parametrize("packet", [rdf(), b"\xef\xbb\xbf" + rdf(), rdf() + b"\0" * 30, rdf() + b" \n" * 500])
def test_xmp_with_padding_and_a_byte_order_mark(packet: bytes) -> None:
    assert Photo.read(jpeg(xmp_segment(packet))).warnings == ()


# Masks beside photos that are stored on their side.

LABELS = np.repeat(np.array([0, 1], np.uint8), 32)[None].repeat(48, 0)
"""`(48, 64)`: the left half of the stored photo is sky, the right one is a building."""


@pytest.mark.parametrize("form", ["array", "map", "file", "file with a tag"])
def test_a_mask_stored_as_the_photo_is_stored_fits_the_photo_as_shown(tmp_path: Path, form: str) -> None:
    photo = Photo.read(jpeg(exif_segment(SIDEWAYS)))
    mask: object = LABELS
    if form == "map":
        mask = RegionMap(LABELS, {0: "sky", 1: "building"})
    elif form != "array":
        mask = tmp_path / "mask.png"
        options = {"exif": b"Exif\0\0" + SIDEWAYS} if form == "file with a tag" else {}
        Image.fromarray(LABELS).save(mask, **options)
    found = read_mask(mask, photo.height, photo.width, photo.orientation)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.labels, np.rot90(LABELS, -1))


def test_a_mask_of_other_proportions_is_still_refused() -> None:
    with pytest.raises(InputError, match="proportions"):
        read_mask(np.zeros((48, 64), np.uint8), 64, 48)
    with pytest.raises(InputError, match="proportions"):
        read_mask(np.zeros((48, 80), np.uint8), 64, 48, 6)
