"""A TFTP load client: many clients in one process, the same for every server that is measured.

Counts and orders blocks and throws the bytes away: to be fast matters here, and other tests compare the bytes.
Run as ``python -m benchmarks.tftp_client ADDRESS PORT NAME CLIENTS BLKSIZE WINDOWSIZE SECONDS``; prints JSON.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
from time import monotonic, process_time

from pixiecore_core.wire.tftp import Ack, Data, Error, ErrorCode, OptionAck, ReadRequest, parse, serialize

_PATIENCE = 0.5  # seconds of silence before a client says again what it said last
_ACKS = [serialize(Ack(block)) for block in range(65536)]
_BUFFER = bytearray(65536)


class Client:
    """Fetches one file again and again.

    :param server: address and port that requests go to
    :param request: the read request
    :param blksize: bytes
    :param windowsize: blocks between two acknowledgements
    """

    def __init__(self, server: tuple[str, int], request: bytes, blksize: int, windowsize: int) -> None:
        self._server, self._request = server, request
        self._blksize, self._windowsize = blksize, windowsize
        self.bytes = 0
        self.files = 0
        self.silences = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._open()

    def _open(self) -> None:
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.connected = False
        self.expected = 1
        self._last = self._request
        self.socket.sendto(self._request, self._server)

    def repeat(self) -> None:
        """Nothing has come for a while."""
        self.silences += 1
        if self.connected:
            self.socket.send(self._last)
        else:
            self.socket.sendto(self._request, self._server)

    def drain(self) -> bool:
        """Take what has come; whether a file ended, and the next was asked for on a new socket."""
        if not self.connected:
            return self._take_first()
        receive, send, acks = self.socket.recv_into, self.socket.send, _ACKS
        buffer, blksize, windowsize = _BUFFER, self._blksize, self._windowsize
        try:
            while True:
                length = receive(buffer) - 4
                expected = self.expected
                if buffer[2] << 8 | buffer[3] != expected & 0xFFFF or buffer[1] != 3:
                    if buffer[1] != 3:
                        raise SystemExit(f"unexpected: {parse(bytes(buffer[: length + 4]))}")
                    continue  # lost or doubled: the server's timer, or ours, will tell
                self.bytes += length
                self.expected = expected + 1
                if length < blksize:
                    send(acks[expected & 0xFFFF])
                    self.files += 1
                    self._open()
                    return True
                if not expected % windowsize:
                    self._last = acks[expected & 0xFFFF]
                    send(self._last)
        except BlockingIOError:
            return False

    def drain_in_lock_step(self) -> bool:
        """As :meth:`drain`, for windows of one block: nothing more can wait, so without looking."""
        if not self.connected:
            return self._take_first()
        buffer, expected = _BUFFER, self.expected
        length = self.socket.recv_into(buffer) - 4
        if buffer[2] << 8 | buffer[3] != expected & 0xFFFF or buffer[1] != 3:
            return False
        self._last = acknowledgement = _ACKS[expected & 0xFFFF]
        self.socket.send(acknowledgement)
        self.bytes += length
        self.expected = expected + 1
        if length < self._blksize:
            self.files += 1
            self._open()
            return True
        return False

    def _take_first(self) -> bool:
        data, server = self.socket.recvfrom(65536)
        packet = parse(data)
        if not isinstance(packet, OptionAck | Data):
            raise SystemExit(f"unexpected: {packet}")
        self.socket.connect(server)
        self.connected = True
        granted = dict(packet.options) if isinstance(packet, OptionAck) else {}
        wanted = {"blksize": str(self._blksize)} if self._blksize != 512 else {}
        if self._windowsize > 1:
            wanted["windowsize"] = str(self._windowsize)
        if granted != wanted:
            raise SystemExit(f"asked for {wanted}, granted {granted}")
        if isinstance(packet, Data):
            self.bytes += len(packet.payload)
            self.expected = 2
        self._last = _ACKS[self.expected - 1]
        self.socket.send(self._last)
        return False


def load(server: tuple[str, int], name: str, clients: int, blksize: int, windowsize: int, seconds: float) -> str:
    """Fetch *name* with so many clients for so long; a JSON object with the figures."""
    options = [("blksize", str(blksize))] if blksize != 512 else []
    if windowsize > 1:
        options.append(("windowsize", str(windowsize)))
    request = serialize(ReadRequest(name, "octet", tuple(options)))
    poll = select.epoll()
    by_descriptor: dict[int, Client] = {}
    began, worked = monotonic(), process_time()
    for _ in range(clients):
        client = Client(server, request, blksize, windowsize)
        by_descriptor[client.socket.fileno()] = client
        poll.register(client.socket, select.EPOLLIN)
    end = began + seconds
    take = Client.drain if windowsize > 1 else Client.drain_in_lock_step
    while monotonic() < end:
        ready = poll.poll(_PATIENCE)
        for descriptor, _ in ready:
            client = by_descriptor[descriptor]
            if take(client):
                del by_descriptor[descriptor]
                by_descriptor[client.socket.fileno()] = client
                poll.register(client.socket, select.EPOLLIN)
        if not ready:
            for client in by_descriptor.values():
                client.repeat()
    took, worked = monotonic() - began, process_time() - worked
    for client in by_descriptor.values():
        if client.connected:
            client.socket.send(serialize(Error(ErrorCode.NOT_DEFINED, "enough")))
    return json.dumps(
        {
            "megabytes_per_second": sum(client.bytes for client in by_descriptor.values()) / took / 1e6,
            "files": sum(client.files for client in by_descriptor.values()),
            "silences": sum(client.silences for client in by_descriptor.values()),
            "client_load": worked / took,
        }
    )


if __name__ == "__main__":
    address, port, name, *numbers = sys.argv[1:]
    os.write(1, load((address, int(port)), name, *map(int, numbers[:3]), float(numbers[3])).encode())  # type: ignore[call-arg,arg-type]
