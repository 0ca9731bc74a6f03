"""The server, the dry run and the kit say the same of every firmware and every kind of answer: they ask one engine."""

from __future__ import annotations

import io
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import gevent
import pytest

from pixiecore_core import Architecture, BootSpec, FileRef, Hold, Ignore, LocalDisk, Machine, PxeRequest, hookimpl
from pixiecore_core.assembly import Core, Parts, assemble
from pixiecore_core.cli import select
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.rows import FirmwareFamily, Transport
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.net.answering import Answerer, Place
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.interfaces import Interfaces
from pixiecore_core.observe.log import configure
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.testing import Netboot
from pixiecore_core.wire import dhcp4
from tests.messages import architecture, message
from tests.net.test_answering import ETH0, FakeSocket

MAC = "52:54:00:12:34:56"
SPEC = BootSpec(kernel=FileRef(location=__file__))


class Boots:
    name = "boots"

    @hookimpl
    def select_boot(self, machine: Machine) -> Any:
        return SPEC


class Ignores:
    name = "ignores"

    @hookimpl
    def select_boot(self, machine: Machine) -> Any:
        return Ignore(reason="not mine")


class Holds:
    name = "holds"

    @hookimpl
    def select_boot(self, machine: Machine) -> Any:
        return Hold(reason="somebody must approve it")


class GoesLocal:
    name = "goes local"

    @hookimpl
    def select_boot(self, machine: Machine) -> Any:
        return LocalDisk(reason="it is installed")


class Fails:
    name = "fails"

    @hookimpl
    def select_boot(self, machine: Machine) -> Any:
        raise RuntimeError("boom")


class Vetoes(Boots):
    name = "vetoes"

    @hookimpl
    def on_pxe_request(self, request: PxeRequest) -> Ignore:
        return Ignore(reason="on holiday")


ANSWERS = [
    (Boots, "offered"),
    (Ignores, "ignored: not mine"),
    (Holds, "held: somebody must approve it"),
    (GoesLocal, "local"),
    (Fails, "failed"),
    (Vetoes, "ignored: on holiday"),
]


def everything(table: FirmwareTable) -> FoundLoaders:
    names = [loader.name for loader in table.loaders()]
    paths, versions = dict.fromkeys(names, Path("/nonexistent")), dict.fromkeys(names, "2.0.0")
    return FoundLoaders(table, paths, Path("/data"), versions=versions)


def nothing(table: FirmwareTable) -> FoundLoaders:
    return FoundLoaders(table, {}, Path("/data"))


def core(booter: type, find: Any) -> Core:
    def register(manager: PluginManager) -> None:
        manager.register(booter(), "p")

    return assemble(configure(stream=io.StringIO()), Parts(register, find))


def by_the_server(kind: Architecture, made: Core) -> str:
    """What the wire and the machine's timeline say."""
    answerer, socket = (
        Answerer(made.decider, made.adapter, made.names, made.bus, Place(Interfaces(adapters=lambda: [ETH0]))),
        FakeSocket(),
    )
    data = dhcp4.serialize(message(architecture(kind.code)))
    answerer.receive(socket, Datagram(data, ("0.0.0.0", 68), ETH0.index, IPv4Address("255.255.255.255")), "dhcp")
    answerer.wait(5)
    answerer.stop()
    (fact,) = made.attempts.facts(MAC)
    assert bool(socket.sent) == (fact.kind == "offered")
    return said(fact)


def by_the_kit(kind: Architecture, booter: type) -> str:
    machines = Netboot(booter())
    offer = machines.discover(MAC, kind.code)
    machines.close()
    (fact,) = machines.facts(MAC)
    assert (offer is not None) == (fact.kind == "offered")
    return said(fact)


def said(fact: Any) -> str:
    if fact.kind == "offered" and fact.local:
        return "local"
    if fact.kind == "offered":
        return f"held: {fact.wait}" if fact.wait else "offered"
    return f"ignored: {fact.reason}" if fact.kind == "ignored" else "failed"


def by_the_dry_run(kind: Architecture, made: Core) -> str:
    verdict = select._decide(made, Machine(mac=MAC, architecture=kind), ipxe=False)
    assert verdict.told().startswith("\nIt boots:" if verdict.outcome == "boot" else "\nIt ")
    if verdict.outcome in ("hold", "ignore"):
        return f"{'held' if verdict.outcome == 'hold' else 'ignored'}: {verdict.reason}"
    if verdict.outcome == "local":
        assert (verdict.reason, "sanboot" in verdict.script) == ("it is installed", True)
        return "local"
    return "offered" if verdict.outcome == "boot" else "failed"


def in_its_own_way(kind: Architecture, answer: str) -> str:
    """What comes of an answer where every loader is here."""
    if kind.family is FirmwareFamily.RPIBOOT:
        return "ignored: its ROM fetches firmware, and there is none for Raspberry Pis here: --pi-firmware"
    if kind.family is FirmwareFamily.U_BOOT and kind.transport is Transport.PXE:
        held = "ignored: it would have to wait, which U-Boot cannot: somebody must approve it"
        left = "it is to start its disk, which is left to its firmware (it is installed)"
        disk = f"ignored: {left}: no way there is known for {kind}"
        return {"held: somebody must approve it": held, "local": disk}.get(answer, answer)
    return answer if KNOWN.loader_for(kind) else f"ignored: no boot file exists for {kind}"


@pytest.mark.parametrize("kind", KNOWN.architectures(), ids=str)
@pytest.mark.parametrize(("booter", "answer"), ANSWERS, ids=lambda one: getattr(one, "name", ""))
def test_all_say_the_same(kind: Architecture, booter: type, answer: str) -> None:
    expected = in_its_own_way(kind, answer)
    assert by_the_server(kind, core(booter, everything)) == expected
    assert by_the_dry_run(kind, core(booter, everything)) == expected
    assert by_the_kit(kind, booter) == expected


@pytest.mark.parametrize("loader", KNOWN.loaders(), ids=lambda loader: loader.name)
def test_all_miss_the_same_loaders(loader: Any) -> None:
    """The kit has them all."""
    for kind in KNOWN.architectures():
        if KNOWN.loader_for(kind) == loader:
            answer = by_the_server(kind, core(Boots, nothing))
            assert answer.startswith("ignored: no iPXE for this firmware is installed here: ")
            assert by_the_dry_run(kind, core(Boots, nothing)) == answer


def test_an_attempt_is_one_whoever_asks() -> None:
    made = core(Boots, everything)
    by_the_server(KNOWN.architecture(7), made)
    gevent.sleep(0)
    attempt = made.attempts.latest(MAC)
    assert attempt is not None
    assert attempt.offered == "binl"
