"""`photostyle run` with files of all formats: what goes in comes out, or what was asked for."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from photostyle.cli import main
from photostyle.photo.icc import parse_profile
from photostyle.photo.metadata import Metadata
from photostyle.photo.photo import Photo
from photostyle.pipeline.session import Session
from tests.fakes import QUICK, write_photo
from tests.handmade import IPTC, P3_ICC, XMP, camera_exif, dng

Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.usefixtures("small_encoder")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds a style, `sunset.png`."""
    write_photo(tmp_path / "sunset.png", 2)
    return tmp_path


def run(folder: Path, content: str, *words: str) -> int:
    names = ("--content", str(folder / content), "--style", str(folder / "sunset.png"))
    return main(["run", *names, "--preset", "preview", "-q", *QUICK, *words])


def deep_photo(folder: Path, name: str = "city.tif", depth: Any = 16) -> Photo:
    """A Display P3 photo of 16 bits with everything a file can carry, read from `folder`."""
    rows, columns = np.mgrid[0 : 1 : 72 * 1j, 0 : 1 : 96 * 1j]
    pixels = np.stack([rows, columns, 1 - rows], 2).astype(np.float32)
    photo = Photo(pixels, profile=parse_profile(P3_ICC), metadata=Metadata(camera_exif(), XMP, IPTC))
    photo.save(folder / name, depth=depth)
    return Photo.read(folder / name)


def test_everything_is_kept_in_the_contents_own_format(folder: Path) -> None:
    before = deep_photo(folder)
    assert run(folder, "city.tif") == 0
    after = Photo.read(folder / "city.out.tif")
    assert (after.depth, after.profile.icc, after.format) == (16, P3_ICC, "TIFF")
    assert after.metadata.exif == before.metadata.exif and after.metadata.iptc == IPTC
    xmp = (after.metadata.xmp or b"").decode()
    assert "Someone" in xmp and "preset preview" in xmp and "sunset.png" in xmp
    assert not np.array_equal(after.pixels, before.pixels)
    assert len(np.unique(after.pixels)) > 1000  # more than 8 bits


def test_strength_0_gives_the_samples_back(folder: Path) -> None:
    before = deep_photo(folder)
    assert run(folder, "city.tif", "--strength", "0") == 0
    assert np.array_equal(Photo.read(folder / "city.out.tif").pixels, before.pixels)


@pytest.mark.parametrize(
    ("words", "name", "format", "depth"),
    [
        (["--format", "png"], "city.out.png", "PNG", 16),
        (["--format", "JPG"], "city.out.jpg", "JPEG", 8),
        (["--format", "webp", "-o", "{}/named.bin"], "named.bin", "WEBP", 8),
        (["-o", "{}/named.avif"], "named.avif", "AVIF", 8),
        (["--depth", "8"], "city.out.tif", "TIFF", 8),
        (["-o", "{}/named.png", "--depth", "16"], "named.png", "PNG", 16),
    ],
)
def test_format_and_depth_as_told(folder: Path, words: list[str], name: str, format: str, depth: int) -> None:
    deep_photo(folder)
    assert run(folder, "city.tif", *(word.format(folder) for word in words)) == 0
    photo = Photo.read(folder / name)
    assert (photo.format, photo.depth, photo.profile.icc) == (format, depth, P3_ICC)


def test_a_photo_too_wide_for_its_format_is_refused_before_the_work(
    folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photo(folder / "pano.png", 1, height=32, width=16_384)
    monkeypatch.setattr(Session, "transfer", lambda *_, **__: pytest.fail("it was solved"))
    assert run(folder, "pano.png", "-o", str(folder / "out.webp")) == 6
    assert "at most 16,383 px in WEBP" in capsys.readouterr().err and not (folder / "out.webp").exists()


def test_a_result_may_end_in_jfif(folder: Path) -> None:
    write_photo(folder / "city.png", 1)
    assert run(folder, "city.png", "-o", str(folder / "out.jfif")) == 0
    with Image.open(folder / "out.jfif") as image:
        assert image.format == "JPEG"


def test_quality_as_told(folder: Path) -> None:
    deep_photo(folder)
    sizes = []
    for quality in ("30", "90"):
        assert run(folder, "city.tif", "-o", str(folder / "out.jpg"), "--quality", quality, "--overwrite") == 0
        sizes.append((folder / "out.jpg").stat().st_size)
    assert sizes[0] < 0.8 * sizes[1]


def test_profile_and_metadata_as_told(folder: Path) -> None:
    deep_photo(folder)
    assert run(folder, "city.tif", "--profile", "srgb", "-o", str(folder / "srgb.png")) == 0
    assert Photo.read(folder / "srgb.png").profile.icc is None
    assert run(folder, "city.tif", "--strip-gps", "-o", str(folder / "some.png")) == 0
    some = Photo.read(folder / "some.png").metadata
    assert b"GPS" not in (some.xmp or b"") and b"Someone" in (some.xmp or b"") and some.iptc == IPTC
    exif = Image.Exif()
    exif.load(some.exif or b"")
    assert exif[271] == "Maker" and 34853 not in exif
    assert run(folder, "city.tif", "--no-metadata", "-o", str(folder / "none.png")) == 0
    none = Photo.read(folder / "none.png")
    assert none.metadata == Metadata() and none.profile.icc == P3_ICC


def test_a_repeated_run_writes_as_the_first_did(folder: Path) -> None:
    deep_photo(folder)
    words = ("--format", "jpeg", "--quality", "60", "--strip-gps", "--report", str(folder / "report"))
    assert run(folder, "city.tif", *words) == 0
    first = (folder / "city.out.jpg").read_bytes()
    assert json.loads((folder / "report/run.json").read_text())["settings"]["output"]["quality"] == 60
    assert main(["run", "--config", str(folder / "report/run.json"), "--overwrite", "-q"]) == 0
    assert (folder / "city.out.jpg").read_bytes() == first


def test_heic_becomes_jpeg_and_raw_becomes_a_tiff_of_16_bits(folder: Path) -> None:
    image = pillow_heif.from_pillow(Image.open(folder / "sunset.png").convert("RGB"))
    image.save(folder / "city.heic", quality=90)
    assert run(folder, "city.heic") == 0
    assert Photo.read(folder / "city.out.jpg").format == "JPEG"
    (folder / "night.dng").write_bytes(dng(64, 96))
    assert run(folder, "night.dng") == 0
    raw = Photo.read(folder / "night.out.tif")
    assert (raw.format, raw.depth) == ("TIFF", 16)


@pytest.mark.parametrize(
    ("module", "extra", "name"), [("rawpy", "raw", "night.dng"), ("pillow_heif", "heic", "a.heic")]
)
def test_without_the_extra_3_and_the_command_that_adds_it(
    folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, module: str, extra: str, name: str
) -> None:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 64))).save(buffer)
    (folder / name).write_bytes(dng(64, 96) if extra == "raw" else buffer.getvalue())
    monkeypatch.setitem(sys.modules, module, None)
    before = sorted(folder.iterdir())
    assert run(folder, name) == 3
    assert f"python -m pip install 'photostyle[{extra}]'" in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_doctor_lists_the_readers_and_what_adds_them(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def findings() -> dict[str, dict[str, str]]:
        main(["doctor", "--json"])
        return {found["topic"]: found for found in json.loads(capsys.readouterr().out)["findings"]}

    assert findings()["HEIC"]["found"].startswith("read, by pillow-heif 1.")
    assert findings()["raw"]["found"].startswith("read, by rawpy ")
    monkeypatch.setattr("photostyle.cli.doctor.find_spec", lambda _: None)
    missing = findings()["raw"]
    assert (missing["status"], missing["found"]) == ("advice", "not read")
    assert missing["advice"] == "python -m pip install 'photostyle[raw]'"


def test_an_overlay_of_a_wide_photo_is_of_srgb(folder: Path) -> None:
    deep_photo(folder)
    assert main(["segment", str(folder / "city.tif"), "--overlay", "-q"]) == 0
    overlay = Photo.read(folder / "city.overlay.jpg")
    assert overlay.profile.icc is None and overlay.height > 800 > overlay.width  # it is turned
