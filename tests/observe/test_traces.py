"""Traces of boot attempts: when they are made, what is in them, and what an OTLP receiver is sent."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pixiecore_core import Client, Fact, Machine, PxeRequest
from pixiecore_core.engine.attempts import SILENCE_SECONDS, Attempts, Outcome
from pixiecore_core.errors import ConfigError
from pixiecore_core.models.facts import Booting, Failed, KernelSent, Logged, Offered, Reported, ScriptSent
from pixiecore_core.observe import traces as traces_module
from pixiecore_core.observe.otlp import open_otlp
from pixiecore_core.observe.traces import STARTED_SECONDS, Trace, Traces, trace_of
from pixiecore_core.settings.telemetry import TelemetrySettings
from tests.command import failure, pixiecore
from tests.observe.receiver import Receiver

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:00:00:02"


class Room:
    """Traces beside a memory of attempts."""

    def __init__(self) -> None:
        self.now, self.taken = 1000.0, True
        self.sent: list[Trace] = []
        self.counts: Counter[str] = Counter()
        self.attempts = Attempts(clock=lambda: self.now, wall=lambda: self.now)
        self.traces = Traces(self.attempts, self.send, self.counts, lambda: self.now, lambda: self.now)

    def send(self, traces: Sequence[Trace]) -> bool:
        self.sent += traces
        return self.taken

    def hear(self, *facts: Fact) -> None:
        for fact in facts:
            self.attempts.add(fact)
            self.traces.hear(fact)

    def after(self, seconds: float) -> list[Trace]:
        """What is sent after so many seconds more."""
        self.now += seconds
        self.traces.flush()
        sent, self.sent = self.sent, []
        return sent


@pytest.fixture
def room() -> Room:
    return Room()


def offered(mac: str = MAC, at: float = 1000) -> Offered:
    return Offered(mac=mac, stage="dhcp", client=Client.PXE, architecture="UEFI x86_64", at=at)


def a_boot() -> list[Fact]:
    return [
        offered(),
        ScriptSent(mac=MAC, at=1004),
        KernelSent(mac=MAC, via="HTTP", file="k", purpose="kernel", bytes=9, size=9, seconds=1.5, at=1006),
        Booting(mac=MAC, at=1007),
        Logged(mac=MAC, text="secret words", step="installer: partitioning", at=1030),
        Reported(mac=MAC, step="secret words", at=1040),
    ]


def test_a_boot_is_a_trace_once_its_system_is_quiet(room: Room) -> None:
    room.hear(*a_boot())
    assert room.after(STARTED_SECONDS) == []
    (trace,) = room.after(1)
    assert (trace.mac, trace.outcome, trace.cause, trace.failed) == (MAC, Outcome.BOOTED, "", False)
    assert (trace.began, trace.ended) == (1000, 1040)
    assert [(step.name, step.began, step.ended) for step in trace.steps] == [
        ("offered", 1000, 1000),
        ("script-sent", 1000, 1004),
        ("kernel-sent", 1004.5, 1006),
        ("booting", 1006, 1007),
        ("installer: partitioning", 1007, 1030),
        ("reported", 1030, 1040),
    ]
    assert room.counts == {"sent": 1}
    room.hear(Reported(mac=MAC, step="later"))
    assert room.after(10_000) == [], "an attempt is sent once"


def test_a_machine_that_stops_is_a_failure_with_its_cause(room: Room) -> None:
    room.hear(offered())
    assert room.after(SILENCE_SECONDS) == []
    (trace,) = room.after(1)
    assert trace.outcome is Outcome.STALLED
    assert trace.failed
    assert trace.cause


def test_another_attempt_ends_the_one_before(room: Room) -> None:
    room.hear(*a_boot())
    machine = Machine(mac=MAC)
    room.attempts.asked(
        PxeRequest(machine=machine, client=Client.PXE, loader="b", stage="dhcp", transaction_id=1, seconds=0)
    )
    (trace,) = room.after(1)
    assert len(trace.steps) == 6


def test_what_is_not_taken_is_counted_as_lost(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.taken = False
    room.hear(offered())
    assert len(room.after(1000)) == 1
    assert room.counts == {"lost": 1}
    monkeypatch.setattr(traces_module, "PENDING", 3)
    for number in range(5):
        room.hear(offered(f"52:54:00:00:00:{number:02x}"))
    assert room.counts == {"lost": 3}
    assert len(room.after(1000)) == 3


def test_at_the_end_all_are_sent(room: Room) -> None:
    room.hear(offered(), offered(OTHER))
    room.traces.flush(everything=True)
    assert [one.outcome for one in room.sent] == [Outcome.UNDER_WAY] * 2


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver.running() as made:
        yield made


def made(*facts: Fact) -> Trace:
    attempts = Attempts(wall=lambda: 1000.0)
    for fact in facts:
        attempts.add(fact)
    attempt = attempts.latest(MAC)
    assert attempt is not None
    return trace_of(attempt, 1100.0)


def test_a_receiver_is_sent_a_trace_with_a_span_a_step(receiver: Receiver) -> None:
    endpoint = TelemetrySettings(otlp_endpoint=f"http://127.0.0.1:{receiver.port}").otlp_endpoint
    assert endpoint is not None
    warnings: list[str] = []
    send = open_otlp(endpoint, "1.2.3", warnings.append)
    broken = Failed(mac=MAC, via="HTTP", step="script", reason="secret words", at=1001)
    assert send([made(*a_boot()), made(offered(), broken)])
    ((path, request),) = receiver.received
    assert path == "/v1/traces"
    (resource,) = request.resource_spans
    known = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert (known["service.name"], known["service.version"]) == ("pixiecore", "1.2.3")
    spans = [span for scope in resource.scope_spans for span in scope.spans]
    assert len({span.trace_id for span in spans}) == 2
    boot, bad = (span for span in spans if not span.parent_span_id)
    children = [span for span in spans if span.parent_span_id == boot.span_id]
    assert [span.name for span in children][-2:] == ["installer: partitioning", "reported"]
    assert (boot.name, boot.start_time_unix_nano, boot.end_time_unix_nano) == ("boot", 1000 * 10**9, 1040 * 10**9)
    assert (children[2].start_time_unix_nano, children[2].end_time_unix_nano) == (1004_500 * 10**6, 1006 * 10**9)
    said = {one.key: one.value.string_value for one in boot.attributes}
    assert said == {"pixiecore.mac": MAC, "pixiecore.outcome": "booted"}
    assert (bad.status.code, boot.status.code) == (2, 0)
    assert b"secret words" not in request.SerializeToString(), "nothing that people wrote"
    assert warnings == []


def test_a_receiver_that_refuses_is_told_of_once(receiver: Receiver) -> None:
    receiver.status = 400
    warnings: list[str] = []
    send = open_otlp(f"http://127.0.0.1:{receiver.port}/x", "1", warnings.append)
    assert [send([made(offered())]) for _ in range(2)] == [False, False]
    assert len(warnings) == 1
    assert "takes no traces" in warnings[0]
    receiver.status = 200
    assert send([made(offered())])
    assert [path for path, _ in receiver.received] == ["/x"] * 3


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigError, match=r"--otlp-endpoint: OpenTelemetry is not installed .*pixiecore-core\[otel\]"):
        open_otlp("http://127.0.0.1:1", "1", print)


@pytest.mark.parametrize("text", ["", "127.0.0.1:4318", "ftp://x", "http://", "http://[x", "http://x:99999"])
def test_what_is_no_receiver(text: str, tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    done = pixiecore("boot", str(tmp_path / "vmlinuz"), f"--otlp-endpoint={text}")
    assert "--otlp-endpoint" in failure(done, 2)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("http://x:4318", "http://x:4318/v1/traces"),
        ("https://x/", "https://x/v1/traces"),
        ("http://x/otlp/v1/traces", "http://x/otlp/v1/traces"),
    ],
)
def test_the_path_of_a_receiver(text: str, endpoint: str) -> None:
    assert TelemetrySettings(otlp_endpoint=text).otlp_endpoint == endpoint
