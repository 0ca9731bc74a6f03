"""A peer on the lab's wire without scruples: forges any datagram, hears all that passes, asks from any address it has.

Its sockets belong to a namespace, the process does not: a thread enters the namespace just to make them.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pixiecore_core.errors import WireError
from pixiecore_core.wire.udp4 import UdpPacket, parse, serialize

T = TypeVar("T")
EVERYONE = b"\xff" * 6
_CLONE_NEWNET = 0x40000000
_ETH_P_ALL, _ETH_P_IP = 0x0003, 0x0800
_ETHERNET = 14
_SOL_PACKET, _PACKET_IGNORE_OUTGOING = 263, 23  # Linux 4.20, <linux/if_packet.h>
_libc = ctypes.CDLL(None, use_errno=True)


def inside(namespace: str, function: Callable[[], T]) -> T:
    """What *function* returns when it is called in a network namespace."""
    outcome: list[T | BaseException] = []

    def call() -> None:
        try:
            with Path("/run/netns", namespace).open() as handle:
                if _libc.setns(handle.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            outcome.append(function())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    (found,) = outcome
    if isinstance(found, BaseException):
        raise found
    return found


def hardware_address(namespace: str, link: str) -> str:
    """A card's, in lower case with colons."""
    with _packet_socket(namespace, link) as asked:
        address: bytes = asked.getsockname()[4]
    return address.hex(":")


def get(namespace: str, source: str, url_path: str, server: str, port: int = 80) -> tuple[int, str]:
    """Status and text of a page, asked for from an address that *namespace* has."""

    def ask() -> tuple[int, str]:
        connection = http.client.HTTPConnection(server, port, timeout=10, source_address=(source, 0))
        try:
            connection.request("GET", url_path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    return inside(namespace, ask)


class Peer:
    """One card, on which everything is heard from now on."""

    def __init__(self, namespace: str, link: str) -> None:
        self._socket = _packet_socket(namespace, link)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, data: bytes, source: tuple[str, int], destination: tuple[str, int], to: bytes = EVERYONE) -> None:
        """Send a datagram as if *source* had.

        :param to: hardware address of the next host
        """
        self.send_frame(self.frame(data, source, destination, to))

    def frame(self, data: bytes, source: tuple[str, int], destination: tuple[str, int], to: bytes = EVERYONE) -> bytes:
        """What :meth:`send` sends."""
        packet = UdpPacket(IPv4Address(source[0]), source[1], IPv4Address(destination[0]), destination[1], data)
        own: bytes = self._socket.getsockname()[4]
        return to + own + _ETH_P_IP.to_bytes(2, "big") + serialize(packet)

    def send_frame(self, frame: bytes) -> None:
        """Send what :meth:`frame` made."""
        self._socket.send(frame)

    def heard(self, silence: float = 0.5, within: float = 30.0) -> list[UdpPacket]:
        """Every datagram that others have sent since, once there was nothing for *silence* seconds.

        :param within: seconds after which it is enough in any case
        """
        found: list[UdpPacket] = []
        give_up = time.monotonic() + within
        while True:
            self._socket.settimeout(max(0.0, min(silence, give_up - time.monotonic())))
            try:
                frame, address = self._socket.recvfrom(65536)
            except (TimeoutError, BlockingIOError):
                return found
            if address[1] != _ETH_P_IP:
                continue
            try:
                found.append(parse(frame[_ETHERNET:]))
            except WireError:
                continue


def _packet_socket(namespace: str, link: str) -> socket.socket:
    made = inside(namespace, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    made.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    made.bind((link, 0))
    return made
