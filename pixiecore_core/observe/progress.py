"""The files that are being sent right now: whose, which, how far. Nothing is reported: whoever wants to know asks.

Whatever sends files says what is under way when it is asked, so that a boot pays nothing for being watched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Moving:
    """A file on its way to a machine."""

    mac: str
    file: str
    size: int
    """Bytes."""
    bytes: int = 0
    """Sent so far."""
    began: float = field(default_factory=time.monotonic)
    """Seconds, monotonic."""

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began


class Progress:
    """What is under way."""

    def __init__(self) -> None:
        self._moving: set[Moving] = set()
        self._sources: list[Callable[[], Iterable[Moving]]] = []

    def begin(self, moving: Moving) -> Moving:
        """A file is being sent; its ``bytes`` are the sender's to count, and :meth:`end` is called in the end."""
        self._moving.add(moving)
        return moving

    def end(self, moving: Moving) -> None:
        """It is no longer being sent."""
        self._moving.discard(moving)

    def ask(self, source: Callable[[], Iterable[Moving]]) -> None:
        """Ask *source*, too, what is under way."""
        self._sources.append(source)

    def now(self) -> dict[str, Moving]:
        """For each machine, the file that began last."""
        found: dict[str, Moving] = {}
        for moving in (*self._moving, *(one for source in self._sources for one in source())):
            before = found.get(moving.mac)
            if before is None or before.began < moving.began:
                found[moving.mac] = moving
        return found
