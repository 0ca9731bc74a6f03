"""Hosts the syslog of booted machines: reads datagrams and connections, and hands lines to the system log.

Only machines that were served from here are heard; a connection of anybody else is closed at once. Answers nothing and
understands no line.
"""

from __future__ import annotations

import errno
import time
from collections import Counter

import gevent
from gevent import socket
from gevent.pool import Group

from pixiecore_core.engine.system_log import SystemLog, Taken
from pixiecore_core.net.syslog_sockets import SyslogSockets
from pixiecore_core.observe.bus import Bus
from pixiecore_core.wire.syslog import LONGEST, SyslogStream

CONNECTIONS = 1024
CONNECTIONS_OF_ONE = 4
"""A machine has one, and for a while that of the system before it."""
_DATAGRAMS_PER_TURN = 16
_READ_BYTES = 8192
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 3))
"""Seconds, and how often: a machine that is switched off closes nothing."""
_NO_MORE_SECONDS = 0.2


class SyslogServer:
    """One listener.

    :param sockets: closed in the end
    """

    def __init__(self, sockets: SyslogSockets, system_log: SystemLog, bus: Bus) -> None:
        self._sockets = sockets
        self._log = system_log
        self._bus = bus
        self._running = Group()
        self._connections: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """The port in use."""
        return self._sockets.port

    def start(self) -> None:
        """Begin to listen."""
        self._running.spawn(self._hear)
        self._running.spawn(self._accept)

    def stop(self, timeout: float) -> None:
        """Stop listening and free the port; what has not been read is lost."""
        self._running.kill(timeout=timeout)
        self._sockets.close()

    def _hear(self) -> None:
        while True:
            for _ in range(_DATAGRAMS_PER_TURN):
                try:
                    data, source = self._sockets.udp.recvfrom(LONGEST)
                except OSError as error:
                    if error.errno == errno.EBADF:
                        return
                    continue
                self._take(source[0], data)
            gevent.sleep(0)

    def _accept(self) -> None:
        while True:
            try:
                connection, source = self._sockets.tcp.accept()
            except OSError as error:
                if error.errno == errno.EBADF:
                    return
                gevent.sleep(_NO_MORE_SECONDS)  # too many open files, say
                continue
            address = source[0]
            if not self._log.knows(address):
                self._turn_away(connection, "syslog-unknown")
            elif self._connections[address] >= CONNECTIONS_OF_ONE or self._connections.total() >= CONNECTIONS:
                self._turn_away(connection, "syslog-connections")
            else:
                self._connections[address] += 1
                self._running.spawn(self._read, connection, address)

    def _turn_away(self, connection: socket.socket, reason: str) -> None:
        self._bus.drop("Syslog", reason)
        connection.close()

    def _read(self, connection: socket.socket, address: str) -> None:
        stream = SyslogStream()
        try:
            with connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for option, value in _KEEPALIVE:
                    connection.setsockopt(socket.IPPROTO_TCP, option, value)
                while data := connection.recv(_READ_BYTES):
                    for line in stream.feed(data):
                        self._take(address, line)
                    gevent.sleep(0)
        except OSError:
            pass  # it has gone
        finally:
            self._connections[address] -= 1
            if not self._connections[address]:
                del self._connections[address]

    def _take(self, address: str, data: bytes) -> None:
        taken = self._log.take(address, data, time.monotonic())
        if not isinstance(taken, Taken):
            self._bus.drop("Syslog", taken)
        elif taken.fact is not None:
            self._bus.report(taken.fact)
        else:
            self._bus.aside("Syslog", f"{taken.mac} says: {taken.line.program}: {taken.line.text}")
