"""A studio behind a client, without a socket: what a browser sends is sent by hand."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from photostyle.studio.guard import Doorkeeper
from photostyle.studio.limits import Limits
from photostyle.studio.server import make_app
from photostyle.studio.studio import Studio

TOKEN = "token-of-this-start"
ORIGIN = "http://127.0.0.1:7860"
BYTES = {"Content-Type": "application/octet-stream"}


class Served:
    """A studio and a client that has been let in.

    Attributes:
        studio: the studio.
        client: with the cookie, and with the `Origin` of the page.
        folder: where results go.
    """

    def __init__(self, studio: Studio, client: TestClient) -> None:
        self.studio, self.client, self.folder = studio, client, studio.folder

    @contextmanager
    def cookie(self, value: str) -> Iterator[None]:
        """Another cookie for a while."""
        self.client.cookies.clear()
        self.client.cookies["photostyle_7860"] = value
        try:
            yield
        finally:
            self.client.cookies.clear()
            self.client.cookies["photostyle_7860"] = TOKEN

    def state(self) -> dict[str, Any]:
        return dict(self.client.get("/api/state").json())

    def add(self, path: Path, role: str = "content", name: str | None = None) -> str:
        """Uploads a file; returns its id."""
        answer = self.upload(path.read_bytes(), name or path.name, role)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["photo"]["id"])

    def upload(self, data: Any, name: str = "photo.jpg", role: str = "content", **headers: str) -> Any:
        parameters = {"name": name, "role": role}
        return self.client.put("/api/photos", params=parameters, content=data, headers=BYTES | headers)

    def transfer(self, content: str, *styles: str, preset: str = "preview", **more: Any) -> dict[str, Any]:
        """Asks for a transfer and waits for its end."""
        body = {"content": content, "styles": [{"photo": style} for style in styles], "preset": preset, **more}
        answer = self.client.post("/api/transfers", json=body)
        assert answer.status_code in (200, 201), answer.text
        return self.ended(answer.json()["transfer"]["id"])

    def ended(self, id: str, seconds: float = 120) -> dict[str, Any]:
        """Waits for the end of a transfer."""
        return self.until(lambda: self.transfer_of(id), lambda t: t["status"] not in ("waiting", "working"), seconds)

    def transfer_of(self, id: str) -> dict[str, Any]:
        return next(dict(transfer) for transfer in self.state()["transfers"] if transfer["id"] == id)

    def view(self, id: str, longest: int = 400, **settings: Any) -> Any:
        """The picture of a transfer with these settings, `(h, w, 3) uint8`."""
        parameters: dict[str, Any] = {"longest": longest, "settings": json.dumps(settings)}
        answer = self.client.get(f"/api/transfers/{id}/view", params=parameters)
        assert answer.status_code == 200, answer.text
        return pixels(answer.content)

    def saved(self, id: str, settings: Mapping[str, Any] | None = None, **more: Any) -> Path:
        """Saves a result and waits for its file."""
        before = set(self.files())
        body = {"settings": dict(settings or {}), **more}
        answer = self.client.post(f"/api/transfers/{id}/save", json=body)
        assert answer.status_code == 202, answer.text
        made = self.until(lambda: set(self.files()) - before, bool, 60)
        return made.pop()

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("[!.]*.*"))

    @staticmethod
    def until(get: Any, ready: Any, seconds: float = 60) -> Any:
        """Waits until what `get` gives is ready."""
        end = time.monotonic() + seconds
        while not ready(found := get()):
            assert time.monotonic() < end, found
            time.sleep(0.05)
        return found


@contextmanager
def served(folder: Path, limits: Limits | None = None, *given: Path, host: str = "127.0.0.1") -> Iterator[Served]:
    """A studio whose results go to `folder`, and a client that has been let in."""
    studio = Studio(folder, given, limits)
    with TestClient(make_app(studio, Doorkeeper(TOKEN, 7860, host)), base_url=ORIGIN) as client:
        client.cookies["photostyle_7860"] = TOKEN
        client.headers["Origin"] = ORIGIN
        yield Served(studio, client)


def pixels(data: bytes) -> Any:
    """The pixels of a picture file."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(np.int16)
