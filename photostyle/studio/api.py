"""The addresses of the studio. Each route checks its request and hands it to the studio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from photostyle.errors import InputError, SettingsError
from photostyle.presets import load_preset
from photostyle.studio import transfer_store
from photostyle.studio.answers import body_of, json_object
from photostyle.studio.photo_store import checked_role
from photostyle.studio.sizes import MOST_VIEW, THUMB, VIEW
from photostyle.studio.slider_settings import checked
from photostyle.studio.studio import Studio


def studio_of(request: Request) -> Studio:
    studio = request.app.state.studio
    assert isinstance(studio, Studio)
    return studio


async def state(request: Request) -> Response:
    return JSONResponse(studio_of(request).state())


async def events(request: Request) -> Response:
    stream = studio_of(request).events.stream()
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def add_photo(request: Request) -> Response:
    studio = studio_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/octet-stream":
        raise SettingsError("a body of application/octet-stream", kind or "none", "Content-Type")
    role = checked_role(request.query_params.get("role", "content"))
    photo = await studio.photos.upload(request.query_params.get("name", ""), role, _whole(request))
    studio.events.tell("photo", photo.shown())
    return JSONResponse({"photo": photo.shown()}, 201)


async def _whole(request: Request) -> AsyncIterator[bytes]:
    """The bytes of an upload.

    Raises:
        InputError: the connection has ended before the last byte.
    """
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as error:
        raise InputError.stating("the connection ended in the middle", "the upload", "Add the photo again.") from error


async def change_photo(request: Request) -> Response:
    studio = studio_of(request)
    body = await body_of(request, studio.limits)
    photo = studio.photos.use_as(request.path_params["id"], str(body.get("role")))
    studio.events.tell("photo", photo.shown())
    return JSONResponse({"photo": photo.shown()})


async def remove_photo(request: Request) -> Response:
    studio, id = studio_of(request), request.path_params["id"]
    studio.photos.get(id)
    studio.transfers.remove_using(id)
    studio.photos.remove(id)
    studio.events.tell("removed", {"what": "photo", "id": id})
    return Response(status_code=204)


async def photo_view(request: Request) -> Response:
    studio = studio_of(request)
    file = studio.photos.get(request.path_params["id"]).file
    longest = _number(request, "longest", VIEW, 16, MOST_VIEW)
    if longest <= VIEW:
        return FileResponse(file.folder / ("thumb.jpg" if longest <= THUMB else "view.jpg"), media_type="image/jpeg")
    picture = await studio.hand.run(
        "photo_view", priority=2, seconds=studio.limits.view_seconds, photo=file, longest=longest
    )
    return _picture(picture)


async def photo_part(request: Request) -> Response:
    studio = studio_of(request)
    file = studio.photos.get(request.path_params["id"]).file
    picture = await studio.hand.run(
        "photo_part", priority=2, seconds=studio.limits.view_seconds, photo=file, part=part_in(request)
    )
    return _picture(picture)


async def ask_transfer(request: Request) -> Response:
    studio = studio_of(request)
    body = await body_of(request, studio.limits)
    transfer, new = studio.transfers.ask(wanted_transfer(studio, body))
    studio.events.tell("transfer", transfer.shown())
    return JSONResponse({"transfer": transfer.shown()}, 201 if new else 200)


def wanted_transfer(studio: Studio, body: dict[str, Any]) -> transfer_store.Request:
    """What a request for a transfer asks for.

    Raises:
        SettingsError, MissingError: it is wrong, or names a photo that is not here.
    """
    content, preset = body.get("content"), body.get("preset", "default")
    if not isinstance(content, str):
        raise SettingsError("the id of a photo", repr(content)[:40], "content")
    photo = studio.photos.get(content)
    if photo.about["is_look"]:
        raise SettingsError.stating("a saved look can only be used as a style", photo.name)
    if preset not in studio.presets():
        raise SettingsError(f"one of {', '.join(studio.presets())}", repr(preset)[:40], "preset")
    styles = transfer_store.styles_of(body.get("styles"), lambda id: studio.photos.get(id).file)
    return transfer_store.Request(photo.file, styles, str(preset))


async def stop_transfer(request: Request) -> Response:
    return JSONResponse({"transfer": studio_of(request).transfers.stop(request.path_params["id"]).shown()})


async def remove_transfer(request: Request) -> Response:
    studio_of(request).transfers.remove(request.path_params["id"])
    return Response(status_code=204)


async def transfer_view(request: Request) -> Response:
    studio = studio_of(request)
    transfer = studio.transfers.solved(request.path_params["id"])
    picture = await studio.eye.run(
        "transfer_view", priority=1, seconds=studio.limits.view_seconds, transfer=transfer.path,
        content=transfer.request.content, longest=_number(request, "longest", 1200, 16, MOST_VIEW),
        settings=settings_in(request, transfer),
    )  # fmt: skip
    return _picture(picture)


def settings_in(request: Request, transfer: transfer_store.Transfer) -> dict[str, Any]:
    """The sliders of an address, checked."""
    given = request.query_params.get("settings", "{}")
    return checked(json_object(given, "settings"), load_preset(transfer.request.preset))


def part_in(request: Request) -> tuple[int, int, int, int]:
    """The part of a photo that an address names: top, left, rows and columns, in pixels."""
    most = 1_000_000
    return (
        _number(request, "top", 0, 0, most),
        _number(request, "left", 0, 0, most),
        _number(request, "height", 1000, 1, most),
        _number(request, "width", 1000, 1, most),
    )


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    word = request.query_params.get(name, str(default))
    if not (word.isascii() and word.isdigit() and len(word) < 10 and least <= int(word) <= most):
        raise SettingsError(f"a whole number from {least} to {most}", repr(word)[:40], name)
    return int(word)


def _picture(data: bytes) -> Response:
    return Response(data, media_type="image/jpeg")


ROUTES = [
    Route("/api/state", state),
    Route("/api/events", events),
    Route("/api/photos", add_photo, methods=["PUT"]),
    Route("/api/photos/{id}", change_photo, methods=["POST"]),
    Route("/api/photos/{id}", remove_photo, methods=["DELETE"]),
    Route("/api/photos/{id}/view", photo_view),
    Route("/api/photos/{id}/part", photo_part),
    Route("/api/transfers", ask_transfer, methods=["POST"]),
    Route("/api/transfers/{id}", remove_transfer, methods=["DELETE"]),
    Route("/api/transfers/{id}/stop", stop_transfer, methods=["POST"]),
    Route("/api/transfers/{id}/view", transfer_view),
]
