"""The addresses of transfers and of what is made from them."""

from __future__ import annotations

import secrets
from pathlib import Path, PurePath
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from photostyle.errors import SettingsError
from photostyle.files import endings
from photostyle.studio import transfer_store
from photostyle.studio.answers import MissingError, body_of
from photostyle.studio.command_words import in_one_line, path_of, run_words
from photostyle.studio.photo_store import harmless_name
from photostyle.studio.requests import (
    attachment,
    check_format,
    check_preset,
    download,
    id_in,
    number_in,
    part_in,
    picture,
    settings_in,
    sliders_of,
    studio_of,
    worked,
)
from photostyle.studio.sizes import MOST_VIEW
from photostyle.studio.slider_settings import shown_only
from photostyle.studio.studio import FORMATS, Studio
from photostyle.studio.transfer_store import Transfer
from photostyle.studio.workers import Worker

KINDS = {"cube": ".cube", "hald": ".png"}


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
    content, preset = body.get("content"), check_preset(studio, body.get("preset", "default"))
    if not isinstance(content, str):
        raise SettingsError("the id of a photo", repr(content)[:40], "content")
    photo = studio.photos.get(content)
    if photo.about["is_look"]:
        raise SettingsError.stating("a saved look can only be used as a style", photo.name)
    styles = transfer_store.styles_of(body.get("styles"), lambda id: studio.photos.get(id).file)
    return transfer_store.Request(photo.file, styles, preset, _matches(body.get("matches")))


def _matches(given: object) -> tuple[tuple[str, str], ...]:
    """The matches of a request, in a fixed order.

    Raises:
        SettingsError: they are no object of names.
    """
    if given is None:
        return ()
    if not isinstance(given, dict) or len(given) > 50 or not all(isinstance(name, str) for name in given.values()):
        raise SettingsError('names of regions, such as {"water": "sky"}', repr(given)[:60], "matches")
    return tuple(sorted(given.items()))


async def stop_transfer(request: Request) -> Response:
    return JSONResponse({"transfer": studio_of(request).transfers.stop(id_in(request)).shown()})


async def remove_transfer(request: Request) -> Response:
    studio_of(request).transfers.remove(id_in(request))
    return Response(status_code=204)


async def transfer_view(request: Request) -> Response:
    longest = number_in(request, "longest", 1200, 16, MOST_VIEW)
    return await _picture_of_result(request, studio_of(request).eye, "transfer_view", longest=longest)


async def transfer_part(request: Request) -> Response:
    return await _picture_of_result(request, studio_of(request).hand, "transfer_part", part=part_in(request))


async def _picture_of_result(request: Request, worker: Worker, task: str, **what: Any) -> Response:
    """What a worker's task makes of a result, with the settings in the address, before all other work."""
    transfer = studio_of(request).transfers.solved(id_in(request))
    data = await worked(
        request, worker, task, priority=1, transfer=transfer.path, content=transfer.request.content,
        settings=shown_only(settings_in(request, transfer)), **what,
    )  # fmt: skip
    return picture(data)


async def command(request: Request) -> Response:
    studio = studio_of(request)
    transfer = studio.transfers.solved(id_in(request))
    ending = check_format(request.query_params.get("format", "jpeg"))[1]
    name = default_name(studio, transfer, ending)
    content, styles = _photos(studio, transfer)
    own = _mask_names(transfer)
    wanted = transfer.request
    given = [(path_of(photo), s.weight, s.region) for photo, s in zip(styles, wanted.styles, strict=True)]
    output = str(PurePath(studio.folder.name) / name)
    words = run_words(path_of(content), given, own, wanted.preset, settings_in(request, transfer), output)
    return JSONResponse({"command": in_one_line(words), "words": words, "masks": own})


def default_name(studio: Studio, transfer: Transfer, ending: str) -> str:
    """What a result is called: `city.sunset.jpg`."""
    content, styles = _photos(studio, transfer)
    return harmless_name(f"{PurePath(content.name).stem}.{PurePath(styles[0].name).stem}{ending}")


def _photos(studio: Studio, transfer: Transfer) -> tuple[Any, list[Any]]:
    request = transfer.request
    return studio.photos.get(request.content.id), [studio.photos.get(style.photo.id) for style in request.styles]


def _mask_names(transfer: Transfer) -> list[str]:
    """The names of the masks of a transfer as the archive of its masks has them; empty without masks."""
    return [name for name, _ in _masks(transfer)]


def _masks(transfer: Transfer) -> list[tuple[str, Path]]:
    """The masks of a transfer: the name of each in the archive of its masks, and its file."""
    found = transfer.found.get("masks") or []
    folders = ["content", *(f"style{ending}" for ending in endings(len(found) - 1))]
    return [(f"{folder}/{mask.name}", mask) for folder, mask in zip(folders, found, strict=False) if mask is not None]


async def masks(request: Request) -> Response:
    studio = studio_of(request)
    transfer = studio.transfers.solved(id_in(request))
    files = _masks(transfer)
    if not files:
        raise MissingError.stating("this result has no masks", advice="Regions were found automatically.")
    beside = [(f"{name.partition('/')[0]}/classes.json", mask.with_name("classes.json")) for name, mask in files]
    data = await worked(request, studio.hand, "archive", priority=4, files=dict([*files, *beside]))
    return download(data, "masks.zip", "application/zip")


async def save(request: Request) -> Response:
    studio = studio_of(request)
    transfer = studio.transfers.solved(id_in(request))
    body = await body_of(request, studio.limits)
    format, ending = check_format(body.get("format", "jpeg"))
    settings = sliders_of(body.get("settings", {}), transfer)
    name = body.get("name")
    if name is not None and not isinstance(name, str):
        raise SettingsError("the name of a file", repr(name)[:60], "name")
    name = default_name(studio, transfer, ending) if not name else _with_ending(harmless_name(name), ending)
    wanted = transfer.request
    inputs = [wanted.content.path, *(style.photo.path for style in wanted.styles)]

    async def make() -> dict[str, Any]:
        written: dict[str, Any] = await studio.hand.run(
            "save",
            priority=4,
            seconds=studio.limits.save_seconds,
            transfer=transfer.path,
            content=wanted.content,
            settings=settings,
            format=format.upper(),
            folder=studio.folder,
            name=name,
            inputs=inputs,
        )
        return written

    return JSONResponse({"job": studio.results.make({"transfer": transfer.id}, make)}, 202)


def _with_ending(name: str, ending: str) -> str:
    """The name with the ending of its format; another ending of a photo is replaced."""
    path, endings = PurePath(name), {known for _, known, _ in FORMATS} | {".jpeg", ".tiff"}
    return f"{path.stem if path.suffix.lower() in endings else name}{ending}"


async def file(request: Request) -> Response:
    made = studio_of(request).results.get(id_in(request))
    headers = {"Content-Disposition": attachment(made.path.name)}
    return FileResponse(made.path, media_type="application/octet-stream", headers=headers)


async def look(request: Request) -> Response:
    studio = studio_of(request)
    transfer = studio.transfers.solved(id_in(request))
    wanted = transfer.request
    settings = shown_only(settings_in(request, transfer))
    settings.pop("look.regions", None)  # regions of this photo
    styles = _photos(studio, transfer)[1]
    target = studio.private / f"{secrets.token_hex(8)}.photostyle"
    try:
        await studio.worker_for(wanted.preset).run(
            "save_look",
            priority=4,
            seconds=studio.limits.save_seconds,
            styles=wanted.styles,
            preset=wanted.preset,
            settings=settings,
            target=target,
        )
        return download(target.read_bytes(), f"{PurePath(styles[0].name).stem}.photostyle")
    finally:
        target.unlink(missing_ok=True)


async def lut(request: Request) -> Response:
    studio = studio_of(request)
    transfer = studio.transfers.solved(id_in(request))
    kind = request.query_params.get("kind", "cube")
    if kind not in KINDS:
        raise SettingsError("cube or hald", repr(kind)[:40], "kind")
    content, styles = _photos(studio, transfer)
    stems = ", ".join(PurePath(style.name).stem for style in styles)
    title = f"{PurePath(content.name).stem} with the look of {stems}"
    target = studio.private / f"{secrets.token_hex(8)}{KINDS[kind]}"
    try:
        error = await worked(
            request,
            studio.hand,
            "lut",
            priority=4,
            seconds=studio.limits.save_seconds,
            transfer=transfer.path,
            content=transfer.request.content,
            settings=shown_only(settings_in(request, transfer)),
            title=title,
            target=target,
        )
        name = default_name(studio, transfer, KINDS[kind])
        stated = f"{error['mean']:.2f}"
        return download(
            target.read_bytes(), name, **{"X-Photostyle-Error": stated, "X-Photostyle-P95": f"{error['p95']:.2f}"}
        )
    finally:
        target.unlink(missing_ok=True)


ROUTES = [
    Route("/api/transfers", ask_transfer, methods=["POST"]),
    Route("/api/transfers/{id}", remove_transfer, methods=["DELETE"]),
    Route("/api/transfers/{id}/stop", stop_transfer, methods=["POST"]),
    Route("/api/transfers/{id}/view", transfer_view),
    Route("/api/transfers/{id}/part", transfer_part),
    Route("/api/transfers/{id}/command", command),
    Route("/api/transfers/{id}/masks", masks),
    Route("/api/transfers/{id}/save", save, methods=["POST"]),
    Route("/api/transfers/{id}/look", look),
    Route("/api/transfers/{id}/lut", lut),
    Route("/api/files/{id}", file),
]
