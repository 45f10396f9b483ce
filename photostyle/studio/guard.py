"""Who may ask: only the page that this start of the program has opened.

| what is checked | against |
| --- | --- |
| `Host` is a name of this server | DNS rebinding: a foreign name that leads to this machine |
| the cookie holds the token, which the address of each start has | other users and programs of this machine |
| `Sec-Fetch-Site` is `same-origin`, or `none` for the address bar | pages of other sites and ports |
| `Origin` is this server for all that changes something | forged requests; `null` and a missing one are refused |
| the kind of body is JSON or raw bytes | forms of other sites, which can send neither |

Every answer forbids scripts that do not come from this server, other kinds than it says, frames, and a `Referer`.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photostyle.studio.answers import refused

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS = ("GET", "HEAD")
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""Headers of every answer."""
_OPEN_AGAIN = "Open the address that `photostyle studio` printed when it started."


TICKET_SECONDS = 60.0
"""How long a ticket is good for."""
_OPENING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>photostyle studio</title>
<meta http-equiv="refresh" content="0; url=/"><p><a href="/">Open the studio</a></p></html>
"""


@dataclass(frozen=True)
class Doorkeeper:
    """What the guard knows.

    Args:
        token: a secret of this start.
        port: of the server.
        host: the address that the server listens on.
        tickets: words that open once in place of the token, with the time of `time.monotonic` until which they do.
    """

    token: str = field(repr=False)
    port: int
    host: str = "127.0.0.1"
    tickets: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def cookie(self) -> str:
        """The name of the cookie. Browsers keep cookies by host and not by port."""
        return f"photostyle_{self.port}"

    def knows_host(self, given: str) -> bool:
        """Whether a `Host` header names this server. The port does not matter: a tunnel has another one.

        If it listens on all addresses of the machine, any plain address of it is one: a foreign name is what DNS
        rebinding needs.
        """
        name = _without_port(given.lower())
        if name in LOOPBACK or name == _bracketed(self.host):
            return True
        if not _is_any(self.host):
            return False
        own = socket.gethostname().lower()
        return name in (own, f"{own}.local") or _is_address(name.strip("[]"))

    def is_token(self, given: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def ticket(self) -> str:
        """A word that opens once. A browser is started with it, since all users of a machine can see with what."""
        word = secrets.token_urlsafe(32)
        self.tickets[word] = time.monotonic() + TICKET_SECONDS
        return word

    def opens(self, given: str) -> bool:
        """Whether this is the token, or a ticket, which is then used up."""
        return self.is_token(given) or self.tickets.pop(given, 0.0) > time.monotonic()


class Guard:
    """Lets through what the rules above allow, and answers the rest. It also puts `HEADERS` on every answer."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self._app, self._doorkeeper = app, doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"expected HTTP, found {scope['type']}")  # uvicorn is told to speak nothing else

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._answer(Request(scope, receive))
        await (answer or self._app)(scope, receive, send_guarded)

    def _answer(self, request: Request) -> Response | None:
        """The answer to a request that is not let through, or that brings the token; None for all others."""
        headers, keeper = request.headers, self._doorkeeper
        if len(headers.getlist("host")) != 1 or not keeper.knows_host(headers["host"]):
            return refused(421, "the address of this server", "another Host header", _OPEN_AGAIN)
        safe = request.method in SAFE_METHODS
        site = headers.get("sec-fetch-site")
        arrives = request.url.path == "/" and safe
        if arrives and (token := request.query_params.get("token")) is not None:
            if not keeper.opens(token):
                return refused(403, "the token of this start", "another token", _OPEN_AGAIN)
            # Coming from another site, as from a link in a web mail, a browser keeps a strict cookie but does not send
            # it along with a redirect. Our own page then goes on to "/".
            own = site in (None, "none", "same-origin")
            answer = RedirectResponse("/", 303) if own else HTMLResponse(_OPENING)
            answer.set_cookie(keeper.cookie, keeper.token, httponly=True, samesite="strict", path="/")
            return answer
        if site not in (None, "same-origin", "none") and not arrives:
            return refused(403, "a request of this page", "one of another page", _OPEN_AGAIN)
        if not keeper.is_token(request.cookies.get(keeper.cookie, "")):
            return refused(403, "the cookie of this start", "none, or another one", _OPEN_AGAIN)
        return None if safe else self._refused_change(headers)

    def _refused_change(self, headers: Headers) -> Response | None:
        """The answer to a request that may not change anything; None if it may."""
        origins = headers.getlist("origin")
        if origins != [f"http://{headers['host']}"]:
            found = f"the Origin {origins[0][:80]!r}" if origins else "no Origin"
            return refused(403, "a request of this page", found, _OPEN_AGAIN)
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return refused(403, "a request of this page", "one of another page", _OPEN_AGAIN)
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()


def _is_any(host: str) -> bool:
    return host in ("0.0.0.0", "::", "")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on this address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
