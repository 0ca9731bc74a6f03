"""How long each plugin takes for each of its hooks. The labels are names of installed plugins and of our hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector

from pixiecore_core.observe.histogram import Histogram

_BOUNDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""Seconds: from an answer out of memory to a time-out."""


class HookMetrics(Collector):
    """All plugins' hooks."""

    def __init__(self) -> None:
        self._hooks: dict[tuple[str, str], Histogram] = {}

    def of(self, plugin: str, hook: str) -> Callable[[float], None]:
        """What takes the seconds of each call."""
        return self._hooks.setdefault((plugin, hook), Histogram(_BOUNDS)).observe

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The counts as prometheus_client wants them."""
        family = HistogramMetricFamily(
            "pixiecore_hook_seconds",
            "How long calls of a plugin's hook took, with those that failed.",
            labels=["plugin", "hook"],
        )
        for labels, histogram in sorted(self._hooks.items()):
            family.add_metric(labels, histogram.buckets(), histogram.sum)
        yield family
