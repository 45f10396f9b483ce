"""How many threads this process computes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""The environment variables from which libraries take the number when they load."""


def use_threads(count: int) -> None:
    """Lets this process and those that it starts compute on so many threads.

    PyTorch follows whether it is loaded or not. Other libraries follow if they are loaded later, and the segmenter if
    its network is loaded later.
    """
    for library in LIBRARIES:
        os.environ[library] = str(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Lets NumPy's linear algebra compute on one thread.

    With several threads, each product waits for the slowest of them. Beside a busy core, that is a whole turn of the
    system's scheduler: 48 ms instead of 3 for one step of the solver. The libraries of PyTorch keep their threads.
    """
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()
    paths = [library["filepath"] for library in controller.info() if "torch" not in Path(library["filepath"]).parts]
    with controller.select(filepath=paths).limit(limits=1, user_api="blas"):
        yield
