"""What survives `photostyle run --strength 0`, format by format: pixels, depth, profile, EXIF, XMP, IPTC, orientation.

    python -m tests.benchmarks.formats [-o docs/formats.json] [--table]

Every file of the first table is in Display P3, lies on its side (orientation 6), and carries EXIF with GPS and a
thumbnail, XMP and IPTC where its format has a place for them. The metadata are read by exiftool and the pixels by other
decoders than ours where there are some. The second table has files as phones, scanners and drones write them, made
small. `--table` prints both tables of docs/formats.md.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from numpy.typing import NDArray
from PIL import Image

from photostyle.photo.icc import parse_profile
from photostyle.photo.metadata import Metadata
from photostyle.photo.photo import Photo
from tests.field import made as field
from tests.field.test_colour import dcf, heic
from tests.field.test_metadata import CAMERA, CONTAINER, DRONE, FACES, GAIN, items, mp4
from tests.handmade import IPTC, P3_ICC, XMP, camera_exif, dng

CASES = {
    "JPEG, 8 bits": ("in.jpg", "in.out.jpg"),
    "PNG, 8 bits": ("in.png", "in.out.png"),
    "PNG, 16 bits": ("in.png", "in.out.png"),
    "TIFF, 8 bits": ("in.tif", "in.out.tif"),
    "TIFF, 16 bits": ("in.tif", "in.out.tif"),
    "WebP, 8 bits": ("in.webp", "in.out.webp"),
    "AVIF, 8 bits": ("in.avif", "in.out.avif"),
    "AVIF, 10 bits, to PNG": ("in.avif", "out.png"),
    "HEIC, 10 bits, to TIFF": ("in.heic", "out.tif"),
    "raw (DNG), to TIFF": ("in.dng", "in.out.tif"),
}
TAGS = {
    "exif": ("IFD0:Make", "ExifIFD:ISO", "ExifIFD:MakerNoteUnknownText", "GPS:GPSLatitudeRef"),
    "xmp": ("XMP-dc:Creator", "XMP-xmp:Rating", "XMP-exif:GPSLatitude"),
    "iptc": ("IPTC:ObjectName", "IPTC:By-line"),
    "icc": ("ICC_Profile:RedMatrixColumn", "ICC_Profile:RedTRC"),
}


def scan() -> bytes:
    """A scanner's BigTIFF with an infrared channel."""
    buffer = io.BytesIO()
    samples = np.dstack([field.scene(), field.scene()[:, :, 0]]).astype(np.uint16) * 257
    tifffile.imwrite(buffer, samples, photometric="rgb", extrasamples=["unspecified"], bigtiff=True, software="scanner",
                     resolution=(600, 600), resolutionunit=2, metadata=None)  # fmt: skip
    return buffer.getvalue()


DEVICES: dict[str, tuple[Callable[[], bytes], str, tuple[str, ...], tuple[str, ...]]] = {
    "phone: Ultra HDR JPEG": (
        lambda: field.jpeg(field.xmp_segment(field.rdf(f"{GAIN} {CONTAINER}", items("Primary", "GainMap"))),
                           after=field.jpeg(field.xmp_segment(field.rdf(GAIN)))),
        "in.jpg", ("XMP-xmp:Rating",), (),
    ),
    "phone: motion photo": (
        lambda: field.jpeg(field.xmp_segment(field.rdf(f'{CAMERA}MotionPhoto="1" {CONTAINER}', items("MotionPhoto"))),
                           after=mp4()),
        "in.jpg", ("XMP-xmp:Rating",), (),
    ),
    "phone: HEIC, Display P3 by numbers": (lambda: heic(12, 13), "in.heic", (), ()),
    "phone: faces, on its side": (
        lambda: field.jpeg(field.exif_segment(field.exif_block([(274, 3, field.short(6))])), field.xmp_segment(FACES)),
        "in.jpg", ("XMP-mwg-rs:RegionName", "XMP-MP:RegionPersonDisplayName"), (),
    ),
    "camera: JPEG in Adobe RGB by its mark": (lambda: dcf(b"R03\0"), "in.jpg", ("InteropIFD:InteropIndex",), ()),
    "camera: HDR HEIC (PQ)": (lambda: heic(9, 16), "in.heic", (), ()),
    "scanner: BigTIFF, 16 bits, 600 dpi, infrared": (
        scan, "in.tif", ("IFD0:XResolution", "IFD0:Software"), ()),
    "scanner: JPEG with a comment, 300 dpi": (
        lambda: field.jpeg(comment=b"scanned", dpi=(300, 300)), "in.jpg", ("File:Comment", "JFIF:XResolution"), ()),
    "drone: JPEG": (
        lambda: field.jpeg(field.xmp_segment(DRONE)), "in.jpg", ("XMP-xmp:Rating", "XMP-drone-dji:GimbalYawDegree",
                                                               "XMP-drone-dji:GPSLatitude"), ()),
    "drone: JPEG, --strip-gps": (
        lambda: field.jpeg(field.xmp_segment(DRONE)), "in.jpg", ("XMP-xmp:Rating", "XMP-drone-dji:GimbalYawDegree"),
        ("--strip-gps",)),
    "web: PNG with texts": (
        lambda: field.png((b"tEXt", b"Author\0Someone"), (b"tEXt", b"parameters\0a hill")), "in.png",
        ("PNG:Author", "PNG:Parameters"), ()),
    "web: lossless WebP": (
        lambda: field.saved(Image.fromarray(field.scene()), "WEBP", lossless=True), "in.webp", (), ()),
}  # fmt: skip
"""What makes a file, its name, tags that should be the same afterwards, and options of the run."""
DEPTHS = ("IFD0:BitsPerSample", "PNG:BitDepth", "File:BitsPerSample", "Meta:ImagePixelDepth")


def tags(path: Path) -> dict[str, Any]:
    """Group:name -> value, by exiftool."""
    words = ["exiftool", "-json", "-n", "-a", "-G1", "-ThumbnailImage", "-all", "-ICC_Profile:all", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def samples(path: Path) -> NDArray[Any]:
    """The stored pixels, in levels of 16 bits."""
    data = path.read_bytes()
    if path.suffix == ".tif":
        stored = tifffile.imread(path)
    elif path.suffix == ".png":
        stored = imagecodecs.png_decode(data)
    elif path.suffix == ".avif":
        stored = imagecodecs.avif_decode(data)
    elif path.suffix == ".heic":
        file = pillow_heif.open_heif(path, convert_hdr_to_8bit=False, hdr_to_16bit=False)
        return np.asarray(file) * (65535 / (2 ** int(file.info["bit_depth"]) - 1))
    else:
        stored = np.asarray(Image.open(path))
    most = 255 if stored.dtype == np.uint8 else 1023 if path.suffix == ".avif" else 65535
    return stored * (65535 / most)


def made(title: str, path: Path) -> None:
    """The file that goes in: noise on a ramp, 16 bits deep before the format cuts them."""
    rows, columns = np.mgrid[0 : 1 : 160 * 1j, 0 : 1 : 240 * 1j]
    grain = np.random.default_rng(0).normal(0, 0.01, (160, 240, 3))
    pixels = np.clip(np.stack([rows, columns, 1 - rows], 2) + grain, 0, 1).astype(np.float32)
    photo = Photo(pixels, profile=parse_profile(P3_ICC), metadata=Metadata(camera_exif(), XMP, IPTC), depth=16)
    kept = {"exif": camera_exif(), "xmp": XMP, "icc_profile": P3_ICC}
    if path.suffix == ".dng":
        path.write_bytes(dng(160, 240, orientation=6))
    elif path.suffix == ".heic":
        deep = np.rint(pixels * 65535).astype(np.uint16)
        image = pillow_heif.from_bytes("RGB;16", (240, 160), deep.tobytes())
        image.save(path, quality=90, **kept)
    elif title.startswith("AVIF, 10"):
        path.write_bytes(imagecodecs.avif_encode(np.rint(pixels * 1023).astype(np.uint16), level=95, bitspersample=10))
    else:
        photo.save(path, depth=16 if "16" in title else 8)


def case(title: str, names: tuple[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        content, output = (Path(name) / part for part in names)
        made(title, content)
        style = Path(name) / "style.png"
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)).save(style)
        words = ["run", "--content", str(content), "--style", str(style), "--strength", "0", "--preset", "preview"]
        words += ["--segmenter", "none", "-q", "-o", str(output)]
        subprocess.run([sys.executable, "-m", "photostyle", *words], check=True)
        return compared(content, output)


def device(title: str) -> dict[str, Any]:
    """What is kept of a device's file, and what is told."""
    make, name, names, options = DEVICES[title]
    with tempfile.TemporaryDirectory() as folder:
        content, style = Path(folder) / name, Path(folder) / "style.png"
        content.write_bytes(make())
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)).save(style)
        words = ["run", "--content", str(content), "--style", str(style), "--strength", "0", "--preset", "preview"]
        words += ["--segmenter", "none", "-q", "--json", *options]
        done = subprocess.run([sys.executable, "-m", "photostyle", *words], check=True, capture_output=True)
        printed = json.loads(done.stdout)
        before, after = tags(content), tags(Path(printed["output"]))
        told = [text.removeprefix("content: ") for text in printed["warnings"] if text.startswith("content: ")]
        kept = sum(after.get(each) == before[each] for each in names)
        icc = after.get("ICC_Profile:ProfileDescription")
        places = sum(any(word in each for word in ("Latitude", "Longitude", "Altitude")) for each in after)
        return {"to": Path(printed["output"]).suffix, "kept": [kept, len(names)], "icc": icc, "places": places,
                "told": told}  # fmt: skip


def device_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    lines = ["| file | becomes | kept | profile of the result | told |", "|" + " --- |" * 5]
    for title, row in rows.items():
        kept = f"{row['kept'][0]} of {row['kept'][1]}" if row["kept"][1] else "-"
        kept += ", no place" if "strip" in title and not row["places"] else ""
        lines.append(f"| {title} | `{row['to']}` | {kept} | {row['icc'] or 'sRGB'} | {'; '.join(row['told']) or '-'} |")
    return "\n".join(lines)


def compared(content: Path, output: Path) -> dict[str, Any]:
    before, after = tags(content), tags(output)
    row: dict[str, Any] = {"depth": [depth(before), depth(after)]}
    for kind, names in TAGS.items():
        there = [name for name in names if name in before]
        row[kind] = [sum(after.get(name) == before[name] for name in there), len(there)]
    row["orientation"] = [before.get("IFD0:Orientation"), after.get("IFD0:Orientation")]
    row["thumbnail"] = "IFD1:ThumbnailImage" in after or "IFD1:ThumbnailOffset" in after
    row["history"] = after.get("XMP-xmpMM:HistoryParameters") or after.get("XMP-xmpMM:HistorySoftwareAgent")
    if content.suffix != ".dng":
        stored, written = samples(content), samples(output)
        difference = np.abs(written - (stored if stored.shape == written.shape else np.rot90(stored, -1))) / 257
        row["pixels"] = {"mean": round(float(difference.mean()), 4), "most": round(float(difference.max()), 3)}
    return row


def depth(found: Mapping[str, Any]) -> int | None:
    """Bits a channel, as exiftool has them."""
    value = next((found[name] for name in DEPTHS if name in found), None)
    return None if value is None else int(str(value).split()[0])


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    lines = ["| file | pixels | bits | ICC | EXIF | XMP | IPTC | orientation |", "|" + " --- |" * 8]
    for title, row in rows.items():
        pixels = row.get("pixels", {"most": None})
        shown = {None: "developed", 0.0: "all"}.get(pixels["most"]) or f"{pixels['mean']:.2f} levels off"
        bits = " to ".join("?" if bit is None else str(bit) for bit in dict.fromkeys(row["depth"]))
        kinds = [f"{row[k][0]} of {row[k][1]}" if row[k][1] else "none there" for k in ("icc", "exif", "xmp", "iptc")]
        turned = " to ".join("none" if value is None else str(value) for value in row["orientation"])
        lines.append(f"| {title} | {shown} | {bits} | {' | '.join(kinds)} | {turned} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if not shutil.which("exiftool"):
        raise SystemExit("exiftool is missing: on Debian, apt install libimage-exiftool-perl")
    rows = {title: case(title, names) for title, names in CASES.items()}
    devices = {title: device(title) for title in DEVICES}
    found = json.dumps({"formats": rows, "devices": devices}, indent=1)
    if options.output:
        options.output.write_text(found + "\n")
    print(f"{table(rows)}\n\n{device_table(devices)}" if options.table else found)


if __name__ == "__main__":
    main()
