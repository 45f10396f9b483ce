"""Runs the server until it is stopped."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from photostyle.errors import SettingsError
from photostyle.studio.guard import Doorkeeper, is_loopback
from photostyle.studio.server import make_app
from photostyle.studio.studio import Studio


class Server(uvicorn.Server):
    """Opens the browser once it answers, and ends the streams when it is to stop.

    Args:
        config: see uvicorn.
        studio: what it serves.
        opened: the address for the browser; None for no browser.
    """

    def __init__(self, config: uvicorn.Config, studio: Studio, opened: str | None) -> None:
        super().__init__(config)
        self._studio, self._opened = studio, opened

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._opened and self.started and _has_screen():
            threading.Thread(target=webbrowser.open, args=(self._opened,), daemon=True).start()

    def handle_exit(self, sig: int, frame: object) -> None:
        self._studio.events.close()
        super().handle_exit(sig, frame)  # type: ignore[arg-type]


def serve(
    folder: Path, photos: Sequence[Path], *,
    host: str, port: int | None, default_port: int, browser: bool, as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    """Runs a studio until a signal stops it; returns the exit code.

    Args:
        folder: where results go.
        photos: to begin with.
        host, port: where to listen; without a port, `default_port`, or a free one if that is taken.
        browser: whether to open a browser.
        as_json: whether to print the address as JSON on standard output.
        quiet: whether to print only the address.

    Raises:
        SettingsError: the address or the port cannot be used.
    """
    listening = _listen(host, port, default_port)
    own_port = int(listening.getsockname()[1])
    doorkeeper = Doorkeeper(secrets.token_urlsafe(32), own_port, host)
    shown_host = host if host not in ("0.0.0.0", "::", "") else socket.gethostname()
    door = f"http://{f'[{shown_host}]' if ':' in shown_host else shown_host}:{own_port}/?token="
    address = f"{door}{doorkeeper.token}"
    studio = Studio(folder, photos)
    config = uvicorn.Config(
        make_app(studio, doorkeeper), log_level="warning", access_log=False, lifespan="on", ws="none", loop="asyncio",
        http="h11", server_header=False, proxy_headers=False, timeout_graceful_shutdown=5, limit_concurrency=500,
    )  # fmt: skip
    if as_json:
        print(json.dumps({"address": address, "port": own_port}), flush=True)
    else:
        print(address, flush=True)
    if not quiet:
        print(f"photostyle: the studio is at this address. Results go to {folder}. Ctrl-C ends it.", file=sys.stderr)
        if not is_loopback(host):
            print(
                "photostyle: warning: other machines can reach this page. They need the address with its token. The "
                "connection is not encrypted: use it only in a network that you trust.",
                file=sys.stderr,
            )
    try:
        Server(config, studio, f"{door}{doorkeeper.ticket()}" if browser else None).run([listening])
    except KeyboardInterrupt:
        pass
    finally:
        studio.close()
    return 0


def _has_screen() -> bool:
    """Whether a browser would open a window, and not take the terminal."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _listen(host: str, port: int | None, default_port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingsError: the address or the port cannot be used.
    """
    try:
        family = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    except (OSError, UnicodeError) as error:
        raise SettingsError("an address of this machine", repr(host)[:80], "--host") from error
    for wanted in [default_port, 0] if port is None else [port]:
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, wanted))
            listening.listen(128)  # who opens the address at once waits for the server, and is not turned away
            return listening
        except OSError as error:
            listening.close()
            reason = error.strerror or str(error)
    advice = "Choose another --port, or leave it out for a free one."
    raise SettingsError("a free port", f"port {wanted} cannot be used ({reason})", "--port", advice)
