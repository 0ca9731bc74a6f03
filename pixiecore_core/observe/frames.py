"""The last things that were said with each machine, as the sockets saw them: what a bug report needs. Bounded.

Kept as they come, because that is on the way of every offer; frames are made of them only when somebody asks, by
frame_capture.py. Understands no protocol.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

PER_MACHINE = 64
"""Messages that are kept."""
LONGEST = 1472
"""Bytes that are kept of one message: what a full Ethernet frame has room for in UDP."""
MOST_BYTES = 32 << 20
"""All together. Whoever was silent longest is forgotten first."""
_OVERHEAD = 500
"""Bytes that a message costs besides its own."""
_AT_ONCE, _AT_MOST = 512, 1024
"""Messages that are sorted by machine in one go: one by one, between other work, each would cost four times as much."""
_PAUSE = 250_000_000
"""Nanoseconds between two times. Where more than :data:`_AT_MOST` come within, in a flood, the older half of them is
lost: offers go first.
"""

Address = tuple[object, int]
"""IPv4 address, as text or not, and port."""


class Message(NamedTuple):
    """One message."""

    at: int
    """Nanoseconds since the epoch."""
    sent: bool
    """By us, or by another server, whose address stands for ours then."""
    ours: Address
    theirs: Address
    data: bytes
    """At most :data:`LONGEST` bytes of it."""
    length: int
    """Bytes, with those that were not kept."""
    tcp: bool


_Kept = tuple[int, bool, Address, Address, bytes, int, bool]
"""A message, as yet without its names."""


class LastFrames:
    """The messages by machine: those of DHCP by its hardware address, the others by its IPv4 address.

    :param most_bytes: all together
    :param clock: nanoseconds since the epoch
    """

    def __init__(self, most_bytes: int = MOST_BYTES, clock: Callable[[], int] = time.time_ns) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._new: list[tuple[bytes | str, _Kept]] = []
        self._machines: OrderedDict[bytes | str, deque[_Kept]] = OrderedDict()
        self._bytes = 0
        self._due = _AT_ONCE
        self._sorted_at = 0

    def dhcp(self, hardware: bytes, sent: bool, ours: Address, theirs: Address, data: bytes) -> None:
        """A DHCP message, on whichever port.

        :param hardware: the machine's address
        :param sent: by us, or another server
        """
        new = self._new
        new.append((hardware, (self._clock(), sent, ours, theirs, data[:LONGEST], len(data), False)))
        if len(new) >= self._due:
            self._sort_if_time()

    def of_others(self, hardware: bytes, source: Address, to: Address, data: bytes) -> None:
        """What another server sent to a machine: kept where there is something of that machine's already, so that a
        network's ordinary DHCP does not push out what is told of machines that boot.
        """
        if hardware in self._machines or any(key == hardware for key, _ in self._new):
            self.dhcp(hardware, True, source, to, data)

    def udp(self, sent: bool, ours: Address, theirs: tuple[str, int], data: bytes) -> None:
        """Any other datagram."""
        self._new.append((theirs[0], (self._clock(), sent, ours, theirs, data[:LONGEST], len(data), False)))
        if len(self._new) >= self._due:
            self._sort_if_time()

    def tcp(self, sent: bool, ours: Address, theirs: tuple[str, int], data: bytes, unseen: int = 0) -> None:
        """What begins something that is said in a connection.

        :param unseen: bytes that follow it
        """
        self._new.append((theirs[0], (self._clock(), sent, ours, theirs, data[:LONGEST], len(data) + unseen, True)))
        if len(self._new) >= self._due:
            self._sort_if_time()

    def of_hardware(self, hardware: bytes) -> list[Message]:
        """A machine's DHCP messages, in their order."""
        self._sort()
        return [Message(*message) for message in self._machines.get(hardware, ())]

    def by_address(self) -> dict[str, list[Message]]:
        """The others, by IPv4 address."""
        self._sort()
        found = self._machines.items()
        return {key: [Message(*message) for message in messages] for key, messages in found if isinstance(key, str)}

    def _sort_if_time(self) -> None:
        now = self._clock()
        if abs(now - self._sorted_at) >= _PAUSE:  # the clock may be set
            self._sorted_at = now
            self._sort()
            return
        if len(self._new) >= _AT_MOST:
            del self._new[: _AT_MOST // 2]
        self._due = len(self._new) + _AT_ONCE

    def _sort(self) -> None:
        new, self._new = self._new, []
        self._due = _AT_ONCE
        machines, size = self._machines, self._bytes
        for key, message in new:
            messages = machines.get(key)
            if messages is None:
                messages = machines[key] = deque()
            else:
                machines.move_to_end(key)
                if len(messages) == PER_MACHINE:
                    size -= len(messages.popleft()[4]) + _OVERHEAD
            messages.append(message)
            size += len(message[4]) + _OVERHEAD
            while size > self._most_bytes:
                size -= sum(len(one[4]) + _OVERHEAD for one in machines.popitem(last=False)[1])
        self._bytes = size
