"""The built-in classes, the meaning of the values in a label map, and the colours that show the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNLABELLED = 255
"""The value of a pixel that belongs to no region."""
UNSPECIFIED = 254
"""The value of a pixel that is a vehicle, person, animal or object, when it is not known which of the four."""
FOREGROUND = (6, 7, 8, 9)
"""The ids of vehicle, person, animal and object."""


@dataclass(frozen=True)
class Label:
    """One value of a label map.

    Args:
        id: the value, 0 to 254.
        name: the name of the class.
        colour: the colour that shows the class, sRGB-encoded, each channel 0 to 255.
    """

    id: int
    name: str
    colour: tuple[int, int, int]


CLASSES = (
    Label(0, "sky", (70, 160, 255)),
    Label(1, "building", (200, 60, 50)),
    Label(2, "vegetation", (40, 160, 40)),
    Label(3, "water", (0, 40, 200)),
    Label(4, "ground", (150, 150, 150)),
    Label(5, "mountain", (150, 100, 40)),
    Label(6, "vehicle", (255, 0, 255)),
    Label(7, "person", (255, 200, 0)),
    Label(8, "animal", (0, 230, 230)),
    Label(9, "object", (255, 255, 160)),
    Label(254, "foreground_unspecified", (255, 120, 0)),
)
"""The classes of the project's image data. For 254, see `UNSPECIFIED`."""

NAMES: Mapping[int, str] = MappingProxyType({label.id: label.name for label in CLASSES})
"""The name of each class, by id."""


def labels_in(labels: NDArray[np.uint8 | np.intp]) -> list[int]:
    """The labels that occur in `(...)` labels of at least 0, in rising order."""
    import numpy as np

    found: list[int] = np.flatnonzero(np.bincount(labels.ravel())).tolist()
    return found
