"""Answers netboot requests: asks the plugins, builds the reply, sends it. Each request in a greenlet of its own.

A booter may take seconds and must never hold up another machine. A retransmission of a request that is still being
answered joins it; an answer that came too late for its own request serves the next retry. Parsing, classifying,
building and routing are boot/'s work; this is only the order of things.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

from pixiecore_core.boot.classify import NotForUs, classify, might_netboot
from pixiecore_core.boot.offers import offer, variants_for
from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.boot.route import BROADCAST, Destination, destination
from pixiecore_core.errors import PixiecoreError, PluginError, WireError
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.models import BootSpec, Client, Event, EventKind, Hold, Ignore, PxeRequest, Stage
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.interfaces import Interface, Interfaces
from pixiecore_core.net.sightings import Sightings
from pixiecore_core.net.workers import Workers
from pixiecore_core.observe.recorder import Recorder
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.wire.dhcp4 import Dhcp4Message, parse, serialize

IN_FLIGHT = 1000
"""Requests being answered at once; beyond it they are dropped, and the clients ask again."""
LATE_SECONDS = 1.0
"""iPXE waits for offers about 2 s in all (dhcp.c): a decision that took longer may well have missed its request."""
LATE_KEPT_SECONDS = 20.0
"""EDK2 asks again after 4, 8 and 16 s: a late decision is kept until the retry after that."""
_LATE_KEPT = 1000

_SUBSYSTEM: dict[Stage, str] = {"dhcp": "DHCP", "pxe": "PXE"}

Decision = BootSpec | Hold | Ignore | None
"""``None`` where a plugin failed: nothing is sent, and that has been reported."""


class ReplySocket(Protocol):
    """Where a request came in, and where its reply goes out."""

    def send(self, data: bytes, destination: tuple[str, int], interface: int, source: IPv4Address) -> None:
        """Send one datagram out of *interface*, from our address *source*. :raises OSError: the network refused it"""


Key = tuple[str, Stage, Client, int]


@dataclass(slots=True)
class _Asked:
    """The latest form of a request that is being answered, and where to send the answer."""

    socket: ReplySocket
    datagram: Datagram
    message: Dhcp4Message
    request: PxeRequest
    interface: Interface


class Answerer:
    """Turns datagrams on 67 and 4011 into replies.

    :param http_port: where our HTTP server listens; goes into URLs
    :param loaders: the iPXE binaries at hand
    :param sightings: told where each machine asks from
    """

    def __init__(
        self,
        plugins: PluginManager,
        recorder: Recorder,
        interfaces: Interfaces,
        http_port: int,
        dhcp_port: int,
        loaders: FoundLoaders,
        sightings: Sightings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plugins = plugins
        self._recorder = recorder
        self._interfaces = interfaces
        self._http_port = http_port
        self._dhcp_port = dhcp_port
        self._loaders = loaders
        self._sightings = sightings
        self._clock = clock
        self._workers = Workers(IN_FLIGHT)
        self._asked: dict[Key, _Asked] = {}
        self._late: OrderedDict[Key, tuple[float, Decision]] = OrderedDict()

    def receive(self, socket: ReplySocket, datagram: Datagram, stage: Stage) -> None:
        """Take one datagram; never waits and never raises."""
        subsystem = _SUBSYSTEM[stage]
        metrics = self._recorder.metrics
        if not might_netboot(datagram.data):
            metrics.drop(subsystem, "not-netboot")
            return
        interface = self._interfaces.served(datagram.interface)
        if interface is None:
            metrics.drop(subsystem, "interface-not-served")
            return
        try:
            message = parse(datagram.data)
        except WireError as error:
            metrics.drop(subsystem, "malformed")
            self._refuse(subsystem, f"Unusable packet from {datagram.source[0]} on {interface.name}: {error}", None)
            return
        request = classify(message, stage, interface.name, interface.subnet, self._loaders.table)
        if isinstance(request, NotForUs):
            metrics.drop(subsystem, "not-for-us")
            mac = message.chaddr.hex(":")
            if request.noteworthy:
                self._refuse(subsystem, f"Unusable packet from {mac} on {interface.name}: {request.reason}", None)
            else:
                self._recorder.ignored_traffic(subsystem, f"Ignoring packet from {mac}: {request.reason}")
            return
        self._enter(_Asked(socket, datagram, message, request, interface))

    def wait(self, timeout: float) -> None:
        """Wait until every request is answered, or *timeout* seconds."""
        self._workers.join(timeout=timeout)

    def stop(self) -> None:
        """Give up what is still being answered: nobody could send the answers any more."""
        self._workers.kill()

    def _enter(self, asked: _Asked) -> None:
        kind = asked.request.machine.architecture
        key = (asked.request.machine.mac, asked.request.stage, asked.request.client, kind.code if kind else -1)
        if key in self._asked:
            self._asked[key] = asked
        elif self._workers.full():
            self._recorder.metrics.drop(_SUBSYSTEM[asked.request.stage], "busy")
        else:
            self._sightings.note(asked.request.machine)
            self._asked[key] = asked
            self._workers.spawn(self._answer, key, asked.request)

    def _answer(self, key: Key, request: PxeRequest) -> None:
        try:
            decision = self._decide_in_time(key, request)
        finally:
            # Whoever asked last gets the answer: a retransmission may carry another xid.
            asked = self._asked.pop(key)
        subsystem = _SUBSYSTEM[request.stage]
        mac = request.machine.mac
        if isinstance(decision, Ignore):
            self._record(EventKind.IGNORED, asked, f"Ignoring {mac} ({_who(request)}): {decision.reason}")
        elif decision is not None:
            try:
                self._reply(asked, f", to wait there: {decision.reason}" if isinstance(decision, Hold) else "")
            except (OSError, PixiecoreError, ValueError) as error:
                self._record(EventKind.FAILED, asked, f"Failed to send the {subsystem} reply to {mac}: {error}")

    def _decide_in_time(self, key: Key, request: PxeRequest) -> Decision:
        """The decision, from the last request if that one's came too late to be of use."""
        started = self._clock()
        kept_until, kept = self._late.pop(key, (0.0, None))
        if started < kept_until:
            return kept
        decision = self._decide(request)
        now = self._clock()
        if decision is not None and now - started > LATE_SECONDS:
            self._late[key] = (now + LATE_KEPT_SECONDS, decision)
            if len(self._late) > _LATE_KEPT:
                self._late.popitem(last=False)
        return decision

    def _decide(self, request: PxeRequest) -> Decision:
        if request.client is not Client.IPXE:
            loader = self._loaders.table.loader(request.loader) if request.loader else None
            if loader is None:
                return Ignore(reason=f"no boot file exists for {request.machine.architecture}")
            if loader.name not in self._loaders.paths and not self._plugins.provides_bootloaders():
                return Ignore(reason=f"no iPXE for this firmware is installed here: {self._loaders.how_to_get(loader)}")
        veto = self._plugins.on_pxe_request(request)
        if veto is not None:
            return veto
        try:
            return self._plugins.select_boot(request.machine)
        except PluginError:
            return None

    def _reply(self, asked: _Asked, remark: str) -> None:
        request, message, datagram = asked.request, asked.message, asked.datagram
        server = ServerAddress(asked.interface.address(datagram.destination), self._http_port)
        loader = self._loaders.table.loader(request.loader) if request.loader else None
        reply = serialize(offer(request, message, server, loader, variants_for(request)[0]))
        to = destination(message, request.stage, datagram.source, self._dhcp_port)
        asked.socket.send(reply, (to.ip, to.port), self._way_out(asked, to), server.ip)
        mac = request.machine.mac
        where = f"{_who(request)} on {asked.interface.name}"
        if request.stage == "pxe":
            self._record(EventKind.PXE_ANSWERED, asked, f"Told {mac} ({where}) where its boot file is")
        elif request.client is Client.IPXE:
            self._record(EventKind.SCRIPT_OFFERED, asked, f"Offering to boot {mac} ({where}) by script{remark}")
        else:
            self._record(EventKind.OFFERED, asked, f"Offering to boot {mac} ({where}){remark}")

    def _way_out(self, asked: _Asked, to: Destination) -> int:
        """The interface that a reply leaves by; 0 for whichever the kernel's routes say, as for a relay far away."""
        subnet = asked.interface.subnet
        near = to.ip == BROADCAST or (subnet is not None and IPv4Address(to.ip) in subnet)
        return asked.datagram.interface if near else 0

    def _record(self, kind: EventKind, asked: _Asked, text: str) -> None:
        request = asked.request
        self._recorder.record(
            Event(
                kind=kind,
                subsystem="PXE" if request.stage == "pxe" else "DHCP",
                message=text,
                mac=request.machine.mac,
                details={
                    "client": request.client.value,
                    "architecture": str(request.machine.architecture),
                    "interface": asked.interface.name,
                    "seconds": request.seconds,
                },
            )
        )

    def _refuse(self, subsystem: str, text: str, mac: str | None) -> None:
        self._recorder.record(
            Event(kind=EventKind.REFUSED, subsystem="PXE" if subsystem == "PXE" else "DHCP", message=text, mac=mac)
        )


def _who(request: PxeRequest) -> str:
    """The client in a few words: ``iPXE on UEFI x86_64``, ``BIOS i386``."""
    kind = str(request.machine.architecture)
    return f"iPXE on {kind}" if request.client is Client.IPXE else kind
