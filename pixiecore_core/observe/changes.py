"""Which machines have something new, in the order in which it happened: for whoever shows them live.

Subscribes to a bus and costs it next to nothing: nothing is worded, kept or sent here. Bounded; whoever has not looked
for too long is told to begin anew.
"""

from __future__ import annotations

from collections import OrderedDict

from pixiecore_core.models import Fact

MACHINES = 10_000


class Changes:
    """Counts facts; the number of a machine's last one is its version.

    :param most: machines whose versions are remembered
    """

    def __init__(self, most: int = MACHINES) -> None:
        self.version = 0
        """Of the latest change."""
        self._most = most
        self._versions: OrderedDict[str, int] = OrderedDict()
        self._forgotten = 0
        """The latest version of those that are no longer remembered."""

    def hear(self, fact: Fact, sentence: str = "") -> None:
        """Something happened."""
        if fact.mac is None:
            return
        self.version += 1
        self._versions[fact.mac] = self.version
        self._versions.move_to_end(fact.mac)
        if len(self._versions) > self._most:
            self._forgotten = self._versions.popitem(last=False)[1]

    def since(self, version: int) -> list[str] | None:
        """The machines that have changed since that version, the latest first; ``None`` where that is not known any
        more, or never was.
        """
        if not self._forgotten <= version <= self.version:
            return None
        found = []
        for mac, changed in reversed(self._versions.items()):
            if changed <= version:
                break
            found.append(mac)
        return found
