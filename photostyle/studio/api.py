"""The addresses of the studio as a whole, and all others together."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from photostyle.studio import api_photos, api_queue, api_transfers
from photostyle.studio.answers import body_of
from photostyle.studio.requests import studio_of


async def state(request: Request) -> Response:
    return JSONResponse(studio_of(request).state())


async def events(request: Request) -> Response:
    stream = studio_of(request).events.stream()
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def sliders(request: Request) -> Response:
    return JSONResponse({"presets": studio_of(request).sliders.all()})


async def put_sliders(request: Request) -> Response:
    studio = studio_of(request)
    studio.sliders.put(request.path_params["name"], await body_of(request, studio.limits))
    return JSONResponse({"presets": studio.sliders.all()})


async def remove_sliders(request: Request) -> Response:
    studio_of(request).sliders.remove(request.path_params["name"])
    return Response(status_code=204)


ROUTES = [
    Route("/api/state", state),
    Route("/api/events", events),
    Route("/api/sliders", sliders),
    Route("/api/sliders/{name}", put_sliders, methods=["PUT"]),
    Route("/api/sliders/{name}", remove_sliders, methods=["DELETE"]),
    *api_photos.ROUTES,
    *api_transfers.ROUTES,
    *api_queue.ROUTES,
]
