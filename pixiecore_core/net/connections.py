"""Who may keep a connection when there are too few for all: one that has asked for nothing for long gives way.

Of those that have waited longest it is one of the address that has the most: a machine with a single connection keeps
it even where others open so many that its request has not been read yet. A connection is busy from the moment that
its request is complete until the answer is sent; then it is never taken.
Pure bookkeeping over objects that know their address and how to end: opens and reads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from typing import Generic, TypeVar

C = TypeVar("C", bound=Hashable)

_CONSIDERED = 32
"""Idle connections that are looked at to find one that gives way."""
TOO_MANY = "too-many"
"""Why a newcomer was turned away: its address has all that it may have, and all are busy."""
GAVE_WAY = "gave-way"
"""Why an idle connection was ended: a newcomer needed its place."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How many connections, or transfers, there may be.

    :param places: all together
    :param one: from one address
    :param many: from one address that many machines share
    :param shared: networks of such addresses
    """

    places: int
    one: int
    many: int
    shared: Sequence[IPv4Network] = ()

    @classmethod
    def at_most_half(cls, places: int, one: int, shared: Sequence[IPv4Network] = ()) -> Shares:
        """Shares of which none takes more than half of all places, so that no address has them all."""
        half = max(1, places // 2)
        return cls(places, min(one, half), half, shared)

    def of(self, address: str) -> int:
        """How many *address* may have."""
        return self.many if any(IPv4Address(address) in network for network in self.shared) else self.one


@dataclass(slots=True)
class _Client(Generic[C]):
    count: int = 0
    idle: dict[C, None] = field(default_factory=dict)
    """The longest idle first, as in :attr:`Connections._idle`."""


class Connections(Generic[C]):
    """Those that are open.

    :param end: ends an idle connection
    :param tell: told why a connection was ended or turned away, as one of the words above
    """

    def __init__(self, shares: Shares, end: Callable[[C], None], tell: Callable[[str], None]) -> None:
        self._shares = shares
        self._end = end
        self._tell = tell
        self._open: dict[C, str] = {}
        self._clients: dict[str, _Client[C]] = {}
        self._idle: dict[C, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, connection: object) -> bool:
        return connection in self._open

    @property
    def blocked(self) -> bool:
        """Whether nobody else can be taken in, because every connection is busy."""
        return len(self._open) >= self._shares.places and not self._idle

    def enter(self, connection: C, address: str) -> bool:
        """Take in a newcomer, idle as yet, at the cost of another where need be; ``False`` if it must go."""
        client = self._clients.get(address)
        idle = None
        if client is not None and client.count >= self._shares.of(address):
            # Its own goes first: a machine that was switched off left connections behind that say nothing any more.
            idle = client.idle
        elif len(self._open) >= self._shares.places:
            idle = self._idle
        if idle is not None:
            if not idle:
                self._tell(TOO_MANY)
                return False
            self._take_from(idle)
        self._open[connection] = address
        self._clients.setdefault(address, _Client()).count += 1
        self.rest(connection)
        return True

    def rest(self, connection: C) -> None:
        """It waits for a request from now on."""
        address = self._open.get(connection)
        if address is not None:
            self._idle[connection] = self._clients[address].idle[connection] = None

    def work(self, connection: C) -> None:
        """It has a whole request to answer from now on."""
        address = self._open.get(connection)
        if address is not None:
            self._idle.pop(connection, None)
            self._clients[address].idle.pop(connection, None)

    def leave(self, connection: C) -> None:
        """It is closed; or was ended, and has left already."""
        if connection not in self._open:
            return
        self.work(connection)
        address = self._open.pop(connection)
        self._clients[address].count -= 1
        if not self._clients[address].count:
            del self._clients[address]

    def _take_from(self, idle: dict[C, None]) -> None:
        chosen = max(islice(idle, _CONSIDERED), key=lambda connection: len(self._clients[self._open[connection]].idle))
        self.leave(chosen)
        self._tell(GAVE_WAY)
        self._end(chosen)
