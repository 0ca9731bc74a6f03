"""The two sockets that syslog comes to, on one port: UDP (RFC 5426), and TCP (RFC 6587), which anaconda insists on.

Opens and closes them; reads nothing.
"""

from __future__ import annotations

import errno

from gevent import socket

_BACKLOG = 64
_TRIES = 20
"""To find a port that is free for both: one that is free for TCP may be taken for UDP."""
_BUFFER_BYTES = 1 << 20
"""A kernel hands over all messages of its boot at once."""


class SyslogSockets:
    """Bound sockets.

    :param port: 0 for a free one
    :raises OSError: the address or the port cannot be used
    """

    def __init__(self, address: str, port: int) -> None:
        for left in reversed(range(1 if port else _TRIES)):
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                self._bind(address, port)
                return
            except OSError as error:
                self.close()
                if error.errno != errno.EADDRINUSE or not left:
                    raise

    def _bind(self, address: str, port: int) -> None:
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, port))
        self.port: int = self.tcp.getsockname()[1]
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self.udp.bind((address, self.port))
        self.tcp.listen(_BACKLOG)

    def close(self) -> None:
        """Free the port. May be called more than once."""
        self.udp.close()
        self.tcp.close()
