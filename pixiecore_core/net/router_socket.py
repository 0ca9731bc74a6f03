"""A socket that hears routers and those who ask for them, on every link, and speaks to one host of a link.

Raw ICMPv6, so it needs CAP_NET_RAW while it is opened. Linux. Decides nothing.
"""

from __future__ import annotations

import contextlib
import errno
import struct
from collections.abc import Collection
from ipaddress import IPv6Address
from typing import NamedTuple

from gevent import socket

from pixiecore_core.wire.icmp6 import HOP_LIMIT, ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION

_ICMP6_FILTER = 1  # <linux/icmpv6.h>; of a raw socket's own protocol
ALL_ROUTERS = IPv6Address("ff02::2")
"""All routers on a link (RFC 4291 section 2.7.1)."""
_LARGEST = 2048


class Heard(NamedTuple):
    """One message."""

    data: bytes
    source: IPv6Address
    interface: int
    """The kernel's index of the interface that it came in on."""


class RouterSocket:
    """Hears router advertisements at once, and solicitations on the links that it has joined.

    :raises OSError: the capability is missing, or this system has no IPv6
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        try:
            self._socket.setsockopt(
                socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _only(ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT)
            )
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, HOP_LIMIT)
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        except OSError:
            self._socket.close()
            raise
        self._joined: set[int] = set()

    def join(self, interfaces: Collection[int]) -> None:
        """Hear those who ask for routers on these interfaces, by their index, and on no others."""
        for index in self._joined.symmetric_difference(interfaces):
            change = socket.IPV6_JOIN_GROUP if index in interfaces else socket.IPV6_LEAVE_GROUP
            # One that is gone has left by itself; one without IPv6 cannot join, and nobody on it asks.
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_IPV6, change, ALL_ROUTERS.packed + struct.pack("@I", index))
        self._joined = set(interfaces)

    def receive(self) -> Heard:
        """The next valid message; waits for one.

        :raises OSError: the socket was closed, or the network has an error to tell
        """
        while True:
            data, ancillary, _, address = self._socket.recvmsg(_LARGEST, socket.CMSG_SPACE(4))
            hops = [struct.unpack("@i", value)[0] for level, kind, value in ancillary if _is_hop_limit(level, kind)]
            if hops == [HOP_LIMIT]:
                return Heard(data, IPv6Address(address[0].partition("%")[0]), address[3])

    def send(self, data: bytes, to: IPv6Address, interface: int) -> None:
        """Send a message to a host of the link, or a group.

        :raises OSError: the network refused it
        """
        self._socket.sendto(data, (str(to), 0, 0, interface))

    def close(self) -> None:
        """Close it; a waiting :meth:`receive` fails."""
        self._socket.close()


def is_closed(error: OSError) -> bool:
    """Whether :meth:`RouterSocket.receive` failed because the socket is closed."""
    return error.errno == errno.EBADF


def _only(*kinds: int) -> bytes:
    """The filter that lets these types through: a bit for each of 256, in words of this machine's; set: not for us."""
    words = [0xFFFFFFFF] * 8
    for kind in kinds:
        words[kind // 32] &= ~(1 << kind % 32)
    return struct.pack("=8I", *words)


def _is_hop_limit(level: int, kind: int) -> bool:
    return (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)
