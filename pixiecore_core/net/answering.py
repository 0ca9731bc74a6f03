"""Answers netboot requests: has them decided, builds the reply, sends it. Each request in a greenlet of its own.

A booter may take seconds and must never hold up another machine; a retransmission of a request that is still being
answered joins it. Parsing, classifying, building and routing are boot/'s work, deciding is engine/'s.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, Protocol

from pixiecore_core.boot.classify import NotForUs, classify, is_ipxe, might_netboot
from pixiecore_core.boot.offers import offer
from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.boot.rationing import Ration
from pixiecore_core.boot.route import Destination, Relays, Router, Undeliverable
from pixiecore_core.engine.adapting import Adapter, Way
from pixiecore_core.engine.attempts import Attempt, Question, question_of
from pixiecore_core.engine.deciding import Decider
from pixiecore_core.engine.heard import address_asked, kind_of_answer
from pixiecore_core.engine.naming import BootFileNames
from pixiecore_core.engine.policy import Decision, PolicyFailed
from pixiecore_core.engine.words import subsystem_of
from pixiecore_core.errors import PixiecoreError, WireError
from pixiecore_core.models import Hold, Ignore, LocalDisk, PxeRequest, Stage
from pixiecore_core.models.facts import Failed, Ignored, Refused
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.interfaces import Interface, Interfaces
from pixiecore_core.net.workers import Workers
from pixiecore_core.observe.bus import Bus
from pixiecore_core.observe.frames import LastFrames
from pixiecore_core.wire.dhcp4 import HEADER_BYTES, Dhcp4Message, MessageType, Op, parse, serialize

IN_FLIGHT = 1000
"""Requests being answered at once; beyond it they are dropped, and the clients ask again."""
FORMS = 4
"""Forms of one request that are all answered: a retransmission may carry another xid, or come by another relay."""

UNDELIVERABLE_TOLD = (1.0, 10.0)
"""Requests a second, and at once, of which it is told that they cannot be answered; the others are only counted."""


class ReplySocket(Protocol):
    """Where a request came in, and where its reply goes out."""

    port: int

    def send(self, data: bytes, destination: tuple[str, int], interface: int, source: IPv4Address) -> None:
        """Send one datagram out of *interface*, from our address *source*. :raises OSError: the network refused it"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are: the interfaces that are served, the ports of our listeners, which go into replies, and the relays
    that are believed.
    """

    interfaces: Interfaces
    http_port: int = 80
    dhcp_port: int = 67
    relays: Relays = field(default_factory=Relays)


Key = tuple[str, Question]


@dataclass(slots=True)
class _Asked:
    """One form of a request that is being answered, and where its answer goes."""

    socket: ReplySocket
    datagram: Datagram
    message: Dhcp4Message
    request: PxeRequest
    interface: Interface
    to: Destination


class Answerer:
    """Turns datagrams on 67 and 4011 into replies.

    :param adapter: says how an answer is worded
    :param names: names the file that a client is offered
    :param frames: remembers what was said
    """

    def __init__(
        self,
        decider: Decider,
        adapter: Adapter,
        names: BootFileNames,
        bus: Bus,
        place: Place,
        frames: LastFrames | None = None,
    ) -> None:
        self._decider = decider
        self._adapter = adapter
        self._names = names
        self._bus = bus
        self._place = place
        self._frames = frames or LastFrames()
        self._router = Router(place.relays, place.dhcp_port)
        self._tellable = Ration(*UNDELIVERABLE_TOLD)
        self._workers = Workers(IN_FLIGHT)
        self._asked: dict[Key, tuple[list[_Asked], Attempt]] = {}

    def receive(self, socket: ReplySocket, datagram: Datagram, stage: Stage) -> None:
        """Take one datagram; never waits and never raises."""
        subsystem = subsystem_of(stage)
        if not might_netboot(datagram.data):
            self._bus.drop(subsystem, "not-netboot")
            self._hear(datagram.data)
            return
        interface = self._place.interfaces.served(datagram.interface)
        if interface is None:
            self._bus.drop(subsystem, "interface-not-served")
            return
        try:
            message = parse(datagram.data)
        except WireError as error:
            self._bus.drop(subsystem, "malformed")
            self._refuse(stage, datagram.source[0], interface, str(error))
            return
        ours = (datagram.destination, socket.port)
        self._frames.dhcp(message.chaddr, False, ours, datagram.source, datagram.data)
        subnet = interface.network_of(datagram.source[0])
        table, relays = self._decider.loaders.table, self._place.relays
        asks = self._adapter.answers_requests
        request = classify(message, stage, interface.name, subnet, table, relays, asks)
        if isinstance(request, NotForUs):
            self._bus.drop(subsystem, "not-for-us")
            mac = message.chaddr.hex(":")
            self._hear_message(message)
            if request.noteworthy:
                self._refuse(stage, mac, interface, request.reason)
            else:
                self._bus.aside(subsystem, f"Ignoring packet from {mac}: {request.reason}")
            return
        now = time.monotonic()
        to = self._router.destination(message, stage, datagram.source, interface.networks, now)
        if isinstance(to, Undeliverable):
            self._bus.drop(subsystem, to.word)
            if self._tellable.take(now):
                self._refuse(stage, request.machine.mac, interface, to.reason)
            return
        self._enter(_Asked(socket, datagram, message, request, interface, to))

    def _hear(self, data: bytes) -> None:
        """Ordinary DHCP traffic: of a machine that we have started, it is the first sign of life of its system."""
        if len(data) < HEADER_BYTES or not self._decider.attempts.waits_for_life(mac := data[28:34].hex(":")):
            return
        with contextlib.suppress(WireError):
            message = parse(data)
            self._tell(mac, message, "its system")

    def _hear_message(self, message: Dhcp4Message) -> None:
        """A network boot's message that is for another server: firmware and iPXE tell so which one they chose."""
        mac = message.chaddr.hex(":")
        asks = message.op == Op.BOOTREQUEST and message.message_type == MessageType.REQUEST
        if asks and self._decider.attempts.latest(mac) is not None:
            self._tell(mac, message, "iPXE" if is_ipxe(message) else "firmware")

    def _tell(self, mac: str, message: Dhcp4Message, client: str) -> None:
        fact = address_asked(mac, message, client)
        if self._decider.attempts.is_news(fact):
            self._bus.report(fact)

    def wait(self, timeout: float) -> None:
        """Wait until every request is answered, or *timeout* seconds."""
        self._workers.join(timeout=timeout)

    def stop(self) -> None:
        """Give up what is still being answered: the answers could not be sent any more."""
        self._workers.kill()

    def _enter(self, asked: _Asked) -> None:
        request = asked.request
        key = (request.machine.mac, question_of(request))
        under_way = key in self._asked
        if not under_way and self._workers.full():
            self._bus.drop(subsystem_of(request.stage), "busy")
            return
        attempt = self._decider.attempts.asked(request)
        forms = self._asked.setdefault(key, ([], attempt))[0]
        same = (place for place, one in enumerate(forms) if (one.message.xid, one.to) == (asked.message.xid, asked.to))
        # The first ones stay: somebody else may ask in the machine's name, to have the answer sent elsewhere.
        place = next(same, min(len(forms), FORMS - 1))
        forms[place : place + 1] = [asked]
        self._asked[key] = forms, attempt
        if not under_way:
            self._workers.spawn(self._answer, key, request, attempt)

    def _answer(self, key: Key, request: PxeRequest, attempt: Attempt) -> None:
        try:
            decision = self._decider.decide_in_time(request, attempt)
        finally:
            forms, attempt = self._asked.pop(key)
        if isinstance(decision, PolicyFailed):
            return  # that has been reported
        if isinstance(decision, Ignore):
            self._ignored(forms[-1], decision)
            return
        discovers = request.stage == "dhcp" and forms[-1].message.message_type == MessageType.DISCOVER
        way = self._adapter.choose(request, attempt, discovers)
        for asked in forms:
            try:
                self._reply(asked, attempt, way, decision)
            except (OSError, PixiecoreError, ValueError) as error:
                via = subsystem_of(request.stage)
                self._bus.report(Failed(mac=request.machine.mac, via=via, step="reply", reason=str(error)))
            else:
                self._offered(asked, way, decision)

    def _reply(self, asked: _Asked, attempt: Attempt, way: Way, decision: Decision) -> None:
        request, message, datagram = asked.request, asked.message, asked.datagram
        server = ServerAddress(asked.interface.address(datagram.destination), self._place.http_port)
        boot_file = self._names.of(request, server, attempt, decision, way.other_loader)
        reply = serialize(offer(request, message, server, boot_file, way.wording))
        # 0 leaves it to the kernel's routes, as for a relay far away.
        way_out = datagram.interface if asked.to.near else 0
        to = (asked.to.ip, asked.to.port)
        asked.socket.send(reply, to, way_out, server.ip)
        self._frames.dhcp(message.chaddr, True, (server.ip, asked.socket.port), to, reply)

    def _offered(self, asked: _Asked, way: Way, decision: Decision) -> None:
        request = asked.request
        kind = kind_of_answer(request)
        wait, local = decision.reason if isinstance(decision, Hold) else "", isinstance(decision, LocalDisk)
        who = _who_asked(asked)
        odd = request.without_http
        self._bus.report(kind(**who, variant=way.name, because=way.because, wait=wait, local=local, without_http=odd))

    def _ignored(self, asked: _Asked, decision: Ignore) -> None:
        self._bus.report(Ignored(**_who_asked(asked), reason=decision.reason, by=decision.by))

    def _refuse(self, stage: Stage, source: str, interface: Interface, reason: str) -> None:
        via = subsystem_of(stage)
        self._bus.report(Refused(via=via, what="packet", source=source, interface=interface.name, reason=reason))


def _who_asked(asked: _Asked) -> dict[str, Any]:
    """What every fact about an answer says of the request."""
    request = asked.request
    return {
        "mac": request.machine.mac,
        "stage": request.stage,
        "client": request.client,
        "architecture": str(request.machine.architecture),
        "interface": asked.interface.name,
        "seconds": request.seconds,
    }
