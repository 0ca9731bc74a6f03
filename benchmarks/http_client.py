"""An HTTP load client: many streams in one process, the same for every server that is measured.

Each stream fetches one URL again and again on a connection kept alive, and throws the bytes away after counting them.
Run as ``python -m benchmarks.http_client PORT PATH STREAMS SECONDS``; prints JSON.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import sys
from time import monotonic, process_time

_ADDRESS = "127.0.0.1"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_BUFFER = memoryview(bytearray(4 << 20))
_PATIENCE = 5.0  # seconds of silence after which the server has failed


class Stream:
    """One connection."""

    def __init__(self, port: int, path: str) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: {_ADDRESS}\r\n\r\n".encode()
        self.socket = socket.create_connection((_ADDRESS, port))
        self.bytes = self.files = 0
        self._ask()

    def _ask(self) -> None:
        self._missing = 0
        self._head = b""
        self.socket.sendall(self._request)

    def read(self) -> None:
        """Take what has come."""
        # The kernel throws a body away by itself (tcp(7), MSG_TRUNC): to copy it would make the client the limit.
        count = self.socket.recv_into(_BUFFER, len(_BUFFER), socket.MSG_TRUNC if self._missing else 0)
        if not count:
            raise SystemExit(f"the server closed the connection with {self._missing} bytes to come")
        if not self._missing:
            self._head += _BUFFER[:count]
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            length = _LENGTH.search(head + b"\r\n")
            if not head.startswith(b"HTTP/1.1 200") or length is None:
                raise SystemExit(f"unexpected: {head!r}")
            self._missing, count = int(length[1]), len(rest)
        self._missing -= count
        self.bytes += count
        if not self._missing:
            self.files += 1
            self._ask()


def load(port: int, path: str, streams: int, seconds: float) -> dict[str, float]:
    """Fetch *path* with so many streams for so long; the figures."""
    poll = select.epoll()
    by_descriptor: dict[int, Stream] = {}
    began, worked = monotonic(), process_time()
    for _ in range(streams):
        stream = Stream(port, path)
        by_descriptor[stream.socket.fileno()] = stream
        poll.register(stream.socket, select.EPOLLIN)
    end = began + seconds
    while monotonic() < end:
        ready = poll.poll(_PATIENCE)
        if not ready:
            raise SystemExit(f"no byte came for {_PATIENCE} s")
        for descriptor, _ in ready:
            by_descriptor[descriptor].read()
    took, worked = monotonic() - began, process_time() - worked
    shares = [stream.bytes for stream in by_descriptor.values()]
    return {
        "megabytes_per_second": sum(shares) / took / 1e6,
        "smallest_share": min(shares) / (sum(shares) / streams),
        "client_load": worked / took,
    }


if __name__ == "__main__":
    port, path, *numbers = sys.argv[1:]
    os.write(1, json.dumps(load(int(port), path, int(numbers[0]), float(numbers[1]))).encode())
