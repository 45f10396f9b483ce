"""Damages files of every format and looks for three things: a traceback, a result that another program cannot read, and
an input that was changed. A crash of the process and a hang count as tracebacks.

    python -m tests.fuzz --seconds 600 -o out/fuzz

Each input has a number, which is the seed of its random generator: `--only NUMBER` makes one input again. The numbers
go on from `--first`. Inputs that led to a find are kept in the output folder.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import multiprocessing
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from xml.etree import ElementTree as ET

import tifffile
from PIL import Image

from photostyle.errors import PhotostyleError
from photostyle.photo.encode import FORMATS
from photostyle.photo.photo import Photo
from photostyle.regions.mask_files import read_mask
from tests.mutations import PARTS, made_input, seeds

HANG = 30
"""Seconds after which an input counts as a hang."""


def tried(number: int, data: bytes, folder: Path) -> str:
    """Reads an input and writes it again. Returns "read" or "refused"; raises on a find."""
    path = folder / "input"
    path.write_bytes(data)
    try:
        photo = Photo.read(path)
    except PhotostyleError:
        outcome = "refused"
    else:
        outcome = "read"
        format = FORMATS[number % len(FORMATS)]
        kept = ("all", "no gps", "none")[number // len(FORMATS) % 3]
        try:
            result = photo.with_event("photostyle", "fuzz").encode(format, metadata=kept)
            photo.losses(format)
        except PhotostyleError:
            outcome = "read, not written"
        else:
            check_result(format, result, photo)
    with suppress(PhotostyleError):
        read_mask(path, 48, 64)
    if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(data).digest():
        raise AssertionError("the input was changed")
    return outcome


def check_result(format: str, result: bytes, photo: Photo) -> None:
    """Raises unless other programs read a result: Pillow, tifffile for TIFF, and an XML parser for its XMP."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large photos are no fault
        image = Image.open(io.BytesIO(result))
        image.load()
        if image.size != photo.size:
            raise AssertionError(f"a result of {image.size} for a photo of {photo.size}")
        image.getexif().get_ifd(34665)
        image.getexif().get_ifd(34853)
    if format == "TIFF":
        tifffile.imread(io.BytesIO(result))
    again = Photo.read(result)
    if again.metadata.xmp:
        ET.fromstring(again.metadata.xmp)
    damage = [warning for warning in again.warnings if "damaged" in warning or "lost" in warning]
    if damage:
        raise AssertionError(f"a result that is damaged: {damage}")


def work(first: int, step: int, folder: Path, pipe: Connection) -> None:
    """Tries inputs one after the other and tells of each; ends when it is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = seeds()

    def hang(*_: int | FrameType | None) -> None:
        raise TimeoutError(f"no answer within {HANG} s")

    signal.signal(signal.SIGALRM, hang)
    number = first
    while True:
        format, data = made_input(number, whole)
        pipe.send((number, format, "begun"))
        signal.alarm(HANG)
        try:
            outcome = tried(number, data, folder)
        except Exception:
            outcome = traceback.format_exc()
        signal.alarm(0)
        pipe.send((number, format, outcome))
        number += step


def run(seconds: float, first: int, output: Path, processes: int) -> int:
    """Tries inputs for some time, in several processes. Returns the number of different finds."""
    output.mkdir(parents=True, exist_ok=True)
    whole, counts, finds = seeds(), Counter[tuple[str, str]](), dict[str, list[int]]()
    context = multiprocessing.get_context("spawn")
    workers: list[tuple[multiprocessing.process.BaseProcess, Connection, int]] = []

    def start(number: int, place: int) -> tuple[multiprocessing.process.BaseProcess, Connection, int]:
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(number, processes, output / f"worker{place}", theirs), daemon=True)
        process.start()
        theirs.close()
        return process, mine, number

    def keep(number: int, format: str, text: str) -> None:
        lines = text.strip().splitlines()
        ours = [line.strip() for line in lines if line.strip().startswith("File ") and "/photostyle/" in line]
        key = f"{lines[-1][:160]} | {ours[-1] if ours else ''}"
        finds.setdefault(key, []).append(number)
        if len(finds[key]) == 1:
            (output / f"{number}.{format.lower()}").write_bytes(made_input(number, whole)[1])
            (output / f"{number}.txt").write_text(text)
            print(f"find {number} ({format}): {key}", flush=True)

    workers = [start(first + place, place) for place in range(processes)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for place, (process, pipe, last) in enumerate(workers):
            number = last
            try:
                while pipe.poll(0.05):
                    number, format, outcome = pipe.recv()
                    workers[place] = (process, pipe, number)
                    if outcome == "begun":
                        continue
                    kind = outcome if outcome in ("read", "refused", "read, not written") else "find"
                    counts[format, kind] += 1
                    if kind == "find":
                        keep(number, format, outcome)
            except EOFError:
                process.join()
                keep(number, made_input(number, whole)[0], f"the process ended with {process.exitcode}")
                workers[place] = start(number + processes, place)
    for process, _, _ in workers:
        process.kill()
    table = {
        format: {kind: count for (own, kind), count in sorted(counts.items()) if own == format} for format in PARTS
    }
    print(json.dumps(table, indent=1))
    print(f"{sum(counts.values()):,} inputs in {seconds:.0f} s from number {first}; {len(finds)} different finds")
    return len(finds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", help="numbers of inputs to try again here, with commas between them")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/fuzz"))
    given = parser.parse_args()
    if given.only:
        for each in map(int, given.only.split(",")):
            kind, data = made_input(each, seeds())
            given.output.mkdir(parents=True, exist_ok=True)
            print(each, kind, tried(each, data, given.output))
        sys.exit(0)
    sys.exit(1 if run(given.seconds, given.first, given.output, given.processes) else 0)
