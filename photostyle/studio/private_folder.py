"""The studio's private folder for uploads and what is made from them. It is removed at the end.

Each folder has a lock that its studio holds. What a studio left that was killed is removed by the next one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX, LOCK = "photostyle-studio-", "lock"


class PrivateFolder:
    """A new folder that only this user can read.

    Attributes:
        path: the folder.
    """

    def __init__(self) -> None:
        _remove_left_over(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = FileLock(self.path / LOCK)
        self._lock.acquire()

    def remove(self) -> None:
        """Removes the folder."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_left_over(folder: Path) -> None:
    """Removes the folders of this user whose studios have ended."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError, Timeout):
            own = not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()
            if not own or path.is_symlink() or not (path / LOCK).is_file():
                continue
            with FileLock(path / LOCK, timeout=0):
                pass
            shutil.rmtree(path, ignore_errors=True)
