"""The addresses of photos."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from photostyle.errors import InputError, SettingsError
from photostyle.studio.answers import body_of, json_object, read_body
from photostyle.studio.photo_store import checked_role
from photostyle.studio.requests import download, id_in, number_in, part_in, picture, studio_of, worked
from photostyle.studio.sizes import MOST_VIEW, THUMB, VIEW

NEVER_CHANGES = {"Cache-Control": "private, max-age=86400, immutable"}
"""A photo with the same id is the same photo."""
MOST_DRAWN = 8 << 20
"""Bytes of a PNG of labels."""


def _check_bytes(request: Request) -> None:
    """Raises SettingsError unless the body says that it is raw bytes, which no form of another site can."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/octet-stream":
        raise SettingsError("a body of application/octet-stream", kind or "none", "Content-Type")


async def add_photo(request: Request) -> Response:
    studio = studio_of(request)
    _check_bytes(request)
    role = checked_role(request.query_params.get("role", "content"))
    photo = await studio.photos.upload(request.query_params.get("name", ""), role, _whole(request))
    studio.events.tell("photo", photo.shown())
    studio.expect(photo)
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
    photo = studio.photos.use_as(id_in(request), str(body.get("role")))
    studio.events.tell("photo", photo.shown())
    studio.expect(photo)
    return JSONResponse({"photo": photo.shown()})


async def remove_photo(request: Request) -> Response:
    studio, id = studio_of(request), id_in(request)
    studio.photos.get(id)
    studio.transfers.remove_using(id)
    studio.photos.remove(id)
    studio.events.tell("removed", {"what": "photo", "id": id})
    return Response(status_code=204)


async def photo_view(request: Request) -> Response:
    studio = studio_of(request)
    file = studio.photos.get(id_in(request)).file
    longest = number_in(request, "longest", VIEW, 16, MOST_VIEW)
    if longest <= VIEW:
        copy = file.folder / ("thumb.jpg" if longest <= THUMB else "view.jpg")
        return FileResponse(copy, media_type="image/jpeg", headers=NEVER_CHANGES)
    data = await worked(request, studio.hand, "photo_view", priority=2, photo=file, longest=longest)
    return picture(data)


async def photo_part(request: Request) -> Response:
    studio = studio_of(request)
    file = studio.photos.get(id_in(request)).file
    data = await worked(
        request,
        studio.hand,
        "photo_part",
        priority=2,
        photo=file,
        part=part_in(request),
    )
    return picture(data)


async def regions(request: Request) -> Response:
    studio = studio_of(request)
    file = studio.photos.get(id_in(request)).file
    found = await worked(request, studio.hand, "regions_of", priority=2, photo=file)
    return JSONResponse(found)


async def labels(request: Request) -> Response:
    studio = studio_of(request)
    file = studio.photos.get(id_in(request)).file
    data = await worked(request, studio.hand, "labels_of", priority=2, photo=file)
    return picture(data, "image/png")


async def mend(request: Request) -> Response:
    studio = studio_of(request)
    _check_bytes(request)
    file = studio.photos.get(id_in(request)).file
    names = _names(request.query_params.get("names", "{}"))
    data = await read_body(request, MOST_DRAWN, studio.limits)
    folder = file.folder / f"mask-{secrets.token_hex(4)}"
    folder.mkdir()
    drawn, target = folder / "drawn.png", folder / f"{file.path.stem}.mask.png"
    try:
        drawn.write_bytes(data)
        found = await studio.hand.run(
            "mend",
            priority=2,
            seconds=studio.limits.view_seconds,
            photo=file,
            drawn=drawn,
            names=names,
            target=target,
        )
        drawn.unlink()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    photo = studio.photos.mend(file.id, target)
    studio.events.tell("photo", photo.shown())
    return JSONResponse({"regions": found, "photo": photo.shown()})


async def subject(request: Request) -> Response:
    studio = studio_of(request)
    file = studio.photos.get(id_in(request)).file
    data = await worked(request, studio.hand, "subject_of", priority=2, photo=file)
    return picture(data, "image/png")


def _names(text: str) -> dict[int, str]:
    """The names of labels.

    Raises:
        SettingsError: they are not `{"0": "sky", ...}`.
    """
    form = 'ids 0 to 254 and names of up to 60 characters, such as {"0": "sky"}'
    names = {}
    for key, name in json_object(text, "names").items():
        known = key.isascii() and key.isdigit() and len(key) <= 3 and int(key) < 255
        if not known or not isinstance(name, str) or not 0 < len(name) <= 60 or not name.isprintable():
            raise SettingsError(form, f"{key[:10]!r}: {name!r:.80}", "names")
        names[int(key)] = name
    return names


async def forget_mend(request: Request) -> Response:
    studio = studio_of(request)
    photo = studio.photos.mend(id_in(request), None)
    studio.events.tell("photo", photo.shown())
    return JSONResponse({"photo": photo.shown()})


async def mask(request: Request) -> Response:
    studio = studio_of(request)
    photo = studio.photos.get(id_in(request))
    data = await worked(request, studio.hand, "mask_archive", priority=4, photo=photo.file)
    return download(data, f"{photo.file.path.stem}.mask.zip", "application/zip")


ROUTES = [
    Route("/api/photos", add_photo, methods=["PUT"]),
    Route("/api/photos/{id}", change_photo, methods=["POST"]),
    Route("/api/photos/{id}", remove_photo, methods=["DELETE"]),
    Route("/api/photos/{id}/view", photo_view),
    Route("/api/photos/{id}/part", photo_part),
    Route("/api/photos/{id}/regions", regions),
    Route("/api/photos/{id}/labels", labels),
    Route("/api/photos/{id}/labels", mend, methods=["PUT"]),
    Route("/api/photos/{id}/labels", forget_mend, methods=["DELETE"]),
    Route("/api/photos/{id}/subject", subject),
    Route("/api/photos/{id}/mask", mask),
]
