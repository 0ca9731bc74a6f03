"""Hears what other DHCP and proxy servers tell machines: broadcasts to UDP port 68, by a packet socket.

Reads and hands on, rationed; never says anything itself. What it means is engine/neighbours.py's to judge.
"""

from __future__ import annotations

import errno
import time
from ipaddress import IPv4Address

import gevent

from pixiecore_core.boot.rationing import Ration
from pixiecore_core.engine.neighbours import Neighbourhood, News
from pixiecore_core.errors import WireError
from pixiecore_core.models.facts import NeighbourSeen
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.interfaces import Interfaces
from pixiecore_core.net.packet_socket import PacketSocket
from pixiecore_core.observe.bus import Bus
from pixiecore_core.observe.frames import LastFrames
from pixiecore_core.wire.dhcp4 import parse

CLIENT_PORT = 68
HEARD = (50.0, 100.0)
"""Messages a second, and at once, that are looked at: a neighbour says the same again and again."""
_MESSAGES_PER_TURN = 16


class NeighbourEars:
    """Listens until it is stopped.

    :param opened: the socket, which is the ears' to close
    :param neighbourhood: takes what is heard
    :param bus: told of each thing that is new, and of messages that were not looked at
    :param frames: keeps what others say to machines that have asked us
    :param hears_all: whether every DHCP server here is another host's; our own host's are not heard
    """

    def __init__(
        self,
        opened: PacketSocket,
        neighbourhood: Neighbourhood,
        interfaces: Interfaces,
        bus: Bus,
        frames: LastFrames,
        *,
        hears_all: bool = True,
    ) -> None:
        self._socket = opened
        self._neighbourhood = neighbourhood
        self._interfaces = interfaces
        self._bus = bus
        self._frames = frames
        self._hears_all = hears_all
        self._ration = Ration(*HEARD)
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._hear_from_now()
        self._greenlet = gevent.spawn(self._listen)

    def stop(self) -> None:
        """Stop listening."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
        self._socket.close()

    def _listen(self) -> None:
        while True:
            for _ in range(_MESSAGES_PER_TURN):
                try:
                    heard = self._socket.receive()
                except OSError as error:
                    if error.errno == errno.EBADF:
                        return
                    continue
                try:
                    self._take(heard)
                except Exception as error:
                    # Whatever one message does to us, the next one is another server's.
                    gevent.get_hub().handle_error(self._greenlet, type(error), error, error.__traceback__)
            gevent.sleep(0)

    def _hear_from_now(self) -> None:
        """What was not heard until now proves nothing."""
        if self._hears_all:
            self._neighbourhood.listens()

    def _take(self, heard: Datagram) -> None:
        now, source = time.monotonic(), IPv4Address(heard.source[0])
        interface = self._interfaces.served(heard.interface)
        # What we send out of one interface comes in by another that is on the same network.
        if interface is None or self._interfaces.has(source):
            return
        if not self._ration.take(now):
            self._bus.drop("DHCP", "neighbour-rationed")
            self._hear_from_now()
            return
        try:
            message = parse(heard.data)
        except WireError:
            self._bus.drop("DHCP", "neighbour-malformed")
            return
        self._frames.of_others(message.chaddr, heard.source, (str(heard.destination), CLIENT_PORT), heard.data)
        for news in self._neighbourhood.heard(message, source, interface.name):
            self._bus.report(_fact(news))


def _fact(news: News) -> NeighbourSeen:
    one, problem = news.neighbour, news.problem.value if news.problem is not None else ""
    return NeighbourSeen(
        server=one.server,
        interface=one.interface,
        proxy=one.is_proxy,
        problem=problem,
        breaks=news.breaks,
        text=news.text,
    )
