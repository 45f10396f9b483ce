"""The addresses of the queue."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from photostyle.errors import SettingsError
from photostyle.studio.answers import body_of
from photostyle.studio.requests import attachment, check_format, check_preset, picture, studio_of, worked
from photostyle.studio.slider_settings import checked, preset_settings
from photostyle.studio.transfer_store import styles_of

CHUNK = 1 << 20


async def start(request: Request) -> Response:
    studio = studio_of(request)
    body = await body_of(request, studio.limits)
    ids = body.get("contents")
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise SettingsError("a list of ids of photos", repr(ids)[:60], "contents")
    contents = [studio.photos.get(id) for id in dict.fromkeys(ids)]
    if looks := [photo.name for photo in contents if photo.about["is_look"]]:
        raise SettingsError.stating("a saved look can only be used as a style", looks[0])
    files = styles_of(body.get("styles"), lambda id: studio.photos.get(id).file)
    styles = [(studio.photos.get(style.photo.id), style.weight, style.region) for style in files]
    preset = check_preset(studio, body.get("preset", "default"))
    given = body.get("settings", {})
    if not isinstance(given, dict):
        raise SettingsError("an object of settings", repr(given)[:60], "settings")
    settings = checked(given, preset_settings(preset))
    settings.pop("look.regions", None)  # other photos have other regions
    format, _ = check_format(body.get("format", "jpeg"))
    await studio.queue.start(contents, styles, preset, settings, format, studio.limits.queue)
    return JSONResponse({"queue": studio.queue.shown()}, 202)


async def shown(request: Request) -> Response:
    return JSONResponse({"queue": studio_of(request).queue.shown()})


async def stop(request: Request) -> Response:
    studio_of(request).queue.stop()
    return JSONResponse({"queue": studio_of(request).queue.shown()})


async def resume(request: Request) -> Response:
    studio_of(request).queue.resume()
    return JSONResponse({"queue": studio_of(request).queue.shown()})


async def archive(request: Request) -> Response:
    files = [made.path for made, _ in studio_of(request).queue.done()]
    headers = {"Content-Disposition": attachment(f"{studio_of(request).queue.output.name}.zip")}
    return StreamingResponse(_zip(files), media_type="application/zip", headers=headers)


async def contact_sheet(request: Request) -> Response:
    studio = studio_of(request)
    outputs = [photo.output for _, photo in studio.queue.done()]
    data = await worked(request, studio.hand, "contact_sheet", priority=4, folder=studio.queue.output, outputs=outputs)
    return picture(data)


class _Sent(io.RawIOBase):
    """What has been written and not yet sent."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.chunks.append(bytes(data))  # type: ignore[call-overload]
        return len(self.chunks[-1])

    def taken(self) -> bytes:
        data, self.chunks = b"".join(self.chunks), []
        return data


def _zip(files: Sequence[Path]) -> Iterator[bytes]:
    """A ZIP of files, made while it is sent: a set may be larger than the memory. Photos are not compressed again."""
    sent = _Sent()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            with path.open("rb") as source, archive.open(zipfile.ZipInfo.from_file(path, path.name), "w") as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)
                    yield sent.taken()
            yield sent.taken()
    yield sent.taken()


ROUTES = [
    Route("/api/queue", start, methods=["POST"]),
    Route("/api/queue", shown, methods=["GET"]),
    Route("/api/queue/stop", stop, methods=["POST"]),
    Route("/api/queue/resume", resume, methods=["POST"]),
    Route("/api/queue/zip", archive),
    Route("/api/queue/contact-sheet", contact_sheet),
]
