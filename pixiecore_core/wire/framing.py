"""Frames around what sockets saw: a server that knows only payloads can write a capture that others can read.

Headers that no socket shows, hardware addresses and TCP's numbers, are made up, the same each time. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pixiecore_core.wire import tcp4, udp4
from pixiecore_core.wire.captured import Frame
from pixiecore_core.wire.link import ethernet
from pixiecore_core.wire.tcp4 import Flag, Segment

BROADCAST = "ff:ff:ff:ff:ff:ff"
STAND_IN = "02:00:00:00:00:01"
"""The hardware address that stands for ours, which no socket shows: a locally administered one."""
_SEGMENT = 1460
_LONGEST = 65_495
"""Bytes of TCP payload in one IPv4 packet without options."""


def udp_frame(at: int, packet: udp4.UdpPacket, source: str, destination: str) -> Frame:
    """*packet* in Ethernet.

    :param at: nanoseconds since the epoch
    :param source: hardware address, and so *destination*
    :raises ValueError: it is longer than a packet can be
    """
    data = ethernet(udp4.serialize(packet), source, destination)
    return Frame(at, data, length=len(data) + packet.missing if packet.missing else 0)


@dataclass(slots=True)
class Conversation:
    """A TCP connection, told from what each side said.

    :param client: address, port and hardware address, and so *server*
    """

    client: tuple[IPv4Address, int, str]
    server: tuple[IPv4Address, int, str]
    _next: dict[bool, int] = field(default_factory=lambda: {True: 1, False: 1})

    def say(self, at: int, by_client: bool, data: bytes, unseen: int = 0) -> Iterator[Frame]:
        """The frames of what one side says.

        :param unseen: bytes that it says after *data* and that nobody kept: as many as one packet can have appear as a
            frame that is cut, the others as missing
        """
        for start in range(0, max(len(data), 1), _SEGMENT):
            part = data[start : start + _SEGMENT]
            last = start + _SEGMENT >= len(data)
            yield self._frame(at, by_client, part, min(unseen, _LONGEST - len(part)) if last else 0)
            self._next[by_client] = (self._next[by_client] + len(part) + (unseen if last else 0)) % (1 << 32)

    def _frame(self, at: int, by_client: bool, data: bytes, missing: int) -> Frame:
        source, destination = (self.client, self.server) if by_client else (self.server, self.client)
        segment = Segment(
            source[0],
            source[1],
            destination[0],
            destination[1],
            self._next[by_client],
            self._next[not by_client],
            Flag.PSH | Flag.ACK,
            data,
            missing,
        )
        framed = ethernet(tcp4.serialize(segment), source[2], destination[2])
        return Frame(at, framed, length=len(framed) + missing if missing else 0)
