"""A neighbour's tools: packets from any address, and sight of all that comes back. Runs in its namespace."""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address

from pixiecore_core.errors import WireError
from pixiecore_core.wire.udp4 import UdpPacket, parse, serialize

HEADERS = 28
"""Bytes of an IPv4 and a UDP header."""
_PACKET_OUTGOING = 4  # <linux/if_packet.h>


class Forger:
    """Sends from made-up addresses and hears what is sent to them.

    :param target: the server's address
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.sent_bytes = 0
        """With headers."""
        self._out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._in = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self._in.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)

    def send(self, source: tuple[str, int], port: int, data: bytes, to: str | None = None) -> None:
        """Send one datagram in somebody's name."""
        packet = UdpPacket(IPv4Address(source[0]), source[1], IPv4Address(to or self.target), port, data)
        self._out.sendto(serialize(packet), (to or self.target, 0))
        self.sent_bytes += HEADERS + len(data)

    def heard(self, seconds: float) -> Iterator[UdpPacket]:
        """The server's datagrams until it has been silent for so long."""
        self._in.settimeout(seconds)
        while True:
            try:
                packet, address = self._in.recvfrom(65536)
            except TimeoutError:
                return
            if address[2] == _PACKET_OUTGOING:
                continue
            try:
                udp = parse(packet)
            except WireError:
                continue
            if str(udp.source) == self.target:
                yield udp


def made_up(number: int) -> tuple[str, int]:
    """An address and port of nobody."""
    return f"198.51.{100 + number // 250 % 100}.{1 + number % 250}", random.Random(number).randint(1024, 65535)


def paced(rate: float, seconds: float) -> Iterator[int]:
    """Numbers from 0, *rate* a second, for so long."""
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        wait = began + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield number


def tell(found: object) -> None:
    """Print what was found."""
    sys.stdout.write(json.dumps(found))
