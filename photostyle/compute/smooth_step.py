"""The cubic step from 0 to 1."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Values = TypeVar("_Values", bound=NDArray[np.floating[Any]])


def smooth_step(values: _Values, low: float, high: float) -> _Values:
    """0 up to `low`, 1 from `high` on, and between them 3 t^2 - 2 t^3 with t from 0 to 1; for values of any shape."""
    t = ((values - low) / (high - low)).clip(0, 1)
    stepped: _Values = t * t * (3 - 2 * t)
    return stepped
