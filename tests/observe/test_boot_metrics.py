"""Counts of boots: what a program that reads the exposition sees, that clients cannot grow it, and the dashboard."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from pixiecore_core import BootSpec, Client, Fact, FileRef, Machine, hookimpl
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.case import PATIENCE
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.models.facts import (
    AddressAsked,
    Booting,
    Failed,
    FileSent,
    Ignored,
    KernelSent,
    LoaderSent,
    Logged,
    Offered,
    PluginFailed,
    ScriptSent,
)
from pixiecore_core.observe.histogram import Histogram
from pixiecore_core.observe.hook_metrics import HookMetrics
from pixiecore_core.observe.metrics import Metrics
from pixiecore_core.testing import FixedBooter, Netboot

MAC = "52:54:00:12:34:56"
UEFI = "UEFI x86_64"
Samples = dict[tuple[str, frozenset[str]], float]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Room:
    """Metrics beside a memory of attempts, as assembled."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.attempts = Attempts(clock=self.clock)
        self.hooks = HookMetrics()
        self.metrics = Metrics(self.attempts, self.hooks, "1.2.3", clock=self.clock)
        self.metrics.boots.know(KNOWN.architectures())

    def hear(self, *facts: Fact) -> None:
        for fact in facts:
            self.attempts.add(fact)
            self.metrics.count(fact)

    def samples(self) -> Samples:
        return parsed(self.metrics.exposition().decode())


def parsed(text: str) -> Samples:
    """Each sample by its name and its labels' values, which have no order."""
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def room() -> Room:
    return Room()


def offered(at: float, **known: Any) -> Offered:
    return Offered(**{"mac": MAC, "stage": "dhcp", "client": Client.PXE, "architecture": UEFI, "at": at} | known)


def sent(kind: type[Any], at: float, purpose: str, **known: Any) -> Fact:
    made: Fact = kind(
        **{"mac": MAC, "via": "HTTP", "file": "f", "purpose": purpose, "bytes": 10, "size": 10, "seconds": 1, "at": at}
        | known
    )
    return made


def a_boot() -> list[Fact]:
    return [
        offered(0),
        offered(4),
        sent(LoaderSent, 6, "loader", via="TFTP"),
        ScriptSent(mac=MAC, at=9),
        sent(FileSent, 9.5, "kernel", bytes=3),
        sent(KernelSent, 12, "kernel"),
        Booting(mac=MAC, at=13),
        AddressAsked(mac=MAC, client="firmware", at=13.5),
        AddressAsked(mac=MAC, client="its system", at=20),
        Logged(mac=MAC, text="hello", at=25),
    ]


def test_a_boot(room: Room) -> None:
    room.hear(*a_boot(), Failed(mac=MAC, via="HTTP", step="transfer", purpose="initrd", bytes=7, reason="gone"))
    room.clock.now += 5
    found = room.samples()
    assert found["pixiecore_requests_total", frozenset({"dhcp", UEFI})] == 2
    assert found["pixiecore_offers_total", frozenset({UEFI})] == 2
    assert found["pixiecore_machines", frozenset({"booted"})] == 1
    assert found["pixiecore_machines", frozenset({"failed"})] == 0
    assert found["pixiecore_sent_bytes_total", frozenset({"HTTP", "kernel"})] == 13
    assert found["pixiecore_sent_bytes_total", frozenset({"HTTP", "initrd"})] == 7
    assert found["pixiecore_transfers_total", frozenset({"HTTP", "kernel", "part"})] == 1
    assert found["pixiecore_transfers_total", frozenset({"TFTP", "loader", "whole"})] == 1
    assert found["pixiecore_transfers_total", frozenset({"HTTP", "initrd", "failed"})] == 1
    stages = ("offer-to-loader", "loader-to-script", "script-to-kernel", "kernel-to-start", "start-to-system")
    assert [found["pixiecore_boot_stage_seconds_sum", frozenset({stage})] for stage in stages] == [2, 3, 3, 1, 7]
    assert {found["pixiecore_boot_stage_seconds_count", frozenset({stage})] for stage in stages} == {1}
    assert found["pixiecore_boot_stage_seconds_bucket", frozenset({"offer-to-loader", "1.0"})] == 0
    assert found["pixiecore_boot_stage_seconds_bucket", frozenset({"offer-to-loader", "2.5"})] == 1
    assert found["pixiecore_uptime_seconds", frozenset()] == 5
    assert ["1.2.3" in labels for name, labels in found if name == "pixiecore_build_info"] == [True]


def test_a_machine_that_has_stopped_is_counted_so(room: Room) -> None:
    room.hear(offered(0))
    assert room.samples()["pixiecore_machines", frozenset({"under way"})] == 1
    room.clock.now += PATIENCE + 1
    assert room.samples()["pixiecore_machines", frozenset({"stalled"})] == 1


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_client_makes_a_label(architecture: str, purpose: str) -> None:
    room = Room()
    room.hear(
        offered(0, architecture=architecture),
        Ignored(mac=MAC, stage="script", reason=purpose, architecture=architecture),
        Failed(mac=MAC, via="HTTP", step="transfer", purpose=purpose, reason=architecture),
    )
    known = {str(one) for one in KNOWN.architectures()} | {"other"}
    for name, labels in room.samples():
        if name in ("pixiecore_offers_total", "pixiecore_requests_total"):
            assert labels & known
            assert labels <= known | {"dhcp", "script"}
        if name == "pixiecore_sent_bytes_total":
            assert labels <= {"HTTP", "kernel", "initrd", "file", "loader", "other"}


@given(st.lists(st.floats(0, 1000)))
def test_a_histogram_counts_each_value_once(values: list[float]) -> None:
    histogram = Histogram((0.5, 1.0, 60.0))
    for value in values:
        histogram.observe(value)
    for bound, count in histogram.buckets():
        assert count == sum(value <= float(bound) for value in values)


class Slow:
    """A booter that fails, and a wrapper around it."""

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        raise ValueError("no")


def test_the_hooks_of_plugins_are_timed() -> None:
    network = Netboot(FixedBooter(BootSpec(kernel=FileRef(location=__file__))))
    network.boot()
    found = parsed(network.counts())
    network.close()
    plugin = "fixed"
    assert found["pixiecore_hook_seconds_count", frozenset({plugin, "select_boot"})] >= 2
    assert 0 < found["pixiecore_hook_seconds_sum", frozenset({plugin, "select_boot"})] < 1
    assert found["pixiecore_hook_seconds_count", frozenset({"core", "render_cmdline"})] == 1


def test_a_call_that_fails_is_timed_too() -> None:
    network = Netboot(Slow())
    assert network.discover() is None
    found = parsed(network.counts())
    network.close()
    ((name, labels),) = [key for key in found if key[0] == "pixiecore_hook_seconds_count" and "select_boot" in key[1]]
    assert found[name, labels] >= 1


def test_the_dashboard_asks_for_what_there_is(room: Room) -> None:
    dashboard = json.loads(Path("packaging/grafana/pixiecore.json").read_text(encoding="utf-8"))
    assert dashboard["schemaVersion"] >= 39, "Grafana 10.4"
    assert [one["type"] for one in dashboard["templating"]["list"]] == ["datasource", "query"]
    room.hear(*a_boot(), PluginFailed(plugin="p", hook="h", reason="r"))
    room.hooks.of("p", "h")(0.1)
    lost, cached, traced = {"p": 1}, {"hit": 1}, {"lost": 1}
    metrics = Metrics(room.attempts, events_lost=lambda: lost, cached=lambda: cached, traced=lambda: traced)
    metrics.drop("DHCP", "malformed")
    text = room.metrics.exposition().decode() + metrics.exposition().decode()
    known: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels = re.match(r"(\w+)(?:\{(.*)\})?", line).groups("")  # type: ignore[union-attr]
            known.setdefault(name, {"instance"}).update(re.findall(r'(\w+)="', labels))
    panels = dashboard["panels"]
    targets = [target for panel in panels for target in panel["targets"]]
    asked = {re.search(r"pixiecore_\w+", target["expr"])[0]: target for target in targets}  # type: ignore[index]
    for name, target in asked.items():
        said = re.findall(r"by \(([^)]*)\)", target["expr"]) + re.findall(r"\{([^{}]*)\}", target["expr"])
        labels = {part.partition("=")[0].strip() for one in said for part in one.split(",")}
        assert labels <= known[name], name
        shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert shown <= known[name], name
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known}
    unseen = families - {re.sub(r"_bucket$", "", name) for name in asked}
    assert unseen == {"pixiecore_plugin_counts_total"} or not unseen, "every count has its panel"
    boxes = [panel["gridPos"] for panel in panels]
    assert len({(box["x"], box["y"]) for box in boxes}) == len(boxes)
    assert len({panel["id"] for panel in panels}) == len(panels)
