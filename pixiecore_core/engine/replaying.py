"""Makes facts of what a capture holds, so that it is explained by the code that explains a running server's machines.

DHCP, PXE on 4011, TFTP and the heads of HTTP, of whatever boot server there was. Pure: decoded frames in, attempts out.
Bounded as the memory of attempts is. What the facts mean is not decided here.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pixiecore_core.boot.classify import NotForUs, classify, is_ipxe, might_netboot
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.heard import address_asked, kind_of_answer
from pixiecore_core.engine.neighbours import Neighbourhood, describe
from pixiecore_core.engine.replayed_http import HttpReplay
from pixiecore_core.engine.replayed_tftp import TftpReplay
from pixiecore_core.errors import WireError
from pixiecore_core.models import PxeRequest, Stage
from pixiecore_core.models.facts import (
    Booting,
    Fact,
    InitrdSent,
    KernelSent,
    LoaderSent,
    ScriptOffered,
    ScriptSent,
    SentToDisk,
    Unanswered,
)
from pixiecore_core.wire.dhcp4 import MAGIC_COOKIE, NO_ADDRESS, Dhcp4Message, MessageType, Op, parse
from pixiecore_core.wire.frames import Datagram, Said
from pixiecore_core.wire.framing import STAND_IN

_BOOT_SERVER = 4011
_OURS = re.compile(r"https?://[^/]+/_/ipxe/|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/")
"""What a Pixiecore offers: its script's URL, or a boot file in the machine's own folder."""
_MOST_ADDRESSES = 10_000
_MOST_GUESSES = 16
_PROGRESS = (LoaderSent, ScriptOffered, ScriptSent, SentToDisk, KernelSent, InitrdSent, Booting)
"""What a machine has to have its file for."""
_ANSWER_SECONDS = 3.0
"""How long firmware and iPXE wait for an offer, at the least (the lab: 2.9 to 3.1 s)."""


class _Everybody(Container[IPv4Address]):
    """Whichever relay it was: that there was one is all that counts here."""

    def __contains__(self, relay: object) -> bool:
        return True


@dataclass(slots=True)
class _Open:
    """A request that no boot server has answered yet."""

    request: PxeRequest
    at: float
    server: str
    """That was asked on port 4011; empty for everybody."""


_Question = tuple[str, int, Stage]
"""A machine, its transaction, and whom it asked."""


@dataclass(slots=True)
class Replay:
    """Takes a capture, frame by frame.

    :param server: the boot server that the capture is about; found out where it is not given
    """

    server: IPv4Address | None = None
    attempts: Attempts = field(init=False)
    neighbours: Neighbourhood = field(init=False)
    now: float = 0.0
    """Of the last frame, in seconds since the epoch."""
    was_mistaken: bool = False
    """Whether another server was taken for the boot server at first, so that some facts are about that one."""
    _sure: bool = field(init=False)
    """Whether the boot server is known; the first proxy is taken for it until a Pixiecore offers something."""
    _guesses: set[IPv4Address] = field(default_factory=set)
    """What has been taken for the boot server, or been judged by that, before it was known."""
    _addresses: OrderedDict[IPv4Address, str] = field(default_factory=OrderedDict)
    """The machines that have each address."""
    _open: OrderedDict[_Question, _Open] = field(default_factory=OrderedDict)
    _asked: dict[_Question, PxeRequest] = field(default_factory=dict)
    _tftp: TftpReplay = field(init=False)
    _http: HttpReplay = field(init=False)

    def __post_init__(self) -> None:
        self._sure = self.server is not None
        self.attempts = Attempts(clock=lambda: self.now, wall=lambda: self.now)
        self.neighbours = Neighbourhood(opens=None, clock=lambda: self.now)
        self.neighbours.listens(since=float("-inf"))
        self._tftp = TftpReplay(self._add, self._who, self._went_on, self._is_about)
        self._http = HttpReplay(self._add, self._who, self._is_about)

    def wait(self, at: int) -> None:
        """Time passes, whatever the frame holds.

        :param at: nanoseconds since the epoch
        """
        until = max(self.now, at / 1e9)
        while (due := min(self._due(), self._tftp.due)) < until:
            self.now = max(self.now, due)
            self._give_up()
            self._tftp.wait(self.now)
        self.now = until

    def take(self, said: Datagram | Said) -> None:
        """What the next frame says."""
        self.wait(said.at)
        if isinstance(said, Said):
            self._http.take(said)
            return
        if said.source == STAND_IN:
            # Of `pixiecore capture`, which has no more of other servers than we have heard.
            self.neighbours.listens(since=float("inf"))
        if said.packet.data[236:240] == MAGIC_COOKIE:  # on whichever port, since a server may be tried on another
            self._dhcp(said)
        else:
            self._tftp.take(said, self.now)

    def finish(self) -> None:
        """There are no more frames."""
        self._give_up(at_once=True)
        self._tftp.finish()

    def explainable(self) -> list[str]:
        """The machines in the capture that wanted to boot, the first one first."""
        return list(reversed(self.attempts.machines()))

    def _add(self, fact: Fact) -> None:
        self.attempts.add(fact.model_copy(update={"at": self.now}))

    def _who(self, address: IPv4Address) -> str | None:
        """The machine that has an address."""
        return self._addresses.get(address)

    def _went_on(self, mac: str, since: float) -> bool:
        """Whether a machine has come further."""
        return any(isinstance(fact, _PROGRESS) and fact.at > since for fact in self.attempts.facts(mac))

    def _is_about(self, server: IPv4Address) -> bool:
        """Whether the capture is about this server, and not about another that a machine went to in its place."""
        return self.server is None or server == self.server

    def _know(self, address: IPv4Address, mac: str) -> None:
        self._addresses[address] = mac
        self._addresses.move_to_end(address)
        if len(self._addresses) > _MOST_ADDRESSES:
            self._addresses.popitem(last=False)

    def _dhcp(self, said: Datagram) -> None:
        try:
            message = parse(said.packet.data)
        except WireError:
            return
        if len(message.chaddr) != 6:
            return
        if message.op == Op.BOOTREQUEST:
            self._ask(said, message)
        else:
            self._answer(said, message)

    def _ask(self, said: Datagram, message: Dhcp4Message) -> None:
        mac, packet = message.chaddr.hex(":"), said.packet
        if packet.source != NO_ADDRESS and message.giaddr == NO_ADDRESS:
            self._know(packet.source, mac)
        stage: Stage = "pxe" if packet.destination_port == _BOOT_SERVER else "dhcp"
        request = (
            classify(message, stage, "", relays=_Everybody()) if might_netboot(packet.data) else NotForUs("ordinary")
        )
        if isinstance(request, PxeRequest):
            key = mac, message.xid, stage
            self._asked[key] = request
            if len(self._asked) > _MOST_ADDRESSES:
                del self._asked[next(iter(self._asked))]
            self._open.setdefault(key, _Open(request, self.now, str(packet.destination) if stage == "pxe" else ""))
            self.attempts.asked(request)
        elif message.message_type == MessageType.REQUEST:
            self._address_asked(mac, message, might_netboot(packet.data))

    def _address_asked(self, mac: str, message: Dhcp4Message, boots: bool) -> None:
        if not boots and not self.attempts.waits_for_life(mac):
            return
        client = "its system" if not boots else "iPXE" if is_ipxe(message) else "firmware"
        fact = address_asked(mac, message, client)
        if self.attempts.is_news(fact):
            self._add(fact)

    def _answer(self, said: Datagram, message: Dhcp4Message) -> None:
        mac = message.chaddr.hex(":")
        if message.yiaddr != NO_ADDRESS and message.message_type == MessageType.ACK:
            self._know(message.yiaddr, mac)
        one = describe(message, said.packet.source, "")
        if one is None:
            return
        server = IPv4Address(one.server)
        if one.is_proxy and not self._sure:
            self._sure = _OURS.match(one.boot_file) is not None
            self.was_mistaken = self._sure and bool(self._guesses - {server})
            self.server = server if self._sure or self.server is None else self.server
        # A boot server that gives addresses, too, is no neighbour of itself.
        if server != self.server or not one.is_proxy:
            self.neighbours.heard(message, said.packet.source, "")
        # iPXE keeps its transaction on port 4011.
        key: _Question = (mac, message.xid, "pxe" if said.packet.source_port == _BOOT_SERVER else "dhcp")
        request = self._asked.get(key)
        is_boot = one.is_proxy or (one.boot_file and one.names_pxe)
        if request is None or not is_boot or (self.server is not None and server != self.server):
            return
        self._guess(server)
        self._open.pop(key, None)
        kind = kind_of_answer(request)
        self._add(
            kind(
                mac=mac,
                stage=request.stage,
                client=request.client,
                architecture=str(request.machine.architecture),
                interface=one.server,
                seconds=request.seconds,
                without_http=request.without_http,
            )
        )

    def _guess(self, server: IPv4Address) -> None:
        if not self._sure and len(self._guesses) < _MOST_GUESSES:
            self._guesses.add(server)

    def _due(self) -> float:
        """When the oldest question will have been answered by nobody."""
        return next(iter(self._open.values())).at + _ANSWER_SECONDS if self._open else float("inf")

    def _give_up(self, at_once: bool = False) -> None:
        """What no boot server has answered in time."""
        while self._open and (at_once or self._due() <= self.now):
            (mac, _, _), opened = self._open.popitem(last=False)
            if opened.server:
                self._guess(IPv4Address(opened.server))
            request = opened.request
            architecture = str(request.machine.architecture)
            self._add(
                Unanswered(
                    mac=mac,
                    client=request.client,
                    architecture=architecture,
                    server=opened.server,
                    elsewhere=bool(opened.server) and not self._is_about(IPv4Address(opened.server)),
                    seconds=request.seconds,
                )
            )
