"""The two sockets that syslog comes to, on one port: UDP (RFC 5426), and TCP (RFC 6587), which anaconda insists on.

Opens and closes them; reads nothing.
"""

from __future__ import annotations

from gevent import socket

_BACKLOG = 64
_BUFFER_BYTES = 1 << 20
"""A kernel hands over all messages of its boot at once."""


class SyslogSockets:
    """Bound sockets.

    :param port: 0 for a free one
    :raises OSError: the address or the port cannot be used
    """

    def __init__(self, address: str, port: int) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self.udp.bind((address, port))
            self.port: int = self.udp.getsockname()[1]
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.tcp.bind((address, self.port))
            self.tcp.listen(_BACKLOG)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Free the port. May be called more than once."""
        self.udp.close()
        self.tcp.close()
