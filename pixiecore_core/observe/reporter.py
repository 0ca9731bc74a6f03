"""With this a plugin reports on machines: facts for their timelines, and counts of its own, both under its name.

Bounded, so that no plugin makes the counts grow without end. Decides nothing about who hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.models.facts import Noted
from pixiecore_core.observe.bus import Bus
from pixiecore_core.observe.metrics import Metrics


@dataclass(frozen=True, slots=True)
class PluginReporter:
    """See :class:`pixiecore_core.hookspecs.Reporter`."""

    plugin: str
    bus: Bus
    metrics: Metrics

    def note(self, mac: str, text: str, **values: str | float | bool) -> None:
        """Add a fact to a machine's timeline.

        :raises ValueError: *mac* is not a MAC address, or *text* is empty
        """
        self.bus.report(Noted(plugin=self.plugin, mac=mac, text=text, values=values))

    def count(self, name: str, by: int = 1) -> None:
        """Add to a count of the plugin's own.

        :raises ValueError: it is not a name, or one too many, or *by* is negative
        """
        self.metrics.count_for_plugin(self.plugin, name, by)
