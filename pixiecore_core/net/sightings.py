"""Remembers where each machine's DHCP request came from, for its script request over HTTP does not say.

Bounded; what was pushed out, or asked before a restart, is simply not known. Decides nothing.
"""

from __future__ import annotations

from collections import OrderedDict

from pixiecore_core.models import Machine

MACHINES = 10_000


class Sightings:
    """The latest machines' interface, subnet and relay, and what they called themselves."""

    def __init__(self, machines: int = MACHINES) -> None:
        self._most = machines
        self._seen: OrderedDict[str, Machine] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def note(self, machine: Machine) -> None:
        """Remember a machine that asked by DHCP."""
        self._seen[machine.mac] = machine
        self._seen.move_to_end(machine.mac)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)

    def complete(self, machine: Machine) -> Machine:
        """*machine*, as its script request describes it, with what its DHCP request told."""
        seen = self._seen.get(machine.mac)
        if seen is None:
            return machine
        known = {"interface": seen.interface, "subnet": seen.subnet, "relay": seen.relay}
        if not machine.hostname:
            known["hostname"] = seen.hostname
        return machine.model_copy(update=known)
