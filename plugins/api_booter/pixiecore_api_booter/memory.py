"""Until when something holds for a machine, for a bounded number of machines: the oldest are forgotten first.

Remembers no answers: see :mod:`pixiecore_api_booter.booter`.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

MACHINES = 10_000


class Memory:
    """Remembers for each MAC address a reason, for some seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def note(self, mac: str, seconds: float, reason: str = "") -> None:
        """Remember *mac*, in place of what was remembered about it."""
        with self._lock:
            self._until[mac] = (time.monotonic() + seconds, reason)
            self._until.move_to_end(mac)
            if len(self._until) > MACHINES:
                self._until.popitem(last=False)

    def left(self, mac: str) -> tuple[float, str]:
        """How many more seconds it holds for, and the reason; zero or fewer if it does not."""
        with self._lock:
            until, reason = self._until.get(mac, (0.0, ""))
            remaining = until - time.monotonic()
            if remaining <= 0:
                self._until.pop(mac, None)
        return remaining, reason
