"""UDP sockets for TFTP: non-blocking, driven by the event loop's callbacks, a window of blocks in one system call.

Requests come in on one socket; each transfer has another, with a fresh random port (RFC 1350 section 4). That one is
connected: the kernel drops what others send to it and reports ICMP errors. Knows no transfers, and nothing here waits.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any, Protocol

import gevent
from gevent import monkey, socket

from pixiecore_core.net.dhcp_socket import IP_PKTINFO

# The plain class, patched or not: gevent's own makes every call cost twice as much to be able to wait, and we never do.
_PlainSocket = monkey.get_original("socket", "socket")
Address = tuple[str, int]
Control = list[tuple[int, int, bytes]]

_PKTINFO = struct.Struct("=I4s4s")  # struct in_pktinfo: interface, local address, destination
_CONTROL_BYTES = 64
_IP_MTU_DISCOVER, _IP_PMTUDISC_DONT = 10, 0  # Linux, <bits/in.h>
_UDP_SEGMENT = 103  # Linux 4.18, <linux/udp.h>
_SEGMENT_LENGTH = struct.Struct("=H")
_MOST_SEGMENTS = 64  # UDP_MAX_SEGMENTS; 128 in newer kernels
_MOST_BYTES = 65507  # in one UDP datagram
_BUFFER_BYTES = 4 << 20  # five hundred clients' requests at once, or the largest window with what the kernel adds
_GSO_REFUSED = frozenset({errno.EINVAL, errno.EIO, errno.EOPNOTSUPP, errno.ENOPROTOOPT, errno.EMSGSIZE})
"""The path's MTU is below a block, or the kernel or the device cannot; sent one by one, blocks still arrive."""


class Way(Protocol):
    """How a client is answered."""

    def send(self, datagrams: list[bytes]) -> None:
        """Send datagrams that all have the same length, except the last.

        :raises OSError: the kernel refused one; those before it have been sent
        """


class _Socket:
    """A non-blocking UDP socket that the event loop watches, once it is told to."""

    def __init__(self) -> None:
        self._watcher: Any = None
        self._socket = _PlainSocket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        # Larger than the path's MTU, a block must travel in fragments, not be silently lost.
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DONT)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)

    def start(self, on_readable: Callable[..., None], *arguments: object) -> None:
        """Have ``on_readable(*arguments)`` called by the event loop while datagrams wait, in place of what was called
        before; it must read some, and must not wait.
        """
        if self._watcher is None:
            self._watcher = gevent.get_hub().loop.io(self._socket.fileno(), 1)
        self._watcher.start(on_readable, *arguments)

    def close(self) -> None:
        """Stop calling and free the port. May be called more than once."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        self._socket.close()


class RequestSocket(_Socket):
    """The socket that requests come to.

    :param address: IPv4 address to bind; ``0.0.0.0`` for all
    :param port: 0 for a free one
    :raises OSError: the address or the port cannot be used
    """

    def __init__(self, address: str, port: int) -> None:
        super().__init__()
        self._any = address == "0.0.0.0"
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            self._socket.bind((address, port))
        except OSError:
            self._socket.close()
            raise
        self.address: Address = self._socket.getsockname()
        self.port = self.address[1]

    def receive(self, most: int) -> tuple[bytes, Address, str | None]:
        """A datagram, its sender, and our address that it was sent to; ``None`` if that was a broadcast.

        :raises OSError: no datagram waits
        """
        data, control, _, client = self._socket.recvmsg(most, _CONTROL_BYTES)
        for level, kind, value in control:
            if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
                _, local, destination = _PKTINFO.unpack(value[: _PKTINFO.size])
                return data, client, str(IPv4Address(local)) if local == destination else None
        return data, client, None

    def way_to(self, client: Address, local_address: str) -> Way:
        """The way back to a client from this socket's own port.

        :param local_address: the one that the client asked
        """
        pktinfo = _PKTINFO.pack(0, IPv4Address(local_address).packed, bytes(4))
        return _Way(self._socket, client, [(socket.IPPROTO_IP, IP_PKTINFO, pktinfo)] if self._any else [])


class TransferSocket(_Socket):
    """One transfer's own socket, on a port that only its client learns.

    :param local_address: the one that the client asked
    :raises OSError: there is no descriptor or no port left, or no route
    """

    def __init__(self, client: Address, local_address: str) -> None:
        super().__init__()
        try:
            self._socket.bind((local_address, 0))
            self._socket.connect(client)
        except OSError:
            self._socket.close()
            raise
        self.address: Address = self._socket.getsockname()
        """Ours."""
        self._way = _Way(self._socket, None, [])
        self.send = self._way.send
        """See :class:`Way`."""
        self.receive: Callable[[int], bytes] = self._socket.recv
        """``receive(most)``: a datagram of the client's, cut to *most* bytes; ``OSError`` if none waits, or for an ICMP
        error."""
        self.send_one: Callable[[bytes], int] = self._socket.send
        """``send_one(datagram)``; ``OSError`` if the kernel refuses it, or for an ICMP error."""


class _Way:
    """Sends from a socket to one client.

    :param client: ``None`` where the socket is connected
    :param control: control messages that each datagram needs
    """

    __slots__ = ("_client", "_control", "_segment", "_socket")

    def __init__(self, socket: Any, client: Address | None, control: Control) -> None:
        self._socket = socket
        self._client = client
        self._control = control
        self._segment = True  # whether the kernel may cut windows out of one large datagram (UDP_SEGMENT, GSO)

    def send(self, datagrams: list[bytes]) -> None:
        """See :class:`Way`."""
        first = self._send_segments(datagrams) if self._segment and len(datagrams) > 1 else 0
        for datagram in datagrams[first:]:
            self._socket.sendmsg([datagram], self._control, 0, self._client)

    def _send_segments(self, datagrams: list[bytes]) -> int:
        """Send as many as go out in large datagrams; how many those were."""
        length = len(datagrams[0])
        group = min(_MOST_SEGMENTS, _MOST_BYTES // length)
        first = 0
        if group > 1:
            control = [*self._control, (socket.IPPROTO_UDP, _UDP_SEGMENT, _SEGMENT_LENGTH.pack(length))]
            try:
                while first < len(datagrams):
                    self._socket.sendmsg(datagrams[first : first + group], control, 0, self._client)
                    first += group
            except OSError as error:
                if error.errno not in _GSO_REFUSED:
                    raise
                self._segment = False
        return first
