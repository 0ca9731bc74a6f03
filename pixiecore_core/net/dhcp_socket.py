"""A UDP socket that knows on which interface each datagram came in, and sends from the interface it is told to.

gevent's DatagramServer cannot: it has no control messages. Moves bytes, understands none.
"""

from __future__ import annotations

import socket as stdlib_socket
import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address

from gevent import socket

# Linux, <bits/in.h>; absent from the socket module before Python 3.14.
IP_PKTINFO = getattr(stdlib_socket, "IP_PKTINFO", 8)
_PKTINFO = struct.Struct("=I4s4s")  # struct in_pktinfo: interface index, local address, destination address
_CONTROL_BYTES = stdlib_socket.CMSG_SPACE(_PKTINFO.size)
_LARGEST = 4096
"""Bytes. DHCP messages are below 1500; a longer datagram is cut, and is then not a DHCP message."""


_address = lru_cache(maxsize=256)(IPv4Address)
"""By its four bytes: they are our own addresses and broadcast addresses, again and again."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """What came in."""

    data: bytes
    source: tuple[str, int]
    interface: int
    """The kernel's index of the interface it came in on."""
    destination: IPv4Address
    """The address it was sent to; a broadcast address, or one of ours."""


class DhcpSocket:
    """A bound socket.

    :raises OSError: the address or the port cannot be used
    """

    def __init__(self, address: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            # A room of machines switched on at once fills the default buffer in one burst.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self._socket.bind((address, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]

    def receive(self) -> Datagram:
        """The next datagram; waits for one.

        :raises OSError: the socket was closed
        """
        data, control, _, source = self._socket.recvmsg(_LARGEST, _CONTROL_BYTES)
        for level, kind, value in control:
            if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
                index, _, destination = _PKTINFO.unpack(value[: _PKTINFO.size])
                return Datagram(data, source, index, _address(destination))
        return Datagram(data, source, 0, IPv4Address(0))

    def send(self, data: bytes, destination: tuple[str, int], interface: int, source: IPv4Address) -> None:
        """Send one datagram, from our address *source*.

        :param interface: the one that it leaves by; 0 to leave that to the kernel's routes
        :raises OSError: the network refused it
        """
        control = _PKTINFO.pack(interface, source.packed, bytes(4))
        self._socket.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, control)], 0, destination)

    def close(self) -> None:
        """Close the socket; a waiting :meth:`receive` fails."""
        self._socket.close()
