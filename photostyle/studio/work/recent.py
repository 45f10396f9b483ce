"""What was used most recently, up to a budget."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_V = TypeVar("_V")


class Recent(Generic[_V]):
    """Keeps values, and forgets those that were not used for the longest time.

    Args:
        most: the budget. The newest value is kept even if it costs more.
        cost: what a value costs, in the unit of `most`; 1 each by default.
        dropped: is called with a value that is forgotten.
    """

    def __init__(
        self,
        most: float,
        cost: Callable[[_V], float] = lambda _: 1.0,
        dropped: Callable[[_V], object] = lambda _: None,
    ) -> None:
        self._most, self._cost, self._dropped = most, cost, dropped
        self._values: OrderedDict[Hashable, _V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _V]) -> _V:
        """The value of a key; `make` makes it if it is not kept."""
        if key not in self._values:
            value = make()
            self._values[key] = value
            while len(self._values) > 1 and sum(map(self._cost, self._values.values())) > self._most:
                self._dropped(self._values.popitem(last=False)[1])
        self._values.move_to_end(key)
        return self._values[key]

    def last(self) -> _V | None:
        """The value that was used last; None if there is none."""
        return next(reversed(self._values.values()), None)
