"""Records warnings of libraries for the thread that asked, and shows them to no one.

Python's warning filters belong to the whole process. If several threads change them and restore them, as
`warnings.catch_warnings` does, they can stay changed: the thread that leaves last restores what another thread had set.
Here the filters change when the first thread begins to record. They are restored when the last thread has ended. Each
warning goes to the thread that caused it.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

LIBRARIES = r"(PIL|pillow_heif|tifffile|imagecodecs)\b"
"""Modules whose warnings are recorded. They read photos, and warn of damaged files."""
BETA = "Sparse CSR tensor support is in beta"
"""A warning of torch that is recorded, too. Torch gives it once in a process."""

_lock = threading.Lock()
_recording: dict[int, list[list[str]]] = {}
_filters: list[warnings.catch_warnings[None]] = []


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Records the texts of warnings that libraries give in this thread inside the block, each text once.

    Other warnings are shown as usual. A block inside a block has its own record.
    """
    texts: list[str] = []
    thread = threading.get_ident()
    with _lock:
        if not _recording:
            _filters.append(_recording_filters())
        _recording.setdefault(thread, []).append(texts)
    try:
        yield texts
    finally:
        with _lock:
            _recording[thread].pop()
            if not _recording[thread]:
                del _recording[thread]
            if not _recording:
                _filters.pop().__exit__(None, None, None)


def _recording_filters() -> warnings.catch_warnings[None]:
    """Changes the filters of the process. Leaving the returned object restores them."""
    filters = warnings.catch_warnings()
    filters.__enter__()
    warnings.filterwarnings("always", module=LIBRARIES)
    warnings.filterwarnings("always", message=BETA)
    warnings.showwarning = _recorder(warnings.showwarning)
    return filters


def _recorder(shown: Callable[..., None]) -> Callable[..., None]:
    """A function that records a warning for its thread, or calls `shown` if that thread does not record."""

    def record(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        blocks = _recording.get(threading.get_ident())
        if blocks is None:
            shown(message, category, filename, lineno, file, line)
        elif str(message) not in blocks[-1]:
            blocks[-1].append(str(message))

    return record
