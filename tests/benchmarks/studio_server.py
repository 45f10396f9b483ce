"""What the studio's server takes: time to its page, to a first result and to a slider's picture, and memory over a day.

    python -m tests.benchmarks.studio_server speed [--megapixels 12] [--moves 100] [--rounds 3]
    python -m tests.benchmarks.studio_server memory [--photos 500] [--moves 2000] [--megapixels 2]

`speed` asks as a page does, from the same machine. `memory` adds photos one after another, asks for a preview of each
and moves sliders, and forgets photos once 40 are there; it prints the memory of the server and of its processes (VmRSS,
Linux) ten times on the way.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "samples"
KEYS = ("strength", "look.lightness", "look.contrast", "look.colour", "look.skin", "look.neutrals")
KEPT = 40
"""Photos that are kept while memory is measured."""


class Page:
    """Asks as the page does.

    Args:
        address: with the token.
        pid: of the server.
    """

    def __init__(self, address: str, pid: int) -> None:
        self.base, self.pid = address.partition("/?")[0], pid
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self._opener.open(address).read()

    def ask(self, path: str, data: bytes | None = None, method: str = "GET", kind: str = "application/json") -> bytes:
        headers = {"Origin": self.base, "Content-Type": kind}
        request = urllib.request.Request(f"{self.base}{path}", data, headers, method=method)
        with self._opener.open(request) as answer:
            found: bytes = answer.read()
        return found

    def add(self, data: bytes, name: str, role: str) -> str:
        path = f"/api/photos?{urllib.parse.urlencode({'name': name, 'role': role})}"
        return str(json.loads(self.ask(path, data, "PUT", "application/octet-stream"))["photo"]["id"])

    def solved(self, content: str, style: str, preset: str = "preview") -> str:
        body = {"content": content, "styles": [{"photo": style}], "preset": preset}
        id = json.loads(self.ask("/api/transfers", json.dumps(body).encode(), "POST"))["transfer"]["id"]
        while True:
            state = json.loads(self.ask("/api/state"))
            transfer = next(each for each in state["transfers"] if each["id"] == id)
            if transfer["status"] == "done":
                return str(id)
            if transfer["status"] in ("failed", "stopped"):
                raise RuntimeError(transfer["error"]["text"])
            time.sleep(0.05)

    def view(self, id: str, settings: dict[str, Any]) -> bytes:
        query = urllib.parse.urlencode({"longest": 1200, "settings": json.dumps(settings)})
        return self.ask(f"/api/transfers/{id}/view?{query}")

    def memory(self) -> list[float]:
        """MB of the server and of each of its processes, in the order in which they started."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        every = [self.pid, *map(int, children)]
        sizes = []
        for pid in every:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            sizes += [int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS")]
        return sizes


@contextmanager
def started() -> Iterator[tuple[Page, float]]:
    """A studio, and the seconds until its page had come."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["studio", "--no-browser", "--json", "-q", "--port", "0", "--folder", f"{folder}/results"]
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "photostyle", *words], stdout=subprocess.PIPE,
            env={**os.environ, "PHOTOSTYLE_CONFIG": folder},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            try:
                page = Page(json.loads(process.stdout.readline())["address"], process.pid)
                yield page, time.perf_counter() - began
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(30)


def jpeg(name: str, megapixels: float, turn: float = 0.0) -> bytes:
    """A sample at this size, in a ratio of 3 to 2, turned by so many degrees."""
    width = round((megapixels * 1.5e6) ** 0.5)
    buffer = io.BytesIO()
    with Image.open(SAMPLES / name) as photo:
        photo.rotate(turn).resize((width, round(width / 1.5))).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def speed(megapixels: float, moves: int, rounds: int) -> None:
    rows = []
    for _ in range(rounds):
        with started() as (page, usable):
            photos = jpeg("city.jpg", megapixels), jpeg("sunset.jpg", megapixels)
            time.sleep(2)  # the user takes a moment to find the photos
            began = time.perf_counter()
            content, style = page.add(photos[0], "city.jpg", "content"), page.add(photos[1], "sunset.jpg", "style")
            added = time.perf_counter() - began
            id = page.solved(content, style)
            page.view(id, {})
            first = time.perf_counter() - began
            time.sleep(5)
            rng, sliders, spent = random.Random(0), dict[str, float](), []
            for move in range(moves):
                sliders[KEYS[move * len(KEYS) // moves]] = round(rng.random(), 2)
                began = time.perf_counter()
                page.view(id, sliders)
                spent.append(1000 * (time.perf_counter() - began))
            rows.append((usable, added, first, *np.percentile(spent, (50, 95))))
    found = np.median(rows, 0)
    print(f"page usable {found[0]:.2f} s; two photos of {megapixels:g} megapixels added {found[1]:.2f} s, first result")
    print(f"{found[2]:.2f} s; slider median {found[3]:.0f} ms, 95th percentile {found[4]:.0f} ms; medians of {rounds}")


def memory(photos: int, moves: int, megapixels: float) -> None:
    rng = random.Random(0)
    with started() as (page, _):
        style, kept = page.add(jpeg("sunset.jpg", megapixels), "sunset.jpg", "style"), list[str]()
        for place in range(photos):
            kept.append(page.add(jpeg("city.jpg", megapixels, place * 0.1), f"{place}.jpg", "content"))
            id = page.solved(kept[-1], style)
            for _ in range(moves // photos):
                page.view(id, {rng.choice(KEYS): round(rng.random(), 2)})
            if len(kept) > KEPT:
                page.ask(f"/api/photos/{kept.pop(0)}", method="DELETE")
            if (place + 1) % max(1, photos // 10) == 0:
                sizes = page.memory()
                shown = ", ".join(f"{size:.0f}" for size in sizes)
                print(f"{place + 1} photos: {sum(sizes):.0f} MB ({shown})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "memory"])
    parser.add_argument("--megapixels", type=float)
    parser.add_argument("--moves", type=int)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.what == "speed":
        speed(given.megapixels or 12, given.moves or 100, given.rounds)
    else:
        memory(given.photos, given.moves or 2000, given.megapixels or 2)


if __name__ == "__main__":
    main()
