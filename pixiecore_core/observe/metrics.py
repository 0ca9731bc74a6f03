"""Counts for Prometheus, in a registry of our own so that two servers in one process do not collide.

Label values come from fixed sets only: a client must not be able to grow the memory by making up names. Kept in plain
dictionaries, at a tenth of the cost of prometheus_client's locked counters: only the event loop counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from pixiecore_core.models import Event


class Metrics(Collector):
    """What ``/_/metrics`` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events: Counter[tuple[str, str]] = Counter()
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._plugin_failures: Counter[tuple[str, str]] = Counter()
        self.events_lost: Callable[[], Mapping[str, int]] = dict
        """Tells how many events each plugin has lost; set once they are loaded."""
        self.registry.register(self)

    def count(self, event: Event) -> None:
        """Count *event*."""
        self._events[event.kind.value, event.subsystem] += 1

    def plugin_failed(self, plugin: str, hook: str) -> None:
        """Count a failure of an installed plugin."""
        self._plugin_failures[plugin, hook] += 1

    def drop(self, subsystem: str, reason: str) -> None:
        """Count a datagram that was dropped.

        :param reason: one of a few fixed words, such as ``malformed`` or ``busy``
        """
        self._dropped[subsystem, reason] += 1

    def dropped(self, subsystem: str, reason: str) -> float:
        """How many were dropped so far."""
        return float(self._dropped[subsystem, reason])

    def exposition(self) -> bytes:
        """All counts in the Prometheus text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counts as prometheus_client wants them."""
        events = CounterMetricFamily("pixiecore_events", "Events.", labels=["kind", "subsystem"])
        dropped = CounterMetricFamily(
            "pixiecore_datagrams_dropped",
            "Datagrams that got no answer: not-netboot and not-for-us (ordinary DHCP), interface-not-served, "
            "malformed, or busy when too many machines ask at once.",
            labels=["subsystem", "reason"],
        )
        failures = CounterMetricFamily(
            "pixiecore_plugin_failures",
            "Calls of a plugin that raised, hung or answered rubbish.",
            labels=["plugin", "hook"],
        )
        families = ((events, self._events), (dropped, self._dropped), (failures, self._plugin_failures))
        for family, counts in families:
            for labels, number in sorted(counts.items()):
                family.add_metric(labels, number)
            yield family
        lost = CounterMetricFamily(
            "pixiecore_plugin_events_lost", "Events that a plugin was too slow to hear.", labels=["plugin"]
        )
        for plugin, number in sorted(self.events_lost().items()):
            lost.add_metric([plugin], number)
        yield lost
