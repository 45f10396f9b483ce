"""A studio of its own for tests of its page: started as a user starts it, opened in Chromium, seen from outside."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from PIL import Image
from playwright.sync_api import Page

from tests.browser import Opened, opened

SAMPLES = Path(__file__).parents[2] / "samples"
READY = "body[data-ready]"
RESULT = ".pane.result canvas"


@dataclass
class Running:
    """A studio that runs. `address` has the token; `folder` is where results go."""

    address: str
    folder: Path

    @property
    def origin(self) -> str:
        return self.address.split("/?")[0]


@contextmanager
def studio(folder: Path, *photos: Path) -> Iterator[Running]:
    """`photostyle studio` on a free port, with its results in `folder`."""
    words = ["studio", "--no-browser", "--json", "--port", "0", "--folder", str(folder), *map(str, photos)]
    with subprocess.Popen(
        [sys.executable, "-m", "photostyle", *words], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "XDG_CONFIG_HOME": str(folder.parent / "config")},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield Running(json.loads(process.stdout.readline())["address"], folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


class Desk:
    """The page of a running studio in a browser."""

    def __init__(self, running: Running, browser: Opened) -> None:
        self.running, self.browser = running, browser
        self.page: Page = browser.page
        self.page.wait_for_selector(READY)

    def value(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def until(self, expression: str, seconds: float = 60) -> None:
        """Waits until JavaScript gives something true. The page's policy forbids Playwright's `wait_for_function`."""
        end = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < end, f"not within {seconds} s: {expression}"
            self.page.wait_for_timeout(50)

    def empty(self) -> Self:
        """Takes all photos away, so that tests that share a studio begin alike."""
        self.value(
            """async () => {
              const { photos } = await (await fetch('/api/state')).json();
              for (const { id } of photos) await fetch(`/api/photos/${id}`, { method: 'DELETE' });
              localStorage.clear();
            }"""
        )
        self.page.reload()
        self.page.wait_for_selector(READY)
        self.browser.complaints.clear()  # of pictures that the page was asking for when they went
        return self

    def drop(self, place: str, paths: Sequence[Path]) -> None:
        """Drops files on the element that a selector names."""
        files = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths]
        self.page.locator(place).first.evaluate(
            """(element, files) => {
              const dataTransfer = new DataTransfer();
              for (const [name, bytes] of files) {
                dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
              }
              for (const kind of ['dragenter', 'dragover', 'drop']) {
                element.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
              }
            }""",
            files,
        )

    def add(self, contents: Sequence[Path], styles: Sequence[Path] = ()) -> None:
        """Drops photos and styles and waits until all are in the strips."""
        if contents:
            self.drop(".strip.content", contents)
            self.until(f"document.querySelectorAll('.strip.content li').length >= {len(contents)}")
        if styles:
            self.drop(".strip.style", styles)
            self.until(f"document.querySelectorAll('.strip.style li').length >= {len(styles)}")

    def method(self, name: str) -> None:
        self.page.get_by_label("Method").select_option(name)

    def wait_for_result(self, preset: str = "preview") -> None:
        """Waits until the result pane says that this preset is done and its picture is drawn."""
        self.until(f"document.querySelector('.pane.result .line')?.textContent.startsWith('{preset} · ')", 300)
        self.settle()

    def settle(self) -> None:
        """Waits until the table has drawn and no picture is under way."""
        self.page.wait_for_selector('#table[aria-busy="false"]')
        self.value("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def pixels(self, canvas: str = RESULT) -> list[list[int]]:
        """The colours of 40 by 40 places of a canvas."""
        found: list[list[int]] = self.page.locator(canvas).evaluate(
            """(canvas) => {
              const small = new OffscreenCanvas(40, 40).getContext('2d');
              small.drawImage(canvas, 0, 0, 40, 40);
              const { data } = small.getImageData(0, 0, 40, 40);
              return Array.from({ length: 1600 }, (_, place) => [...data.slice(4 * place, 4 * place + 3)]);
            }"""
        )
        return found

    def difference(self, one: list[list[int]], other: list[list[int]]) -> float:
        """The mean difference of two pictures, of 255."""
        pairs = zip(one, other, strict=True)
        return sum(abs(a - b) for left, right in pairs for a, b in zip(left, right, strict=True)) / (3 * len(one))

    def messages(self) -> list[str]:
        texts: list[str] = self.page.locator(".notice p").all_inner_texts()
        return texts


@contextmanager
def desk(
    running: Running,
    *,
    width: int = 1200,
    height: int = 800,
    dark: bool = False,
    touch: bool = False,
    keep: bool = False,
) -> Iterator[Desk]:
    """The page of a studio, emptied or with the photos that the studio has kept.

    At the end the console must be clean, and no request may have left the origin.
    """
    with opened(running.address, width=width, height=height, dark=dark, touch=touch) as browser:
        table = Desk(running, browser)
        yield table if keep else table.empty()
        elsewhere = [url for url in browser.requests if not url.startswith((running.origin, "blob:", "data:"))]
        assert elsewhere == [], elsewhere
        assert browser.complaints == [], browser.complaints


def small(source: str, folder: Path, longest: int = 420) -> Path:
    """A small copy of a sample photo."""
    target = folder / source
    with Image.open(SAMPLES / source) as photo:
        photo.thumbnail((longest, longest))
        photo.save(target, quality=92)
    return target
