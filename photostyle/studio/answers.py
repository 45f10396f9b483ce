"""Answers in JSON, and errors as answers. Each error says the same words as on the command line."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from photostyle.errors import InputError, OutputError, PhotostyleError, SettingsError, WeightsError
from photostyle.studio.limits import Limits
from photostyle.studio.workers import JobStoppedError, UnforeseenError, WorkerDiedError

STATUS = {SettingsError: 400, InputError: 422, OutputError: 409, WeightsError: 503, WorkerDiedError: 503}
"""The HTTP status of each kind of error."""
BUG = PhotostyleError.stating(
    "this is a bug in photostyle",
    advice="Please report it, with what the terminal shows and the output of `photostyle doctor`.",
)
STOPPED = PhotostyleError.stating("this was stopped")


class LimitError(InputError):
    """A limit of the studio has been reached."""


class MissingError(PhotostyleError):
    """There is no such photo, transfer or file, or no longer."""


def in_json(error: PhotostyleError) -> dict[str, str]:
    """An error as the page shows it."""
    return {
        "expected": error.expected, "found": error.found, "where": error.where, "advice": error.advice,
        "text": str(error),
    }  # fmt: skip


def as_error(error: BaseException) -> PhotostyleError:
    """Any exception in the words that the page shows. What nobody foresaw is written to standard error."""
    if isinstance(error, PhotostyleError):
        return error
    if isinstance(error, JobStoppedError):
        return STOPPED
    if not isinstance(error, UnforeseenError):  # the traceback of a worker has been shown when it came
        traceback.print_exception(error, file=sys.stderr)
    return BUG


def answer_to(error: BaseException) -> JSONResponse:
    """The answer to an exception."""
    told = as_error(error)
    status = 409 if told is STOPPED else next((code for kind, code in STATUS.items() if isinstance(told, kind)), 500)
    if isinstance(told, MissingError):
        status = 404
    if isinstance(told, LimitError):
        status = 413
    return JSONResponse({"error": in_json(told)}, status)


def refused(status: int, expected: str, found: str, advice: str) -> Response:
    """The answer to a request that is not let through."""
    return JSONResponse({"error": in_json(PhotostyleError(expected, found, advice=advice))}, status)


async def on_error(_: Request, error: Exception) -> Response:
    """Answers an exception that a route has raised, and that is no bug of the server itself."""
    return answer_to(error)


async def on_bug(_: Request, __: Exception) -> Response:
    """Answers a bug of the server. It goes on, and uvicorn writes the traceback to standard error."""
    return JSONResponse({"error": in_json(BUG)}, 500)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answers an address or a method that there is not."""
    assert isinstance(error, HTTPException)
    found = {404: "no such address", 405: f"{request.method} is not possible here"}.get(error.status_code, error.detail)
    return JSONResponse({"error": in_json(PhotostyleError.stating(found))}, error.status_code)


async def body_of(request: Request, limits: Limits) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        SettingsError: it is none, or says that it is something else.
        LimitError: it is too long, or takes too long.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise SettingsError("a body of application/json", kind or "none", "Content-Type")
    return json_object(await read_body(request, limits.json_bytes, limits), "the request")


async def read_body(request: Request, most: int, limits: Limits) -> bytes:
    """The bytes of a small body.

    Raises:
        LimitError: it is longer than `most` bytes, or takes too long.
    """
    data = bytearray()
    try:
        async with asyncio.timeout(limits.upload_seconds):
            async for chunk in request.stream():
                data += chunk
                if len(data) > most:
                    raise LimitError(f"at most {most:,} bytes", "more", "the request")
    except TimeoutError as error:
        raise LimitError(f"all of it within {limits.upload_seconds:.0f} seconds", "less", "the request") from error
    return bytes(data)


def json_object(data: bytes | str, where: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        SettingsError: it is none.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SettingsError("a JSON object", str(error)[:200], where) from error
    if not isinstance(found, dict):
        raise SettingsError("a JSON object", f"a {type(found).__name__}", where)
    return found
