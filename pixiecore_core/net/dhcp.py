"""Hosts ports 67 and 4011: reads datagrams and hands them to the answerer. The same shell serves both.

One bad datagram, or one network error, never ends the loop. Decides nothing.
"""

from __future__ import annotations

import errno

import gevent

from pixiecore_core.models import Stage
from pixiecore_core.net.answering import Answerer
from pixiecore_core.net.dhcp_socket import DhcpSocket
from pixiecore_core.net.packet_socket import PacketSocket

AnySocket = DhcpSocket | PacketSocket

_DATAGRAMS_PER_TURN = 16
"""Read at most so many before the answers, the files and the other ports get their turn."""


class DhcpServer:
    """One listener.

    :param stage: ``"dhcp"`` for 67, ``"pxe"`` for 4011
    :param socket: has the port; closed in the end
    """

    def __init__(self, stage: Stage, socket: AnySocket, answerer: Answerer) -> None:
        self._stage = stage
        self._answerer = answerer
        self._socket = socket
        self._greenlet: gevent.Greenlet[[AnySocket], None] | None = None

    @property
    def port(self) -> int:
        """The port in use."""
        return self._socket.port

    def start(self) -> None:
        """Begin to serve."""
        self._greenlet = gevent.spawn(self._serve, self._socket)

    def stop(self, timeout: float) -> None:
        """Stop serving and free the port; requests being answered are not waited for."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self._socket.close()

    def _serve(self, socket: AnySocket) -> None:
        while True:
            for _ in range(_DATAGRAMS_PER_TURN):
                try:
                    datagram = socket.receive()
                except OSError as error:
                    if error.errno == errno.EBADF:
                        return
                    # ICMP errors of earlier sends surface here (ECONNREFUSED, EHOSTUNREACH); they end nothing.
                    continue
                try:
                    self._answerer.receive(socket, datagram, self._stage)
                except Exception as error:
                    # Whatever one datagram does to us, the next one is another machine's.
                    gevent.get_hub().handle_error(self._greenlet, type(error), error, error.__traceback__)
            gevent.sleep(0)
