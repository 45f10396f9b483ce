"""The application: the page's files and the API behind the guard."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from photostyle.errors import PhotostyleError
from photostyle.studio.answers import on_bug, on_error, on_http_error
from photostyle.studio.api import ROUTES
from photostyle.studio.guard import Doorkeeper, Guard
from photostyle.studio.studio import Studio
from photostyle.studio.workers import JobStoppedError, UnforeseenError

PAGE = Path(__file__).parent / "page"
KINDS = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}  # fmt: skip
"""What is served of the page's own files, by their endings."""


def page_files() -> dict[str, Path]:
    """The page's files by their addresses. They are listed once: no address becomes a path."""
    files = {f"/{path.relative_to(PAGE).as_posix()}": path for path in sorted(PAGE.rglob("*")) if path.suffix in KINDS}
    return {"/": PAGE / "index.html"} | files


async def page_file(request: Request) -> Response:
    path = page_files().get(request.url.path)
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, media_type=KINDS[path.suffix], headers={"Cache-Control": "no-cache"})


def make_app(studio: Studio, doorkeeper: Doorkeeper) -> Guard:
    """The application behind its guard. It starts and closes the studio."""

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        studio.start()
        adding = asyncio.create_task(studio.add_given()) if studio.given else None
        try:
            yield
        finally:
            if adding is not None:
                adding.cancel()
            await studio.stop()
            studio.close()

    routes = [*ROUTES, Route("/{path:path}", page_file)]
    expected = (PhotostyleError, JobStoppedError, UnforeseenError)
    handlers = {HTTPException: on_http_error, Exception: on_bug, **dict.fromkeys(expected, on_error)}
    app = Starlette(routes=routes, lifespan=life, exception_handlers=handlers)
    app.state.studio = studio
    return Guard(app, doorkeeper)  # around everything, the answers to bugs too
