"""How many threads this process computes on."""

from __future__ import annotations

import os
import sys

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
