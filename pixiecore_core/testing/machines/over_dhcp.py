"""The DHCP of all simulated machines, over two sockets that they share. Moves messages; understands none.

Without an address of its own a machine cannot be unicast to, so all use one of this host's: on an interface they ask
everybody, as machines on that link do; towards one server they ask as through a DHCP relay (RFC 2131 section 4.1), the
only way in which a server answers by unicast.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import gevent
from gevent import socket
from gevent.queue import Empty, Queue

from pixiecore_core.errors import StartError, WireError
from pixiecore_core.testing.machines.faults import Faults, Vanished
from pixiecore_core.testing.machines.reach import Reach
from pixiecore_core.testing.machines.steps import Answer, Ask
from pixiecore_core.wire.dhcp4 import Op, parse, serialize

_SO_BINDTODEVICE = 25  # Linux, <asm-generic/socket.h>
_LARGEST = 4096
_BOOT_SERVER_CLIENT = 4011
_MOST_ANSWERS = 64
"""To one question: who floods is not listened to."""


@dataclass(slots=True)
class _Waiting:
    box: Queue[Answer]
    since: float


class DhcpWire:
    """The sockets.

    :param grace: how many seconds to listen for other answers once there is one that will do
    :param patient: whether to listen as long as firmware does, instead
    :raises StartError: they cannot be opened
    """

    def __init__(self, reach: Reach, grace: float = 0.2, patient: bool = False) -> None:
        # A relay hears the one server that it asks.
        self._reach, self._grace, self._patient = reach, grace if reach.server is None else 0.0, patient
        self._waiting: dict[tuple[int, bytes], _Waiting] = {}
        relays = reach.server is not None
        port = reach.ports.dhcp if relays else reach.ports.dhcp + 1
        self._to = (str(reach.server) if relays else "255.255.255.255", reach.ports.dhcp)
        self._socket = _opened(str(reach.address) if relays else "", port, reach.interface, relays)
        self._pxe = _boot_server_socket(reach)
        self._readers = [gevent.spawn(self._read, one) for one in (self._socket, self._pxe)]

    def ask(self, step: Ask, faults: Faults) -> tuple[Answer, ...]:
        """Send a message, and collect what is answered.

        :raises Vanished: this is where the machine is switched off
        """
        key = (step.message.xid, step.message.chaddr)
        waiting = self._waiting[key] = _Waiting(Queue(_MOST_ANSWERS), time.monotonic())
        try:
            self._send(step, faults)
            if faults.vanish is step.stage:
                raise Vanished
            return self._collect(step, waiting, faults)
        finally:
            self._waiting.pop(key, None)

    def _send(self, step: Ask, faults: Faults) -> None:
        if faults.loses():
            return
        where = self._to if step.to is None else (str(step.to), self._reach.ports.pxe)
        try:
            (self._socket if step.to is None else self._pxe).sendto(serialize(step.message), where)
        except OSError as error:
            raise StartError(f"cannot send to {where[0]}, port {where[1]}: {error.strerror or error}") from error

    def _collect(self, step: Ask, waiting: _Waiting, faults: Faults) -> tuple[Answer, ...]:
        answers: list[Answer] = []
        until = waiting.since + step.window
        while (left := until - time.monotonic()) > 0:
            try:
                answer = waiting.box.get(timeout=left)
            except Empty:
                break
            if faults.loses():
                continue
            answers.append(answer)
            if not self._patient and step.enough(answers):
                # So is a boot server one host.
                until = min(until, time.monotonic() + (self._grace if step.to is None else 0.0))
        return tuple(answers)

    def _read(self, sock: socket.socket) -> None:
        while True:
            try:
                data, (source, _) = sock.recvfrom(_LARGEST)
            except ConnectionError:
                continue  # an ICMP error: nobody listens there, which the silence says too
            try:
                message = parse(data)
            except WireError:
                continue
            waiting = self._waiting.get((message.xid, message.chaddr)) if message.op == Op.BOOTREPLY else None
            if waiting is not None and not waiting.box.full():
                waiting.box.put(Answer(message, source, time.monotonic() - waiting.since))

    def close(self) -> None:
        """Stop listening."""
        gevent.killall(self._readers)
        self._socket.close()
        self._pxe.close()


def _opened(address: str, port: int, interface: str, relays: bool) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if interface:
            # Beside this host's own DHCP client: both hear what is broadcast.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, interface.encode())
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise StartError(_words(error, address, port, interface, relays)) from error
    return sock


def _boot_server_socket(reach: Reach) -> socket.socket:
    """EDK2 asks from port 4011. Where that is taken, from any: servers answer where they were asked from."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in (_BOOT_SERVER_CLIENT, 0):
        try:
            sock.bind((str(reach.address), port))
            break
        except OSError as error:
            if port == 0:
                sock.close()
                raise StartError(
                    f"cannot send from {reach.address}: {error.strerror}: give an address of ours"
                ) from error
    return sock


_MENDS: dict[int, Callable[[str, int, str, bool], str]] = {
    errno.EACCES: lambda address, port, interface, relays: (
        f"port {port} needs root or CAP_NET_BIND_SERVICE: run it with sudo"
    ),
    errno.EPERM: lambda address, port, interface, relays: f"{interface} needs root or CAP_NET_RAW: run it with sudo",
    errno.EADDRINUSE: lambda address, port, interface, relays: (
        f"port {port} of {address} is in use, perhaps by the server itself: give another address of this host with "
        "--from"
        if relays
        else f"port {port} is in use, by a DHCP client of this host: stop it, or simulate in a network namespace"
    ),
    errno.EADDRNOTAVAIL: lambda address, port, interface, relays: (
        f"{address} is no address of this host: give one with --from"
    ),
    errno.ENODEV: lambda address, port, interface, relays: f"there is no interface {interface}: see ip link",
}


def _words(error: OSError, address: str, port: int, interface: str, relays: bool) -> str:
    mend = _MENDS.get(error.errno or 0)
    why = os.strerror(error.errno or 0)
    return mend(address, port, interface, relays) if mend is not None else f"cannot listen on port {port}: {why}"
