"""Remembers what happened to each machine lately, within bounds.

A flood of made-up addresses pushes out the machines that have been silent longest and cannot grow the memory. Keeps
events only; what they mean is for whoever reads them.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from pixiecore_core.models import Event

MACHINES = 2000
EVENTS_PER_MACHINE = 50


class Timelines:
    """The latest events of the latest machines.

    :param machines: how many machines are remembered
    :param events: how many events of each
    """

    def __init__(self, machines: int = MACHINES, events: int = EVENTS_PER_MACHINE) -> None:
        self._machines = machines
        self._events = events
        self._timelines: OrderedDict[str, deque[Event]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._timelines)

    def add(self, event: Event) -> None:
        """Remember *event*; one that belongs to no machine is not kept."""
        if event.mac is None:
            return
        timeline = self._timelines.get(event.mac)
        if timeline is None:
            timeline = self._timelines[event.mac] = deque(maxlen=self._events)
            if len(self._timelines) > self._machines:
                self._timelines.popitem(last=False)
        else:
            self._timelines.move_to_end(event.mac)
        timeline.append(event)

    def of(self, mac: str) -> list[Event]:
        """The machine's events, oldest first; empty for one that was never seen or is forgotten."""
        return list(self._timelines.get(mac, ()))

    def machines(self) -> list[str]:
        """The machines remembered, the one heard of last first."""
        return list(reversed(self._timelines))
