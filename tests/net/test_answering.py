"""From datagram to reply: which machines are answered, how often, and that none waits for another's slow answer."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import gevent
import pytest

from pixiecore_core import (
    BootSpec,
    Fact,
    Failed,
    FileRef,
    Hold,
    Ignore,
    Ignored,
    Machine,
    Offered,
    PluginFailed,
    PxeAnswered,
    PxeRequest,
    ScriptOffered,
    hookimpl,
)
from pixiecore_core.assembly import Parts, assemble
from pixiecore_core.boot.route import Relays
from pixiecore_core.engine.attempts import LATE_KEPT_SECONDS
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.net import answering
from pixiecore_core.net.answering import Answerer, Place
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.interfaces import Interface, Interfaces
from pixiecore_core.observe.log import configure
from pixiecore_core.wire import dhcp4
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Option
from tests.messages import HTTP_IPXE, REQUEST, architecture, message

SPEC = BootSpec(kernel=FileRef(location="/vmlinuz"))
SUBNET = IPv4Network("192.0.2.0/24")
ETH0 = Interface(2, "eth0", (IPv4Address("192.0.2.2"), IPv4Address("192.0.2.3")), (SUBNET,))
MAC = "52:54:00:12:34:56"


@dataclass
class FakeSocket:
    """Keeps what is sent."""

    port: int = 67
    sent: list[tuple[Dhcp4Message, tuple[str, int], int, IPv4Address]] = field(default_factory=list)

    def send(self, data: bytes, destination: tuple[str, int], interface: int, source: IPv4Address) -> None:
        self.sent.append((dhcp4.parse(data), destination, interface, source))


class Bench:
    """An answerer with one plugin, a fake socket and a clock of its own."""

    def __init__(self) -> None:
        self.log = io.StringIO()
        self.socket = FakeSocket()
        self.now = 1000.0
        parts = Parts(
            register=lambda manager: None,
            find=lambda table: FoundLoaders(table, {"bios": Path("/x"), "efi-x64": Path("/y")}, Path("/data")),
            hook_timeout=0.3,
            clock=lambda: self.now,
        )
        self.core = assemble(configure(debug=True, stream=self.log), parts)
        self.plugins, self.attempts, self.metrics = self.core.plugins, self.core.attempts, self.core.metrics
        interfaces = Interfaces(adapters=lambda: [ETH0])
        place = Place(interfaces, relays=Relays([IPv4Network("10.0.0.0/16")]))
        self.answerer = Answerer(self.core.decider, self.core.adapter, self.core.names, self.core.bus, place)

    def plugin(self, name: str = "p", **hooks: Callable[..., Any]) -> None:
        functions = {hook: staticmethod(hookimpl(function)) for hook, function in hooks.items()}
        self.plugins.register(type("Plugin", (), functions)(), name)

    def receive(
        self,
        asked: Dhcp4Message | bytes,
        stage: Any = "dhcp",
        destination: str = "255.255.255.255",
        source: tuple[str, int] | None = None,
    ) -> None:
        data = asked if isinstance(asked, bytes) else dhcp4.serialize(asked)
        source = source or (("0.0.0.0", 68) if stage == "dhcp" else ("192.0.2.77", 4011))
        self.answerer.receive(
            self.socket,
            Datagram(data, source, ETH0.index, IPv4Address(destination)),
            stage,
        )

    def ask(self, asked: Dhcp4Message | bytes, stage: Any = "dhcp", **options: Any) -> list[Any]:
        """Receive, let the answer happen, and take what was sent."""
        self.receive(asked, stage, **options)
        gevent.sleep(0.01)
        sent, self.socket.sent = self.socket.sent, []
        return sent

    def kinds(self) -> list[type[Fact]]:
        return [type(fact) for fact in self.attempts.facts(MAC)]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.answerer.stop()


@pytest.fixture
def booting(bench: Bench) -> Bench:
    """A bench whose plugin boots every machine."""
    bench.plugin(select_boot=lambda machine: SPEC)
    return bench


def test_a_discover_is_answered_from_the_interface_it_came_in_on(booting: Bench) -> None:
    ((reply, destination, interface, source),) = booting.ask(message())
    assert reply.message_type == MessageType.OFFER
    assert (destination, interface, source) == (("255.255.255.255", 68), 2, IPv4Address("192.0.2.2"))
    assert booting.kinds() == [Offered]
    assert f"[DHCP] Offering to boot {MAC} (BIOS i386 on eth0)" in booting.log.getvalue()


def test_the_address_that_was_asked_is_the_address_that_answers(booting: Bench) -> None:
    asked = message(giaddr=IPv4Address("10.0.0.1"))
    ((reply, destination, _, source),) = booting.ask(asked, destination="192.0.2.3")
    assert source == reply.siaddr == IPv4Address("192.0.2.3")
    assert destination == ("10.0.0.1", 67)


def test_a_boot_server_request_is_answered_where_it_came_from(booting: Bench) -> None:
    ((reply, destination, _, _),) = booting.ask(message(architecture(7) | REQUEST), "pxe", destination="192.0.2.2")
    assert (reply.message_type, destination) == (MessageType.ACK, ("192.0.2.77", 4011))
    assert booting.kinds() == [PxeAnswered]


def test_ipxe_is_offered_the_script(booting: Bench) -> None:
    booting.ask(message(HTTP_IPXE))
    assert booting.kinds() == [ScriptOffered]


def test_a_machine_that_shall_wait_is_offered_its_boot(bench: Bench) -> None:
    bench.plugin(select_boot=lambda machine: Hold(reason="somebody must approve it"))
    ((reply, _, _, _),) = bench.ask(message(HTTP_IPXE))
    assert reply.message_type == MessageType.OFFER
    assert "by script, to wait there: somebody must approve it" in bench.log.getvalue()


def test_where_a_machine_asks_from_is_remembered_for_its_script(booting: Bench) -> None:
    booting.ask(message())
    seen = booting.attempts.complete(Machine(mac=MAC, serial="S1"))
    assert (seen.interface, seen.subnet, seen.relay, seen.serial) == ("eth0", SUBNET, None, "S1")
    booting.ask(message(giaddr=IPv4Address("10.0.0.1")))
    seen = booting.attempts.complete(Machine(mac=MAC))
    assert (seen.interface, seen.subnet, seen.relay) == ("eth0", None, IPv4Address("10.0.0.1"))


def test_on_an_interface_that_is_not_served_nothing_is_answered(booting: Bench) -> None:
    data = dhcp4.serialize(message())
    datagram = Datagram(data, ("0.0.0.0", 68), 99, IPv4Address("255.255.255.255"))
    booting.answerer.receive(booting.socket, datagram, "dhcp")
    gevent.sleep(0.01)
    assert booting.socket.sent == []
    assert booting.metrics.dropped("DHCP", "interface-not-served") == 1


@pytest.mark.parametrize("stage", ["dhcp", "pxe"])
def test_a_machine_told_no_hears_nothing_on_either_port(bench: Bench, stage: str) -> None:
    """The Go Pixiecore asks nobody on 4011 (field notes 3.10, 11)."""
    bench.plugin(select_boot=lambda machine: Ignore(reason="not mine"))
    assert bench.ask(message(REQUEST if stage == "pxe" else {}), stage) == []
    assert bench.kinds() == [Ignored]
    assert "not mine" in bench.log.getvalue()


def test_a_veto_wins_over_the_booter(booting: Bench) -> None:
    booting.plugin("policy", on_pxe_request=lambda request: Ignore(reason="on holiday"))
    assert booting.ask(message()) == []
    assert "on holiday" in booting.log.getvalue()


def test_a_firmware_without_a_binary_is_told_why(booting: Bench) -> None:
    assert booting.ask(message(architecture(11))) == []
    assert "no iPXE for this firmware is installed here" in booting.log.getvalue()
    assert "--ipxe-arm64 PATH" in booting.log.getvalue()


def test_a_firmware_nobody_serves_is_told_why(booting: Bench) -> None:
    assert booting.ask(message(architecture(25))) == []
    assert "no boot file exists for UEFI riscv32" in booting.log.getvalue()


def test_a_plugin_may_bring_the_missing_binary(booting: Bench) -> None:
    booting.plugin("loaders", provide_bootloader=lambda loader: None)
    assert len(booting.ask(message(architecture(11)))) == 1


@pytest.mark.parametrize(
    "hook",
    [{"select_boot": lambda machine: 1 / 0}, {"on_pxe_request": lambda request: 1 / 0}],
    ids=["select_boot", "on_pxe_request"],
)
def test_a_plugin_that_raises_means_silence_and_its_name(booting: Bench, hook: dict[str, Any]) -> None:
    booting.plugin("faulty", **hook)
    assert booting.ask(message()) == []
    assert PluginFailed in booting.kinds()
    assert "plugin 'faulty'" in booting.log.getvalue()


def test_a_plugin_that_hangs_costs_the_others_nothing(bench: Bench) -> None:
    def select_boot(machine: Machine) -> BootSpec:
        if machine.mac == MAC:
            gevent.sleep(60)
        return SPEC

    bench.plugin(select_boot=select_boot)
    assert bench.ask(message()) == []
    other = message(chaddr=bytes.fromhex("525400000002"))
    assert len(bench.ask(other)) == 1
    gevent.sleep(0.4)
    assert "gave no answer within 0.3 s" in bench.log.getvalue()


def test_what_is_asked_in_a_machines_name_takes_no_answer_from_it(bench: Bench) -> None:
    """While an API thinks, a neighbour asks on and on in the machine's name, to have the answer sent elsewhere."""
    bench.plugin(select_boot=lambda machine: gevent.sleep(0.05) or SPEC)  # type: ignore[func-returns-value]
    bench.receive(message(xid=1))
    gevent.sleep(0.01)
    for xid in range(100, 200):
        bench.receive(message(xid=xid))
    gevent.sleep(0.1)
    answered = [reply.xid for reply, *_ in bench.socket.sent]
    assert answered == [1, 100, 101, 199]


def test_a_retransmission_joins_and_gets_the_answer_under_its_own_xid(bench: Bench) -> None:
    asked: list[str] = []

    def select_boot(machine: Machine) -> BootSpec:
        asked.append(machine.mac)
        gevent.sleep(0.05)
        return SPEC

    bench.plugin(select_boot=select_boot)
    bench.receive(message(xid=1))
    gevent.sleep(0.01)
    bench.receive(message(xid=2, secs=4))
    gevent.sleep(0.1)
    assert [reply.xid for reply, *_ in bench.socket.sent] == [1, 2]
    assert len(asked) == 1


def test_an_answer_that_came_too_late_serves_the_next_retry_once(bench: Bench) -> None:
    asked: list[str] = []

    def select_boot(machine: Machine) -> BootSpec:
        asked.append(machine.mac)
        bench.now += 3 if len(asked) == 1 else 0
        return SPEC

    bench.plugin(select_boot=select_boot)
    assert len(bench.ask(message(xid=1))) == 1
    assert len(bench.ask(message(xid=2))) == 1
    assert len(asked) == 1, "the retry was answered from the late decision"
    bench.ask(message(xid=3))
    assert len(asked) == 2, "and the one after it was decided anew"


def test_a_late_answer_does_not_live_for_ever(bench: Bench) -> None:
    asked: list[str] = []

    def select_boot(machine: Machine) -> BootSpec:
        asked.append(machine.mac)
        bench.now += 3
        return SPEC

    bench.plugin(select_boot=select_boot)
    bench.ask(message(xid=1))
    bench.now += LATE_KEPT_SECONDS
    bench.ask(message(xid=2))
    assert len(asked) == 2


def test_too_many_at_once_are_dropped_and_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def select_boot(machine: Machine) -> BootSpec:
        gevent.sleep(60)
        return SPEC

    bench.plugin(select_boot=select_boot)
    for number in range(answering.IN_FLIGHT + 5):
        bench.receive(message(chaddr=b"\x52\x54" + number.to_bytes(4, "big")))
    assert bench.metrics.dropped("DHCP", "busy") == 5


HOSTILE = {
    "empty": b"",
    "one byte": b"\x01",
    "64 KiB of zeros": bytes(65507),
    "truncated": dhcp4.serialize(message())[:250],
    "no magic": dhcp4.serialize(message())[:236] + bytes(64),
    "lying length": dhcp4.serialize(message())[:240] + b"\x5d\xff\x00\x00",
    "op 2": b"\x02" + dhcp4.serialize(message())[1:],
    "htype 32": b"\x01\x20" + dhcp4.serialize(message())[2:],
    "hlen 0": b"\x01\x01\x00" + dhcp4.serialize(message())[3:],
    "hlen 16": b"\x01\x01\x10" + dhcp4.serialize(message())[3:],
    "hlen 255": b"\x01\x01\xff" + dhcp4.serialize(message())[3:],
    "odd option 93": dhcp4.serialize(message({Option.CLIENT_ARCHITECTURE: b"\0\7\0"})),
    "zero MAC": dhcp4.serialize(message(chaddr=bytes(6))),
    "unknown message type": dhcp4.serialize(message({Option.MESSAGE_TYPE: b"\x63"})),
}


@pytest.mark.parametrize("stage", ["dhcp", "pxe"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_datagrams_are_dropped_and_the_next_is_answered(booting: Bench, name: str, stage: str) -> None:
    assert booting.ask(HOSTILE[name], stage) == []
    good = message(REQUEST) if stage == "pxe" else message()
    assert len(booting.ask(good, stage)) == 1


def test_two_architectures_in_option_93_are_no_error(booting: Bench) -> None:
    assert len(booting.ask(message({Option.CLIENT_ARCHITECTURE: b"\0\x07\0\x00"}))) == 1


def test_a_flood_of_made_up_addresses_stays_within_bounds(booting: Bench) -> None:
    template = dhcp4.serialize(message())
    for number in range(12_000):  # more than anything keeps
        data = template[:28] + b"\x52\x54" + number.to_bytes(4, "big") + template[34:]
        booting.receive(data)
        if number % 500 == 0:
            gevent.sleep(0)
            booting.socket.sent.clear()
    with gevent.Timeout(10):
        while booting.answerer._asked:
            gevent.sleep(0.01)
    assert len(booting.attempts) == 10_000
    assert sum(len(booting.attempts.facts(mac)) for mac in booting.attempts.machines()) <= 100_000


def test_unusable_packets_are_rationed_in_the_log(booting: Bench) -> None:
    for _ in range(500):
        booting.receive(HOSTILE["lying length"])
    assert booting.log.getvalue().count("Unusable packet") <= 40
    assert booting.metrics.dropped("DHCP", "malformed") == 500


def test_a_send_that_fails_is_told(booting: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(booting.socket, "send", send)
    booting.ask(message())
    assert booting.kinds() == [Failed]
    assert "Network is unreachable" in booting.log.getvalue()


def test_the_request_reaches_the_plugins_whole(booting: Bench) -> None:
    seen: list[PxeRequest] = []
    booting.plugin("watcher", on_pxe_request=lambda request: seen.append(request))
    booting.ask(replace(message(architecture(7)), secs=12, giaddr=IPv4Address("10.0.0.1")))
    (request,) = seen
    assert (request.loader, request.seconds, request.stage) == ("efi-x64", 12, "dhcp")
    assert request.machine.relay == IPv4Address("10.0.0.1")


def test_a_relay_that_is_not_named_is_refused_aloud_and_leaves_no_trace(booting: Bench) -> None:
    assert booting.ask(message(giaddr=IPv4Address("10.9.0.1")), source=("192.0.2.254", 67)) == []
    assert booting.metrics.dropped("DHCP", "relay-not-named") == 1
    assert "if it is yours: --trust-relay 10.9.0.1" in booting.log.getvalue()
    assert len(booting.attempts) == 0, "no plugin was asked and no machine is remembered"


def test_a_flood_of_what_cannot_be_answered_is_counted_and_hardly_logged(booting: Bench) -> None:
    data = dhcp4.serialize(message(architecture(7) | REQUEST))
    for number in range(500):
        booting.receive(data, "pxe", source=(f"10.9.{number % 250}.7", 4011))
    assert booting.metrics.dropped("PXE", "off-link") == 500
    assert booting.log.getvalue().count("--trust-relay") <= answering.UNDELIVERABLE_TOLD[1] + 1
    assert booting.socket.sent == []


def test_a_relay_that_is_answered_though_it_is_not_named_is_not_believed(booting: Bench) -> None:
    seen: list[PxeRequest] = []
    booting.plugin("watcher", on_pxe_request=lambda request: seen.append(request))
    ((_, destination, _, _),) = booting.ask(message(giaddr=IPv4Address("10.9.0.1")), source=("10.9.0.1", 67))
    assert destination == ("10.9.0.1", 67)
    (request,) = seen
    assert (request.machine.relay, request.machine.subnet) == (None, None)


def test_a_client_on_4011_that_came_by_a_router_is_not_on_our_network(booting: Bench) -> None:
    seen: list[PxeRequest] = []
    booting.plugin("watcher", on_pxe_request=lambda request: seen.append(request))
    for source in ("192.0.2.77", "10.0.3.77"):
        assert len(booting.ask(message(architecture(7) | REQUEST), "pxe", source=(source, 4011))) == 1
    assert [request.machine.subnet for request in seen] == [SUBNET, None]
