"""Tasks for the tests of workers. Their processes import this module, so that it imports little."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from photostyle.errors import InputError
from photostyle.studio.work import process


class Tasks:
    """In the place of the tasks of a studio."""

    def __init__(self, kept_pixels: float) -> None:
        self.idle = 0

    def use_idle_time(self) -> bool:
        self.idle += 1
        return self.idle < 3

    def value(self, tell: Callable[..., None], value: Any) -> Any:
        return value

    def told(self, tell: Callable[..., None], steps: int, pause: float) -> int:
        for step in range(steps):
            tell(f"step {step}", step / steps)
            time.sleep(pause)
        return steps

    def sleep(self, tell: Callable[..., None], duration: float) -> None:
        time.sleep(duration)

    def die(self, tell: Callable[..., None]) -> None:
        os._exit(3)

    def wrong(self, tell: Callable[..., None]) -> None:
        raise InputError("a photo", "none", "a.jpg")

    def bug(self, tell: Callable[..., None]) -> None:
        raise ZeroDivisionError("nobody foresaw this")


def serve(*arguments: Any) -> None:
    """What a process of these tests runs."""
    process.load_tasks = Tasks
    process.serve(*arguments)


def serve_nothing(*_: Any) -> None:
    os._exit(4)
