"""UDP sockets for TFTP: non-blocking, driven by the event loop's callbacks, a window of blocks in one system call.

Moves datagrams and knows no transfers. A callback here runs in the loop itself, so nothing may wait.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import gevent
from gevent import monkey, socket

from pixiecore_core.net.dhcp_socket import IP_PKTINFO

# The plain class, patched or not: gevent's own makes every call cost twice as much to be able to wait, and we never do.
_Socket = monkey.get_original("socket", "socket")
Address = tuple[str, int]
Control = list[tuple[int, int, bytes]]

_PKTINFO = struct.Struct("=I4s4s")  # struct in_pktinfo: interface, local address, destination
_CONTROL_BYTES = 64
_IP_MTU_DISCOVER, _IP_PMTUDISC_DONT = 10, 0  # Linux, <bits/in.h>
_UDP_SEGMENT = 103  # Linux 4.18, <linux/udp.h>
_SEGMENT_LENGTH = struct.Struct("=H")
_MOST_SEGMENTS = 64  # UDP_MAX_SEGMENTS; 128 in newer kernels
_MOST_BYTES = 65507  # in one UDP datagram
_BUFFER_BYTES = 4 << 20  # five hundred clients' windows at once
_GSO_REFUSED = frozenset({errno.EINVAL, errno.EIO, errno.EOPNOTSUPP, errno.ENOPROTOOPT, errno.EMSGSIZE})
"""The path's MTU is below a block, or the kernel or the device cannot; sent one by one, blocks still arrive."""


class TftpSocket:
    """A bound UDP socket.

    :param address: IPv4 address to bind; ``0.0.0.0`` for all
    :param port: 0 for a free one
    :param on_readable: called by the event loop when datagrams wait; must read some, must not wait
    :raises OSError: the address or the port cannot be used
    """

    def __init__(self, address: str, port: int, on_readable: Callable[[TftpSocket], None]) -> None:
        self._socket = _Socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._on_readable = on_readable
        self._watcher: Any = None
        try:
            self._socket.setblocking(False)
            # Larger than the path's MTU, a block must travel in fragments, not be silently lost.
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DONT)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            self._socket.bind((address, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.receive: Callable[[int], tuple[bytes, Address]] = self._socket.recvfrom
        """``receive(most)``: a datagram cut to *most* bytes, and its sender; ``OSError`` if none waits."""
        self.send_to: Callable[[bytes, Address], int] = self._socket.sendto
        """``send_to(datagram, client)``: without control messages; ``OSError`` if the kernel refuses it."""

    def start(self) -> None:
        """Begin to call ``on_readable``."""
        if self._watcher is None:
            self._watcher = gevent.get_hub().loop.io(self._socket.fileno(), 1)
            self._watcher.start(self._on_readable, self)

    def close(self) -> None:
        """Stop calling and free the port. May be called more than once."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        self._socket.close()

    def receive_request(self, most: int) -> tuple[bytes, Address, str | None]:
        """A datagram, its sender, and our address that it was sent to; ``None`` if that was a broadcast.

        :raises OSError: no datagram waits
        """
        data, control, _, client = self._socket.recvmsg(most, _CONTROL_BYTES)
        for level, kind, value in control:
            if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
                _, local, destination = _PKTINFO.unpack(value[: _PKTINFO.size])
                return data, client, str(IPv4Address(local)) if local == destination else None
        return data, client, None

    def send(self, datagram: bytes, client: Address, control: Control | None = None) -> None:
        """Send one datagram.

        :param control: from :func:`source_address`, for a socket bound to all addresses
        :raises OSError: the kernel refused it
        """
        if control:
            self._socket.sendmsg([datagram], control, 0, client)
        else:
            self.send_to(datagram, client)

    def send_window(self, datagrams: list[bytes], client: Address, control: Control | None, segment: bool) -> bool:
        """Send datagrams that all have the same length, except the last.

        :param segment: let the kernel cut them out of one large datagram (UDP_SEGMENT, GSO)
        :returns: whether to go on asking for that: ``False`` once the kernel has refused
        :raises OSError: the kernel refused a datagram; those before it have been sent
        """
        length = len(datagrams[0])
        group = min(_MOST_SEGMENTS, _MOST_BYTES // length)
        first = 0
        if segment and group > 1:
            ancillary = [*(control or ()), (socket.IPPROTO_UDP, _UDP_SEGMENT, _SEGMENT_LENGTH.pack(length))]
            try:
                while first < len(datagrams):
                    self._socket.sendmsg(datagrams[first : first + group], ancillary, 0, client)
                    first += group
            except OSError as error:
                if error.errno not in _GSO_REFUSED:
                    raise
                segment = False
        for datagram in datagrams[first:]:
            self.send(datagram, client, control)
        return segment


def source_address(address: str) -> Control:
    """What makes a socket bound to all addresses send from this one."""
    return [(socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(0, IPv4Address(address).packed, bytes(4)))]
