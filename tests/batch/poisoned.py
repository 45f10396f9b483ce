"""Workers of a cluster that go wrong; a module of their own, since Ray imports it where they work."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

from photostyle.batch.job import Options
from photostyle.batch.remote import Loaded, Remote

POISON = "poison"


class Poisoned(Remote):
    """Killed by the photos whose names say so."""

    def solve(self, output: str) -> None:
        if POISON in output:
            os.kill(os.getpid(), signal.SIGKILL)
        super().solve(output)


class Older(Remote):
    """Of another version."""

    def load(self, options: Options, folder: str) -> Loaded:
        return Loaded(0.0, "0.0.1", "there", os.getpid())


class Dying(Remote):
    """Dead before it is ready."""

    def load(self, options: Options, folder: str) -> NoReturn:
        os._exit(3)
