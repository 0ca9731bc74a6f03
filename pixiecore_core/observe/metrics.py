"""Counts for Prometheus, in a registry of our own so that two servers in one process do not collide.

Label values come from fixed sets only: a client must not be able to grow the memory by making up names. Kept in plain
dictionaries, at a tenth of the cost of prometheus_client's locked counters: only the event loop counts.
"""

from __future__ import annotations

import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.words import subsystem
from pixiecore_core.models.facts import Fact, PluginFailed
from pixiecore_core.observe.boot_metrics import BootMetrics
from pixiecore_core.observe.hook_metrics import HookMetrics

COUNTS_OF_A_PLUGIN = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Metrics(Collector):
    """What ``/_/metrics`` shows.

    :param attempts: has heard of each fact before
    :param hooks: has the times of plugins' hooks
    :param version: ours
    :param events_lost: says how many facts each plugin has lost
    :param cached: says how often the cache answered how
    :param traced: says how many traces were sent and lost
    :param clock: seconds, monotonic
    """

    def __init__(
        self,
        attempts: Attempts | None = None,
        hooks: HookMetrics | None = None,
        version: str = "",
        events_lost: Callable[[], Mapping[str, int]] = dict,
        cached: Callable[[], Mapping[str, int]] = dict,
        traced: Callable[[], Mapping[str, int]] = dict,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry = CollectorRegistry()
        self.boots = BootMetrics(attempts if attempts is not None else Attempts())
        self._version, self._cached, self._traced = version, cached, traced
        self._clock, self._began = clock, clock()
        self._events: Counter[tuple[str, str]] = Counter()
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._plugin_failures: Counter[tuple[str, str]] = Counter()
        self._plugin_counts: Counter[tuple[str, str]] = Counter()
        self._events_lost = events_lost
        for part in (self, self.boots, hooks or HookMetrics()):
            self.registry.register(part)

    def count(self, fact: Fact, sentence: str = "") -> None:
        """Count *fact*."""
        self._events[fact.kind, subsystem(fact)] += 1
        self.boots.count(fact)
        if type(fact) is PluginFailed:
            self._plugin_failures[fact.plugin, fact.hook] += 1

    def count_for_plugin(self, plugin: str, name: str, by: int) -> None:
        """Add to a count that a plugin has made up.

        :raises ValueError: *name* is not of lower-case letters, digits and underscores, or the plugin has
            :data:`COUNTS_OF_A_PLUGIN` others, or *by* is negative
        """
        if (plugin, name) not in self._plugin_counts:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a name for a count: use lower-case letters, digits and _")
            if sum(1 for owner, _ in self._plugin_counts if owner == plugin) >= COUNTS_OF_A_PLUGIN:
                raise ValueError(f"{name!r} would be one count too many: a plugin may have {COUNTS_OF_A_PLUGIN}")
        if by < 0:
            raise ValueError(f"a count never falls: {by}")
        self._plugin_counts[plugin, name] += by

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

    def collect(self) -> Iterator[Metric]:
        """The counts as prometheus_client wants them."""
        build = GaugeMetricFamily(
            "pixiecore_build_info", "1, with our version and Python's.", labels=["version", "python"]
        )
        build.add_metric([self._version, platform.python_version()], 1)
        yield build
        uptime = self._clock() - self._began
        yield GaugeMetricFamily("pixiecore_uptime_seconds", "Seconds since Pixiecore started.", uptime)
        events = CounterMetricFamily("pixiecore_events", "Events.", labels=["kind", "subsystem"])
        dropped = CounterMetricFamily(
            "pixiecore_datagrams_dropped",
            "Datagrams that were not served: not-netboot and not-for-us (ordinary DHCP), interface-not-served, "
            "malformed, busy when too many machines ask at once, or unreported, a refusal beside too many others; "
            "relay-not-named, relay-rationed, off-link, no-host and client-port (nobody who may be answered); "
            "neighbour-malformed and neighbour-rationed (other servers' messages that were not looked at); "
            "of TFTP, displaced: a silent client's transfer that gave way; "
            "of HTTP, connections: gave-way, an idle one to a newcomer, or too-many from one address; "
            "of syslog, syslog-unknown, from nobody that was served lately, syslog-rationed, syslog-malformed and "
            "syslog-connections, one too many.",
            labels=["subsystem", "reason"],
        )
        failures = CounterMetricFamily(
            "pixiecore_plugin_failures",
            "Calls of a plugin that raised, hung or returned something unusable.",
            labels=["plugin", "hook"],
        )
        own = CounterMetricFamily(
            "pixiecore_plugin_counts", "What plugins count for themselves.", labels=["plugin", "count"]
        )
        families = (
            (events, self._events),
            (dropped, self._dropped),
            (failures, self._plugin_failures),
            (own, self._plugin_counts),
        )
        for family, counts in families:
            for labels, number in sorted(counts.items()):
                family.add_metric(labels, number)
            yield family
        cached = CounterMetricFamily(
            "pixiecore_cache_requests",
            "Files of other web servers that were asked of the cache: hit, what it has; joined, a download under way; "
            "miss, a new download; passed, what it cannot keep.",
            labels=["result"],
        )
        traced = CounterMetricFamily(
            "pixiecore_traces", "Traces of boot attempts: sent, and lost (--otlp-endpoint).", labels=["result"]
        )
        for family, by_result in ((cached, self._cached()), (traced, self._traced())):
            for result, number in sorted(by_result.items()):
                family.add_metric([result], number)
            yield family
        lost = CounterMetricFamily(
            "pixiecore_plugin_events_lost", "Events that were lost because a plugin was too slow.", labels=["plugin"]
        )
        for plugin, number in sorted(self._events_lost().items()):
            lost.add_metric([plugin], number)
        yield lost
