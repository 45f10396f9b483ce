"""Server-sent events: what happens, told to every page that listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from photostyle.studio.answers import LimitError

MOST_WAITING = 1000
"""Events that may wait for a page that does not read. It is then cut off; when it connects again, it asks for all."""
ALIVE_EVERY = 15.0
"""Seconds after which a line without meaning shows that the connection is alive."""


class Events:
    """Tells all listeners what happens.

    Args:
        most: listeners at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._listeners: set[asyncio.Queue[str | None]] = set()

    def tell(self, kind: str, content: dict[str, Any]) -> None:
        """Tells all listeners; see the contract in docs/studio.md for the kinds."""
        line = f"data: {json.dumps({'kind': kind, **content})}\n\n"
        for listener in list(self._listeners):
            if listener.qsize() >= MOST_WAITING:
                self._cut_off(listener)
            else:
                listener.put_nowait(line)

    def close(self) -> None:
        """Ends all streams."""
        for listener in list(self._listeners):
            self._cut_off(listener)

    def stream(self) -> AsyncIterator[str]:
        """The events from now on, as the lines of a text/event-stream.

        Raises:
            LimitError: there are too many listeners.
        """
        if len(self._listeners) >= self._most:
            advice = "Close other tabs of the studio."
            raise LimitError(f"at most {self._most} pages at a time", "one more", "the studio", advice)
        return self._lines()

    async def _lines(self) -> AsyncIterator[str]:
        listener: asyncio.Queue[str | None] = asyncio.Queue()
        self._listeners.add(listener)
        try:
            yield "retry: 1000\n\n"
            while True:
                try:
                    line = await asyncio.wait_for(listener.get(), ALIVE_EVERY)
                except TimeoutError:
                    line = ": alive\n\n"
                if line is None:
                    return
                yield line
        finally:
            self._listeners.discard(listener)

    def _cut_off(self, listener: asyncio.Queue[str | None]) -> None:
        self._listeners.discard(listener)
        listener.put_nowait(None)
