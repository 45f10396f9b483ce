"""A page in headless Chromium, with real input: Playwright with the browser that the system has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.shared import missing

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Opened:
    """One open page of a file, or of a server.

    `page` is Playwright's; `complaints` is what its console has said and what it has thrown; `requests` is what it has
    asked for.
    """

    def __init__(self, context: BrowserContext, place: Path | str) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self._session = context.new_cdp_session(self.page)
        self.page.goto(place if isinstance(place, str) else place.as_uri())

    def value(self, expression: str) -> Any:
        """What JavaScript gives in the page."""
        return self.page.evaluate(expression)

    def accessibility(self) -> list[dict[str, Any]]:
        """The nodes of the accessibility tree, as Chromium computes it for screen readers."""
        nodes: list[dict[str, Any]] = self._session.send("Accessibility.getFullAXTree")["nodes"]
        return nodes

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """A touch event, such as `touchStart`: Playwright itself only taps."""
        places = [{"x": x, "y": y} for x, y in points]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


@contextmanager
def opened(
    place: Path | str, *, width: int = 1000, height: int = 800, dark: bool = False, touch: bool = False
) -> Iterator[Opened]:
    """A file or an address in a browser that ends with the block. Without a browser the test is skipped; with CI=true
    it fails."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        missing("no Chromium: install the system's package `chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS, chromium_sandbox=False)
        with browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", has_touch=touch
        ) as context:
            yield Opened(context, place)
        browser.close()
