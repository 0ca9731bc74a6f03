"""Machines that were seen and are not written yet: they are written at most once a second, however many ask.

Never waits for the disk, and never raises for its sake. Knows no hooks.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from pixiecore_allowlist.state import REMEMBERED, Seen, States
from pixiecore_core import PendingChange, StateError


class Notes:
    """What is noted.

    :param interval: seconds between two writes
    """

    def __init__(self, states: States, interval: float = 1.0) -> None:
        self._states = states
        self._interval = interval
        self._lock = threading.Lock()
        self._noted: OrderedDict[str, Seen] = OrderedDict()
        self._writing: dict[str, tuple[Seen, PendingChange[Seen | None]]] = {}
        self._timer: threading.Timer | None = None
        self._written = -interval
        self._problem = ""

    @property
    def problem(self) -> str:
        """Why the last write failed; empty if it did not, or is not finished."""
        with self._lock:
            self._look_back()
            return self._problem

    def add(self, mac: str, facts: Seen) -> None:
        """Note a machine; it is written at once if nothing was within the interval."""
        with self._lock:
            before = self._noted.pop(mac, None)
            self._noted[mac] = before.then(facts) if before is not None else facts
            if len(self._noted) > REMEMBERED:
                self._noted.popitem(last=False)
            left = self._written + self._interval - time.monotonic()
            if left > 0 and self._timer is None:
                self._timer = threading.Timer(left, self.write)
                self._timer.daemon = True
                self._timer.start()
            if left > 0:
                return
        self.write()

    def write(self) -> None:
        """Begin to write what is noted."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._look_back()
            if not self._noted or self._writing:
                return  # one write at a time: what is noted meanwhile goes with the next
            noted = list(self._noted.items())
            try:
                begun = self._states.see(noted)
            except StateError as error:
                self._problem = str(error)
            else:
                self._noted.clear()
                self._writing = {mac: (facts, change) for (mac, facts), change in zip(noted, begun, strict=True)}
            self._written = time.monotonic()

    def flush(self) -> None:
        """Write what is noted, and wait for it."""
        for _ in range(2):  # what is on its way, and what was noted meanwhile
            self.write()
            for _, change in list(self._writing.values()):
                try:
                    change.wait()
                except StateError:
                    break  # its problem is reported with the next machine
        with self._lock:
            self._look_back()

    def _look_back(self) -> None:
        """See what became of the last write; what failed is noted again."""
        if not self._writing or not all(change.done for _, change in self._writing.values()):
            return
        problem = ""
        for mac, (facts, change) in self._writing.items():
            try:
                change.wait()
            except StateError as error:
                problem = str(error)
                self._noted[mac] = facts.then(self._noted[mac]) if mac in self._noted else facts
        self._problem = problem
        self._writing = {}
