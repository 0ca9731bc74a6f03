"""Rations: how often something may be done, in all and for each of those who ask for it. Token buckets.

Pure: the time is an argument, in seconds of any clock that never goes back. Memory is bounded, whoever asks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

_REMEMBERED = 256


class Ration:
    """One ration.

    :param per_second: how fast it comes back
    :param most: how much of it there is at once, and at the beginning
    """

    __slots__ = ("_at", "_left", "_most", "_per_second")

    def __init__(self, per_second: float, most: float) -> None:
        self._per_second = per_second
        self._most = self._left = most
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Whether it may be done once more."""
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Rations:
    """A ration for each who asks, within one for all: who makes up names gets no more by it.

    :param each: rate and most of one
    :param all_together: rate and most of all
    """

    def __init__(self, each: tuple[float, float], all_together: tuple[float, float]) -> None:
        self._each = each
        self._all = Ration(*all_together)
        self._by_name: OrderedDict[Hashable, Ration] = OrderedDict()

    def take(self, name: Hashable, now: float) -> bool:
        """Whether it may be done once more for *name*."""
        own = self._by_name.get(name)
        if own is None:
            own = self._by_name[name] = Ration(*self._each)
            if len(self._by_name) > _REMEMBERED:
                self._by_name.popitem(last=False)
        else:
            self._by_name.move_to_end(name)
        return own.take(now) and self._all.take(now)
