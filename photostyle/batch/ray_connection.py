"""The connection to a Ray cluster. It gives up in time if nothing answers, and prints nothing on standard output."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO
from urllib.parse import urlsplit

from photostyle.errors import SettingsError

AUTO = "auto"
"""Instead of an address: the cluster that this machine belongs to. If there is none, Ray starts on this machine."""
PORT = 10001
"""Port of ray:// addresses without one; Ray's default."""
ANSWER_SECONDS = 10
"""Longest time for a cluster's head to accept a connection (our choice). Ray's own checks then end within a minute."""
STORE_BYTES = 100_000_000
"""Size of the object store if Ray starts here. Photos do not go through it."""
INSTALL = "pip install 'photostyle[cluster]'"
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class RayConnection:
    """A connection, open from the start.

    Ray's threads print on standard error, and signal handlers stay as they were: without this Ray would change both.

    Args:
        address: ray://host:port, host:port or "auto".
        processors: how many a Ray has that starts here because "auto" finds no cluster.

    Attributes:
        ray: the module `ray`.

    Raises:
        SettingsError: Ray is not installed, the address is not valid, or nothing answers there.
    """

    def __init__(self, address: str, processors: int) -> None:
        address = _checked(address)
        self.ray = _module()
        self._own = not self.ray.is_initialized()
        self._stdout = sys.stdout
        sys.stdout = _ThreadOutput(self._stdout)
        if self._own:
            try:
                with _signals_kept(), warnings.catch_warnings():
                    warnings.filterwarnings("ignore", module=r"ray\.|ray$")  # they announce changes of Ray itself
                    self._connect(address, processors)
            except BaseException:
                sys.stdout = self._stdout
                raise

    def close(self) -> None:
        """Ends the connection if it was opened here, and a Ray that was started here."""
        if self._own:
            self.ray.shutdown()
        sys.stdout = self._stdout

    def free(self) -> dict[str, float]:
        """What is free in the cluster: CPU, GPU, memory in bytes."""
        return dict(self.ray.available_resources())

    def _connect(self, address: str, processors: int) -> None:
        quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
        try:
            self.ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            if address != AUTO or os.environ.get("RAY_ADDRESS"):
                raise _no_answer(address, " ".join(str(error).split())[:200]) from error
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            self.ray.init(
                address="local", num_cpus=processors, include_dashboard=False, object_store_memory=STORE_BYTES, **quiet
            )


def _module() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise SettingsError("Ray to be installed", "no Ray", "--cluster", INSTALL) from error
    return ray


def _checked(address: str) -> str:
    """The address with its port.

    Raises:
        SettingsError: it is not valid, or nothing accepts a connection there.
    """
    if address == AUTO:
        return address
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port or (PORT if parts.scheme else None)
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("ray", "") or not host or not port:
        raise SettingsError("ray://HOST:10001 or auto", address, "--cluster")
    try:
        socket.create_connection((host, port), ANSWER_SECONDS).close()
    except OSError as error:
        raise _no_answer(address, error.strerror or str(error)) from error
    return f"{'ray://' * bool(parts.scheme)}{f'[{host}]' if ':' in host else host}:{port}"


def _no_answer(address: str, found: str) -> SettingsError:
    advice = "Check the address, the token, and that the head runs (`ray start --head`); see docs/cluster.md."
    return SettingsError("a Ray cluster that answers", found, f"--cluster {address}", advice)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Restores the signal handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.getsignal(name) for name in SIGNALS}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


class _ThreadOutput:
    """Standard output for the thread that made this, standard error for all other threads."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout, self._thread = stdout, threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout if threading.get_ident() == self._thread else sys.stderr, name)
