"""The bus and its subscribers: log lines, counts; what a person and a program read afterwards."""

from __future__ import annotations

import io
import json

import pytest

from pixiecore_core import Client
from pixiecore_core.engine.words import sentence
from pixiecore_core.models.facts import FACTS, Booting, Fact, Failed, FileSent, Offered, PluginFailed, Refused
from pixiecore_core.observe.bus import Bus
from pixiecore_core.observe.fact_log import OF_ONE_SOURCE, OF_ONE_SOURCE_SECONDS, FactLog
from pixiecore_core.observe.log import configure
from pixiecore_core.observe.metrics import Metrics
from tests.engine.samples import SAMPLES

MAC = "52:54:00:12:34:56"
OFFERED = Offered(
    mac=MAC, stage="dhcp", client=Client.PXE, architecture="BIOS i386", interface="eth0", variant="bios", seconds=4
)


def written(*facts: Fact, log_format: str = "text", clock: float = 5.0) -> str:
    stream = io.StringIO()
    log = FactLog(configure(log_format, stream=stream), details=log_format == "json", clock=lambda: clock)  # type: ignore[arg-type]
    for fact in facts:
        log.write(fact, sentence(fact))
    return stream.getvalue()


def test_text_is_one_plain_line() -> None:
    stream = io.StringIO()
    log = FactLog(configure(stream=stream))
    log.write(OFFERED, sentence(OFFERED))
    failed = Failed(mac=MAC, via="DHCP", step="reply", reason="it broke")
    log.write(failed, sentence(failed))
    log.write_aside("DHCP", "hidden")
    assert stream.getvalue() == (
        f"[DHCP] Offering to boot {MAC} (BIOS i386 on eth0)\n"
        f"[DHCP] warning: Failed to send the DHCP reply to {MAC}: it broke\n"
    )


def test_debug_and_timestamps_are_switched_on() -> None:
    stream = io.StringIO()
    FactLog(configure(debug=True, timestamps=True, stream=stream)).write_aside("DHCP", "shown")
    assert stream.getvalue().startswith("20")
    assert stream.getvalue().endswith(" [DHCP] shown\n")


def test_json_holds_every_fact() -> None:
    line = json.loads(written(OFFERED, log_format="json"))
    assert line.pop("timestamp")
    assert line == {
        "event": f"Offering to boot {MAC} (BIOS i386 on eth0)",
        "kind": "offered",
        "level": "info",
        "mac": MAC,
        "stage": "dhcp",
        "client": "PXE",
        "architecture": "BIOS i386",
        "interface": "eth0",
        "seconds": 4,
        "variant": "bios",
        "subsystem": "DHCP",
    }


@pytest.mark.parametrize("fact", SAMPLES, ids=sentence)
def test_every_kind_of_fact_is_counted_and_logged(fact: Fact) -> None:
    metrics = Metrics()
    metrics.count(fact)
    assert f'pixiecore_events_total{{kind="{fact.kind}",subsystem="' in metrics.exposition().decode()
    assert sentence(fact) in written(fact)
    line = json.loads(written(fact, log_format="json"))
    assert (line["kind"], line["event"]) == (fact.kind, sentence(fact))


def test_a_sample_stands_for_every_kind() -> None:
    assert {type(fact) for fact in SAMPLES} == set(FACTS)


def test_a_message_cannot_break_out_of_its_line() -> None:
    fact = Refused(via="HTTP", what="path", file="name\n[DHCP] Offering to boot \x1b[2Jsomebody", reason="\x1b\n")
    text = written(fact)
    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_lines_of_one_kind_from_one_source_are_rationed_and_the_rest_counted() -> None:
    stream, now = io.StringIO(), 5.0
    log = FactLog(configure(stream=stream), clock=lambda: now)
    refused = Refused(via="DHCP", what="packet", source="x", interface="eth0", reason="bad packet")
    for _ in range(OF_ONE_SOURCE + 30):
        log.write(refused, sentence(refused))
    assert stream.getvalue().count("bad packet") == OF_ONE_SOURCE
    other = refused.model_copy(update={"source": "y"})
    log.write(other, sentence(other))
    assert stream.getvalue().count("bad packet") == OF_ONE_SOURCE + 1
    now += OF_ONE_SOURCE_SECONDS
    log.write(refused, sentence(refused))
    assert "30 more lines such as this were not logged: Unusable packet from x" in stream.getvalue()


def test_refusals_from_everywhere_are_rationed_too() -> None:
    stream, now = io.StringIO(), 5.0
    log = FactLog(configure(stream=stream), clock=lambda: now)
    for number in range(80):
        refused = Refused(via="DHCP", what="packet", source=str(number), interface="eth0", reason="bad packet")
        log.write(refused, sentence(refused))
    assert stream.getvalue().count("bad packet") == 50
    now = 15.0
    log.write(refused, sentence(refused))
    assert "30 more lines such as this were not logged: Unusable packet from 0" in stream.getvalue()


def test_a_machine_that_boots_from_many_files_is_told_of_in_full() -> None:
    stream = io.StringIO()
    log = FactLog(configure(stream=stream), clock=lambda: 5.0)
    for number in range(50):
        sent = FileSent(mac=MAC, via="HTTP", file=f"part-{number}", purpose="file", bytes=1, size=1, seconds=0)
        log.write(sent, sentence(sent))
    assert stream.getvalue().count("Sent file") == 50


def test_a_kilobyte_of_name_is_cut() -> None:
    name = "b" + "x" * 1000 + "e"
    fact = Refused(via="TFTP", what="transfer", source="192.0.2.1", file=name, reason=f"no {name}" * 2)
    assert len(fact.file) < 130
    assert fact.file.startswith("bx")
    assert fact.file.endswith("xe")
    assert len(fact.reason) < 510


def test_what_is_cut_out_of_a_name_leaves_no_end_of_a_token() -> None:
    fact = Refused(via="HTTP", what="path", file=f"http://host/{'x' * 50}?token={'0123' * 30}", reason="gone")
    assert "0123" not in fact.file


def test_everybody_who_subscribed_hears_of_a_fact_once_and_in_order() -> None:
    bus = Bus()
    heard: list[tuple[str, object]] = []
    for name in ("first", "second"):
        bus.subscribe(lambda fact, words, name=name: heard.append((name, words)))  # type: ignore[misc]
    bus.subscribe(
        lambda fact, words: None,
        aside=lambda subsystem, text: heard.append((subsystem, text)),
        drop=lambda subsystem, reason: heard.append((subsystem, reason)),
    )
    bus.report(Booting(mac=MAC))
    bus.aside("TFTP", "a probe")
    bus.drop("DHCP", "busy")
    words = f"{MAC} has everything and starts its kernel"
    assert heard == [("first", words), ("second", words), ("TFTP", "a probe"), ("DHCP", "busy")]


def test_drops_are_counted_by_reason() -> None:
    metrics = Metrics()
    metrics.drop("DHCP", "malformed")
    assert metrics.dropped("DHCP", "malformed") == 1
    assert metrics.dropped("DHCP", "busy") == 0


def test_a_plugin_that_fails_again_and_again_is_logged_once_and_counted_each_time() -> None:
    boom = PluginFailed(plugin="faulty", hook="select_boot", reason="boom", mac=MAC)
    other = PluginFailed(plugin="faulty", hook="on_event", reason="boom")
    metrics = Metrics()
    for _ in range(3):
        metrics.count(boom)
    assert written(boom, boom, boom, other).count("faulty") == 2
    assert b'pixiecore_plugin_failures_total{hook="select_boot",plugin="faulty"} 3.0' in metrics.exposition()


def test_lost_events_are_counted() -> None:
    metrics = Metrics(events_lost=lambda: {"slow": 3})
    assert b'pixiecore_plugin_events_lost_total{plugin="slow"} 3.0' in metrics.exposition()
