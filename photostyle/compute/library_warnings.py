"""What libraries warn of, recorded for the thread that asked and shown to no one.

Python's warning filters belong to the whole process. Threads that each change them and put them back, as
`warnings.catch_warnings` does, leave them changed in the end: the one that entered last may be the last to leave, and
puts back what another had set. Here they are changed when the first thread begins to record and put back when the last
one has ended, and each warning goes to the thread that caused it.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

LIBRARIES = r"(PIL|pillow_heif|tifffile|imagecodecs)\b"
"""Modules whose warnings are recorded: what reads photos, and warns where a file is damaged."""
BETA = "Sparse CSR tensor support is in beta"
"""Of torch, recorded too, which says it once in a process."""

_lock = threading.Lock()
_recording: dict[int, list[list[str]]] = {}
_filters: list[warnings.catch_warnings[None]] = []


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """The texts of what this thread's libraries warn of inside the block, each once; other warnings go their way.

    A block within a block records for itself.
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
    """Changes the process's filters; leaving what it returns puts them back."""
    filters = warnings.catch_warnings()
    filters.__enter__()
    warnings.filterwarnings("always", module=LIBRARIES)
    warnings.filterwarnings("always", message=BETA)
    warnings.showwarning = _recorder(warnings.showwarning)
    return filters


def _recorder(shown: Callable[..., None]) -> Callable[..., None]:
    """Records for the thread that warns, or, where that one does not record, calls `shown`."""

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
