"""What the routes share: the studio of a request, and the values that its address has."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from photostyle.errors import SettingsError
from photostyle.studio.answers import json_object
from photostyle.studio.slider_settings import checked, preset_settings
from photostyle.studio.studio import FORMATS, Studio
from photostyle.studio.transfer_store import Transfer
from photostyle.studio.workers import JobStoppedError, Worker


def studio_of(request: Request) -> Studio:
    """The studio that the application was made with."""
    studio = request.app.state.studio
    assert isinstance(studio, Studio)
    return studio


def id_in(request: Request) -> str:
    """The id in an address."""
    return str(request.path_params["id"])


def number_in(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number of an address.

    Raises:
        SettingsError: it is none, or out of its range.
    """
    word = request.query_params.get(name, str(default))
    if not (word.isascii() and word.isdigit() and len(word) < 10 and least <= int(word) <= most):
        raise SettingsError(f"a whole number from {least} to {most}", repr(word)[:40], name)
    return int(word)


def part_in(request: Request) -> tuple[int, int, int, int]:
    """The part of a photo that an address names: top, left, rows and columns, in pixels."""
    most = 1_000_000
    return (
        number_in(request, "top", 0, 0, most),
        number_in(request, "left", 0, 0, most),
        number_in(request, "height", 1000, 1, most),
        number_in(request, "width", 1000, 1, most),
    )


def settings_in(request: Request, transfer: Transfer) -> dict[str, Any]:
    """The sliders of an address, checked."""
    return sliders_of(json_object(request.query_params.get("settings", "{}"), "settings"), transfer)


def sliders_of(given: object, transfer: Transfer) -> dict[str, Any]:
    """The sliders of a request for a transfer, checked.

    Raises:
        SettingsError: they are no object, or wrong.
    """
    if not isinstance(given, dict):
        raise SettingsError("an object of settings", repr(given)[:60], "settings")
    values = checked(given, preset_settings(transfer.request.preset))
    names = [region["name"] for region in transfer.found.get("regions", [])]
    for name in values.get("look.regions", {}):
        if name not in names:
            raise SettingsError(f"the name of a region ({', '.join(names)})", repr(name)[:60], "look.regions")
    return values


def check_preset(studio: Studio, preset: object) -> str:
    """A preset that the studio offers.

    Raises:
        SettingsError: it is another one.
    """
    if preset not in studio.presets():
        raise SettingsError(f"one of {', '.join(studio.presets())}", repr(preset)[:40], "preset")
    return str(preset)


def check_format(name: object) -> tuple[str, str]:
    """A format and the ending of its files.

    Raises:
        SettingsError: there is no such format.
    """
    for known, ending, _ in FORMATS:
        if name == known:
            return known, ending
    raise SettingsError(", ".join(known for known, _, _ in FORMATS), repr(name)[:40], "format")


async def worked(request: Request, worker: Worker, task: str, **options: Any) -> Any:
    """What a task gives. If its process dies, it is tried once more.

    A task that waits is left out if the client goes away first, as when a slider has moved on.

    Raises:
        JobStoppedError: the client has gone away.
    """
    if "seconds" not in options:
        options["seconds"] = studio_of(request).limits.view_seconds
    work = asyncio.ensure_future(worker.run(task, again=1, **options))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise JobStoppedError
    finally:
        gone.cancel()
        work.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def picture(data: bytes, kind: str = "image/jpeg") -> Response:
    """A picture that was made for this request."""
    return Response(data, media_type=kind)


def download(data: bytes, name: str, kind: str = "application/octet-stream", **headers: str) -> Response:
    """A file that the browser saves and never shows."""
    return Response(data, media_type=kind, headers={"Content-Disposition": attachment(name), **headers})


def attachment(name: str) -> str:
    """The header that makes a browser save an answer under this name (RFC 6266)."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
