"""Log lines, timelines, counts: what a person and a program read afterwards."""

from __future__ import annotations

import io
import json

import pytest

from pixiecore_core.errors import PluginError
from pixiecore_core.models import Event, EventKind
from pixiecore_core.observe.log import configure, log_event
from pixiecore_core.observe.metrics import Metrics
from pixiecore_core.observe.recorder import REFUSALS_PER_SECOND, Recorder
from pixiecore_core.observe.timelines import Timelines

MAC = "52:54:00:12:34:56"


def event(kind: EventKind = EventKind.OFFERED, mac: str | None = MAC, message: str = "Offering to boot it") -> Event:
    return Event(kind=kind, subsystem="DHCP", message=message, mac=mac, details={"interface": "eth0"})


def test_text_is_one_plain_line() -> None:
    stream = io.StringIO()
    logger = configure(stream=stream)
    log_event(logger, event())
    log_event(logger, event(EventKind.FAILED, message="it broke"))
    logger.debug("hidden", subsystem="DHCP")
    assert stream.getvalue() == "[DHCP] Offering to boot it\n[DHCP] warning: it broke\n"


def test_debug_and_timestamps_are_switched_on() -> None:
    stream = io.StringIO()
    configure(debug=True, timestamps=True, stream=stream).debug("shown", subsystem="DHCP")
    assert stream.getvalue().startswith("20")
    assert stream.getvalue().endswith(" [DHCP] shown\n")


def test_json_holds_every_fact() -> None:
    stream = io.StringIO()
    log_event(configure("json", stream=stream), event())
    line = json.loads(stream.getvalue())
    assert line.pop("timestamp")
    assert line == {
        "event": "Offering to boot it",
        "kind": "offered",
        "level": "info",
        "mac": MAC,
        "interface": "eth0",
        "subsystem": "DHCP",
    }


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_can_be_recorded(kind: EventKind) -> None:
    recorder = Recorder(configure(stream=io.StringIO()))
    recorder.record(event(kind))
    assert [past.kind for past in recorder.timelines.of(MAC)] == [kind]
    assert f'pixiecore_events_total{{kind="{kind}",subsystem="DHCP"}} 1.0' in recorder.metrics.exposition().decode()


def test_a_message_cannot_break_out_of_its_line() -> None:
    stream = io.StringIO()
    log_event(configure(stream=stream), event(message="name\n[DHCP] Offering to boot \x1b[2Jsomebody"))
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


def test_timelines_are_bounded_both_ways() -> None:
    timelines = Timelines(machines=3, events=2)
    macs = [f"52:54:00:00:00:{number:02x}" for number in range(5)]
    for mac in macs:
        for number in range(4):
            timelines.add(event(mac=mac, message=str(number)))
    assert len(timelines) == 3
    assert timelines.machines() == macs[:1:-1]
    assert [past.message for past in timelines.of(macs[-1])] == ["2", "3"]
    assert timelines.of(macs[0]) == []
    timelines.add(event(mac=None))
    assert len(timelines) == 3


def test_a_machine_heard_of_again_is_kept_longest() -> None:
    timelines = Timelines(machines=2)
    for mac in ("52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:01", "52:54:00:00:00:03"):
        timelines.add(event(mac=mac))
    assert timelines.machines() == ["52:54:00:00:00:03", "52:54:00:00:00:01"]


def test_refusals_are_rationed_and_the_rest_counted() -> None:
    stream, now = io.StringIO(), 5.0
    recorder = Recorder(configure(stream=stream), clock=lambda: now)
    for _ in range(REFUSALS_PER_SECOND + 30):
        recorder.record(event(EventKind.REFUSED, mac=None, message="bad packet"))
    assert stream.getvalue().count("bad packet") == REFUSALS_PER_SECOND
    now = 6.0
    recorder.record(event(EventKind.REFUSED, mac=None, message="bad packet"))
    assert "30 more unusable requests were not logged" in stream.getvalue()


def test_a_plugins_failure_is_told_but_not_to_plugins() -> None:
    recorder = Recorder(configure(stream=io.StringIO()))
    published: list[Event] = []
    recorder.publish = published.append
    recorder.plugin_failed(PluginError("faulty", "on_event", "boom"), MAC)
    recorder.record(event())
    assert [past.kind for past in recorder.timelines.of(MAC)] == [EventKind.PLUGIN_FAILED, EventKind.OFFERED]
    assert [told.kind for told in published] == [EventKind.OFFERED]


def test_drops_are_counted_by_reason() -> None:
    metrics = Metrics()
    metrics.drop("DHCP", "malformed")
    assert metrics.dropped("DHCP", "malformed") == 1
    assert metrics.dropped("DHCP", "busy") == 0


def test_a_plugin_that_fails_again_and_again_is_logged_once_and_counted_each_time() -> None:
    stream = io.StringIO()
    recorder = Recorder(configure(stream=stream))
    for _ in range(3):
        recorder.plugin_failed(PluginError("faulty", "select_boot", "boom"), MAC)
    recorder.plugin_failed(PluginError("faulty", "on_event", "boom"), None)
    assert stream.getvalue().count("faulty") == 2
    assert len(recorder.timelines.of(MAC)) == 3
    assert b'pixiecore_plugin_failures_total{hook="select_boot",plugin="faulty"} 3.0' in recorder.metrics.exposition()


def test_lost_events_are_counted() -> None:
    recorder = Recorder(configure(stream=io.StringIO()))
    recorder.metrics.events_lost = lambda: {"slow": 3}
    assert b'pixiecore_plugin_events_lost_total{plugin="slow"} 3.0' in recorder.metrics.exposition()
