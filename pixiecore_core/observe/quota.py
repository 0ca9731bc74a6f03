"""How many lines of one kind a log takes: what a stranger can cause at will, or what repeats itself, must not fill it.

Pure: the time is an argument, and memory is bounded whatever kinds there are. Writes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Kind = TypeVar("Kind", bound=Hashable)

_MOST_KINDS = 5000


@dataclass(slots=True)
class _Window:
    began: float
    most: int
    lines: int
    example: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Lines of one kind that were not written."""

    number: int
    example: str
    """The first that was written."""


class Quota(Generic[Kind]):
    """So many lines of each kind in so many seconds.

    :param lines: that are written
    :param seconds: after which a kind begins anew
    """

    def __init__(self, lines: int, seconds: float) -> None:
        self._lines = lines
        self._seconds = seconds
        self._windows: OrderedDict[Kind, _Window] = OrderedDict()  # those that began first are first

    def allows(self, kind: Kind, line: str, most: int | None, now: float) -> bool:
        """Whether one more line may be written.

        :param most: lines of this kind, where those are not as many as of the others
        :param now: seconds of any clock that never goes back; :meth:`ended` has been asked with it
        """
        window = self._windows.get(kind)
        if window is None:
            window = self._windows[kind] = _Window(now, self._lines if most is None else most, 0, line)
        window.lines += 1
        return window.lines <= window.most

    def ended(self, now: float) -> list[LeftOut]:
        """What was left out of the kinds whose time is over."""
        found = []
        while self._windows:
            kind, window = next(iter(self._windows.items()))
            if now - window.began < self._seconds and len(self._windows) <= _MOST_KINDS:
                break
            del self._windows[kind]
            if window.lines > window.most:
                found.append(LeftOut(window.lines - window.most, window.example))
        return found
