"""How many threads to compute on."""

from __future__ import annotations

import os
import re
import sys


def available_cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """The number of threads to compute on: as many as PyTorch, if that is loaded.

    Otherwise it is the first number in the environment variable `OMP_NUM_THREADS`, or `available_cores`.
    """
    if "torch" in sys.modules:
        return int(sys.modules["torch"].get_num_threads())
    if wanted := re.match(r"\s*0*([1-9]\d*)", os.environ.get("OMP_NUM_THREADS", "")):
        return int(wanted[1])
    return available_cores()
