"""Counts for Prometheus, in a registry of our own so that two servers in one process do not collide.

Label values come from fixed sets only: a client must not be able to grow the memory by making up names.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, generate_latest

from pixiecore_core.models import Event


class Metrics:
    """What ``/_/metrics`` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter(
            "pixiecore_events", "Facts about boots, by kind.", ["kind", "subsystem"], registry=self.registry
        )
        self._dropped = Counter(
            "pixiecore_datagrams_dropped",
            "Datagrams that got no answer.",
            ["subsystem", "reason"],
            registry=self.registry,
        )

    def count(self, event: Event) -> None:
        """Count *event*."""
        self._events.labels(event.kind.value, event.subsystem).inc()

    def drop(self, subsystem: str, reason: str) -> None:
        """Count a datagram that was dropped.

        :param reason: one of a few fixed words, such as ``malformed`` or ``busy``
        """
        self._dropped.labels(subsystem, reason).inc()

    def dropped(self, subsystem: str, reason: str) -> float:
        """How many were dropped so far."""
        return (
            self.registry.get_sample_value(
                "pixiecore_datagrams_dropped_total", {"subsystem": subsystem, "reason": reason}
            )
            or 0.0
        )

    def exposition(self) -> bytes:
        """All counts in the Prometheus text format."""
        return generate_latest(self.registry)
