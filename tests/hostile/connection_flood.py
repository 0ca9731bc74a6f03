"""Holds as many connections as a server allows, from many addresses, and opens each again that it loses.

``python tests/hostile/connection_flood.py ADDRESS PORT SAID MOST SOURCE…``: says SAID on each connection, MOST from
each source at once. Prints ``holding`` when it has tried them all once. Ends when its standard input does.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import sys

LINGER_NOT = b"\x01\x00\x00\x00\x00\x00\x00\x00"
AT_ONCE = 64
"""Connections opened between two looks at those that are open."""


class Flood:
    """The connections, by descriptor."""

    def __init__(self, server: tuple[str, int], said: bytes, most: int, sources: list[str]) -> None:
        self._server, self._said, self._sources = server, said, sources
        self._open: dict[int, tuple[socket.socket, str]] = {}
        self._wanted = [source for _ in range(most) for source in sources]
        self._poll = select.epoll()

    def run(self) -> None:
        """Go on until standard input ends."""
        self._poll.register(0, select.EPOLLIN)
        told = False
        while True:
            for _ in range(min(AT_ONCE, len(self._wanted))):
                self._connect(self._wanted.pop())
            if not told and not self._wanted:
                told = bool(os.write(1, b"holding\n"))
            for descriptor, events in self._poll.poll(0 if self._wanted else 0.05):
                if descriptor == 0:
                    return
                self._look_at(descriptor, events)

    def _connect(self, source: str) -> None:
        made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        made.bind((source, 0))
        made.connect_ex(self._server)
        self._open[made.fileno()] = made, source
        self._poll.register(made.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP)

    def _look_at(self, descriptor: int, events: int) -> None:
        connection, source = self._open[descriptor]
        try:
            if events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
                raise ConnectionResetError
            if events & select.EPOLLOUT:
                connection.sendall(self._said)
                self._poll.modify(descriptor, select.EPOLLRDHUP)
        except OSError:
            self._poll.unregister(descriptor)
            del self._open[descriptor]
            connection.close()
            self._wanted.insert(0, source)


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    address, port, said, most, *sources = sys.argv[1:]
    Flood((address, int(port)), said.encode().decode("unicode_escape").encode(), int(most), sources).run()
