"""Counts boots: machines by outcome, requests and offers by architecture, how long each stage takes, what is sent.

No label's value comes from a client: architectures are those of the table of firmware, purposes our own words, and
everything else is "other". Asks the memory of attempts; remembers no machine itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast, get_args

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pixiecore_core.engine.attempts import Attempts, Outcome
from pixiecore_core.engine.case import PATIENCE
from pixiecore_core.models import Purpose
from pixiecore_core.models.facts import (
    AddressAsked,
    Booting,
    Fact,
    Failed,
    FileSent,
    Ignored,
    InitrdSent,
    KernelSent,
    LoaderSent,
    Logged,
    Offered,
    PxeAnswered,
    Reported,
    ScriptOffered,
    ScriptSent,
)
from pixiecore_core.observe.histogram import Histogram

OTHER = "other"
_PURPOSES = frozenset({*get_args(Purpose), "loader"})
_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
"""Seconds."""
_ALIVE = (Reported, Logged, AddressAsked)

STAGES: dict[str, tuple[tuple[type[Fact], ...], tuple[type[Fact], ...]]] = {
    "offer-to-loader": ((Offered, PxeAnswered), (LoaderSent,)),
    "loader-to-script": ((LoaderSent,), (ScriptSent,)),
    "script-to-kernel": ((ScriptSent,), (KernelSent,)),
    "kernel-to-start": ((KernelSent,), (Booting,)),
    "start-to-system": ((Booting,), _ALIVE),
}
"""Each stage of a boot: what it begins with, the latest of them, and what it ends with, the first of them."""
_STAGE_BY_END = {end: stage for stage, (_, ends) in STAGES.items() for end in ends}
_Sent = LoaderSent | KernelSent | InitrdSent | FileSent
_Asked = Offered | PxeAnswered | ScriptOffered | Ignored
# Facts are told by their type: isinstance costs pydantic's classes a microsecond, on the way of every offer.
_SENT, _ASKED = frozenset(get_args(_Sent)), frozenset(get_args(_Asked))
_OFFERS = (Offered, ScriptOffered)


class BootMetrics(Collector):
    """Counts facts.

    :param attempts: has heard of each fact before
    """

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._architectures: frozenset[str] = frozenset()
        self._asked: Counter[tuple[type[Fact], str, str]] = Counter()
        self._transfers: Counter[tuple[str, str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()
        self._stages = {stage: Histogram(_BOUNDS) for stage in STAGES}

    def know(self, architectures: Iterable[object]) -> None:
        """Tell it which architectures there are; machines of others count as "other"."""
        self._architectures = frozenset(map(str, architectures))

    def count(self, fact: Fact) -> None:
        """Count *fact*."""
        kind = type(fact)
        if kind in _ASKED:
            asked = cast("_Asked", fact)
            named = asked.architecture if asked.architecture in self._architectures else OTHER
            self._asked[kind, asked.stage, named] += 1
            return
        if kind in _SENT:
            sent = cast("_Sent", fact)
            self._sent(sent.via, sent.purpose, "whole" if sent.bytes >= sent.size else "part", sent.bytes)
        elif kind is Failed and (failed := cast("Failed", fact)).step == "transfer":
            self._sent(failed.via, failed.purpose, "failed", failed.bytes)
        stage = _STAGE_BY_END.get(kind)
        if stage is not None:
            self._time(stage, fact)

    def _sent(self, via: str, purpose: str, result: str, size: int) -> None:
        purpose = purpose if purpose in _PURPOSES else OTHER
        self._transfers[via, purpose, result] += 1
        self._bytes[via, purpose] += size

    def _time(self, stage: str, fact: Fact) -> None:
        """Take the time of a stage that *fact* ends, if it does: it may have ended before."""
        attempt = self._attempts.latest(fact.mac or "")
        if attempt is None or not _ends(fact):
            return
        begins, ends = STAGES[stage]
        began: float | None = None
        for earlier in attempt.facts:
            if earlier is fact:
                break
            if isinstance(earlier, begins):
                began = earlier.at
            elif isinstance(earlier, ends) and _ends(earlier):
                return
        if began is not None:
            self._stages[stage].observe(max(0.0, fact.at - began))

    def collect(self) -> Iterator[Metric]:
        """The counts as prometheus_client wants them."""
        machines = GaugeMetricFamily(
            "pixiecore_machines",
            "Machines that are remembered, by how their boot stands.",
            labels=["outcome"],
        )
        outcomes = self._attempts.tally(PATIENCE)
        for outcome in Outcome:
            machines.add_metric([outcome], outcomes.get(outcome, 0))
        yield machines
        requests = CounterMetricFamily(
            "pixiecore_requests",
            "Requests to be booted that were answered or ignored, by where they came in and what asked.",
            labels=["stage", "architecture"],
        )
        offers = CounterMetricFamily("pixiecore_offers", "Offers of a boot.", labels=["architecture"])
        transfers = CounterMetricFamily(
            "pixiecore_transfers",
            "Files that were sent whole or in part, and those whose sending failed.",
            labels=["via", "purpose", "result"],
        )
        sent = CounterMetricFamily(
            "pixiecore_sent_bytes", "Bytes of files, with those of transfers that failed.", labels=["via", "purpose"]
        )
        by_stage: Counter[tuple[str, str]] = Counter()
        by_architecture: Counter[tuple[str]] = Counter()
        for (kind, stage, architecture), number in self._asked.items():
            by_stage[stage, architecture] += number
            by_architecture[(architecture,)] += number if kind in _OFFERS else 0
        families = (
            (requests, by_stage),
            (offers, by_architecture),
            (transfers, self._transfers),
            (sent, self._bytes),
        )
        for family, counts in families:
            for labels, number in sorted(counts.items()):
                family.add_metric(labels, number)
            yield family
        stages = HistogramMetricFamily(
            "pixiecore_boot_stage_seconds", "How long each stage of a boot took, once in an attempt.", labels=["stage"]
        )
        for stage, histogram in self._stages.items():
            stages.add_metric([stage], histogram.buckets(), histogram.sum)
        yield stages


def _ends(fact: Fact) -> bool:
    """Whether it is a sign of life, where it might be a sign of firmware."""
    return not isinstance(fact, AddressAsked) or fact.client == "its system"
