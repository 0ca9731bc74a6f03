"""What can be made to go wrong on a machine's way, and the bytes that it fetches: counted, hashed, thrown away."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from random import Random

import gevent
from gevent.socket import socket

from pixiecore_core.testing.machines.steps import Fetched, Stage

KEPT = 512 << 10
"""Bytes of a file that are kept: a whole script, and the headers of a program."""
MOST_BYTES = 8 << 30
"""In one file."""
_MOST_LEFT_OPEN = 256


class Vanished(Exception):
    """The machine is switched off: nothing more comes from it, not even a goodbye."""


class TooMuch(Exception):
    """A file that does not end."""


@dataclass(slots=True)
class Faults:
    """What goes wrong.

    :param loss: the share of UDP datagrams that get lost, each way, from 0 to 1
    :param slow: bytes a second that a machine reads at most; ``None`` for as fast as it goes
    :param vanish: where a machine is switched off
    """

    loss: float = 0.0
    slow: float | None = None
    vanish: Stage | None = None
    random: Random = field(default_factory=Random)

    _left_open: deque[socket] = field(default_factory=deque)

    def leave_open(self, sock: socket) -> None:
        """Keep the connection of a machine that is gone: the server hears no goodbye."""
        self._left_open.append(sock)
        if len(self._left_open) > _MOST_LEFT_OPEN:
            self._left_open.popleft().close()

    def close(self) -> None:
        """Close what is left open."""
        while self._left_open:
            self._left_open.pop().close()

    def loses(self) -> bool:
        """Whether the next datagram is lost."""
        return self.loss > 0 and self.random.random() < self.loss


@dataclass(slots=True)
class Body:
    """A file that comes in.

    :param stage: what it is for
    """

    stage: Stage
    faults: Faults
    expected: int | None = None
    size: int = 0
    head: bytearray = field(default_factory=bytearray)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, data: bytes) -> None:
        """The next bytes.

        :raises Vanished: this is where the machine is switched off: halfway, where that is known
        :raises TooMuch: the file does not end
        """
        self.size += len(data)
        self._hash.update(data)
        if len(self.head) < KEPT:
            self.head += data[: KEPT - len(self.head)]
        if self.faults.vanish is self.stage and self.size * 2 >= (self.expected or 0):
            raise Vanished
        if self.size > MOST_BYTES:
            raise TooMuch(f"it is longer than {MOST_BYTES >> 30} GiB, and was left there")
        if self.faults.slow:
            gevent.sleep(len(data) / self.faults.slow)

    def whole(self) -> Fetched:
        """All of it has come."""
        return Fetched(self.size, self._hash.hexdigest(), bytes(self.head))
