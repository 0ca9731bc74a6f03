"""Decides who is told that there is no IPv6 router: machines under way, on links where no router answers.

iPXE waits for router advertisements before it goes on, 15 s where none come, and on most networks none come. An
advertisement that names nothing ends the wait. Pure: messages and the time in, what is due out. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address

from pixiecore_core.wire.icmp6 import Advertisement, Solicitation

PATIENCE = 1.0
"""Seconds that a router has to answer: RFC 4861 section 6.2.6 gives it half a second."""
SHORTEST_MEMORY = 10.0
"""Seconds for which a router that was heard counts at least: one that gives itself a lifetime of 0 is there, too."""
MOST_WAITING = 1024
"""Solicitations that wait for their second; a machine sends one every few seconds."""


@dataclass(frozen=True, slots=True)
class Due:
    """Send it the quiet advertisement."""

    mac: str
    address: IPv6Address
    interface: int
    """The kernel's index of the interface that it asked on."""


class QuietRouter:
    """Who waits, and which links have a router.

    :param is_under_way: whether a machine, by its MAC address, has been offered a boot lately
    """

    def __init__(self, is_under_way: Callable[[str], bool]) -> None:
        self._is_under_way = is_under_way
        self._waiting: dict[tuple[int, IPv6Address], tuple[float, str]] = {}
        self._routers: dict[int, float] = {}

    def heard(self, message: Solicitation | Advertisement, source: IPv6Address, interface: int, now: float) -> bool:
        """Somebody on the link of *interface* said this.

        :param now: seconds, monotonic
        :returns: whether to ask for routers ourselves: many answer only the one who asked, and we hear nothing of it
        """
        if isinstance(message, Advertisement):
            if source.is_link_local:  # RFC 4861 section 6.1.2
                self._routers[interface] = now + max(SHORTEST_MEMORY, message.lifetime)
            return False
        mac = asker(message, source)
        if mac is None or self.has_router(interface, now) or not self._is_under_way(mac):
            return False
        if (interface, source) in self._waiting or len(self._waiting) >= MOST_WAITING:
            return False
        asked_already = any(other == interface for other, _ in self._waiting)
        self._waiting[interface, source] = now + PATIENCE, mac
        return not asked_already

    def has_router(self, interface: int, now: float) -> bool:
        """Whether a router was heard on this link, and still counts."""
        return now < self._routers.get(interface, 0.0)

    def due(self, now: float) -> list[Due]:
        """Those whose second is over without a router's answer; each once."""
        over = [key for key, (until, _) in self._waiting.items() if until <= now]
        answers = []
        for interface, address in over:
            _, mac = self._waiting.pop((interface, address))
            if not self.has_router(interface, now):
                answers.append(Due(mac, address, interface))
        return answers

    def next_due(self) -> float | None:
        """When :meth:`due` has something next; None: when somebody asks."""
        return min((until for until, _ in self._waiting.values()), default=None)


def asker(message: Solicitation, source: IPv6Address) -> str | None:
    """The MAC address of who asks: what it says, or what its address is made of; None where neither tells.

    The advertisement goes to *source*, which has to be an address on the link: a machine that has none yet asks again.
    """
    if not source.is_link_local:
        return None
    if message.link_address is not None:
        return message.link_address
    identifier = source.packed[8:]
    if identifier[3:5] != b"\xff\xfe":
        return None  # not made of a MAC address (RFC 4291 appendix A)
    return bytes([identifier[0] ^ 2, *identifier[1:3], *identifier[5:]]).hex(":")
