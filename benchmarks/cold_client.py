"""Clients that want a file at about the same time, one after the other joining: how long each waits for its first byte
and for its last. Run as ``python -m benchmarks.cold_client PORT PATH CLIENTS APART``; prints JSON, times in seconds.
"""

from __future__ import annotations

import json
import os
import select
import socket
import statistics
import sys
from time import monotonic, sleep

_BUFFER = memoryview(bytearray(4 << 20))
_PATIENCE = 30.0


class Client:
    """One connection, one file."""

    def __init__(self, port: int, path: str) -> None:
        self.began = monotonic()
        self.first = self.last = 0.0
        self._missing = -1
        self._head = b""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def read(self) -> bool:
        """Take what has come; whether that was the last of it."""
        count = self.socket.recv_into(_BUFFER, len(_BUFFER), socket.MSG_TRUNC if self._missing >= 0 else 0)
        if not count:
            raise SystemExit("the server closed the connection")
        if self._missing < 0:
            self._head += _BUFFER[:count]
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return False
            if b" 200 " not in head.partition(b"\r\n")[0]:
                raise SystemExit(f"unexpected: {head!r}")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            self._missing, count = int(fields[b"content-length"]), len(rest)
        if count and not self.first:
            self.first = monotonic() - self.began
        self._missing -= count
        self.last = monotonic() - self.began
        return self._missing == 0


def load(port: int, path: str, clients: int, apart: float) -> dict[str, float]:
    """Fetch *path* with so many clients, the first so many seconds before the others; the figures."""
    poll = select.epoll()
    by_descriptor: dict[int, Client] = {}
    done: list[Client] = []
    began = monotonic()

    def serve(timeout: float) -> None:
        ready = poll.poll(timeout)
        for descriptor, _ in ready:
            if by_descriptor[descriptor].read():
                poll.unregister(descriptor)
                done.append(by_descriptor.pop(descriptor))

    for number in range(clients):
        client = Client(port, path)
        by_descriptor[client.socket.fileno()] = client
        poll.register(client.socket, select.EPOLLIN)
        if number == 0:
            while monotonic() - began < apart:
                serve(0)
                sleep(0.001)
    while by_descriptor:
        if monotonic() - began > _PATIENCE:
            raise SystemExit(f"{len(by_descriptor)} clients have not finished")
        serve(1)
    took = monotonic() - began
    joined = sorted(client.first for client in done if client.began - began >= apart) if apart else []
    firsts = joined or [client.first for client in done]
    return {"first_median": statistics.median(firsts), "first_worst": max(firsts), "total": took}


if __name__ == "__main__":
    port, path, clients, apart = sys.argv[1:]
    os.write(1, json.dumps(load(int(port), path, int(clients), float(apart))).encode())
