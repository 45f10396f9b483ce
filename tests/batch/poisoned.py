"""Workers of a cluster that go wrong; a module of their own, since Ray imports it where they work."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

from photostyle.batch.cluster_actor import ActorInfo, WorkerActor
from photostyle.batch.job import WorkerOptions

POISON = "poison"


class Poisoned(WorkerActor):
    """Killed by the photos whose names say so."""

    def solve(self, output: str) -> None:
        if POISON in output:
            os.kill(os.getpid(), signal.SIGKILL)
        super().solve(output)


class Older(WorkerActor):
    """Of another version."""

    def load(self, options: WorkerOptions, folder: str) -> ActorInfo:
        return ActorInfo(0.0, "0.0.1", "there", os.getpid())


class Dying(WorkerActor):
    """Dead before it is ready."""

    def load(self, options: WorkerOptions, folder: str) -> NoReturn:
        os._exit(3)
